//! References: what other systems call a customer (rules 11).

use std::collections::BTreeSet;
use std::fmt;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::kernel::card;
use super::kernel::members::{Given, Items, Members};
use super::kernel::problem::{Problem, ValueError};
use super::kernel::text::{self, hint};

/// The most references of a customer (rules 11).
pub const REFERENCES_MAX: usize = 50;
/// The most characters of a system's name (rules 11).
pub const SYSTEM_CHARS_MAX: usize = 40;
/// The most characters of an id in another system (rules 11).
pub const EXTERNAL_ID_CHARS_MAX: usize = 250;
/// The beginning of the name by which policies, filters and columns call the references of a system.
pub const REFERENCE_PREFIX: &str = "reference-";

/// The member of a body that lists references.
const MEMBER: &str = "references";
const SYSTEM: &str = "system";
const EXTERNAL_ID: &str = "externalId";

/// The id of a customer in another system. An entrypoint has at most one live customer with it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Reference {
    /// The other system: `[a-z0-9_-]{1,40}`.
    pub system: CompactString,
    /// The id there; it compares exactly.
    #[serde(rename = "externalId")]
    pub external_id: CompactString,
}

impl Reference {
    /// A checked reference.
    ///
    /// # Errors
    /// The name of the wrong member, with what is wrong with it.
    pub fn of(system: &str, external_id: &str) -> Result<Reference, (&'static str, ValueError)> {
        if !is_system(system) {
            let message = format!("must be 1–{SYSTEM_CHARS_MAX} of a-z 0-9 _ and -");
            return Err((SYSTEM, ("invalid_name", message)));
        }
        let external_id =
            text::clean(external_id, EXTERNAL_ID_CHARS_MAX).map_err(|refusal| (EXTERNAL_ID, refusal))?;
        if external_id.is_empty() {
            return Err((EXTERNAL_ID, ("required", "must not be empty".into())));
        }
        Ok(Reference { system: system.into(), external_id })
    }
}

/// `system:externalId`, as a cell of a file has it.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.system, self.external_id)
    }
}

/// Whether a text may name a system. No name of card data may (rules 10).
pub fn is_system(text: &str) -> bool {
    (1..=SYSTEM_CHARS_MAX).contains(&text.len())
        && !card::asks(text)
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

/// The system after the prefix `reference-`, in lower case, as names of columns and fields ignore case; `None` without the
/// prefix.
///
/// # Errors
/// No system can have the name.
pub fn system_of_name(name: &str) -> Option<Result<String, String>> {
    let (prefix, system) = name.split_at_checked(REFERENCE_PREFIX.len())?;
    if !prefix.eq_ignore_ascii_case(REFERENCE_PREFIX) {
        return None;
    }
    let system = system.trim().to_ascii_lowercase();
    Some(if is_system(&system) {
        Ok(system)
    } else {
        Err(format!("must name a system after {REFERENCE_PREFIX}: 1–{SYSTEM_CHARS_MAX} of a-z 0-9 _ and -"))
    })
}

/// The references that a request sends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReferenceList {
    /// The references.
    pub references: BTreeSet<Reference>,
    /// The systems whose references they replace; `None` for all.
    pub of: Option<BTreeSet<CompactString>>,
}

impl ReferenceList {
    /// Reads the member `references` of a body.
    ///
    /// # Errors
    /// All problems at once.
    pub fn parse(items: &Items<'_>) -> Result<ReferenceList, Vec<Problem>> {
        let mut problems = Vec::new();
        if let Err((code, message)) = items.check() {
            return Err(vec![Problem::field(&[MEMBER], code, message)]);
        }
        let mut references = BTreeSet::new();
        for (index, raw) in items.0.iter().enumerate() {
            let place = index.to_string();
            match Given::of(raw) {
                Given::Object(members) => {
                    if let Some(reference) = item(&members, &place, &mut problems) {
                        references.insert(reference);
                    }
                }
                other => {
                    let message =
                        format!("must be an object with {SYSTEM} and {EXTERNAL_ID}, not {}", other.kind());
                    problems.push(Problem::field(&[MEMBER, &place], "wrong_type", message));
                }
            }
        }
        if problems.is_empty() {
            problems.extend(too_many(references.len()));
        }
        if problems.is_empty() { Ok(ReferenceList { references, of: None }) } else { Err(problems) }
    }

    /// Makes it replace the references of the systems that it names and no others.
    pub fn only_of_its_systems(&mut self) {
        let systems = self.references.iter().map(|reference| reference.system.clone());
        self.of.get_or_insert_with(|| systems.collect());
    }

    /// Writes the list onto stored references.
    pub fn write(&self, stored: &mut BTreeSet<Reference>) {
        stored.retain(|reference| self.of.as_ref().is_some_and(|of| !of.contains(&reference.system)));
        stored.extend(self.references.iter().cloned());
    }
}

/// The problem of a customer with more references than allowed.
pub fn too_many(number: usize) -> Option<Problem> {
    (number > REFERENCES_MAX).then(|| {
        let message =
            format!("the customer would have {number} references; at most {REFERENCES_MAX} are allowed");
        Problem::field(&[MEMBER], "too_many", message)
    })
}

fn item(members: &Members<'_>, place: &str, problems: &mut Vec<Problem>) -> Option<Reference> {
    let mut refuse = |name: &str, (code, message): ValueError| {
        problems.push(Problem::field(&[MEMBER, place, name], code, message));
    };
    let mut found: [Option<String>; 2] = [None, None];
    for (name, raw) in &members.0 {
        let slot = match name.as_ref() {
            SYSTEM => 0,
            EXTERNAL_ID => 1,
            other => {
                let message =
                    format!("is no member of a reference{}", hint(other, [SYSTEM, EXTERNAL_ID].into_iter()));
                refuse(other, ("unknown_field", message));
                continue;
            }
        };
        match Given::of(raw) {
            Given::Null => {}
            Given::Text(text) => {
                if let Some(slot) = found.get_mut(slot) {
                    *slot = Some(text.into_owned());
                }
            }
            other => refuse(name, ("wrong_type", format!("must be a string, not {}", other.kind()))),
        }
    }
    let [Some(system), Some(external_id)] = found else {
        for (name, value) in [SYSTEM, EXTERNAL_ID].into_iter().zip(&found) {
            if value.is_none() {
                refuse(name, ("required", format!("every reference has {SYSTEM} and {EXTERNAL_ID}")));
            }
        }
        return None;
    };
    Reference::of(&system, &external_id).map_err(|(name, refusal)| refuse(name, refusal)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<ReferenceList, Vec<Problem>> {
        ReferenceList::parse(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn rules_11_systems_and_ids_are_checked() {
        let list = read(r#"[{"system":"stripe","externalId":" cus_1 "},{"externalId":"X","system":"shop"}]"#);
        let shown: Vec<String> = list.unwrap().references.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["shop:X", "stripe:cus_1"]);
        for (json, code) in [
            (r#"[{"system":"Stripe","externalId":"x"}]"#, "invalid_name"),
            (r#"[{"system":"","externalId":"x"}]"#, "invalid_name"),
            (r#"[{"system":"a","externalId":" "}]"#, "required"),
            (r#"[{"system":"a"}]"#, "required"),
            (r#"[{"system":"a","externalId":7}]"#, "wrong_type"),
            (r#"[{"system":"a","externalId":"x","id":"y"}]"#, "unknown_field"),
            (r#"["stripe:cus_1"]"#, "wrong_type"),
            (r"[null]", "wrong_type"),
        ] {
            let problems = read(json).unwrap_err();
            assert!(problems.iter().any(|problem| problem.code == code), "{json}: {problems:?}");
        }
        let many: Vec<String> = (0..51).map(|n| format!(r#"{{"system":"a","externalId":"{n}"}}"#)).collect();
        assert_eq!(read(&format!("[{}]", many.join(","))).unwrap_err()[0].code, "too_many");
    }

    #[test]
    fn rules_11_a_list_replaces_all_references_or_those_of_its_systems() {
        let of = |system: &str, id: &str| Reference::of(system, id).unwrap();
        let mut stored = BTreeSet::from([of("a", "1"), of("b", "2")]);
        let list = ReferenceList {
            references: BTreeSet::from([of("a", "3")]),
            of: Some(BTreeSet::from(["a".into()])),
        };
        list.write(&mut stored);
        assert_eq!(stored, BTreeSet::from([of("a", "3"), of("b", "2")]));
        ReferenceList { of: None, ..list }.write(&mut stored);
        assert_eq!(stored, BTreeSet::from([of("a", "3")]));
    }

    #[test]
    fn names_of_systems_ignore_case_in_columns() {
        assert_eq!(system_of_name("Reference-Stripe"), Some(Ok("stripe".into())));
        assert_eq!(system_of_name("referenceid"), None);
        assert!(system_of_name("reference-a b").is_some_and(|system| system.is_err()));
        assert!(system_of_name("reference-").is_some_and(|system| system.is_err()));
    }
}

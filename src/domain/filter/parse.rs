//! The three wire forms of filters: plain, bracketed under `parameters`, or as its JSON (contract 6.3).

use super::field::{ADDITIONAL_PREFIX, FilterField, after_prefix};
use super::value::Value;
use super::{Filter, Predicate};
use crate::domain::kernel::members::{Given, Members};
use crate::domain::kernel::problem::{PROBLEMS_MAX, Problem};
use crate::domain::kernel::text::{self, nearest};
use crate::domain::spelling;

/// Query parameters of lists and exports that are no filters (contract 6.1, and our own `search`, `pageIdentifier` and
/// `totalUpTo`).
pub const RESERVED: [&str; 9] = [
    "limitRecord",
    "fromRecord",
    "sortBy",
    "exportFormat",
    "columnsExport",
    PARAMETERS,
    "search",
    "pageIdentifier",
    "totalUpTo",
];

/// The parameter in which SDKs send filters.
const PARAMETERS: &str = "parameters";
/// The most filters of one request, so that matching a record stays cheap.
pub const FILTERS_MAX: usize = 100;

/// A filter as sent: `name(op)=value`.
#[derive(Debug)]
pub(crate) struct Pair<'a> {
    /// The name of the field.
    pub name: &'a str,
    /// The operator; empty for none.
    pub op: &'a str,
    /// The value.
    pub value: &'a str,
    /// The parameter's name in errors.
    pub given: String,
}

/// Calls `visit` with each filter among the decoded parameters of a query, in all three forms. It skips the [`RESERVED`]
/// parameters except `parameters`, and notes what is no filter at all.
pub(crate) fn each_pair<N: AsRef<str>, V: AsRef<str>>(
    pairs: &[(N, V)],
    problems: &mut Vec<Problem>,
    visit: impl FnMut(Pair<'_>, &mut Vec<Problem>),
) {
    let mut reader = PairReader { visit, problems, count: 0 };
    for (name, value) in pairs {
        let (name, value) = (name.as_ref(), value.as_ref());
        let bracketed =
            name.strip_prefix(PARAMETERS).and_then(|rest| rest.strip_prefix('[')?.strip_suffix(']'));
        if let Some(key) = bracketed {
            reader.typed(key, value);
        } else if name == PARAMETERS {
            reader.json(value);
        } else if !RESERVED.contains(&name) {
            reader.one(name, shown(name), value);
        }
    }
    if reader.count > FILTERS_MAX {
        let message = format!("are more than {FILTERS_MAX} filters");
        problems.push(Problem::parameter(PARAMETERS, "too_many", message));
    }
}

impl Filter {
    /// Reads the filters among the decoded parameters of a query, in all three forms. It skips the [`RESERVED`]
    /// parameters except `parameters`.
    ///
    /// # Errors
    /// All problems at once.
    pub fn parse<N: AsRef<str>, V: AsRef<str>>(pairs: &[(N, V)]) -> Result<Filter, Vec<Problem>> {
        let mut predicates = Vec::new();
        let mut problems = Vec::new();
        each_pair(pairs, &mut problems, |pair, problems| match predicate(pair, problems.len()) {
            Ok(predicate) => predicates.push(predicate),
            Err(problem) => problems.push(problem),
        });
        if problems.is_empty() { Ok(Filter { predicates }) } else { Err(problems) }
    }
}

/// The condition of a filter. `found` is the number of problems so far.
fn predicate(pair: Pair<'_>, found: usize) -> Result<Predicate, Problem> {
    let Pair { name, op, value, given } = pair;
    let Some(field) = FilterField::of_name(name) else {
        let message = if found < PROBLEMS_MAX { unknown(name) } else { String::new() };
        return Err(Problem::parameter(given, "unknown_filter", message));
    };
    let Some(op) = op.parse().ok().filter(|op| field.ops().contains(op)) else {
        let names: Vec<&str> = field.ops().iter().map(|op| op.name()).collect();
        let message = format!("{} takes {}", field.name(), names.join(", "));
        return Err(Problem::parameter(given, "invalid_operator", message));
    };
    match Value::parse(&field, op, value) {
        Ok(value) => Ok(Predicate { field, op, value, given }),
        Err((code, message)) => Err(Problem::parameter(given, code, message)),
    }
}

struct PairReader<'p, F> {
    visit: F,
    problems: &'p mut Vec<Problem>,
    count: usize,
}

impl<F: FnMut(Pair<'_>, &mut Vec<Problem>)> PairReader<'_, F> {
    /// `{"email(ct)":"x"}`. It ignores nulls and reads numbers as text.
    fn json(&mut self, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        let Ok(members) = serde_json::from_str::<Members<'_>>(text) else {
            let message = r#"must be a JSON object of filters, such as {"email(ct)":"example.test"}"#;
            return self.problems.push(Problem::parameter(PARAMETERS, "invalid_json", message));
        };
        if let Err((code, message)) = members.check() {
            return self.problems.push(Problem::parameter(PARAMETERS, code, message));
        }
        for (key, raw) in &members.0 {
            match Given::of(raw) {
                Given::Null => {}
                Given::Text(value) => self.typed(key, &value),
                Given::Number(value) => self.typed(key, value),
                Given::Broken => {
                    self.refuse(typed_name(key), "invalid_value", "has an escape that is no text".into());
                }
                other => {
                    let message = format!("must be a string, not {}", other.kind());
                    self.refuse(typed_name(key), "invalid_value", message);
                }
            }
        }
    }

    fn typed(&mut self, key: &str, value: &str) {
        if RESERVED.contains(&key) {
            let message = format!("is no filter; send {key} as a query parameter of its own");
            self.refuse(typed_name(key), "unknown_filter", message);
        } else {
            self.one(key, typed_name(key), value);
        }
    }

    /// `field(op)=value`; `given` is the parameter's name in errors.
    fn one(&mut self, key: &str, given: String, value: &str) {
        let key = key.trim();
        let (name, op) = match key.split_once('(') {
            None => (key, ""),
            Some((name, rest)) => match rest.strip_suffix(')') {
                Some(op) => (name.trim_end(), op.trim()),
                None => {
                    let message = "must be written field(operator)=value, such as email(ct)=example.test";
                    return self.refuse(given, "invalid_filter", message.into());
                }
            },
        };
        let before = self.problems.len();
        (self.visit)(Pair { name, op, value, given }, self.problems);
        self.count += usize::from(self.problems.len() == before);
    }

    fn refuse(&mut self, given: String, code: &'static str, message: String) {
        self.problems.push(Problem::parameter(given, code, message));
    }
}

/// The name of an item of `parameters` in errors.
fn typed_name(key: &str) -> String {
    format!("{PARAMETERS}[{}]", shown(key))
}

/// The part of a parameter's name that errors repeat.
fn shown(name: &str) -> String {
    text::shown(name, "_- .()")
}

fn unknown(name: &str) -> String {
    let candidates = || FilterField::names().chain(RESERVED);
    if after_prefix(name).is_some() {
        return "names no additional field: its name has 1–40 of A-Z a-z 0-9 _ - and blank".into();
    }
    // Filters know no parts of addresses and methods.
    let hung = spelling::near(name).filter(|near| FilterField::of_name(near).is_some());
    match hung.or_else(|| nearest(name, candidates()).map(str::to_owned)) {
        Some(near) => format!("is no field to filter by; did you mean {near}?"),
        None => {
            let mut names: Vec<&str> = FilterField::names().collect();
            names.sort_unstable();
            format!("is no field to filter by; these are: {}, {ADDITIONAL_PREFIX}<name>", names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::kernel::problem::At;

    fn parse(pairs: &[(&str, &str)]) -> Result<Filter, Vec<Problem>> {
        Filter::parse(pairs)
    }

    fn problems(pairs: &[(&str, &str)]) -> Vec<(String, &'static str, String)> {
        let name = |at| match at {
            At::Parameter(name) => name,
            At::Pointer(_) | At::Header(_) | At::Line(_) => panic!("not a parameter"),
        };
        let found = parse(pairs).unwrap_err();
        found.into_iter().map(|problem| (name(problem.at), problem.code, problem.message)).collect()
    }

    #[test]
    fn contract_6_3_all_three_forms_mean_the_same() {
        let plain = parse(&[("email(ct)", "x@y"), ("status(in)", "1|0"), ("limitRecord", "5")]).unwrap();
        assert_eq!(plain.predicates().len(), 2);
        let bracketed =
            parse(&[("parameters[email(ct)]", "x@y"), ("parameters[status(in)]", "1|0")]).unwrap();
        let json =
            parse(&[("parameters", r#"{"email(ct)":"x@y","phone":null,"status(in)":"1|0"}"#)]).unwrap();
        assert_eq!(plain.canonical(), bracketed.canonical());
        assert_eq!(plain.canonical(), json.canonical());
        let mixed = parse(&[("parameters", r#"{"email(ct)":"x@y"}"#), ("Status(IN)", "0|1")]).unwrap();
        assert_eq!(plain.canonical(), mixed.canonical());
        let number = parse(&[("parameters", r#"{"balance(gt)":0.1}"#)]).unwrap();
        assert_eq!(number.canonical(), parse(&[("balance(gt)", "0.1")]).unwrap().canonical());
        for empty in ["", "{}", " { } "] {
            assert!(parse(&[("parameters", empty)]).unwrap().predicates().is_empty());
        }
    }

    #[test]
    fn rules_8_no_operator_means_eq() {
        let forms = ["email", "email()", "email(eq)", "Email(EQ)", " email ( eq ) "];
        let all = forms.map(|name| parse(&[(name, "x")]).unwrap().canonical());
        assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
    }

    #[test]
    fn rules_8_all_problems_at_once_with_the_nearest_names() {
        let found = problems(&[
            ("firstnam(eq)", "Ada"),
            ("name(eq)", "Ada"),
            ("status", "7"),
            ("email(like)", "x"),
            ("email(ct", "x"),
            ("limitrecord", "5"),
            ("qqqq", "5"),
            ("parameters[frstname(ct)]", "x"),
            ("parameters", r#"{"phonee":"1","city":["x"],"sortBy":"asc(name)"}"#),
            ("parameters", "[1]"),
            ("additional-é", "x"),
        ]);
        let wanted = [
            ("firstnam(eq)", "unknown_filter", "firstname?"),
            ("name(eq)", "invalid_operator", "name takes ct, nct"),
            ("status", "invalid_value", "-99, 0, 1, 85"),
            ("email(like)", "invalid_operator", "email takes eq, ne, ct, nct"),
            ("email(ct", "invalid_filter", "field(operator)=value"),
            ("limitrecord", "unknown_filter", "limitRecord?"),
            ("qqqq", "unknown_filter", "additional-<name>"),
            ("parameters[frstname(ct)]", "unknown_filter", "firstname?"),
            ("parameters[phonee]", "unknown_filter", "phone?"),
            ("parameters[city]", "invalid_value", "not an array"),
            ("parameters[sortBy]", "unknown_filter", "of its own"),
            ("parameters", "invalid_json", "JSON object"),
            ("additional-…", "unknown_filter", "1–40"),
        ];
        assert_eq!(found.len(), wanted.len(), "{found:?}");
        for ((name, code, message), (want_name, want_code, part)) in found.iter().zip(wanted) {
            assert_eq!((name.as_str(), *code), (want_name, want_code), "{message}");
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn rules_6_errors_repeat_no_personal_value() {
        // The whole list is encoded as one token, as a page of the contract shows it.
        let found = problems(&[("customerZip(eq)=37615&customerFirstname(ct)=Mary", "")]);
        let (name, _, message) = &found[0];
        assert_eq!(name, "customerZip(eq)…");
        assert!(!message.contains("Mary"), "{message}");
        let found = problems(&[("email", "ok"), ("ada.roe@example.test", "")]);
        assert_eq!(found[0].0, "ada.roe…");
    }

    #[test]
    fn a_request_has_a_bounded_number_of_filters() {
        assert!(Filter::parse(&vec![("city(ne)", "x"); FILTERS_MAX]).is_ok());
        assert!(Filter::parse(&vec![("city(ne)", "x"); FILTERS_MAX + 1]).is_err());
    }
}

//! A JSON object as it was sent: members in their order, with duplicate names, and values as text.
//!
//! A plain map would lose duplicate names and turn amounts into binary floats.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::problem::ValueError;

/// The most members of an object that are looked at (rules 6).
pub const MEMBERS_MAX: usize = 512;

/// The members of a JSON object, at most [`MEMBERS_MAX`] of them.
#[derive(Debug, Default)]
pub struct Members<'a>(pub Vec<(Cow<'a, str>, &'a RawValue)>, Surplus);

/// How many members or items an object or an array has beyond the limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Surplus(usize);

impl Surplus {
    /// Refuses an object or an array with too many members or items.
    fn check(self, read: usize, what: &str) -> Result<(), ValueError> {
        match self.0 {
            0 => Ok(()),
            more => Err(("too_many", format!("has {} {what}; send at most {MEMBERS_MAX}", read + more))),
        }
    }
}

impl Members<'_> {
    /// Refuses an object with more members than are looked at.
    ///
    /// # Errors
    /// The object has more than [`MEMBERS_MAX`] members.
    pub fn check(&self) -> Result<(), ValueError> {
        self.1.check(self.0.len(), "members")
    }
}

/// The items of a JSON array, at most [`MEMBERS_MAX`] of them.
#[derive(Debug, Default)]
pub struct Items<'a>(pub Vec<&'a RawValue>, Surplus);

impl Items<'_> {
    /// Refuses an array with more items than are looked at.
    ///
    /// # Errors
    /// The array has more than [`MEMBERS_MAX`] items.
    pub fn check(&self) -> Result<(), ValueError> {
        self.1.check(self.0.len(), "items")
    }
}

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SeqVisitor;
        impl<'de> Visitor<'de> for SeqVisitor {
            type Value = Items<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON array")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Items<'de>, A::Error> {
                let mut items = Vec::new();
                while items.len() < MEMBERS_MAX {
                    let Some(item) = seq.next_element()? else { return Ok(Items(items, Surplus(0))) };
                    items.push(item);
                }
                let mut surplus = 0;
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    surplus += 1;
                }
                Ok(Items(items, Surplus(surplus)))
            }
        }
        deserializer.deserialize_seq(SeqVisitor)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MapVisitor;
        impl<'de> Visitor<'de> for MapVisitor {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while members.len() < MEMBERS_MAX {
                    let Some(name) = map.next_key::<Name<'de>>()? else {
                        return Ok(Members(members, Surplus(0)));
                    };
                    members.push((name.0, map.next_value()?));
                }
                let mut surplus = 0;
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    surplus += 1;
                }
                Ok(Members(members, Surplus(surplus)))
            }
        }
        deserializer.deserialize_map(MapVisitor)
    }
}

/// A text, borrowed unless it has escapes.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Name<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// One JSON value, parsed one level deep.
#[derive(Debug)]
pub enum Given<'a> {
    /// `null`.
    Null,
    /// A string.
    Text(Cow<'a, str>),
    /// A number, as text.
    Number(&'a str),
    /// `true` or `false`.
    Bool,
    /// An array.
    List(Items<'a>),
    /// An object.
    Object(Members<'a>),
    /// A string whose escapes are no Unicode text (a lone surrogate).
    Broken,
}

impl<'a> Given<'a> {
    /// Parses a value.
    pub fn of(raw: &'a RawValue) -> Given<'a> {
        let text = raw.get();
        match text.bytes().next() {
            Some(b'n') => Given::Null,
            Some(b't' | b'f') => Given::Bool,
            Some(b'"') => {
                serde_json::from_str::<Name<'a>>(text).map_or(Given::Broken, |name| Given::Text(name.0))
            }
            Some(b'[') => serde_json::from_str(text).map_or(Given::Broken, Given::List),
            Some(b'{') => serde_json::from_str(text).map_or(Given::Broken, Given::Object),
            _ => Given::Number(text),
        }
    }

    /// Its type, for an error message.
    pub fn kind(&self) -> &'static str {
        match self {
            Given::Null => "null",
            Given::Text(_) => "a string",
            Given::Broken => {
                "a string with a lone surrogate (one of \\uD800 to \\uDFFF without its other half), which is no text"
            }
            Given::Number(_) => "a number",
            Given::Bool => "a boolean",
            Given::List(_) => "an array",
            Given::Object(_) => "an object",
        }
    }
}

/// What is wrong with a JSON text that has half of a surrogate pair, as the rest of a sentence.
pub const LONE_SURROGATE: &str =
    ": it has a lone surrogate, which is one of \\uD800 to \\uDFFF without its other half";

/// Whether a JSON text does not parse because of a name or a string with a lone surrogate.
pub fn is_lone_surrogate(error: &serde_json::Error) -> bool {
    let message = error.to_string();
    ["lone leading surrogate", "unexpected end of hex escape"].iter().any(|part| message.starts_with(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_6_an_object_or_array_of_too_many_is_counted_and_not_kept() {
        for (number, is_well) in
            [(0, true), (MEMBERS_MAX, true), (MEMBERS_MAX + 1, false), (3 * MEMBERS_MAX, false)]
        {
            let object: Vec<String> = (0..number).map(|at| format!("\"m{at}\": [{at}]")).collect();
            let object = format!("{{{}}}", object.join(","));
            let members: Members<'_> = serde_json::from_str(&object).unwrap();
            assert_eq!((members.0.len(), members.check().is_ok()), (number.min(MEMBERS_MAX), is_well));
            let array = format!("[{}]", vec!["{}"; number].join(","));
            let items: Items<'_> = serde_json::from_str(&array).unwrap();
            assert_eq!((items.0.len(), items.check().is_ok()), (number.min(MEMBERS_MAX), is_well));
            if !is_well {
                let (code, message) = members.check().unwrap_err();
                assert_eq!((code, message.contains(&number.to_string())), ("too_many", true), "{message}");
            }
        }
        assert!(
            serde_json::from_str::<Members<'_>>(&format!("{{{}\"a\":}}", "\"a\":1,".repeat(600))).is_err()
        );
        assert!(serde_json::from_str::<Items<'_>>(&format!("[{}]", "1,".repeat(600))).is_err());
    }
}

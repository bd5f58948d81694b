//! A JSON object as it was sent: members in their order, with duplicate names, and values as text.
//!
//! A plain map would lose duplicate names and turn amounts into binary floats.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of a JSON object.
#[derive(Debug, Default)]
pub struct Members<'a>(pub Vec<(Cow<'a, str>, &'a RawValue)>);

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
                while let Some(name) = map.next_key::<Name<'de>>()? {
                    members.push((name.0, map.next_value()?));
                }
                Ok(Members(members))
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
    List(Vec<&'a RawValue>),
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
            Given::Text(_) | Given::Broken => "a string",
            Given::Number(_) => "a number",
            Given::Bool => "a boolean",
            Given::List(_) => "an array",
            Given::Object(_) => "an object",
        }
    }
}

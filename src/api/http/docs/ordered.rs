//! JSON with the members that people look for first in front, the others by name. A path that deletes stands behind the
//! others: whoever tries all operations of a section from the top finds what they name.

use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::ser::PrettyFormatter;

/// The members that stand before all others, in this order. `text/csv` stands before the form, because Swagger UI offers
/// the first: a file that can be sent as it is.
const FIRST: [&str; 20] = [
    "openapi",
    "info",
    "title",
    "version",
    "servers",
    "tags",
    "paths",
    "components",
    "get",
    "post",
    "put",
    "delete",
    "operationId",
    "summary",
    "description",
    "name",
    "in",
    "$ref",
    "application/json",
    "text/csv",
];

/// A value as pretty JSON with a final newline. A reference stands on one line, because most objects of the document are
/// no more than that.
pub(super) fn text(value: &Value) -> String {
    let mut written = Vec::new();
    let formatter = PrettyFormatter::with_indent(b" ");
    let done = Ordered(value).serialize(&mut serde_json::Serializer::with_formatter(&mut written, formatter));
    let written = done.map(|()| String::from_utf8(written).unwrap_or_default()).unwrap_or_default();
    let lines: Vec<&str> = written.lines().collect();
    let mut text = String::with_capacity(written.len());
    let mut rest = lines.as_slice();
    while let Some((line, after)) = rest.split_first() {
        text.push_str(line);
        rest = after;
        if let [reference, end, after @ ..] = after
            && line.ends_with('{')
            && reference.trim_start().starts_with("\"$ref\": ")
            && matches!(end.trim_start(), "}" | "},")
        {
            text.push(' ');
            text.push_str(reference.trim_start());
            text.push(' ');
            text.push_str(end.trim_start());
            rest = after;
        }
        text.push('\n');
    }
    text
}

/// A value that is serialized in this order.
struct Ordered<'a>(&'a Value);

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(members) => {
                let mut all: Vec<_> = members.iter().collect();
                let rank = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
                all.sort_by_key(|(name, value)| (value.get("delete").is_some(), rank(name)));
                let mut map = serializer.serialize_map(Some(all.len()))?;
                for (name, value) in all {
                    map.serialize_entry(name, &Ordered(value))?;
                }
                map.end()
            }
            Value::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(&Ordered(item))?;
                }
                list.end()
            }
            other => other.serialize(serializer),
        }
    }
}

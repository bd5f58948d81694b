//! The text fields of a customer: their names on the wire and their limits (contract 2 and 3).

use std::fmt;

use compact_str::CompactString;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};

use super::email;
use crate::domain::kernel::members::Name;
use crate::domain::kernel::problem::ValueError;
use crate::domain::kernel::text;

/// One text of a customer that callers may write.
///
/// The order is that of the record on the wire. A new field needs one variant here and one line in [`FIELDS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "each is named and described by its row in FIELDS")]
pub enum TextField {
    CustomerNumber,
    CustomerUsername,
    Company,
    Firstname,
    Lastname,
    Fullname,
    Birthday,
    Phone,
    Email,
    Address,
    Address1,
    City,
    State,
    Zip,
    Country,
    ShippingAddress,
    ShippingAddress1,
    ShippingCity,
    ShippingState,
    ShippingZip,
    ShippingCountry,
}

/// The form that a text must have, besides its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Any text without control characters.
    Plain,
    /// A name of a person or company: such a text; apostrophes compare as one.
    Name,
    /// A line of a street: such a text; a line break becomes a comma.
    Street,
    /// An e-mail address (HTML's rule, RFC 5321's length).
    Email,
    /// A telephone number by libphonenumber's rules, kept as E.164.
    Phone,
    /// A day in the past, not before 1900, as `YYYY-MM-DD`.
    Birthday,
    /// ISO 3166-1 alpha-2, alpha-3 or English name, kept as alpha-2.
    Country,
    /// A US or Canadian postal code, if the shipping country is one of the two.
    ShippingZip,
}

/// The names of a field, its limits, and who may see it.
#[derive(Debug)]
pub struct FieldSpec {
    /// The field itself.
    pub field: TextField,
    /// Its name in a request (contract 2).
    pub request: &'static str,
    /// Its name in a record (contract 3).
    pub record: &'static str,
    /// The most characters it may have (rules 2).
    pub chars_max: usize,
    /// The form it must have.
    pub shape: Shape,
    /// Whether a token without `pii:read` sees a mask instead (rules 1).
    pub masked: bool,
}

/// How many text fields there are.
pub const FIELD_COUNT: usize = 21;

/// Every text field, in the order of [`TextField`].
pub const FIELDS: [FieldSpec; FIELD_COUNT] = {
    use Shape::{Birthday, Country, Email, Name, Phone, Plain, ShippingZip, Street};
    use TextField as F;
    [
        spec(F::CustomerNumber, "customerNumber", "customerNumber", 250, Plain, false),
        spec(F::CustomerUsername, "customerUsername", "customerUsername", 250, Plain, true),
        spec(F::Company, "company", "Company", 250, Name, false),
        spec(F::Firstname, "firstname", "Firstname", 250, Name, false),
        spec(F::Lastname, "lastname", "Lastname", 250, Name, false),
        spec(F::Fullname, "fullname", "Fullname", 250, Name, false),
        spec(F::Birthday, "birthday", "Birthday", 10, Birthday, true),
        spec(F::Phone, "phone", "Phone", 50, Phone, true),
        spec(F::Email, "email", "Email", 320, Email, true),
        spec(F::Address, "address", "Address", 250, Street, true),
        spec(F::Address1, "address1", "Address1", 100, Street, true),
        spec(F::City, "city", "City", 250, Plain, false),
        spec(F::State, "state", "State", 250, Plain, false),
        spec(F::Zip, "zip", "Zip", 50, Plain, false),
        spec(F::Country, "country", "Country", 100, Country, false),
        spec(F::ShippingAddress, "shippingAddress", "ShippingAddress", 250, Street, true),
        spec(F::ShippingAddress1, "shippingAddress1", "ShippingAddress1", 100, Street, true),
        spec(F::ShippingCity, "shippingCity", "ShippingCity", 250, Plain, false),
        spec(F::ShippingState, "shippingState", "ShippingState", 250, Plain, false),
        spec(F::ShippingZip, "shippingZip", "ShippingZip", 50, ShippingZip, false),
        spec(F::ShippingCountry, "shippingCountry", "ShippingCountry", 100, Country, false),
    ]
};

/// Every member that a request may have besides the text fields.
pub(crate) const OTHER_MEMBERS: [&str; 10] = [
    "customerPsw",
    "customerStatus",
    "balance",
    "timeZone",
    "additionalFields",
    "labels",
    "identifierFields",
    "createdAt",
    "addresses",
    "references",
];

const fn spec(
    field: TextField,
    request: &'static str,
    record: &'static str,
    chars_max: usize,
    shape: Shape,
    masked: bool,
) -> FieldSpec {
    FieldSpec { field, request, record, chars_max, shape, masked }
}

impl TextField {
    /// All text fields, in the order of the record.
    pub fn all() -> impl Iterator<Item = TextField> {
        FIELDS.iter().map(|spec| spec.field)
    }

    /// The row of [`FIELDS`] that describes this field.
    pub fn spec(self) -> &'static FieldSpec {
        #[expect(clippy::indexing_slicing, reason = "a test holds FIELDS in the order of the enum")]
        &FIELDS[self.index()]
    }

    /// Its position in [`FIELDS`].
    #[expect(clippy::as_conversions, reason = "a fieldless enum with u8 representation")]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Its name in requests, which is also its name in errors and settings.
    pub fn name(self) -> &'static str {
        self.spec().request
    }

    /// The form in which the service stores a typed text, before the check of the field's shape (rules 2). An empty text
    /// means absent.
    ///
    /// # Errors
    /// The text has a control character, or more characters than allowed.
    pub fn clean(self, typed: &str) -> Result<CompactString, ValueError> {
        let spec = self.spec();
        match spec.shape {
            Shape::Email => text::checked(&email::cleaned(typed), spec.chars_max),
            Shape::Street => text::clean_lines(typed, spec.chars_max),
            _ => text::clean(typed, spec.chars_max),
        }
    }

    /// The form in which a stored text compares (rules 3): an e-mail address by [`email::comparable`], other texts without
    /// case and spacing, and names with one kind of apostrophe. The matcher compares customer numbers exactly instead.
    pub fn comparable(self, stored: &str) -> CompactString {
        match self.spec().shape {
            Shape::Email => email::comparable(stored),
            Shape::Name => text::one_apostrophe(text::fold_spaces(stored)),
            _ => text::fold_spaces(stored),
        }
    }

    /// The field of that name, as spelt in a request.
    pub fn of_request(name: &str) -> Option<TextField> {
        FIELDS.iter().find(|spec| spec.request == name).map(|spec| spec.field)
    }

    /// The field of that name in a request or a record, case ignored.
    pub fn of_any_name(name: &str) -> Option<TextField> {
        FIELDS
            .iter()
            .find(|spec| spec.request.eq_ignore_ascii_case(name) || spec.record.eq_ignore_ascii_case(name))
            .map(|spec| spec.field)
    }
}

impl fmt::Display for TextField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text values of one customer. An absent value is `None`, never an empty text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts([Option<CompactString>; FIELD_COUNT]);

impl Texts {
    /// The value of a field.
    pub fn get(&self, field: TextField) -> Option<&str> {
        self.0.get(field.index()).and_then(|value| value.as_deref())
    }

    /// Sets a field; an empty text becomes absent.
    pub fn set(&mut self, field: TextField, value: Option<CompactString>) {
        if let Some(slot) = self.0.get_mut(field.index()) {
            *slot = value.filter(|text| !text.is_empty());
        }
    }

    /// The fields that have a value.
    pub fn present(&self) -> impl Iterator<Item = (TextField, &str)> {
        TextField::all().filter_map(|field| self.get(field).map(|value| (field, value)))
    }
}

impl Serialize for Texts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.present().map(|(field, value)| (field.name(), value)))
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MapVisitor;
        impl<'de> serde::de::Visitor<'de> for MapVisitor {
            type Value = Texts;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of customer fields")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Texts, A::Error> {
                let mut texts = Texts::default();
                while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
                    // A newer release may have written a field that this one does not know. Reading fails rather than
                    // drops it: the next write would lose it.
                    let field = TextField::of_request(&name);
                    let field = field.ok_or_else(|| A::Error::custom("a field of a newer release"))?;
                    texts.set(field, Some(map.next_value()?));
                }
                Ok(texts)
            }
        }
        deserializer.deserialize_map(MapVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_in_the_order_of_the_enum() {
        for (index, spec) in FIELDS.iter().enumerate() {
            assert_eq!(spec.field.index(), index, "{}", spec.request);
        }
    }

    #[test]
    fn texts_survive_serde() {
        let mut texts = Texts::default();
        texts.set(TextField::Email, Some("ada@example.test".into()));
        texts.set(TextField::City, Some(CompactString::default()));
        let json = serde_json::to_string(&texts).unwrap();
        assert_eq!(json, r#"{"email":"ada@example.test"}"#);
        assert_eq!(serde_json::from_str::<Texts>(&json).unwrap(), texts);
        assert!(serde_json::from_str::<Texts>(r#"{"newer":"x"}"#).is_err());
    }
}

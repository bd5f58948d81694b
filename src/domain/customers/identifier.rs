//! Identifiers: the fields that tell whether two records are the same person (rules 3).

use std::fmt;

use compact_str::CompactString;

use super::fields::{OTHER_MEMBERS, TextField};
use super::record::{ADDITIONAL_KEY_CHARS_MAX, Customer};
use crate::domain::kernel::text::hint;

/// The most identifiers of a policy; each one costs an index entry for every customer.
pub const IDENTIFIERS_MAX: usize = 10;
/// The most fields of one identifier.
pub const IDENTIFIER_PARTS_MAX: usize = 10;

/// One field of an identifier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdField {
    /// A field of the customer.
    Text(TextField),
    /// An additional field, by name.
    Additional(String),
}

/// Fields that cannot tell one person from another, besides [`OTHER_MEMBERS`].
const UNFIT: [&str; 3] = ["customerId", "lifecycle", "name"];

impl IdField {
    /// Reads a field's name. A name that no field of the customer has means the additional field of that name.
    ///
    /// # Errors
    /// No field can have the name, or the field identifies nobody.
    pub fn parse(name: &str) -> Result<IdField, String> {
        let name = name.trim();
        if let Some(field) = TextField::of_any_name(name) {
            return Ok(IdField::Text(field));
        }
        if let Some(unfit) = OTHER_MEMBERS.iter().chain(&UNFIT).find(|unfit| unfit.eq_ignore_ascii_case(name))
        {
            return Err(format!("{unfit} cannot identify a customer"));
        }
        if is_additional_key(name) {
            Ok(IdField::Additional(name.to_owned()))
        } else {
            Err(format!(
                "must be the name of a customer field or of an additional field (1–{ADDITIONAL_KEY_CHARS_MAX} of A-Z a-z 0-9 _ - and blank)"
            ))
        }
    }

    /// The name on the wire.
    pub fn name(&self) -> &str {
        match self {
            IdField::Text(field) => field.name(),
            IdField::Additional(name) => name,
        }
    }

    /// The stored value of this field.
    pub fn value<'a>(&self, customer: &'a Customer) -> Option<&'a str> {
        match self {
            IdField::Text(field) => customer.text(*field),
            IdField::Additional(name) => customer.additional.get(name).map(String::as_str),
        }
    }

    /// The value in the form in which identities compare: customer numbers and additional fields exactly, other
    /// texts by [`TextField::comparable`]. Stored values are already trimmed and in NFC.
    pub fn comparable(&self, customer: &Customer) -> Option<CompactString> {
        let value = self.value(customer)?;
        Some(match self {
            IdField::Text(TextField::CustomerNumber) | IdField::Additional(_) => value.into(),
            IdField::Text(field) => field.comparable(value),
        })
    }
}

/// Whether a text may name an additional field (rules 2).
pub fn is_additional_key(name: &str) -> bool {
    !name.is_empty()
        && name.trim() == name
        && name.len() <= ADDITIONAL_KEY_CHARS_MAX
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b' '))
}

/// A set of one or more fields that together identify a customer; kept sorted, so that
/// `lastname+firstname` is `firstname+lastname`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier(Vec<IdField>);

impl Identifier {
    /// An identifier of these fields; order and repetition do not matter.
    pub fn new(mut fields: Vec<IdField>) -> Identifier {
        fields.sort();
        fields.dedup();
        Identifier(fields)
    }

    /// One text field alone.
    pub fn of(field: TextField) -> Identifier {
        Identifier(vec![IdField::Text(field)])
    }

    /// `customerNumber` alone, which always identifies.
    pub fn customer_number() -> Identifier {
        Identifier::of(TextField::CustomerNumber)
    }

    /// `customerUsername` alone, which is unique among live customers.
    pub fn customer_username() -> Identifier {
        Identifier::of(TextField::CustomerUsername)
    }

    /// Reads `email` or `firstname+lastname`.
    ///
    /// # Errors
    /// No field can have one of the names, a field identifies nobody, or there are too many fields.
    pub fn parse(text: &str) -> Result<Identifier, String> {
        let fields = text.split('+').map(IdField::parse).collect::<Result<Vec<_>, _>>()?;
        if fields.len() > IDENTIFIER_PARTS_MAX {
            return Err(format!("must have at most {IDENTIFIER_PARTS_MAX} fields"));
        }
        Ok(Identifier::new(fields))
    }

    /// Its fields.
    pub fn fields(&self) -> &[IdField] {
        &self.0
    }

    /// The key that finds a customer with these values; `None` if the customer lacks one of them.
    pub fn key(&self, customer: &Customer) -> Option<MatchKey> {
        let values = self.0.iter().map(|field| field.comparable(customer)).collect::<Option<Vec<_>>>()?;
        Some(MatchKey { identifier: self.clone(), values })
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, field) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("+")?;
            }
            f.write_str(field.name())?;
        }
        Ok(())
    }
}

/// An identifier with the values of one record, in the form in which they compare.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MatchKey {
    /// The fields.
    pub identifier: Identifier,
    /// Their comparable values, in the identifier's order.
    pub values: Vec<CompactString>,
}

/// Reads a whole policy.
///
/// # Errors
/// The bad items, each with its index.
pub fn parse_policy(items: &[String]) -> Result<Vec<Identifier>, Vec<(usize, String)>> {
    let mut identifiers = Vec::new();
    let mut problems = Vec::new();
    for (index, item) in items.iter().enumerate().take(IDENTIFIERS_MAX) {
        match Identifier::parse(item) {
            Ok(identifier) if identifiers.contains(&identifier) => {
                problems.push((index, "stands in the list twice".to_owned()));
            }
            Ok(identifier) => identifiers.push(identifier),
            Err(message) => {
                problems.push((index, message + &hint(item, TextField::all().map(TextField::name))));
            }
        }
    }
    if items.len() > IDENTIFIERS_MAX {
        problems.push((IDENTIFIERS_MAX, format!("at most {IDENTIFIERS_MAX} identifiers")));
    }
    if problems.is_empty() { Ok(identifiers) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer(fields: &[(TextField, &str)]) -> Customer {
        let mut customer = Customer::default();
        for (field, value) in fields {
            customer.texts.set(*field, Some((*value).into()));
        }
        customer
    }

    #[test]
    fn rules_3_compounds_need_all_their_fields() {
        let identifier = Identifier::parse("lastname+Firstname").unwrap();
        assert_eq!(identifier.to_string(), "firstname+lastname");
        let ada = customer(&[(TextField::Firstname, "Ada")]);
        assert_eq!(identifier.key(&ada), None);
        let ada = customer(&[(TextField::Firstname, "Ada"), (TextField::Lastname, "Roe")]);
        let shouted = customer(&[(TextField::Firstname, "ADA"), (TextField::Lastname, "ROE")]);
        assert_eq!(identifier.key(&ada), identifier.key(&shouted));
        // ("ab","c") and ("a","bc") are different keys.
        let shifted = customer(&[(TextField::Firstname, "AdaR"), (TextField::Lastname, "oe")]);
        assert_ne!(identifier.key(&ada), identifier.key(&shifted));
    }

    #[test]
    fn rules_3_names_compare_with_one_apostrophe_and_nothing_else_new() {
        let key = |field: TextField, value: &str| Identifier::of(field).key(&customer(&[(field, value)]));
        for field in [TextField::Firstname, TextField::Lastname, TextField::Fullname, TextField::Company] {
            assert_eq!(key(field, "O’Brien"), key(field, "o'brien"));
            assert_ne!(key(field, "Lætitia"), key(field, "Laetitia"));
            assert_ne!(key(field, "Søren"), key(field, "Soren"));
        }
        assert_ne!(key(TextField::City, "L’Aquila"), key(TextField::City, "L'Aquila"));
        assert_ne!(key(TextField::Email, "o`b@x.test"), key(TextField::Email, "o'b@x.test"));
    }

    #[test]
    fn rules_3_numbers_and_additional_fields_compare_exactly() {
        let lower = customer(&[(TextField::CustomerNumber, "acc-1")]);
        let upper = customer(&[(TextField::CustomerNumber, "ACC-1")]);
        assert_ne!(Identifier::customer_number().key(&lower), Identifier::customer_number().key(&upper));
        let policy = parse_policy(&["clientId".into(), "email".into()]).unwrap();
        assert_eq!(policy[0].fields(), [IdField::Additional("clientId".into())]);
    }

    #[test]
    fn rules_3_policy_refuses_what_cannot_identify() {
        let problems =
            parse_policy(&["email".into(), "balance".into(), "a+é".into(), "email".into()]).unwrap_err();
        assert_eq!(problems.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [1, 2, 3]);
    }
}

//! Identifiers: the fields that tell whether two records are the same person (rules 3).

use std::fmt;

use compact_str::CompactString;

use super::fields::{OTHER_MEMBERS, TextField};
use super::record::{ADDITIONAL_KEY_CHARS_MAX, Customer};
use crate::domain::kernel::card;
use crate::domain::kernel::text::hint;
use crate::domain::references::{REFERENCE_PREFIX, system_of_name};

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
    /// The references of a system, by the name `reference-{system}` (rules 11).
    Reference(String),
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
        if let Some(system) = system_of_name(name) {
            return system.map(|system| IdField::reference(&system));
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
            IdField::Additional(name) | IdField::Reference(name) => name,
        }
    }

    /// The references of a system.
    pub fn reference(system: &str) -> IdField {
        IdField::Reference(format!("{REFERENCE_PREFIX}{system}"))
    }

    /// The system whose references these are.
    pub fn system(&self) -> Option<&str> {
        match self {
            IdField::Reference(name) => name.strip_prefix(REFERENCE_PREFIX),
            IdField::Text(_) | IdField::Additional(_) => None,
        }
    }

    /// The values in the form in which identities compare: customer numbers, additional fields and references exactly, other
    /// texts by [`TextField::comparable`]. Stored values are already trimmed and in NFC. Only references can be several.
    pub fn comparables(&self, customer: &Customer) -> Vec<CompactString> {
        let one = match self {
            IdField::Text(TextField::CustomerNumber) => {
                customer.text(TextField::CustomerNumber).map(Into::into)
            }
            IdField::Text(field) => customer.text(*field).map(|value| field.comparable(value)),
            IdField::Additional(name) => customer.additional.get(name).map(Into::into),
            IdField::Reference(_) => {
                let of_system = |system| {
                    let ids = customer.references.iter().filter(move |reference| reference.system == system);
                    ids.map(|reference| reference.external_id.clone())
                };
                return self.system().into_iter().flat_map(of_system).collect();
            }
        };
        one.into_iter().collect()
    }
}

/// Refuses fields of one identifier with the references of several systems: each reference leads to a customer by itself.
///
/// # Errors
/// There are several.
pub fn check_references(fields: &[IdField]) -> Result<(), String> {
    let systems = fields.iter().filter(|field| matches!(field, IdField::Reference(_))).count();
    if systems > 1 { Err("must have the references of one system at most".into()) } else { Ok(()) }
}

/// Whether a text may name an additional field (rules 2). No name of card data may (rules 10).
pub fn is_additional_key(name: &str) -> bool {
    !name.is_empty()
        && !card::asks(name)
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
        check_references(&fields)?;
        Ok(Identifier::new(fields))
    }

    /// Its fields.
    pub fn fields(&self) -> &[IdField] {
        &self.0
    }

    /// The key that finds a customer with these values; `None` if the customer lacks one of them. Of several references it
    /// is the last; [`Identifier::keys`] has all.
    pub fn key(&self, customer: &Customer) -> Option<MatchKey> {
        self.keys(customer).pop()
    }

    /// The keys that find a customer with these values: one for each reference of a system, otherwise at most one.
    pub fn keys(&self, customer: &Customer) -> Vec<MatchKey> {
        let mut keys: Vec<Vec<CompactString>> = vec![Vec::with_capacity(self.0.len())];
        for field in &self.0 {
            let mut values = field.comparables(customer);
            match (values.pop(), values.is_empty()) {
                (None, _) => return Vec::new(),
                (Some(value), true) => keys.iter_mut().for_each(|key| key.push(value.clone())),
                (Some(value), false) => {
                    values.push(value);
                    let with = |key: &Vec<CompactString>, value: &CompactString| {
                        key.iter().chain([value]).cloned().collect::<Vec<_>>()
                    };
                    keys = values
                        .iter()
                        .flat_map(|value| keys.iter().map(move |key| with(key, value)))
                        .collect();
                }
            }
        }
        keys.into_iter().map(|values| MatchKey { identifier: self.clone(), values }).collect()
    }

    /// Whether it is the references of one system: each of these has one owner.
    pub fn is_reference(&self) -> bool {
        matches!(self.0.as_slice(), [IdField::Reference(_)])
    }
}

/// The keys of a customer's references, which are always unique (rules 11).
pub fn reference_keys(customer: &Customer) -> impl Iterator<Item = MatchKey> + '_ {
    customer.references.iter().map(|reference| reference_key(&reference.system, &reference.external_id))
}

/// The key of one reference.
pub fn reference_key(system: &str, external_id: &str) -> MatchKey {
    let identifier = Identifier(vec![IdField::reference(system)]);
    MatchKey { identifier, values: vec![external_id.into()] }
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

impl MatchKey {
    /// Whether a customer has these values.
    pub fn is_of(&self, customer: &Customer) -> bool {
        let fields = self.identifier.0.iter().zip(&self.values);
        fields.into_iter().all(|(field, value)| field.comparables(customer).contains(value))
    }
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
    fn rules_11_each_reference_is_a_key() {
        let mut ada = customer(&[(TextField::Email, "Ada@x.test")]);
        for (system, id) in [("shop", "7"), ("stripe", "cus_1"), ("stripe", "cus_2")] {
            ada.references.insert(crate::domain::references::Reference::of(system, id).unwrap());
        }
        let identifier = Identifier::parse("Reference-Stripe").unwrap();
        let shown = |keys: Vec<MatchKey>| keys.into_iter().map(|key| key.values.concat()).collect::<Vec<_>>();
        assert_eq!((identifier.to_string().as_str(), identifier.is_reference()), ("reference-stripe", true));
        assert_eq!(shown(identifier.keys(&ada)), ["cus_1", "cus_2"]);
        let both = Identifier::parse("reference-stripe+email").unwrap();
        assert_eq!(shown(both.keys(&ada)), ["ada@x.testcus_1", "ada@x.testcus_2"]);
        assert!(both.keys(&ada).iter().all(|key| key.is_of(&ada)) && !both.is_reference());
        assert!(!reference_key("stripe", "CUS_1").is_of(&ada), "references compare exactly");
        assert_eq!(reference_keys(&ada).count(), 3);
        assert_eq!(Identifier::parse("reference-none").unwrap().keys(&ada), []);
        for refused in ["reference-stripe+reference-shop", "reference-", "reference-a b"] {
            assert!(Identifier::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn rules_3_policy_refuses_what_cannot_identify() {
        let problems =
            parse_policy(&["email".into(), "balance".into(), "a+é".into(), "email".into()]).unwrap_err();
        assert_eq!(problems.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [1, 2, 3]);
    }
}

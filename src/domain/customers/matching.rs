//! The matcher of creates, imports and match requests (rules 3).

use super::fields::TextField;
use super::identifier::{IdField, Identifier, MatchKey, reference_keys};
use super::record::{Customer, Stored};
use crate::domain::accounts::sight::is_masked;
use crate::domain::decide::command::CreateCustomer;
use crate::domain::decide::working_set::{Missing, WorkingSet};
use crate::domain::entrypoints::Entrypoint;
use crate::domain::kernel::problem::{Problem, Rejection, Tells};

/// The most ids that an error names for one identifier.
const IDS_NAMED_MAX: usize = 10;
/// What identifies a customer if no policy is set (rules 3).
const DEFAULT_WANTED: [TextField; 7] = [
    TextField::Email,
    TextField::Phone,
    TextField::CustomerNumber,
    TextField::Fullname,
    TextField::Firstname,
    TextField::Lastname,
    TextField::Company,
];

/// The stored customer that a record matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The customer; the oldest if the record matches several.
    pub id: i64,
    /// The fields that led to it.
    pub on: Vec<IdField>,
}

impl Hit {
    /// The names of the fields that led to it.
    pub fn names(&self) -> Vec<String> {
        self.on.iter().map(|field| field.name().to_owned()).collect()
    }
}

/// Each identifier of a request with the live customers that it finds.
pub type Candidates = Vec<(MatchKey, Vec<i64>)>;

/// The keys by which the matcher looks a record up.
///
/// # Errors
/// [`Rejection::NoIdentifier`] if nothing identifies the record.
pub fn keys(
    entrypoint: &Entrypoint,
    create: &CreateCustomer,
    record: &Customer,
) -> Result<Vec<MatchKey>, Rejection> {
    let number = Identifier::customer_number();
    let number_key = number.key(record);
    let one_off = create.draft.identifier();
    let mut keys = Vec::new();
    match &one_off {
        Some(identifier) => {
            keys.extend(identifier.keys(record));
            // A record that lacks a value of its identifier falls back to customerNumber and references.
            if keys.is_empty() && number_key.is_none() && record.references.is_empty() {
                let wanted = vec![identifier.to_string(), number.to_string()];
                return Err(Rejection::NoIdentifier { wanted });
            }
        }
        None => {
            keys.extend(entrypoint.policy.identifiers.iter().flat_map(|identifier| identifier.keys(record)));
        }
    }
    if let Some(key) = number_key
        && !keys.contains(&key)
    {
        keys.push(key);
    }
    for key in reference_keys(record) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    if one_off.is_none() {
        check_creatable(entrypoint, record, &keys)?;
    }
    Ok(keys)
}

/// Refuses a record that nothing identifies.
fn check_creatable(entrypoint: &Entrypoint, record: &Customer, keys: &[MatchKey]) -> Result<(), Rejection> {
    let policy = &entrypoint.policy;
    if policy.explicit {
        if keys.is_empty() {
            let mut wanted: Vec<String> = policy.identifiers.iter().map(ToString::to_string).collect();
            let number = Identifier::customer_number().to_string();
            if !wanted.contains(&number) {
                wanted.push(number);
            }
            return Err(Rejection::NoIdentifier { wanted });
        }
    } else if record.references.is_empty()
        && !DEFAULT_WANTED.into_iter().any(|field| record.text(field).is_some())
    {
        let wanted = DEFAULT_WANTED.into_iter().map(|field| field.name().to_owned()).collect();
        return Err(Rejection::NoIdentifier { wanted });
    }
    Ok(())
}

/// The live customers of each key that has some.
///
/// # Errors
/// [`Missing`] if the working set has no answer for a key.
pub fn candidates(working_set: &WorkingSet, keys: &[MatchKey]) -> Result<Candidates, Missing> {
    let mut found = Vec::new();
    for key in keys {
        let ids = working_set.live_with(key)?;
        if !ids.is_empty() {
            found.push((key.clone(), ids));
        }
    }
    Ok(found)
}

/// The one customer that all candidates agree on.
///
/// # Errors
/// [`Rejection::Conflict`] if they are different people, or one with another customer number.
pub fn hit(
    working_set: &WorkingSet,
    create: &CreateCustomer,
    record: &Customer,
    found: &Candidates,
) -> Result<Option<Hit>, Rejection> {
    let Some(((_, first), rest)) = found.split_first() else { return Ok(None) };
    let common = first.iter().find(|id| rest.iter().all(|(_, ids)| ids.contains(id)));
    let Some(&id) = common else { return Err(disagreement(found)) };
    let on = led_by(found);
    if create.draft.identifier().is_none()
        && let Some(stored) = working_set.customer(id)
    {
        check_number(stored, record, &on)?;
    }
    Ok(Some(Hit { id, on }))
}

/// Records with two customer numbers are two people until the caller says otherwise.
fn check_number(stored: &Stored, record: &Customer, on: &[IdField]) -> Result<(), Rejection> {
    const NUMBER: TextField = TextField::CustomerNumber;
    match (stored.customer.text(NUMBER), record.text(NUMBER)) {
        (Some(kept), Some(sent)) if kept != sent => {
            let tells = if on.iter().any(is_masked) { Tells::Masked } else { Tells::Shown };
            let names: Vec<&str> = on.iter().map(IdField::name).collect();
            let message = format!(
                "customer {} was found by {} but has another customerNumber; send identifierFields to say that they are one person",
                stored.id,
                names.join(", ")
            );
            Err(Rejection::Conflict {
                problems: vec![Problem::field(&[NUMBER.name()], "identity_conflict", message).telling(tells)],
                ids: vec![stored.id],
            })
        }
        _ => Ok(()),
    }
}

/// The fields of all keys that found a customer, without repetition.
fn led_by(found: &Candidates) -> Vec<IdField> {
    let mut on: Vec<IdField> = Vec::new();
    for field in found.iter().flat_map(|(key, _)| key.identifier.fields()) {
        if !on.contains(field) {
            on.push(field.clone());
        }
    }
    on
}

fn disagreement(found: &Candidates) -> Rejection {
    let problems = found.iter().map(|(key, ids)| taken(key, ids, "leads to")).collect();
    let mut ids: Vec<i64> =
        found.iter().flat_map(|(_, ids)| ids.iter().take(IDS_NAMED_MAX).copied()).collect();
    ids.sort_unstable();
    ids.dedup();
    Rejection::Conflict { problems, ids }
}

/// The problem that an identifier's values belong to other customers.
pub fn taken(key: &MatchKey, ids: &[i64], verb: &str) -> Problem {
    let named: Vec<String> = ids.iter().take(IDS_NAMED_MAX).map(ToString::to_string).collect();
    let more = if ids.len() > IDS_NAMED_MAX { ", …" } else { "" };
    let message = format!("{} {verb} customer {}{more}", key.identifier, named.join(", "));
    let path: Vec<&str> = match key.identifier.fields().first() {
        Some(IdField::Additional(name)) => vec!["additionalFields", name],
        Some(IdField::Text(field)) => vec![field.name()],
        Some(IdField::Reference(_)) => vec!["references"],
        None => vec![],
    };
    let tells = if key.identifier.fields().iter().any(is_masked) { Tells::Masked } else { Tells::Shown };
    Problem::field(&path, "identity_conflict", message).telling(tells)
}

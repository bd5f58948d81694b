//! The matcher: one for create, import and "who would this hit?" (rules 3).

use super::fields::TextField;
use super::identifier::{IdField, Identifier, MatchKey};
use super::record::{Customer, Stored};
use crate::domain::decide::command::CreateCustomer;
use crate::domain::decide::working_set::{Missing, WorkingSet};
use crate::domain::entrypoints::Entrypoint;
use crate::domain::kernel::problem::{Problem, Rejection};

/// How many ids an error names for one identifier.
const IDS_NAMED_MAX: usize = 10;
/// What identifies where nobody set a policy (rules 3).
const DEFAULT_WANTED: [TextField; 7] = [
    TextField::Email,
    TextField::Phone,
    TextField::CustomerNumber,
    TextField::Fullname,
    TextField::Firstname,
    TextField::Lastname,
    TextField::Company,
];

/// Whom a record hits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The customer; the oldest where several are hit.
    pub id: i64,
    /// The fields that led to it.
    pub on: Vec<String>,
}

/// Each identifier of a request with the live customers it leads to.
pub type Candidates = Vec<(MatchKey, Vec<i64>)>;

/// The identifiers that a record is looked up by.
///
/// # Errors
/// [`Rejection::NoIdentifier`] for a record that nothing identifies.
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
        Some(identifier) => match identifier.key(record) {
            Some(key) => keys.push(key),
            // A record without all values of its identifier falls back to customerNumber.
            None if number_key.is_some() => {}
            None => {
                let wanted = vec![identifier.to_string(), number.to_string()];
                return Err(Rejection::NoIdentifier { wanted });
            }
        },
        None => {
            keys.extend(entrypoint.policy.identifiers.iter().filter_map(|identifier| identifier.key(record)));
        }
    }
    if let Some(key) = number_key
        && !keys.contains(&key)
    {
        keys.push(key);
    }
    if one_off.is_none() {
        check_creatable(entrypoint, record, &keys)?;
    }
    Ok(keys)
}

/// Who may be created at all.
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
    } else if !DEFAULT_WANTED.into_iter().any(|field| record.text(field).is_some()) {
        let wanted = DEFAULT_WANTED.into_iter().map(|field| field.name().to_owned()).collect();
        return Err(Rejection::NoIdentifier { wanted });
    }
    Ok(())
}

/// The live customers behind each key that has any.
///
/// # Errors
/// [`Missing`] for a key the working set was not told of.
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
/// [`Rejection::Conflict`] where they lead to different people, or to one with another number.
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

/// Two numbers are two people until the caller says otherwise.
fn check_number(stored: &Stored, record: &Customer, on: &[String]) -> Result<(), Rejection> {
    const NUMBER: TextField = TextField::CustomerNumber;
    match (stored.customer.text(NUMBER), record.text(NUMBER)) {
        (Some(kept), Some(sent)) if kept != sent => {
            let message = format!(
                "customer {} was found by {} but has another customerNumber; send identifierFields to say that they are one person",
                stored.id,
                on.join(", ")
            );
            Err(Rejection::Conflict {
                problems: vec![Problem::field(&[NUMBER.name()], "identity_conflict", message)],
                ids: vec![stored.id],
            })
        }
        _ => Ok(()),
    }
}

/// The fields of all keys that found somebody, without repetition.
fn led_by(found: &Candidates) -> Vec<String> {
    let mut on: Vec<String> = Vec::new();
    for field in found.iter().flat_map(|(key, _)| key.identifier.fields()) {
        if !on.iter().any(|name| name == field.name()) {
            on.push(field.name().to_owned());
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

/// Says that an identifier's values are those of other customers.
pub fn taken(key: &MatchKey, ids: &[i64], verb: &str) -> Problem {
    let named: Vec<String> = ids.iter().take(IDS_NAMED_MAX).map(ToString::to_string).collect();
    let more = if ids.len() > IDS_NAMED_MAX { ", …" } else { "" };
    let message = format!("{} {verb} customer {}{more}", key.identifier, named.join(", "));
    let path: Vec<&str> = match key.identifier.fields().first() {
        Some(IdField::Additional(name)) => vec!["additionalFields", name],
        Some(IdField::Text(field)) => vec![field.name()],
        None => vec![],
    };
    Problem::field(&path, "identity_conflict", message)
}

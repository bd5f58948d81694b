//! Values that no two live customers of an entrypoint may share.

use super::Undecided;
use super::working_set::WorkingSet;
use crate::domain::accounts::sign_in;
use crate::domain::customers::email;
use crate::domain::customers::fields::TextField;
use crate::domain::customers::identifier::{Identifier, MatchKey, reference_keys};
use crate::domain::customers::matching;
use crate::domain::customers::record::{Customer, Stored};
use crate::domain::entrypoints::Policy;
use crate::domain::kernel::problem::{Problem, Rejection, Tells};

/// Refuses changes of identifying values to those of another live customer.
pub(super) fn check_changed_identity(
    working_set: &WorkingSet,
    stored: &Stored,
    after: &Customer,
) -> Result<(), Undecided> {
    let changed = changed_keys(&working_set.entrypoint.policy, &stored.customer, after);
    check_unique(working_set, Some(stored), after, changed)
}

/// The keys that a change gives a customer, and that no other live customer may have.
pub(super) fn changed_keys(policy: &Policy, before: &Customer, after: &Customer) -> Vec<MatchKey> {
    let mut keys: Vec<MatchKey> =
        policy.unique().iter().flat_map(|identifier| identifier.keys(after)).collect();
    for key in reference_keys(after) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys.retain(|key| !key.is_of(before));
    keys
}

/// Refuses the values of a new customer that another live customer has.
pub(super) fn check_new(working_set: &WorkingSet, record: &Customer) -> Result<(), Undecided> {
    let username = Identifier::customer_username().key(record);
    check_unique(working_set, None, record, username.into_iter().chain(reference_keys(record)).collect())
}

fn check_unique(
    working_set: &WorkingSet,
    own: Option<&Stored>,
    after: &Customer,
    keys: Vec<MatchKey>,
) -> Result<(), Undecided> {
    let mut problems = Vec::new();
    let mut in_the_way = Vec::new();
    let others = |key: &MatchKey| {
        let ids = working_set.live_with(key)?;
        Ok::<_, Undecided>(
            ids.into_iter().filter(|id| own.is_none_or(|own| own.id != *id)).collect::<Vec<_>>(),
        )
    };
    for key in keys {
        let others = others(&key)?;
        if others.is_empty() {
            continue;
        }
        let mut problem = matching::taken(&key, &others, "belongs to");
        if key.identifier == Identifier::customer_username() {
            problem.message = format!("same username exists already: {}", problem.message);
        }
        problems.push(problem);
        in_the_way.extend(others);
    }
    for (field, key) in login_keys(own.map(|own| &own.customer), after) {
        let Some(first) = others(&key)?.first().copied() else { continue };
        let message = match field {
            TextField::Email => format!("customer {first} signs in with this address as username"),
            _ => format!("customer {first} signs in with this e-mail address; choose another username"),
        };
        problems.push(Problem::field(&[field.name()], "identity_conflict", message).telling(Tells::Masked));
        in_the_way.push(first);
    }
    if problems.is_empty() {
        return Ok(());
    }
    in_the_way.sort_unstable();
    in_the_way.dedup();
    Err(Rejection::Conflict { problems, ids: in_the_way }.into())
}

/// The keys to find another customer who could sign in with a new or changed login name: one with the username as e-mail
/// address, or with the e-mail address as username.
pub(super) fn login_keys(before: Option<&Customer>, after: &Customer) -> Vec<(TextField, MatchKey)> {
    let mut keys = Vec::new();
    for field in [TextField::CustomerUsername, TextField::Email] {
        let of = Identifier::of(field);
        if before.is_some_and(|before| of.key(before) == of.key(after)) {
            continue;
        }
        // A text without @ is no e-mail address.
        let Some(name) = after.text(field).filter(|name| name.contains('@')) else { continue };
        // A username is kept as it was typed, so any spelling of an address may be a username.
        for name in std::iter::once(name.into()).chain(email::spellings(name)) {
            let others = sign_in::login_keys(&name).into_iter().filter(|key| key.identifier != of);
            for key in others.map(|key| (field, key)) {
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
        }
    }
    keys
}

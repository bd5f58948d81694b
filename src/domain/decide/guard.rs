//! What a command may name and write for a token that does not see all values (rules 1).
//!
//! A token without `pii:read` must not find out a masked value by asking for it or by writing it.

use std::borrow::Cow;

use crate::domain::accounts::sight::{Sight, is_masked};
use crate::domain::accounts::token::Claims;
use crate::domain::addresses::draft::{AddressDraft, MEMBER};
use crate::domain::customers::draft::{Change, Draft, Input};
use crate::domain::customers::fields::TextField;
use crate::domain::customers::identifier::{IdField, Identifier};
use crate::domain::customers::matching::Hit;
use crate::domain::customers::record::Customer;
use crate::domain::entrypoints::Policy;
use crate::domain::kernel::problem::{Problem, Rejection};

/// The texts that the portal knows a customer by.
const LOGIN: [TextField; 2] = [TextField::Email, TextField::CustomerUsername];
const PASSWORD: &str = "customerPsw";
/// What is wrong with a mask of a token that cannot know any.
const UNKNOWABLE: &str = "looks like a mask, and this token sees none; send the full value or leave it out";

/// Checks what a create names and sends, whomever it finds.
///
/// # Errors
/// 400 for a masked identifier and for masks that the token cannot know; 403 for a username, because its uniqueness
/// would tell whether somebody has it.
pub(super) fn check_create(policy: &Policy, draft: &Draft, sight: Sight) -> Result<(), Rejection> {
    let mut problems = unknowable_masks(draft, sight);
    if let Some(identifier) = draft.identifier() {
        let forbidden = policy.forbidden(&identifier, sight);
        problems.extend(forbidden.map(|field| {
            let index = draft.identifier_fields.iter().position(|name| name == field.name());
            let index = index.unwrap_or_default().to_string();
            Problem::field(&["identifierFields", &index], "masked_field", hidden_identifier(field))
        }));
    }
    if !problems.is_empty() {
        return Err(Rejection::Invalid(problems));
    }
    if !sight.pii && is_value(draft.text(TextField::CustomerUsername)) {
        return Err(needs_pii(vec![TextField::CustomerUsername.name()]));
    }
    Ok(())
}

/// What is wrong with a field of an identifier that the token may not name.
pub fn hidden_identifier(field: &IdField) -> String {
    format!(
        "{} is masked for this token, and the entrypoint does not identify customers by it; use a token with the scope pii:read",
        field.name()
    )
}

/// Checks what a PUT sends.
///
/// # Errors
/// 400 for masks that the token cannot know; 403 for a change of the login.
pub(super) fn check_update(draft: &Draft, sight: Sight) -> Result<(), Rejection> {
    let problems = unknowable_masks(draft, sight);
    if !problems.is_empty() {
        return Err(Rejection::Invalid(problems));
    }
    if sight.pii {
        return Ok(());
    }
    let writes = |field: &TextField| {
        let change = draft.text(*field);
        is_value(change) || matches!(change, Change::Clear)
    };
    let mut fields: Vec<&str> =
        LOGIN.iter().filter(|field| writes(field)).map(|field| field.name()).collect();
    if draft.password_hash.is_sent() {
        fields.push(PASSWORD);
    }
    if fields.is_empty() { Ok(()) } else { Err(needs_pii(fields)) }
}

/// Checks what a merge or a replacement makes of the customer that it found. It keeps the login, and the values by which it
/// found the customer, as they are stored.
///
/// # Errors
/// 403 for a change of the login.
pub(super) fn check_existing(
    stored: &Customer,
    after: &mut Customer,
    draft: &Draft,
    hit: &Hit,
    sight: Sight,
) -> Result<(), Rejection> {
    if sight.pii {
        return Ok(());
    }
    let led = |field: TextField| hit.on.contains(&IdField::Text(field));
    let mut fields: Vec<&str> = LOGIN
        .into_iter()
        .filter(|field| !led(*field) && is_value(draft.text(*field)))
        .map(TextField::name)
        .collect();
    if draft.password_hash.value().is_some() {
        fields.push(PASSWORD);
    }
    if !fields.is_empty() {
        return Err(needs_pii(fields));
    }
    // A replacement keeps a login that it does not send: to refuse it would tell that there is one.
    for field in LOGIN {
        after.texts.set(field, stored.text(field).map(Into::into));
    }
    for field in hit.on.iter().filter(|field| is_masked(field)) {
        match field {
            IdField::Text(field) => after.texts.set(*field, stored.text(*field).map(Into::into)),
            IdField::Additional(name) => {
                if let Some(kept) = stored.additional.get(name) {
                    after.additional.insert(name.clone(), kept.clone());
                }
            }
            // They are never masked.
            IdField::Reference(_) => {}
        }
    }
    Ok(())
}

/// The draft with the mark of a sender who sees masks, if it must be marked.
pub(super) fn marked(draft: &Draft, sight: Sight) -> Cow<'_, Draft> {
    if sight.pii || draft.is_blind {
        return Cow::Borrowed(draft);
    }
    let mut draft = draft.clone();
    draft.is_blind = true;
    Cow::Owned(draft)
}

/// Whether the token must not learn if the draft changes anything: the draft has a value for a masked field, other than
/// the fields that led to the customer.
pub(super) fn is_blind(draft: &Draft, on: &[IdField], sight: Sight) -> bool {
    if sight.pii {
        return false;
    }
    let is_hidden = |field: IdField| is_masked(&field) && !on.contains(&field);
    let mut texts = TextField::all().filter(|field| is_value(draft.text(*field)));
    let mut additional = draft.additional.value().into_iter().flatten();
    let mut addresses = draft.addresses.value().into_iter().flat_map(|list| &list.addresses);
    addresses.any(|address| address.masked_values().next().is_some())
        || texts.any(|field| is_hidden(IdField::Text(field)))
        || additional.any(|(name, value)| {
            matches!(value, Some(Input::Value(_))) && is_hidden(IdField::Additional(name.clone()))
        })
}

/// Checks that a new identifier policy does not help its author to guess masked values: a token that creates or imports
/// could match by fields that it may not name in a request. The check covers the token's makers too.
///
/// # Errors
/// 403 for identifiers with masked fields that the present policy lacks.
pub fn check_policy(new: &[Identifier], present: &[Identifier], claims: &Claims) -> Result<(), Rejection> {
    const MESSAGE: &str = "is masked for this token, which may create or import customers; a token with the scope pii:read may \
                           identify customers by it";
    let sight = Sight::of(claims);
    let writes_masked = claims.writes_masked() || claims.makers.iter().any(|maker| maker.writes_masked);
    if sight.pii || !writes_masked {
        return Ok(());
    }
    let is_wider = |(_, identifier): &(usize, &Identifier)| {
        !present.contains(identifier) && !sight.shows_all(identifier)
    };
    let problem = |(index, _): (usize, &Identifier)| {
        Problem::field(&["identifiers", &index.to_string()], "needs_pii_read", MESSAGE)
    };
    let problems: Vec<Problem> = new.iter().enumerate().filter(is_wider).map(problem).collect();
    if problems.is_empty() { Ok(()) } else { Err(Rejection::NeedsPii(problems)) }
}

/// Checks an invitation. It looks for other customers with the address, so it tells whether somebody has it.
///
/// # Errors
/// 403 if the token lacks `pii:read` and the policy does not identify customers by e-mail address.
pub fn check_invite(policy: &Policy, sight: Sight) -> Result<(), Rejection> {
    const MESSAGE: &str = "an invitation needs a token with the scope pii:read here, because the entrypoint does not identify \
                           customers by email";
    let address = Identifier::of(TextField::Email);
    if policy.forbidden(&address, sight).next().is_none() {
        return Ok(());
    }
    Err(Rejection::NeedsPii(vec![Problem::parameter("customerId", "needs_pii_read", MESSAGE)]))
}

/// Checks a row of an import with a comment.
///
/// # Errors
/// 403 for a token that may not read comments.
pub(super) fn check_comment(sight: Sight) -> Result<(), Rejection> {
    const MESSAGE: &str = "is personal; a token with the scope pii:read may write it";
    if sight.pii {
        return Ok(());
    }
    Err(Rejection::NeedsPii(vec![Problem::field(&["comment"], "needs_pii_read", MESSAGE)]))
}

fn is_value(change: &Change<Input>) -> bool {
    matches!(change, Change::Set(Input::Value(_)))
}

/// The masks in a draft of a token that cannot know any: to accept or refuse it would tell the stored value.
fn unknowable_masks(draft: &Draft, sight: Sight) -> Vec<Problem> {
    if sight.knows_masks() {
        return Vec::new();
    }
    let problem = |path: &[&str]| Problem::field(path, "masked_value", UNKNOWABLE);
    let texts = TextField::all().filter(|field| matches!(draft.text(*field), Change::Set(Input::Mask(_))));
    let additional = draft.additional.value().into_iter().flatten();
    let addresses = draft.addresses.value().into_iter().flat_map(|list| &list.addresses);
    texts
        .map(|field| problem(&[field.name()]))
        .chain(
            additional
                .filter(|(_, value)| matches!(value, Some(Input::Mask(_))))
                .map(|(name, _)| problem(&["additionalFields", name])),
        )
        .chain(addresses.enumerate().flat_map(|(index, address)| {
            address.masks().map(move |field| problem(&[MEMBER, &index.to_string(), field.name()]))
        }))
        .collect()
}

/// Checks what a change of one address sends.
///
/// # Errors
/// 400 for masks that the token cannot know.
pub(super) fn check_address(address: &AddressDraft, sight: Sight) -> Result<(), Rejection> {
    let problems: Vec<Problem> = address
        .masks()
        .filter(|_| !sight.knows_masks())
        .map(|field| Problem::field(&[field.name()], "masked_value", UNKNOWABLE))
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(Rejection::Invalid(problems)) }
}

fn needs_pii(fields: Vec<&str>) -> Rejection {
    const MESSAGE: &str = "belongs to the customer's login; a token with the scope pii:read may change it";
    let problem = |field: &str| Problem::field(&[field], "needs_pii_read", MESSAGE);
    Rejection::NeedsPii(fields.into_iter().map(problem).collect())
}

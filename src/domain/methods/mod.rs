//! Stored payment methods: tokens of payment providers that hang on a customer (rules 13).
//!
//! Exactly one method of a customer who has any is the default. [`add`], [`update`] and [`remove`] keep that, and so the whole
//! list changes at once.

pub mod column;
mod draft;
pub mod method;
#[cfg(test)]
mod tests;

use strum::VariantArray as _;

pub use self::draft::{MASKED, MethodDraft, REQUIRED};
use self::method::{Method, MethodStatus};
use super::accounts::sight::Sight;
use super::customers::draft::Change;
use super::kernel::card;
use super::kernel::problem::{Problem, Rejection, Tells};
use super::kernel::time::Micros;

/// The code of a refusal to leave a customer without a default method.
pub const DEFAULT_METHOD: &str = "default_method";

/// The code of a refusal of an account that the customer has already.
pub const DUPLICATE_METHOD: &str = "duplicate_method";

/// The word for a customer without stored methods.
pub const NO_METHODS: &str = "None";

/// How the default method of a customer stands; `None` without methods.
pub fn status_of(methods: &[Method], now: Micros) -> Option<MethodStatus> {
    methods.iter().find(|method| method.is_default).map(|method| method.status(now))
}

/// The word for [`status_of`].
pub fn status_word(status: Option<MethodStatus>) -> &'static str {
    status.map_or(NO_METHODS, MethodStatus::name)
}

/// The words for the statuses of customers, in the order of their numbers in filters.
pub fn status_words() -> impl Iterator<Item = &'static str> {
    MethodStatus::VARIANTS.iter().map(|status| status.name()).chain([NO_METHODS])
}

/// How many ids to try before the next millisecond.
const TRIES_OF_A_MILLISECOND: u32 = 4;

/// The id of a new method: it says whose it is, and begins with the time. `taken` says which ids
/// are in use.
pub fn new_id(place: (i64, i64), now: Micros, random: u32, taken: impl Fn(&str) -> bool) -> String {
    let (entrypoint_id, customer_id) = place;
    let mut random = random;
    let mut millis = now.0.max(0) / 1_000;
    let mut tries = 0_u32;
    loop {
        let id = format!("{entrypoint_id}-{millis:012x}{customer_id:014x}{:06x}", random >> 8);
        // No route takes what looks like a card number.
        if !taken(&id) && !card::holds(&id) {
            return id;
        }
        // Other bits in every place: the part before them may make a card of all that begin alike.
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // The time and the customer before them may be what looks like a card: then no other bits help.
        tries = tries.wrapping_add(1);
        if tries.is_multiple_of(TRIES_OF_A_MILLISECOND) {
            millis += 1;
        }
    }
}

/// The time of a new method: now, or after the newest one, whose clock may be ahead of this one. So the methods of a
/// customer, and their ids, are in the order of time.
pub fn time_after(methods: &[Method], now: Micros) -> Micros {
    let newest = methods.iter().filter_map(|method| {
        let (_, hex) = method.id.split_once('-')?;
        let millis = i64::from_str_radix(hex.get(..12)?, 16).ok()?;
        Some(millis.saturating_add(1).saturating_mul(1_000).max(method.created_at.0))
    });
    Micros(newest.fold(now.0, i64::max))
}

/// The entrypoint and the customer of a method's id; `None` for a text that is no such id.
pub fn owner_of(id: &str) -> Option<(i64, i64)> {
    let (entrypoint, hex) = id.split_once('-')?;
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if hex.len() != 32 || !hex.bytes().all(is_hex) || !entrypoint.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let entrypoint_id: i64 = entrypoint.parse().ok()?;
    let customer_id = i64::from_str_radix(hex.get(12..26)?, 16).ok()?;
    (entrypoint_id.to_string() == entrypoint).then_some((entrypoint_id, customer_id))
}

/// The list with one more method. The first one is the default.
///
/// # Errors
/// 400 if something is missing; 409 if the account is there already, which names the other method to readers, or for one
/// too many.
pub fn add(
    methods: &[Method],
    draft: &MethodDraft,
    id: String,
    now: Micros,
    methods_max: usize,
) -> Result<Vec<Method>, Rejection> {
    let mut new = draft.method(id, now)?;
    if methods.len() >= methods_max {
        let message = format!(
            "the customer would have {} methods; at most {methods_max} are allowed",
            methods.len().saturating_add(1)
        );
        return Err(Rejection::State(vec![Problem::field(&[], "too_many_methods", message)]));
    }
    new.is_default = methods.is_empty() || draft.is_default == Some(true);
    refuse_double(methods, &new)?;
    let mut all = methods.to_vec();
    all.push(new);
    Ok(one_default(all, now))
}

/// The list with a changed method, and the names of the fields that changed; none if nothing did.
///
/// # Errors
/// 404 if there is no such method; 400 for a field that must not be empty, and for a mask of nothing; 409 if the account is there already, or if no
/// method would be the default.
pub fn update(
    methods: &[Method],
    id: &str,
    draft: &MethodDraft,
    now: Micros,
    sight: Sight,
) -> Result<(Vec<Method>, Vec<&'static str>), Rejection> {
    let at = methods.iter().position(|method| method.id == id).ok_or(Rejection::NotFound)?;
    let old = methods.get(at).ok_or(Rejection::NotFound)?;
    draft.check_masks(Some(old), sight)?;
    // Whether the account stays would tell a token without `pii:read` that the stored token is the one that it sent.
    let is_other_account = draft.is_account && !(sight.pii && draft.has_token_of(old));
    let mut new = if is_other_account { old.without_account() } else { old.clone() };
    draft.write_to(&mut new)?;
    match draft.is_default {
        Some(true) => new.is_default = true,
        Some(false) if old.is_default => {
            let message =
                "is true of this method, and one is always the default; make another one the default instead";
            return Err(Rejection::State(vec![Problem::field(&["isDefault"], DEFAULT_METHOD, message)]));
        }
        _ => {}
    }
    // Whether a masked text changed would tell what it was.
    let is_blind = !sight.pii && draft.writes_masked();
    if new.same_content(old) && !is_blind {
        return Ok((methods.to_vec(), Vec::new()));
    }
    refuse_double(methods, &new)?;
    let changed = MethodDraft::names_of_changes(old, &new);
    new.version += 1;
    new.updated_at = now.max(old.updated_at);
    let mut all = methods.to_vec();
    if new.is_default && !old.is_default {
        // The others lose it, this one keeps it.
        all.iter_mut().filter(|other| other.is_default).for_each(|other| unset_default(other, now));
    }
    if let Some(slot) = all.get_mut(at) {
        *slot = new;
    }
    Ok((all, changed))
}

/// The list without a method.
///
/// # Errors
/// 404 if there is no such method; 409 for the default while there are others.
pub fn remove(methods: &[Method], id: &str) -> Result<Vec<Method>, Rejection> {
    let old = methods.iter().find(|method| method.id == id).ok_or(Rejection::NotFound)?;
    if old.is_default && methods.len() > 1 {
        let message = "is the default method; make another one the default first";
        return Err(Rejection::State(vec![Problem::parameter("methodId", DEFAULT_METHOD, message)]));
    }
    Ok(methods.iter().filter(|method| method.id != id).cloned().collect())
}

fn refuse_double(methods: &[Method], new: &Method) -> Result<(), Rejection> {
    let same = methods.iter().find(|other| other.id != new.id && other.is_of_same_account(new));
    let Some(same) = same else { return Ok(()) };
    let field =
        if same.provider_method_id == new.provider_method_id { "providerMethodId" } else { "fingerprint" };
    let message = format!("is the same as that of the customer's method {}", same.id);
    let problem = Problem::field(&[field], DUPLICATE_METHOD, message);
    Err(Rejection::State(vec![problem.telling(Tells::Shown)]))
}

/// The list after its last method may have become the default.
fn one_default(mut all: Vec<Method>, now: Micros) -> Vec<Method> {
    if let Some((last, others)) = all.split_last_mut()
        && last.is_default
    {
        others.iter_mut().filter(|other| other.is_default).for_each(|other| unset_default(other, now));
    }
    all
}

fn unset_default(method: &mut Method, now: Micros) {
    method.is_default = false;
    method.version += 1;
    method.updated_at = now.max(method.updated_at);
}

/// The value after a change of an optional text.
fn changed(old: &mut Option<String>, change: &Change<String>) {
    match change {
        Change::Keep => {}
        Change::Clear => *old = None,
        Change::Set(value) => *old = Some(value.clone()),
    }
}

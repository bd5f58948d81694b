//! The rules of the portal: whom a login name means, who may sign in, how failed attempts are throttled.

use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;

use crate::domain::customers::email;
use crate::domain::customers::fields::TextField;
use crate::domain::customers::identifier::{Identifier, MatchKey};
use crate::domain::customers::record::{Customer, Status, Stored};
use crate::domain::decide::command::Actor;
use crate::domain::decide::working_set::{Missing, WorkingSet};
use crate::domain::kernel::text;
use crate::domain::kernel::time::{Micros, SECOND_US};

/// The most characters of a login name: as many as an e-mail address may have (rules 2).
pub const LOGIN_CHARS_MAX: usize = 320;
/// How long a failed attempt counts, in microseconds.
pub const ATTEMPT_WINDOW_US: i64 = 10 * 60 * SECOND_US;
/// After so many failures, further attempts wait.
pub const SLOW_FAILURES: usize = 5;
/// So many failures lock the account.
pub const LOCK_FAILURES: usize = 10;
/// The most mails with links for one login name within the window.
pub const MAILS_MAX: usize = 3;
/// How long the link of a password reset is valid, in seconds.
pub const RESET_SECS: i64 = 3600;
const WAIT_DOUBLINGS_MAX: u32 = 3;

/// The actor that history names if a customer acts.
pub fn customer_actor() -> Actor {
    Actor { name: "portal".into(), jti: "portal".into() }
}

/// How long an attempt waits: `first` after five failures, then twice as long after each further one, at most eight times
/// as long.
pub fn login_wait(failures: usize, first: Duration) -> Duration {
    let Some(further) = failures.checked_sub(SLOW_FAILURES) else { return Duration::ZERO };
    let doublings = u32::try_from(further).unwrap_or(WAIT_DOUBLINGS_MAX).min(WAIT_DOUBLINGS_MAX);
    first.saturating_mul(1 << doublings)
}

/// The failures that still count, oldest first.
pub fn recent_failures(times: &[i64], now: Micros) -> Vec<i64> {
    let oldest = now.0.saturating_sub(ATTEMPT_WINDOW_US);
    times.iter().copied().filter(|time| *time > oldest).collect()
}

/// The form of a login name under which attempts are counted. Texts that mean one account have one form, and a few more:
/// `ß` counts as `ss`, since usernames compare so. A text that cannot be a login name becomes the empty one, which nobody
/// has.
pub fn login_name(text: &str) -> CompactString {
    let Ok(clean) = text::clean(text, LOGIN_CHARS_MAX) else { return CompactString::default() };
    text::fold_spaces(&email::readable(&email::cleaned(&clean)))
}

/// The names under which a customer's attempts are counted.
pub fn login_names(customer: &Customer) -> Vec<CompactString> {
    [TextField::CustomerUsername, TextField::Email]
        .into_iter()
        .filter_map(|field| customer.text(field).map(login_name))
        .collect()
}

/// The keys that a login name may stand for: `customerUsername`, which is unique, then e-mail.
pub fn login_keys(login: &str) -> Vec<MatchKey> {
    let Ok(clean) = text::clean(login, LOGIN_CHARS_MAX) else { return Vec::new() };
    let mut probe = Customer::default();
    probe.texts.set(TextField::CustomerUsername, Some(clean.clone()));
    probe.texts.set(TextField::Email, Some(email::cleaned(login).into()));
    let fields = [TextField::CustomerUsername, TextField::Email];
    fields.into_iter().filter_map(|field| Identifier::of(field).key(&probe)).collect()
}

/// The customer that a login name means, among those who fit: the one with the username, else the oldest with the e-mail
/// address.
///
/// # Errors
/// [`Missing`] if the working set has no answer for one of [`login_keys`].
pub fn find_account(
    working_set: &WorkingSet,
    login: &str,
    mut fits: impl FnMut(&Stored) -> bool,
) -> Result<Option<Arc<Stored>>, Missing> {
    for key in login_keys(login) {
        for id in working_set.live_with(&key)? {
            if let Some(stored) = working_set.customer(id).filter(|stored| fits(stored)) {
                return Ok(Some(Arc::clone(stored)));
            }
        }
    }
    Ok(None)
}

/// Whether this customer may sign in.
pub fn may_sign_in(customer: &Customer) -> bool {
    customer.status == Status::Active && customer.password_hash.is_some()
}

/// Whether this customer may get links. A locked one may, to reset the password.
pub fn may_have_links(customer: &Customer) -> bool {
    matches!(customer.status, Status::Active | Status::Locked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_count_for_ten_minutes_and_slow_down() {
        let second = Duration::from_secs(1);
        let waits: Vec<u64> = (0..12).map(|failures| login_wait(failures, second).as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 8, 8, 8]);
        let minute = 60 * SECOND_US;
        let now = Micros(100 * minute);
        let times = [89 * minute, 90 * minute, 90 * minute + 1, 100 * minute];
        assert_eq!(recent_failures(&times, now), times[2..]);
    }

    #[test]
    fn login_names_are_counted_as_they_compare() {
        for (one, other) in [
            (" Ada@Example.test ", "ada@example.TEST"),
            ("ada@bücher.example", "ADA@xn--bcher-kva.example"),
            ("a\u{200b}da@example.test", "ada@exam\u{ad}ple.test"),
            ("straße", "STRASSE"),
            ("\u{2060}ada", "ada"),
        ] {
            assert_eq!(login_name(one), login_name(other));
        }
        assert_eq!(login_name("a\0b"), "");
        assert_eq!(login_keys("ada").len(), 2);
        assert!(login_keys(" ").is_empty() && login_keys(&"x".repeat(321)).is_empty());
    }
}

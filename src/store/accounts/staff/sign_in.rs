//! Signing in to the console, with its second factor, and what members do with their own account.

use super::members::note_own;
use super::rows::{self, Opened, StoredTotp};
use super::sessions;
use crate::clock;
use crate::domain::accounts::acts::ActKind;
use crate::domain::accounts::second_factor::{
    RECOVERY_CODES, recovery_code, totp_secret, totp_step, typed_recovery_code,
};
use crate::domain::accounts::sign_in::{LOCK_FAILURES, login_name};
use crate::domain::accounts::staff::Member;
use crate::domain::kernel::problem::{Problem, Rejection};
use crate::domain::kernel::time::{Micros, SECOND_US};
use crate::store::Staff;
use crate::store::accounts::attempts::{self, Attempt};
use crate::store::accounts::sessions::SessionLimits;
use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;
use crate::store::keys::keyring::{KeyRing, SERVICE_ENTRYPOINT};
use crate::vault::random;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The least interval between two updates of the last use of a session, in microseconds.
const TOUCH_AFTER_US: i64 = 60 * SECOND_US;

/// An attempt with a password, counted as failed until it succeeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffAttempt {
    /// The number of earlier failures that still count.
    pub failures: usize,
    /// The account that the password must match; `None` if nobody can sign in so.
    pub account: Option<StaffAccount>,
}

/// A member who can sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffAccount {
    /// The id of the member.
    pub member_id: String,
    /// The argon2id hash of the password.
    pub password_hash: String,
}

/// A member who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffSession {
    /// The token of the session.
    pub token: String,
    /// Who is signed in.
    pub member: Member,
    /// Whether the session waits for the second factor, and may do nothing else.
    pub is_half: bool,
    /// Whether the organisation requires a second factor that the member has not set up.
    pub must_set_totp: bool,
}

/// What became of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmed {
    /// It is right; the session is whole.
    Yes,
    /// It is wrong or was used before, or the session has ended.
    Wrong,
    /// There were too many wrong ones lately.
    Locked,
}

/// Counts an attempt of a kind under a name.
fn count(
    conn: &mut Conn,
    ring: &KeyRing,
    attempt: Attempt,
    name: &str,
    now: Micros,
) -> Result<usize, StoreError> {
    attempts::count_alone(conn, ring, SERVICE_ENTRYPOINT, attempt, name, LOCK_FAILURES, now)
}

/// The account of a member who may sign in.
fn account(opened: Option<Opened>) -> Option<StaffAccount> {
    let opened = opened.filter(|opened| !opened.member.is_disabled)?;
    Some(StaffAccount { member_id: opened.member.id, password_hash: opened.secrets.password_hash? })
}

/// The keyed hash of a recovery code of a member.
fn recovery_hash(conn: &mut Conn, ring: &KeyRing, id: &str, code: &str) -> Result<String, StoreError> {
    let parts = [b"recovery code".as_slice(), id.as_bytes(), code.as_bytes()];
    let digest = ring.service_key(conn)?.portal().digest_parts(parts);
    Ok(URL_SAFE_NO_PAD.encode(digest))
}

/// Gives a member new recovery codes in place of the old ones.
fn renew_codes(conn: &mut Conn, ring: &KeyRing, opened: &mut Opened) -> Result<Vec<String>, StoreError> {
    let mut codes = Vec::with_capacity(RECOVERY_CODES);
    opened.secrets.recovery.clear();
    for _ in 0..RECOVERY_CODES {
        let code = recovery_code(random()?);
        let typed = typed_recovery_code(&code).unwrap_or_default();
        opened.secrets.recovery.push(recovery_hash(conn, ring, &opened.member.id, &typed)?);
        codes.push(code);
    }
    Ok(codes)
}

/// Uses a code of the second factor up; false if it is none, or was used.
fn use_code(
    conn: &mut Conn,
    ring: &KeyRing,
    opened: &mut Opened,
    code: &str,
    now: Micros,
) -> Result<bool, StoreError> {
    let Some(totp) = &mut opened.secrets.totp else { return Ok(false) };
    if let Some(step) = totp_step(&totp.secret, code, now, Some(totp.last_step)) {
        totp.last_step = step;
        return Ok(true);
    }
    let Some(typed) = typed_recovery_code(code) else { return Ok(false) };
    let hash = recovery_hash(conn, ring, &opened.member.id, &typed)?;
    let before = opened.secrets.recovery.len();
    opened.secrets.recovery.retain(|left| *left != hash);
    Ok(opened.secrets.recovery.len() < before)
}

/// Checks a code for a session, and makes the session whole.
fn confirm(conn: &mut Conn, ring: &KeyRing, token: &str, code: &str) -> Result<Confirmed, StoreError> {
    let now = clock::now();
    let Some(session) = sessions::find(conn, token, None, now)? else { return Ok(Confirmed::Wrong) };
    let opened = rows::lock(conn, ring, &session.member_id)?;
    let is_valid = |opened: &Opened| opened.epoch == session.epoch && !opened.member.is_disabled;
    let Some(mut opened) = opened.filter(is_valid) else { return Ok(Confirmed::Wrong) };
    let id = opened.member.id.clone();
    if count(conn, ring, Attempt::StaffCode, &id, now)? >= LOCK_FAILURES {
        return Ok(Confirmed::Locked);
    }
    if !use_code(conn, ring, &mut opened, code, now)? {
        return Ok(Confirmed::Wrong);
    }
    attempts::clear(conn, ring, SERVICE_ENTRYPOINT, Attempt::StaffCode, &id)?;
    if session.is_half {
        opened.member.signed_in_at = Some(now);
    }
    opened.update(conn, ring, now)?;
    sessions::complete(conn, token, now)?;
    Ok(Confirmed::Yes)
}

/// The session of a token, and when it was last used.
fn session(
    conn: &mut Conn,
    ring: &KeyRing,
    token: String,
    limits: SessionLimits,
    now: Micros,
) -> Result<Option<(StaffSession, i64)>, StoreError> {
    let Some(row) = sessions::find(conn, &token, Some(limits), now)? else { return Ok(None) };
    let opened = rows::find(conn, ring, &row.member_id)?;
    let is_valid = |opened: &Opened| opened.epoch == row.epoch && !opened.member.is_disabled;
    let Some(opened) = opened.filter(is_valid) else { return Ok(None) };
    let member = opened.member;
    let must_set_totp = !member.has_totp && rows::requires_totp(conn, member.org_id)?;
    Ok(Some((StaffSession { token, member, is_half: row.is_half, must_set_totp }, row.seen_at_us)))
}

impl Staff<'_> {
    /// Counts an attempt to sign in and returns the account it is for; `None` if the address is locked.
    ///
    /// # Errors
    /// Database errors.
    pub async fn begin_sign_in(self, email: String) -> Result<Option<StaffAttempt>, StoreError> {
        self.0
            .administer(move |conn, ring| {
                let now = clock::now();
                let failures = count(conn, ring, Attempt::StaffSignIn, &login_name(&email), now)?;
                if failures >= LOCK_FAILURES {
                    return Ok(None);
                }
                let found = match rows::id_of(conn, ring, &email)? {
                    Some(id) => rows::find(conn, ring, &id)?,
                    None => None,
                };
                Ok(Some(StaffAttempt { failures, account: account(found) }))
            })
            .await
    }

    /// Begins a session after a correct password; returns its token, and whether it waits for the second factor. `None` if
    /// the account has changed meanwhile.
    ///
    /// # Errors
    /// Database errors.
    pub async fn sign_in(
        self,
        email: String,
        checked: StaffAccount,
    ) -> Result<Option<(String, bool)>, StoreError> {
        self.0
            .administer(move |conn, ring| {
                let now = clock::now();
                let opened = rows::lock(conn, ring, &checked.member_id)?;
                let is_still = |opened: &Opened| {
                    !opened.member.is_disabled
                        && opened.secrets.password_hash.as_ref() == Some(&checked.password_hash)
                };
                let Some(opened) = opened.filter(is_still) else { return Ok(None) };
                let place = SERVICE_ENTRYPOINT;
                attempts::clear(conn, ring, place, Attempt::StaffSignIn, &login_name(&email))?;
                let is_half = opened.secrets.totp.is_some();
                if !is_half {
                    opened.note_sign_in(conn, now)?;
                }
                let token = sessions::begin(conn, &opened.member.id, opened.epoch, is_half, now)?;
                Ok(Some((token, is_half)))
            })
            .await
    }

    /// The session of a token; `None` if it has ended: by its limits, or since the member's role, password or place changed.
    ///
    /// # Errors
    /// Database errors.
    pub async fn session(
        self,
        token: String,
        limits: SessionLimits,
    ) -> Result<Option<StaffSession>, StoreError> {
        let now = clock::now();
        let asked = token.clone();
        let found = self.0.look_up(move |conn, ring| session(conn, ring, asked, limits, now)).await?;
        let Some((found, seen_at_us)) = found else { return Ok(None) };
        // Not on every request: reading a page must not cost a write.
        let after_us = TOUCH_AFTER_US.min(limits.idle_secs.saturating_mul(SECOND_US) / 4);
        if now.0.saturating_sub(seen_at_us) > after_us {
            self.0.administer(move |conn, _| sessions::touch(conn, &token, now)).await?;
        }
        Ok(Some(found))
    }

    /// Checks a code of the second factor, or a recovery code, which is used up. A session that waits for it becomes whole.
    ///
    /// # Errors
    /// Database errors.
    pub async fn confirm(self, token: String, code: String) -> Result<Confirmed, StoreError> {
        self.0.administer(move |conn, ring| confirm(conn, ring, &token, &code)).await
    }

    /// A new secret for an authenticator, as base32. It is not kept: [`Staff::turn_on_totp`] takes it.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn new_totp_secret(self) -> Result<String, StoreError> {
        Ok(totp_secret(random()?))
    }

    /// Gives a member a second factor, once its first code proves that the authenticator has the secret. Returns the recovery
    /// codes, which are shown this once; `None` if the code or the secret is wrong.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if there is no such member; database errors.
    pub async fn turn_on_totp(
        self,
        member_id: String,
        secret: String,
        code: String,
    ) -> Result<Option<Vec<String>>, StoreError> {
        self.0
            .administer(move |conn, ring| {
                let now = clock::now();
                let mut opened = rows::lock(conn, ring, &member_id)?.ok_or(Rejection::NotFound)?;
                let Some(last_step) = totp_step(&secret, &code, now, None) else { return Ok(None) };
                opened.secrets.totp = Some(StoredTotp { secret, last_step });
                let codes = renew_codes(conn, ring, &mut opened)?;
                opened.update(conn, ring, now)?;
                note_own(conn, ActKind::SecondFactorOn, &opened.member, now)?;
                Ok(Some(codes))
            })
            .await
    }

    /// Gives a member new recovery codes; the old ones end.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if there is no such member, or it has no second factor; database errors.
    pub async fn new_recovery_codes(self, member_id: String) -> Result<Vec<String>, StoreError> {
        self.0
            .administer(move |conn, ring| {
                let mut opened = rows::lock(conn, ring, &member_id)?.ok_or(Rejection::NotFound)?;
                if opened.secrets.totp.is_none() {
                    let problem = Problem::field(&[], "no_totp", "the member has no second factor");
                    return Err(Rejection::State(vec![problem]).into());
                }
                let (codes, now) = (renew_codes(conn, ring, &mut opened)?, clock::now());
                opened.update(conn, ring, now)?;
                note_own(conn, ActKind::CodesRenewed, &opened.member, now)?;
                Ok(codes)
            })
            .await
    }

    /// How many recovery codes a member has left.
    ///
    /// # Errors
    /// Database errors.
    pub async fn recovery_codes_left(self, member_id: String) -> Result<usize, StoreError> {
        self.0
            .look_up(move |conn, ring| {
                let found = rows::find(conn, ring, &member_id)?;
                Ok(found.map_or(0, |opened| opened.secrets.recovery.len()))
            })
            .await
    }

    /// Takes the second factor and the recovery codes of a member away.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if there is no such member; database errors.
    pub async fn turn_off_totp(self, member_id: String) -> Result<(), StoreError> {
        self.0
            .administer(move |conn, ring| {
                let mut opened = rows::lock(conn, ring, &member_id)?.ok_or(Rejection::NotFound)?;
                opened.secrets.totp = None;
                opened.secrets.recovery.clear();
                let now = clock::now();
                opened.update(conn, ring, now)?;
                note_own(conn, ActKind::SecondFactorOff, &opened.member, now)
            })
            .await
    }

    /// Counts an attempt of a signed-in member to change the password; `None` if there were too many.
    ///
    /// # Errors
    /// Database errors.
    pub async fn begin_password_change(self, member_id: String) -> Result<Option<StaffAttempt>, StoreError> {
        self.0
            .administer(move |conn, ring| {
                let failures = count(conn, ring, Attempt::StaffChange, &member_id, clock::now())?;
                if failures >= LOCK_FAILURES {
                    return Ok(None);
                }
                let account = account(rows::find(conn, ring, &member_id)?);
                Ok(Some(StaffAttempt { failures, account }))
            })
            .await
    }

    /// Writes another password after a check of the old one, and ends all sessions of the member but one.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if there is no such member; database errors.
    pub async fn change_password(
        self,
        member_id: String,
        password_hash: String,
        keep_session_token: String,
    ) -> Result<(), StoreError> {
        self.0
            .administer(move |conn, ring| {
                let mut opened = rows::lock(conn, ring, &member_id)?.ok_or(Rejection::NotFound)?;
                opened.secrets.password_hash = Some(password_hash);
                opened.epoch += 1;
                let now = clock::now();
                opened.update(conn, ring, now)?;
                note_own(conn, ActKind::PasswordSet, &opened.member, now)?;
                sessions::keep(conn, &member_id, &keep_session_token, opened.epoch)?;
                sessions::end_before(conn, &member_id, opened.epoch)?;
                attempts::clear(conn, ring, SERVICE_ENTRYPOINT, Attempt::StaffChange, &member_id)
            })
            .await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// Database errors.
    pub async fn sign_out(self, token: String) -> Result<(), StoreError> {
        self.0.administer(move |conn, _| sessions::end(conn, &token)).await
    }
}

//! The request token: its signature, its validity and its permissions (rules 1).

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use strum::VariantArray as _;
use tokio::sync::Notify;

use super::allowance::Allowance;
use super::error::Error;
use super::rate_limits::Limits;
use crate::clock;
use crate::domain::accounts::sight::Sight;
use crate::domain::accounts::token::{Claims, Entries, Scope};
use crate::domain::decide::command::Actor;
use crate::domain::kernel::time::{Micros, SECOND_US};
use crate::store::Store;
use crate::vault::unverified_key_id;

/// The greatest age of the list of revoked tokens while requests are accepted, in microseconds (rules 1).
const KNOWLEDGE_MAX_US: i64 = 5 * SECOND_US;
/// How long a request waits for a newer list, unless the last attempt to read one failed.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many verified tokens the guard remembers.
const SIGNED_MAX: usize = 1_024;
/// How many entrypoints the command for another token names.
const ENTRIES_SHOWN: usize = 5;
/// The maximum length of a token, in bytes.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// The verified token of a request.
#[derive(Debug, Clone)]
pub struct Caller(Arc<Claims>);

impl Caller {
    /// A caller whose rights are known already.
    pub(crate) fn of(claims: Claims) -> Caller {
        Caller(Arc::new(claims))
    }

    /// The claims of the token.
    pub fn claims(&self) -> &Claims {
        &self.0
    }

    /// How much the caller sees of stored customers.
    pub fn sight(&self) -> Sight {
        Sight::of(&self.0)
    }

    /// Whether the caller sees what customers paid.
    pub fn sees_money(&self) -> bool {
        self.claims().allows(Scope::MoneyRead)
    }

    /// Whether the caller sees unmasked values.
    pub fn sees_pii(&self) -> bool {
        self.0.allows(Scope::PiiRead)
    }

    /// The command that makes a token with the rights of this one and what it lacks: a scope, or else all entrypoints.
    pub(crate) fn command_with(&self, lacking: &str) -> String {
        let claims = self.claims();
        let mut command = format!("customary token create --org {}", claims.org);
        let mut scopes = claims.scopes.clone();
        let scope = Scope::VARIANTS.iter().find(|scope| scope.name() == lacking);
        scopes.extend(scope);
        scopes.sort_unstable();
        scopes.dedup();
        match &claims.entries {
            Entries::Listed(entries) if scope.is_some() => {
                for entry in entries.iter().take(ENTRIES_SHOWN) {
                    command.push_str(" --entry ");
                    command.push_str(entry);
                }
                if entries.len() > ENTRIES_SHOWN {
                    command.push_str(" --entry …");
                }
            }
            _ => command.push_str(" --all-entries"),
        }
        for scope in scopes {
            command.push_str(" --scope ");
            command.push_str(scope.name());
        }
        command
    }

    /// The actor for the history.
    pub fn actor(&self) -> Actor {
        Actor { name: self.0.sub.clone(), jti: self.0.stored_id().clone() }
    }
}

/// What the gate passes to the handler of a protected route.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    /// The verified token.
    pub(crate) caller: Caller,
    /// The template of the route.
    pub(crate) route: Arc<str>,
    /// Whether the request is HEAD, which handlers of GET answer.
    pub(crate) is_head: bool,
}

/// The tokens in force: the list of revocations that the watcher last read, and the request limits of tokens.
#[derive(Debug, Default)]
pub struct Guard {
    revoked: RwLock<HashSet<String>>,
    /// Revocations by this instance. An older list must not undo them.
    revoked_here: RwLock<HashSet<String>>,
    known_at: AtomicI64,
    /// When the watcher last failed to read the list.
    failed_at: AtomicI64,
    /// Wakes the requests that wait for a newer list.
    looked: Notify,
    limits: Limits,
    /// Tokens with a valid signature, which stays valid. All other checks run on every request.
    signed: RwLock<HashMap<String, Arc<Claims>>>,
}

impl Guard {
    /// Takes a new list of revoked tokens.
    pub fn learn(&self, revoked: Vec<String>, now: Micros) {
        *self.revoked.write().unwrap_or_else(PoisonError::into_inner) = revoked.into_iter().collect();
        self.known_at.store(now.0, Ordering::Release);
        self.looked.notify_waiters();
    }

    /// Notes that the list could not be read.
    pub fn fail(&self, now: Micros) {
        self.failed_at.store(now.0, Ordering::Release);
        self.looked.notify_waiters();
    }

    /// Waits for the next list if the last one is too old and no attempt has failed since. This happens after the
    /// machine slept; the first requests then need no refusal.
    pub async fn wait_until_informed(&self) {
        if self.is_informed(clock::now()) {
            return;
        }
        // Listen before the check, so that no list in between is missed.
        let looked = self.looked.notified();
        let has_failed = self.failed_at.load(Ordering::Acquire) > self.known_at.load(Ordering::Acquire);
        if !has_failed && !self.is_informed(clock::now()) {
            let _ = tokio::time::timeout(PATIENCE, looked).await;
        }
    }

    /// Applies a revocation on this instance at once.
    pub fn revoke(&self, jti: String) {
        self.revoked_here.write().unwrap_or_else(PoisonError::into_inner).insert(jti);
    }

    /// Whether the list is recent enough to accept requests.
    pub fn is_informed(&self, now: Micros) -> bool {
        now.0 - self.known_at.load(Ordering::Acquire) <= KNOWLEDGE_MAX_US
    }

    fn is_revoked(&self, claims: &Claims) -> bool {
        let lists = [&self.revoked, &self.revoked_here];
        lists.into_iter().any(|list| {
            let list = list.read().unwrap_or_else(PoisonError::into_inner);
            claims.revoked_with().any(|id| list.contains(id))
        })
    }

    /// Verifies the token of a request; also what is left of its own request limit, if it has one.
    ///
    /// # Errors
    /// 401; 429 if the token exceeds its own limit; 503 if the revocations are unknown.
    pub fn authenticate(
        &self,
        store: &Store,
        headers: &HeaderMap,
    ) -> Result<(Caller, Option<Allowance>), Error> {
        let claims = self.verify(store, &token_of(headers)?)?;
        // A token counts against its makers' limits too: what is left is what the tightest of them leaves.
        let mut tightest: Option<Allowance> = None;
        for (id, rpm) in claims.limits() {
            let Some(rpm) = NonZeroU32::new(rpm) else { continue };
            let allowance = self.limits.check(id, rpm)?;
            if tightest.is_none_or(|tightest| allowance.remaining < tightest.remaining) {
                tightest = Some(allowance);
            }
        }
        Ok((Caller(claims), tightest))
    }

    /// Verifies a token's text.
    ///
    /// # Errors
    /// 401; 503 if the revocations are unknown.
    pub fn verify(&self, store: &Store, token: &str) -> Result<Arc<Claims>, Error> {
        let now = clock::now();
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Error::Unauthorized("malformed"));
        }
        let claims = self.signed(store, token)?;
        if claims.exp <= now.secs() {
            return Err(Error::Unauthorized("expired"));
        }
        if !self.is_informed(now) {
            return Err(Error::Unavailable);
        }
        if self.is_revoked(&claims) {
            return Err(Error::Unauthorized("revoked"));
        }
        Ok(claims)
    }

    /// The claims of a token with a valid signature; the guard caches them.
    fn signed(&self, store: &Store, token: &str) -> Result<Arc<Claims>, Error> {
        if let Some(claims) = self.signed.read().unwrap_or_else(PoisonError::into_inner).get(token) {
            return Ok(Arc::clone(claims));
        }
        let kid = unverified_key_id(token).ok_or(Error::Unauthorized("malformed"))?;
        let key = store.keys().signing_key(&kid).ok_or(Error::Unauthorized("wrongly signed"))?;
        let claims: Claims = key.verify(token).map_err(|error| match error {
            crate::vault::TokenError::Malformed => Error::Unauthorized("malformed"),
            crate::vault::TokenError::WrongSignature => Error::Unauthorized("wrongly signed"),
        })?;
        let claims = Arc::new(claims);
        let mut signed = self.signed.write().unwrap_or_else(PoisonError::into_inner);
        if signed.len() >= SIGNED_MAX {
            signed.clear();
        }
        signed.insert(token.to_owned(), Arc::clone(&claims));
        Ok(claims)
    }
}

/// Whether a request brings a token, valid or not.
pub(crate) fn has_token(headers: &HeaderMap) -> bool {
    headers.contains_key("requesttoken") || headers.contains_key(AUTHORIZATION)
}

/// The token of a request; two different tokens are refused.
fn token_of(headers: &HeaderMap) -> Result<String, Error> {
    let mut found: Option<String> = None;
    let own = headers.get_all("requesttoken").map(text_of);
    let bearer = headers.get_all(AUTHORIZATION).map(|value| text_of(value).and_then(bearer));
    for token in own.chain(bearer) {
        let token =
            token.map(str::trim).filter(|token| !token.is_empty()).ok_or(Error::Unauthorized("malformed"))?;
        match &found {
            Some(other) if other != token => return Err(Error::Unauthorized("not the only one sent")),
            _ => found = Some(token.to_owned()),
        }
    }
    found.ok_or(Error::Unauthorized("missing"))
}

/// The text of a header if it is ASCII. Faster than `to_str` on the hundreds of bytes of a token.
fn text_of(value: &HeaderValue) -> Option<&str> {
    std::str::from_utf8(value.as_bytes()).ok().filter(|text| text.is_ascii())
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

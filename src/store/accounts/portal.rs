//! The actions of customers in the portal, each in one transaction under the lock of the entrypoint: sign-in attempts,
//! passwords, links, sessions and consent.

use std::sync::Arc;

use super::attempts::{self, Attempt};
use super::links::{self, Link};
use super::sessions::{self, SessionLimits};
use crate::clock;
use crate::domain::accounts::link::LinkKind;
use crate::domain::accounts::sight::Sight;
use crate::domain::accounts::sign_in::{
    LOCK_FAILURES, MAILS_MAX, RESET_SECS, customer_actor, find_account, login_keys, login_name,
    may_have_links, may_sign_in,
};
use crate::domain::customers::consent::{Channel, ConsentChange};
use crate::domain::customers::draft::{Change, Draft};
use crate::domain::customers::record::{Status, Stored};
use crate::domain::decide::command::{
    Action, ChangeConsent, Command, InviteCustomer, Precondition, UpdateCustomer,
};
use crate::domain::kernel::problem::Rejection;
use crate::domain::kernel::time::SECOND_US;
use crate::domain::mail::{MailKind, NewMail};
use crate::store::customers::find::{self, Found};
use crate::store::customers::load::Loaded;
use crate::store::customers::tx::EntrypointTx;
use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;
use crate::store::keys::keyring::KeyRing;
use crate::store::mail;
use crate::store::{Accounts, Reply};

/// The least interval between two updates of the last use of a session, in microseconds.
const TOUCH_AFTER_US: i64 = 60 * SECOND_US;

/// A sign-in attempt, counted as failed until it succeeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInAttempt {
    /// The number of earlier failures that still count.
    pub failures: usize,
    /// The account that the password must match; `None` if nobody can sign in with this name.
    pub account: Option<Account>,
}

/// A customer who can sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// `customerId`.
    pub customer_id: i64,
    /// The argon2id hash of the password.
    pub password_hash: String,
}

impl Account {
    /// The account of a customer who has a password.
    pub fn of(stored: &Stored) -> Option<Account> {
        let password_hash = stored.customer.password_hash.clone()?;
        Some(Account { customer_id: stored.id, password_hash })
    }
}

impl Accounts<'_> {
    /// Runs an action under the lock of the entrypoint.
    async fn locked<T: Send + 'static>(
        self,
        entrypoint_id: i64,
        action: impl FnOnce(&mut Locked<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.0
            .administer(move |conn, ring| {
                let tx = EntrypointTx::lock(conn, entrypoint_id)?;
                action(&mut Locked { conn, ring, entrypoint_id, tx })
            })
            .await
    }

    /// Counts a sign-in attempt and returns the account it is for; `None` if the name is locked.
    ///
    /// # Errors
    /// Database errors.
    pub async fn begin_sign_in(
        self,
        entrypoint_id: i64,
        login: String,
    ) -> Result<Option<SignInAttempt>, StoreError> {
        self.locked(entrypoint_id, move |at| {
            let failures = at.count(Attempt::SignIn, &login_name(&login), LOCK_FAILURES)?;
            if failures >= LOCK_FAILURES {
                return Ok(None);
            }
            let stored = account_of(&at.load(&login)?, &login, |stored| may_sign_in(&stored.customer))?;
            Ok(Some(SignInAttempt { failures, account: stored.and_then(|stored| Account::of(&stored)) }))
        })
        .await
    }

    /// Begins a session after a correct password; `None` if the account has changed meanwhile.
    ///
    /// # Errors
    /// Database errors.
    pub async fn sign_in(
        self,
        entrypoint_id: i64,
        login: String,
        account: Account,
    ) -> Result<Option<String>, StoreError> {
        self.locked(entrypoint_id, move |at| {
            if !at.is_still(&account)? {
                return Ok(None);
            }
            attempts::clear(at.conn, at.ring, entrypoint_id, Attempt::SignIn, &login_name(&login))?;
            sessions::begin(at.conn, entrypoint_id, account.customer_id, at.tx.now).map(Some)
        })
        .await
    }

    /// Locks an account after the last allowed failure.
    ///
    /// # Errors
    /// Database errors.
    pub async fn lock(self, entrypoint_id: i64, account: Account) -> Result<(), StoreError> {
        self.locked(entrypoint_id, move |at| {
            if !at.is_still(&account)? {
                return Ok(());
            }
            let mut draft = Draft::default();
            draft.status = Change::Set(Status::Locked);
            at.update(account.customer_id, draft)?;
            at.notify(account.customer_id, MailKind::Locked)
        })
        .await?;
        self.0.mail_queued.notify_one();
        Ok(())
    }

    /// The customer of a session, if the session is valid and the customer may still be signed in.
    ///
    /// # Errors
    /// Database errors.
    pub async fn session(
        self,
        entrypoint_id: i64,
        token: String,
        limits: SessionLimits,
    ) -> Result<Option<Found>, StoreError> {
        let now = clock::now();
        let asked = token.clone();
        let found = self
            .0
            .read(move |conn, ring| {
                let Some((customer_id, seen)) = sessions::find(conn, entrypoint_id, &asked, limits, now)?
                else {
                    return Ok(None);
                };
                let found = find::find(conn, ring, entrypoint_id, customer_id)?;
                Ok(found
                    .filter(|found| may_sign_in(&found.record.stored.customer))
                    .map(|found| (found, seen)))
            })
            .await?;
        let Some((found, seen)) = found else { return Ok(None) };
        // Not on every request: reading a page must not cost a write.
        let after_us = TOUCH_AFTER_US.min(limits.idle_secs.saturating_mul(SECOND_US) / 4);
        if now.0.saturating_sub(seen.0) > after_us {
            self.0.administer(move |conn, _| sessions::touch(conn, entrypoint_id, &token, now)).await?;
        }
        Ok(Some(found))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// Database errors.
    pub async fn sign_out(self, entrypoint_id: i64, token: String) -> Result<(), StoreError> {
        self.0.administer(move |conn, _| sessions::end(conn, entrypoint_id, &token)).await
    }

    /// A valid link of this entrypoint with its customer.
    ///
    /// # Errors
    /// Database errors.
    pub async fn look_at_link(
        self,
        entrypoint_id: i64,
        token: String,
    ) -> Result<Option<(Link, Found)>, StoreError> {
        let now = clock::now();
        self.0
            .read(move |conn, ring| {
                let Some(link) = links::find(conn, entrypoint_id, &token, now)? else { return Ok(None) };
                let found = find::find(conn, ring, entrypoint_id, link.customer_id)?;
                Ok(found
                    .filter(|found| may_have_links(&found.record.stored.customer))
                    .map(|found| (link, found)))
            })
            .await
    }

    /// Records that somebody sent the form behind a link. Opening the page records nothing: mail scanners open it too.
    ///
    /// # Errors
    /// Database errors.
    pub async fn set_opened(self, entrypoint_id: i64, token: String) -> Result<(), StoreError> {
        let now = clock::now();
        self.0.administer(move |conn, _| links::set_opened(conn, entrypoint_id, &token, now)).await
    }

    /// Uses an invitation or reset link to set the hash of the new password. Unlocks the account and ends all its
    /// sessions. Returns false if the link is no longer valid.
    ///
    /// # Errors
    /// Database errors.
    pub async fn set_password(
        self,
        entrypoint_id: i64,
        token: String,
        password_hash: String,
    ) -> Result<bool, StoreError> {
        let done = self
            .locked(entrypoint_id, move |at| {
                let (link, found) = at.use_link(&token, &[LinkKind::Invitation, LinkKind::Reset])?;
                let mut draft = Draft::default();
                draft.password_hash = Change::Set(password_hash);
                if found.record.stored.customer.status == Status::Locked {
                    draft.status = Change::Set(Status::Active);
                }
                at.update(link.customer_id, draft)?;
                match link.kind {
                    LinkKind::Reset => at.notify(link.customer_id, MailKind::PasswordChanged),
                    _ => Ok(()),
                }
            })
            .await;
        self.0.mail_queued.notify_one();
        is_done(done)
    }

    /// Counts an attempt of a signed-in customer to change the password; false if there were too many.
    ///
    /// # Errors
    /// Database errors.
    pub async fn begin_password_change(
        self,
        entrypoint_id: i64,
        customer_id: i64,
    ) -> Result<bool, StoreError> {
        self.locked(entrypoint_id, move |at| {
            Ok(at.count(Attempt::Change, &customer_id.to_string(), LOCK_FAILURES)? < LOCK_FAILURES)
        })
        .await
    }

    /// Changes the password after a check of the old one, ends all sessions and begins a new one. Returns the token of
    /// the new session, or `None` if the account has changed meanwhile.
    ///
    /// # Errors
    /// Database errors.
    pub async fn change_password(
        self,
        entrypoint_id: i64,
        account: Account,
        password_hash: String,
    ) -> Result<Option<String>, StoreError> {
        let session = self
            .locked(entrypoint_id, move |at| {
                if !at.is_still(&account)? {
                    return Ok(None);
                }
                let id = account.customer_id;
                let mut draft = Draft::default();
                draft.password_hash = Change::Set(password_hash);
                at.update(id, draft)?;
                at.notify(id, MailKind::PasswordChanged)?;
                attempts::clear(at.conn, at.ring, entrypoint_id, Attempt::Change, &id.to_string())?;
                sessions::begin(at.conn, entrypoint_id, id, at.tx.now).map(Some)
            })
            .await?;
        self.0.mail_queued.notify_one();
        Ok(session)
    }

    /// Writes a customer's changes to the own record, on the version that the form showed.
    ///
    /// # Errors
    /// Same as [`Customers::write`].
    pub async fn edit_own_record(
        self,
        entrypoint_id: i64,
        customer_id: i64,
        version: i64,
        draft: Draft,
    ) -> Reply {
        let precondition = Precondition::Versions(vec![version]);
        let action = Action::Update(Box::new(UpdateCustomer { id: customer_id, draft, precondition }));
        self.0.customers().write(command(entrypoint_id, action)).await
    }

    /// Mails a link to the customer with a login name: a reset link to an account, a new invitation to a customer
    /// invited before. The result does not reveal whether anybody has the name.
    ///
    /// # Errors
    /// Database errors.
    pub async fn mail_link(
        self,
        entrypoint_id: i64,
        login: String,
        invitation_secs: i64,
    ) -> Result<(), StoreError> {
        self.locked(entrypoint_id, move |at| {
            if at.count(Attempt::Mail, &login_name(&login), MAILS_MAX)? >= MAILS_MAX {
                return Ok(());
            }
            let loaded = at.load(&login)?;
            let has_account =
                |stored: &Stored| may_have_links(&stored.customer) && stored.customer.password_hash.is_some();
            let was_invited =
                |stored: &Stored| may_have_links(&stored.customer) && stored.customer.invitation.is_some();
            if let Some(stored) = account_of(&loaded, &login, has_account)? {
                let (kind, now) = (MailKind::Reset, at.tx.now);
                return mail::send_link(at.conn, at.ring, entrypoint_id, &stored, kind, now, RESET_SECS);
            }
            let Some(stored) = account_of(&loaded, &login, was_invited)? else { return Ok(()) };
            let invite = InviteCustomer { id: stored.id, again: true, link_ttl_secs: invitation_secs };
            match at.run(Action::Invite(invite)) {
                // Another customer has the address by now, or the customer is archived.
                Err(StoreError::Rejected(_)) => Ok(()),
                done => done,
            }
        })
        .await?;
        self.0.mail_queued.notify_one();
        Ok(())
    }

    /// Records the customer's consent to messages by the link of an opt-in mail, and uses the link. Returns false if
    /// the link is no longer valid.
    ///
    /// # Errors
    /// Database errors.
    pub async fn give_consent(self, entrypoint_id: i64, token: String) -> Result<bool, StoreError> {
        let done = self.locked(entrypoint_id, move |at| {
            let (link, _) = at.use_link(&token, &[LinkKind::Consent])?;
            let change = ConsentChange::OptIn(Channel::ECommunication);
            at.run(Action::Consent(ChangeConsent { id: link.customer_id, change, link_ttl_secs: 0 }))
        });
        is_done(done.await)
    }

    /// Withdraws the consent of a customer who is signed in.
    ///
    /// # Errors
    /// Database errors.
    pub async fn withdraw_consent(
        self,
        entrypoint_id: i64,
        customer_id: i64,
        channel: Channel,
    ) -> Result<(), StoreError> {
        let change = ConsentChange::Withdraw(channel);
        let action = Action::Consent(ChangeConsent { id: customer_id, change, link_ttl_secs: 0 });
        self.0.customers().write(command(entrypoint_id, action)).await?;
        Ok(())
    }

    /// A keyed hash of a cookie, for the forms of the cookie's owner: nobody else can compute it.
    ///
    /// # Errors
    /// Database errors.
    pub async fn form_token(self, cookie: String) -> Result<[u8; 32], StoreError> {
        self.0
            .read(move |conn, ring| {
                Ok(ring.service_key(conn)?.portal().digest_parts([b"form".as_slice(), cookie.as_bytes()]))
            })
            .await
    }

    /// Removes expired sessions and attempts.
    ///
    /// # Errors
    /// Database errors.
    pub async fn purge(self, limits: SessionLimits) -> Result<usize, StoreError> {
        self.0
            .administer(move |conn, _| {
                let now = clock::now();
                Ok(sessions::purge(conn, limits, now)? + attempts::purge(conn, now)?)
            })
            .await
    }
}

/// A customer's action under the lock of the entrypoint.
struct Locked<'a> {
    conn: &'a mut Conn,
    ring: &'a KeyRing,
    entrypoint_id: i64,
    tx: EntrypointTx,
}

impl Locked<'_> {
    /// Counts an attempt unless `most` are counted already; returns the number before.
    fn count(&mut self, attempt: Attempt, name: &str, most: usize) -> Result<usize, StoreError> {
        attempts::count(self.conn, self.ring, self.entrypoint_id, attempt, name, most, self.tx.now)
    }

    fn find(&mut self, customer_id: i64) -> Result<Option<Found>, StoreError> {
        find::find(self.conn, self.ring, self.entrypoint_id, customer_id)
    }

    /// Whether the customer may still sign in with the password that was checked.
    fn is_still(&mut self, account: &Account) -> Result<bool, StoreError> {
        Ok(self.find(account.customer_id)?.is_some_and(|found| {
            let customer = &found.record.stored.customer;
            may_sign_in(customer) && customer.password_hash.as_ref() == Some(&account.password_hash)
        }))
    }

    /// Loads the customers whom a login name may mean.
    fn load(&mut self, login: &str) -> Result<Loaded, StoreError> {
        let mut loaded = self.tx.clone().load(self.conn, self.ring, &[])?;
        loaded.load_keys(self.conn, self.ring, login_keys(login))?;
        Ok(loaded)
    }

    /// Uses a valid link of one of these kinds.
    fn use_link(&mut self, token: &str, kinds: &[LinkKind]) -> Result<(Link, Found), StoreError> {
        let link = links::consume(self.conn, self.entrypoint_id, token, self.tx.now)?
            .filter(|link| kinds.contains(&link.kind))
            .ok_or(Rejection::NotFound)?;
        let found = self
            .find(link.customer_id)?
            .filter(|found| may_have_links(&found.record.stored.customer))
            .ok_or(Rejection::NotFound)?;
        Ok((link, found))
    }

    /// Changes a customer as PUT does.
    fn update(&mut self, id: i64, draft: Draft) -> Result<(), StoreError> {
        self.run(Action::Update(Box::new(UpdateCustomer { id, draft, precondition: Precondition::None })))
    }

    /// Decides and saves a customer's own action.
    fn run(&mut self, action: Action) -> Result<(), StoreError> {
        let command = command(self.entrypoint_id, action);
        let (replies, _) = self.tx.clone().run(self.conn, self.ring, &[&command], 0)?;
        replies.into_iter().try_for_each(|reply| reply.map(drop))
    }

    fn notify(&mut self, customer_id: i64, kind: MailKind) -> Result<(), StoreError> {
        let mail = NewMail::of(self.entrypoint_id, customer_id, kind);
        mail::enqueue(self.conn, self.ring, &mail, self.tx.now)
    }
}

fn account_of(
    loaded: &Loaded,
    login: &str,
    fits: impl FnMut(&Stored) -> bool,
) -> Result<Option<Arc<Stored>>, StoreError> {
    find_account(&loaded.working_set, login, fits)
        .map_err(|_| StoreError::Bug("a login key was not loaded".into()))
}

fn command(entrypoint_id: i64, action: Action) -> Command {
    Command { entrypoint_id, actor: customer_actor(), sight: Sight::FULL, idempotency: None, action }
}

/// Whether an action with a link succeeded; if not, the transaction has rolled back.
fn is_done(result: Result<(), StoreError>) -> Result<bool, StoreError> {
    match result {
        Ok(()) => Ok(true),
        Err(StoreError::Rejected(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

//! The actions of customers in the portal, each in one transaction under the lock of the entrypoint: sign-in attempts,
//! passwords, links, sessions and consent.

use super::attempts::{self, Attempt};
use super::links::{self, Link};
use super::sessions::{self, SessionLimits};
use crate::clock;
use crate::domain::accounts::link::LinkKind;
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
use crate::domain::kernel::time::{Micros, SECOND_US};
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
    /// Counts a sign-in attempt and returns the account it is for; `None` if the name is locked.
    ///
    /// # Errors
    /// Database errors.
    pub async fn begin_sign_in(
        self,
        entrypoint_id: i64,
        login: String,
    ) -> Result<Option<SignInAttempt>, StoreError> {
        self.0
            .administer(move |conn, ring| {
                let tx = EntrypointTx::lock(conn, entrypoint_id)?;
                let now = tx.now;
                let name = login_name(&login);
                let failures =
                    attempts::count(conn, ring, entrypoint_id, Attempt::SignIn, &name, LOCK_FAILURES, now)?;
                if failures >= LOCK_FAILURES {
                    return Ok(None);
                }
                let mut loaded = tx.clone().load(conn, ring, &[])?;
                let account =
                    account_of(conn, ring, &mut loaded, &login, |stored| may_sign_in(&stored.customer))?;
                Ok(Some(SignInAttempt { failures, account: account.and_then(|stored| Account::of(&stored)) }))
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
        self.0
            .administer(move |conn, ring| {
                let now = EntrypointTx::lock(conn, entrypoint_id)?.now;
                let found = find::find(conn, ring, entrypoint_id, account.customer_id)?;
                if !found.is_some_and(|found| is_still(&found.record.stored, &account)) {
                    return Ok(None);
                }
                attempts::clear(conn, ring, entrypoint_id, Attempt::SignIn, &login_name(&login))?;
                sessions::begin(conn, entrypoint_id, account.customer_id, now).map(Some)
            })
            .await
    }

    /// Locks an account after the last allowed failure.
    ///
    /// # Errors
    /// Database errors.
    pub async fn lock(self, entrypoint_id: i64, account: Account) -> Result<(), StoreError> {
        self.0
            .administer(move |conn, ring| {
                let tx = EntrypointTx::lock(conn, entrypoint_id)?;
                let now = tx.now;
                let found = find::find(conn, ring, entrypoint_id, account.customer_id)?;
                if !found.is_some_and(|found| is_still(&found.record.stored, &account)) {
                    return Ok(());
                }
                let mut draft = Draft::default();
                draft.status = Change::Set(Status::Locked);
                update(conn, ring, tx, account.customer_id, draft)?;
                notify(conn, ring, entrypoint_id, account.customer_id, MailKind::Locked, now)
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

    /// A valid link of this entrypoint with its customer; records that somebody opened its page.
    ///
    /// # Errors
    /// Database errors.
    pub async fn look_at_link(
        self,
        entrypoint_id: i64,
        token: String,
    ) -> Result<Option<(Link, Found)>, StoreError> {
        let now = clock::now();
        let asked = token.clone();
        let found = self
            .0
            .read(move |conn, ring| {
                let Some(link) = links::find(conn, entrypoint_id, &asked, now)? else { return Ok(None) };
                let found = find::find(conn, ring, entrypoint_id, link.customer_id)?;
                Ok(found
                    .filter(|found| may_have_links(&found.record.stored.customer))
                    .map(|found| (link, found)))
            })
            .await?;
        if found.as_ref().is_some_and(|(link, _)| link.opened_at.is_none()) {
            self.0.administer(move |conn, _| links::look(conn, entrypoint_id, &token, now)).await?;
        }
        Ok(found)
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
            .0
            .administer(move |conn, ring| {
                let tx = EntrypointTx::lock(conn, entrypoint_id)?;
                let now = tx.now;
                let link = links::consume(conn, entrypoint_id, &token, now)?
                    .filter(|link| matches!(link.kind, LinkKind::Invitation | LinkKind::Reset))
                    .ok_or(Rejection::NotFound)?;
                let found = find::find(conn, ring, entrypoint_id, link.customer_id)?
                    .filter(|found| may_have_links(&found.record.stored.customer))
                    .ok_or(Rejection::NotFound)?;
                let mut draft = Draft::default();
                draft.password_hash = Change::Set(password_hash);
                if found.record.stored.customer.status == Status::Locked {
                    draft.status = Change::Set(Status::Active);
                }
                update(conn, ring, tx, link.customer_id, draft)?;
                if link.kind == LinkKind::Reset {
                    notify(conn, ring, entrypoint_id, link.customer_id, MailKind::PasswordChanged, now)?;
                }
                Ok(())
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
        self.0
            .administer(move |conn, ring| {
                let now = EntrypointTx::lock(conn, entrypoint_id)?.now;
                let name = customer_id.to_string();
                let failures =
                    attempts::count(conn, ring, entrypoint_id, Attempt::Change, &name, LOCK_FAILURES, now)?;
                Ok(failures < LOCK_FAILURES)
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
            .0
            .administer(move |conn, ring| {
                let tx = EntrypointTx::lock(conn, entrypoint_id)?;
                let now = tx.now;
                let id = account.customer_id;
                let found = find::find(conn, ring, entrypoint_id, id)?;
                if !found.is_some_and(|found| is_still(&found.record.stored, &account)) {
                    return Ok(None);
                }
                let mut draft = Draft::default();
                draft.password_hash = Change::Set(password_hash);
                update(conn, ring, tx, id, draft)?;
                notify(conn, ring, entrypoint_id, id, MailKind::PasswordChanged, now)?;
                attempts::clear(conn, ring, entrypoint_id, Attempt::Change, &id.to_string())?;
                sessions::begin(conn, entrypoint_id, id, now).map(Some)
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
        self.0
            .customers()
            .write(Command { entrypoint_id, actor: customer_actor(), idempotency: None, action })
            .await
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
        self.0
            .administer(move |conn, ring| {
                let tx = EntrypointTx::lock(conn, entrypoint_id)?;
                let now = tx.now;
                let name = login_name(&login);
                let before =
                    attempts::count(conn, ring, entrypoint_id, Attempt::Mail, &name, MAILS_MAX, now)?;
                if before >= MAILS_MAX {
                    return Ok(());
                }
                let mut loaded = tx.clone().load(conn, ring, &[])?;
                let has_account = |stored: &Stored| {
                    may_have_links(&stored.customer) && stored.customer.password_hash.is_some()
                };
                let was_invited = |stored: &Stored| {
                    may_have_links(&stored.customer) && stored.customer.invitation.is_some()
                };
                if let Some(stored) = account_of(conn, ring, &mut loaded, &login, has_account)? {
                    let kind = MailKind::Reset;
                    return mail::send_link(conn, ring, entrypoint_id, &stored, kind, now, RESET_SECS);
                }
                let Some(stored) = account_of(conn, ring, &mut loaded, &login, was_invited)? else {
                    return Ok(());
                };
                let invite = InviteCustomer { id: stored.id, again: true, link_ttl_secs: invitation_secs };
                match run(conn, ring, tx, Action::Invite(invite)) {
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
        let done = self
            .0
            .administer(move |conn, ring| {
                let tx = EntrypointTx::lock(conn, entrypoint_id)?;
                let now = tx.now;
                let link = links::consume(conn, entrypoint_id, &token, now)?
                    .filter(|link| link.kind == LinkKind::Consent)
                    .ok_or(Rejection::NotFound)?;
                find::find(conn, ring, entrypoint_id, link.customer_id)?
                    .filter(|found| may_have_links(&found.record.stored.customer))
                    .ok_or(Rejection::NotFound)?;
                let change = ConsentChange::OptIn(Channel::ECommunication);
                let consent = ChangeConsent { id: link.customer_id, change, link_ttl_secs: 0 };
                run(conn, ring, tx, Action::Consent(consent))
            })
            .await;
        is_done(done)
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
        self.0
            .customers()
            .write(Command { entrypoint_id, actor: customer_actor(), idempotency: None, action })
            .await?;
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

/// Whether the customer may still sign in with the password that was checked.
fn is_still(stored: &Stored, account: &Account) -> bool {
    may_sign_in(&stored.customer)
        && stored.customer.password_hash.as_deref() == Some(account.password_hash.as_str())
}

fn account_of(
    conn: &mut Conn,
    ring: &KeyRing,
    loaded: &mut Loaded,
    login: &str,
    fits: impl FnMut(&Stored) -> bool,
) -> Result<Option<std::sync::Arc<Stored>>, StoreError> {
    loaded.load_keys(conn, ring, login_keys(login))?;
    find_account(&loaded.working_set, login, fits)
        .map_err(|_| StoreError::Bug("a login key was not loaded".into()))
}

/// Changes a customer as PUT does, within a larger transaction.
fn update(
    conn: &mut Conn,
    ring: &KeyRing,
    tx: EntrypointTx,
    id: i64,
    draft: Draft,
) -> Result<(), StoreError> {
    let update = UpdateCustomer { id, draft, precondition: Precondition::None };
    run(conn, ring, tx, Action::Update(Box::new(update)))
}

/// Decides and saves a customer's own action, within a larger transaction.
fn run(conn: &mut Conn, ring: &KeyRing, tx: EntrypointTx, action: Action) -> Result<(), StoreError> {
    let entrypoint_id = tx.lock_row.entrypoint_id;
    let command = Command { entrypoint_id, actor: customer_actor(), idempotency: None, action };
    let (replies, _) = tx.run(conn, ring, &[&command], 0)?;
    replies.into_iter().try_for_each(|reply| reply.map(drop))
}

fn notify(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    customer_id: i64,
    kind: MailKind,
    now: Micros,
) -> Result<(), StoreError> {
    mail::enqueue(conn, ring, &NewMail { entrypoint_id, customer_id, kind, link: None }, now)
}

/// Whether an action with a link succeeded; if not, the transaction has rolled back.
fn is_done(result: Result<(), StoreError>) -> Result<bool, StoreError> {
    match result {
        Ok(()) => Ok(true),
        Err(StoreError::Rejected(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

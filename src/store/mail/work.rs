//! Leases of mails by database time, and the results of the tries.
//!
//! A row goes `queued` → `sending` → `handingOver` → `sent`, or without a mail server `queued` → `sending` → `written`. Only the holder of the newest lease changes it. In
//! `sending`, the mail server has nothing yet: once the lease expires, another worker sends the mail. A worker marks
//! `handingOver` just before it gives the mail server the message. If the process then dies, the result is unknown, and
//! nobody sends the mail again.

use diesel::dsl::{exists, select};
use diesel::prelude::*;

use super::{MailId, MailRow, row};
use crate::clock;
use crate::domain::kernel::time::Micros;
use crate::domain::mail::{AGE_MAX_US, ATTEMPTS_MAX, Letter, MailState, pause_us};
use crate::store::Mails;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::mail_outbox;
use crate::store::jobs::lease::LEASE_US;
use crate::store::keys::keyring::KeyRing;
use crate::vault::random;

/// How many abandoned mails one pass reads.
const EXPIRED_MAX: i64 = 1_000;

/// A mail with the lease of a worker.
#[derive(Debug, Clone)]
pub struct MailLease {
    /// The mail.
    pub id: MailId,
    /// The number of the lease; a worker with an older number can change nothing.
    pub number: i64,
    /// The recipient.
    pub customer_id: i64,
    /// The content.
    pub letter: Letter,
}

/// The result of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// The worker is about to hand the mail over.
    HandingOver,
    /// The mail server accepted the mail.
    Sent,
    /// The mail is a file in a folder.
    Written {
        /// The folder.
        folder: String,
    },
    /// The mail is due again after a pause.
    Later {
        /// The reason, as a problem code.
        problem: String,
        /// The first pause, in microseconds.
        first_pause_us: i64,
    },
    /// The mail goes back to the queue as if no worker had taken it: the mail server was unreachable.
    Back {
        /// The reason, as a problem code.
        problem: String,
    },
    /// The mail failed for good.
    Failed {
        /// The reason, as a problem code.
        problem: String,
    },
}

/// Mails that are due at a time.
macro_rules! due {
    ($now:expr) => {
        mail_outbox::table
            .filter(mail_outbox::state.eq(MailState::Queued.name()))
            .filter(mail_outbox::next_try_us.le($now.0))
    };
}

/// Mails whose worker is silent for too long.
macro_rules! silent {
    ($now:expr) => {
        mail_outbox::table
            .filter(mail_outbox::state.eq_any([MailState::Sending.name(), MailState::HandingOver.name()]))
            .filter(
                mail_outbox::lease_until_us
                    .lt($now.0)
                    .or(mail_outbox::lease_until_us.gt($now.latest_lease(LEASE_US))),
            )
    };
}

/// Takes mails that are due.
fn take(conn: &mut Conn, ring: &KeyRing, now: Micros, limit: i64) -> Result<Vec<MailLease>, StoreError> {
    let due = due!(now).order((mail_outbox::next_try_us, mail_outbox::mail_id)).limit(limit);
    let rows: Vec<MailRow> = match conn {
        Conn::Sqlite(c, ..) => due.select(MailRow::as_select()).load(c)?,
        Conn::Postgres(c) => due.select(MailRow::as_select()).for_update().skip_locked().load(c)?,
    };
    let mut leases = Vec::with_capacity(rows.len());
    for row in rows {
        if row.created_at_us + AGE_MAX_US < now.0 {
            end(conn, row.id(), MailState::Failed, Some("too old"), now)?;
            continue;
        }
        let content = match row.content(conn, ring) {
            Ok(Some(content)) => content,
            // A damaged mail must not hold up the others.
            Ok(None) | Err(StoreError::Corrupt(_)) => {
                tracing::error!(mail = row.mail_id, "cannot open the content of a mail");
                end(conn, row.id(), MailState::Failed, Some("cannot open its content"), now)?;
                continue;
            }
            Err(error) => return Err(error),
        };
        on!(conn, |c| diesel::update(mail_outbox::table.find(row.id()))
            .set((
                mail_outbox::state.eq(MailState::Sending.name()),
                mail_outbox::lease_no.eq(row.lease_no + 1),
                mail_outbox::lease_until_us.eq(now.0 + LEASE_US),
            ))
            .execute(c))?;
        leases.push(MailLease {
            id: row.id(),
            number: row.lease_no + 1,
            customer_id: row.customer_id,
            letter: Letter {
                kind: row.kind()?,
                customer_id: row.customer_id,
                message_id: row.message_id,
                created_at: Micros(row.created_at_us),
                address: content.address,
                name: content.name,
                link: content.link,
                receipt: content.receipt,
                invoice_id: content.invoice_id,
                invoice: None,
                order: content.order,
                request: content.request,
                staff: content.staff,
            },
        });
    }
    Ok(leases)
}

/// Handles mails whose worker went silent: queues those not handed over again, and marks the others uncertain.
fn expire(conn: &mut Conn, now: Micros) -> Result<usize, StoreError> {
    let silent = silent!(now)
        .limit(EXPIRED_MAX)
        .select(((mail_outbox::entrypoint_id, mail_outbox::mail_id), mail_outbox::state));
    let silent: Vec<(MailId, String)> = match conn {
        Conn::Sqlite(c, ..) => silent.load(c)?,
        Conn::Postgres(c) => silent.for_update().skip_locked().load(c)?,
    };
    let mut uncertain = 0;
    for (id, state) in silent {
        if state == MailState::HandingOver.name() {
            uncertain += 1;
            end(conn, id, MailState::Uncertain, Some("the service stopped while handing it over"), now)?;
        } else {
            on!(conn, |c| diesel::update(mail_outbox::table.find(id))
                .set(mail_outbox::state.eq(MailState::Queued.name()))
                .execute(c))?;
        }
    }
    Ok(uncertain)
}

/// Ends a mail and wipes its content.
fn end(
    conn: &mut Conn,
    id: MailId,
    state: MailState,
    problem: Option<&str>,
    now: Micros,
) -> Result<(), StoreError> {
    let nothing: Option<Vec<u8>> = None;
    on!(conn, |c| diesel::update(mail_outbox::table.find(id))
        .set((
            mail_outbox::state.eq(state.name()),
            mail_outbox::salt.eq(&nothing),
            mail_outbox::content.eq(&nothing),
            mail_outbox::problem.eq(problem),
            mail_outbox::ended_at_us.eq(Some(now.0)),
        ))
        .execute(c))?;
    Ok(())
}

/// Records the result of a try; returns false and changes nothing if the worker has lost the mail.
fn mark(conn: &mut Conn, id: MailId, number: i64, mark: Mark, now: Micros) -> Result<bool, StoreError> {
    if let Conn::Postgres(c) = conn {
        mail_outbox::table.find(id).select(mail_outbox::mail_id).for_update().first::<i64>(c).optional()?;
    }
    let Some(row) = row(conn, id)?.filter(|row| row.lease_no == number) else { return Ok(false) };
    let state = row.state()?;
    if !matches!(state, MailState::Sending | MailState::HandingOver) {
        return Ok(false);
    }
    match mark {
        Mark::HandingOver => {
            // A worker whose lease expired may no longer decide.
            let kept = on!(conn, |c| diesel::update(
                mail_outbox::table.find(id).filter(mail_outbox::lease_until_us.ge(now.0))
            )
            .set((
                mail_outbox::state.eq(MailState::HandingOver.name()),
                mail_outbox::lease_until_us.eq(now.0 + LEASE_US),
            ))
            .execute(c))?;
            return Ok(kept == 1);
        }
        Mark::Sent => end(conn, id, MailState::Sent, None, now)?,
        Mark::Written { folder } => {
            end(conn, id, MailState::Written, None, now)?;
            on!(conn, |c| diesel::update(mail_outbox::table.find(id))
                .set(mail_outbox::folder.eq(Some(folder)))
                .execute(c))?;
        }
        // The mail was taken back during a hand-over that then failed.
        Mark::Later { .. } | Mark::Back { .. } if row.content.is_none() => {
            end(conn, id, MailState::Dropped, None, now)?;
        }
        Mark::Failed { problem } => end(conn, id, MailState::Failed, Some(&problem), now)?,
        Mark::Later { problem, .. } if row.attempts + 1 >= ATTEMPTS_MAX => {
            end(conn, id, MailState::Failed, Some(&problem), now)?;
        }
        Mark::Later { problem, first_pause_us } => {
            let attempts = row.attempts + 1;
            let jitter = u32::from_be_bytes(random()?);
            put_back(conn, id, attempts, now.0 + pause_us(attempts, first_pause_us, jitter), &problem)?;
        }
        Mark::Back { problem } => put_back(conn, id, row.attempts, row.next_try_us, &problem)?,
    }
    Ok(true)
}

fn put_back(
    conn: &mut Conn,
    id: MailId,
    attempts: i64,
    next_try_us: i64,
    problem: &str,
) -> Result<(), StoreError> {
    on!(conn, |c| diesel::update(mail_outbox::table.find(id))
        .set((
            mail_outbox::state.eq(MailState::Queued.name()),
            mail_outbox::attempts.eq(attempts),
            mail_outbox::next_try_us.eq(next_try_us),
            mail_outbox::problem.eq(Some(problem)),
        ))
        .execute(c))?;
    Ok(())
}

impl Mails<'_> {
    /// Takes mails that are due, and handles mails whose worker went silent.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn take(self, limit: i64) -> Result<Vec<MailLease>, StoreError> {
        // A reader checks first, so that an idle worker takes no lock.
        let waits = self
            .0
            .read(|conn, _| {
                let now = conn.shared_now(clock::now())?;
                let due: bool = on!(conn, |c| select(exists(due!(now))).get_result(c))?;
                let silent: bool = on!(conn, |c| select(exists(silent!(now))).get_result(c))?;
                Ok((due, silent))
            })
            .await?;
        if waits == (false, false) {
            return Ok(Vec::new());
        }
        let (leases, uncertain) = self
            .0
            .administer(move |conn, ring| {
                let now = conn.shared_now(clock::now())?;
                let uncertain = if waits.1 { expire(conn, now)? } else { 0 };
                Ok((take(conn, ring, now, limit)?, uncertain))
            })
            .await?;
        if uncertain > 0 {
            tracing::warn!(
                mails = uncertain,
                "it is unknown whether some mails were sent; the outbox lists them as uncertain"
            );
        }
        Ok(leases)
    }

    /// Records the results of some tries, in one transaction; returns for each whether the worker still had the mail.
    ///
    /// # Errors
    /// Database errors; nothing is then saved.
    pub async fn mark(self, marks: Vec<(MailId, i64, Mark)>) -> Result<Vec<bool>, StoreError> {
        self.0
            .administer(move |conn, _| {
                let now = conn.shared_now(clock::now())?;
                marks.into_iter().map(|(id, number, done)| mark(conn, id, number, done, now)).collect()
            })
            .await
    }

    /// Renews the leases of mails that a worker still holds.
    ///
    /// # Errors
    /// Database errors.
    pub async fn keep(self, held: Vec<(MailId, i64)>) -> Result<(), StoreError> {
        self.0
            .administer(move |conn, _| {
                let until_us = conn.shared_now(clock::now())?.0 + LEASE_US;
                for (id, number) in held {
                    on!(conn, |c| diesel::update(
                        mail_outbox::table
                            .find(id)
                            .filter(mail_outbox::lease_no.eq(number))
                            .filter(mail_outbox::ended_at_us.is_null()),
                    )
                    .set(mail_outbox::lease_until_us.eq(until_us))
                    .execute(c))?;
                }
                Ok(())
            })
            .await
    }
}

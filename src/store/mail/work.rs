//! Who sends which mail: leases by the database's time, and what became of each try.
//!
//! A row goes `queued` → `sending` → `handingOver` → `sent`. Only the holder of the newest lease moves it. While it is
//! `sending`, nothing was handed over, and whoever finds its lease expired sends it. `handingOver` is marked just before the
//! mail server gets the message: a process that dies then leaves a mail of which nobody knows, and it is not sent again.

use diesel::dsl::exists;
use diesel::prelude::*;

use super::{MailId, MailRow, row};
use crate::clock;
use crate::domain::kernel::time::Micros;
use crate::domain::mail::{AGE_MAX_US, ATTEMPTS_MAX, Letter, MailState, pause_us};
use crate::store::Mails;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::mail_outbox;
use crate::store::jobs::lease::{LEASE_US, shared_now};
use crate::store::keys::keyring::KeyRing;
use crate::vault::random;

/// How many abandoned mails are looked at at once.
const EXPIRED_MAX: i64 = 1_000;

/// A mail in a worker's hands.
#[derive(Debug, Clone)]
pub struct MailLease {
    /// Which mail.
    pub id: MailId,
    /// The lease's number: with another one, nothing this worker does counts.
    pub number: i64,
    /// To whom.
    pub customer_id: i64,
    /// What it says.
    pub letter: Letter,
}

/// What became of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// About to be handed over.
    HandingOver,
    /// Taken by the mail server.
    Sent,
    /// To be tried again after a pause, the first of which has so many microseconds.
    Later {
        /// Why, in a word of ours.
        problem: String,
        /// The first pause, in microseconds.
        first_pause_us: i64,
    },
    /// Put back as if it had not been taken: the mail server could not be spoken to at all.
    Back {
        /// Why, in a word of ours.
        problem: String,
    },
    /// Given up.
    Failed {
        /// Why, in a word of ours.
        problem: String,
    },
}

/// Takes mails that are due.
fn take(conn: &mut Conn, ring: &KeyRing, now: Micros, limit: i64) -> Result<Vec<MailLease>, StoreError> {
    macro_rules! due {
        () => {
            mail_outbox::table
                .filter(mail_outbox::state.eq(MailState::Queued.name()))
                .filter(mail_outbox::next_try_us.le(now.0))
                .order((mail_outbox::next_try_us, mail_outbox::mail_id))
                .limit(limit)
                .select(MailRow::as_select())
        };
    }
    let rows: Vec<MailRow> = match conn {
        Conn::Sqlite(c, ..) => due!().load(c)?,
        Conn::Postgres(c) => due!().for_update().skip_locked().load(c)?,
    };
    let mut leases = Vec::with_capacity(rows.len());
    for row in rows {
        if row.created_at_us + AGE_MAX_US < now.0 {
            end(conn, row.id(), MailState::Failed, Some("too old"), now)?;
            continue;
        }
        let content = match row.content(conn, ring) {
            Ok(Some(content)) => content,
            // It must not hold up the others.
            Ok(None) | Err(StoreError::Corrupt(_)) => {
                tracing::error!(mail = row.mail_id, "a mail's content does not open");
                end(conn, row.id(), MailState::Failed, Some("its content does not open"), now)?;
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
                message_id: row.message_id,
                created_at: Micros(row.created_at_us),
                address: content.address,
                name: content.name,
                link: content.link,
            },
        });
    }
    Ok(leases)
}

/// Looks after mails whose worker went silent: what was not handed over is queued again, the rest is uncertain.
fn expire(conn: &mut Conn, now: Micros) -> Result<usize, StoreError> {
    let states = [MailState::Sending.name(), MailState::HandingOver.name()];
    macro_rules! silent {
        () => {
            mail_outbox::table
                .filter(mail_outbox::state.eq_any(states))
                .filter(mail_outbox::lease_until_us.lt(now.0))
                .limit(EXPIRED_MAX)
                .select(((mail_outbox::entrypoint_id, mail_outbox::mail_id), mail_outbox::state))
        };
    }
    let silent: Vec<(MailId, String)> = match conn {
        Conn::Sqlite(c, ..) => silent!().load(c)?,
        Conn::Postgres(c) => silent!().for_update().skip_locked().load(c)?,
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

/// Ends a mail and wipes what it says.
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

/// Says what became of a try; false where the mail is not this worker's any more, and nothing was changed.
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
            // A lease that ran out is no longer anybody's word.
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
        // Taken back while it was handed over, in vain as it turned out.
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
    /// Takes mails that are due, and looks after those whose worker went silent.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn take(self, limit: i64) -> Result<Vec<MailLease>, StoreError> {
        // Asked of a reader first: an idle worker takes no lock.
        let waits = self
            .0
            .read(|conn, _| {
                let now = shared_now(conn, clock::now())?;
                let due: bool = on!(conn, |c| diesel::select(exists(
                    mail_outbox::table
                        .filter(mail_outbox::state.eq(MailState::Queued.name()))
                        .filter(mail_outbox::next_try_us.le(now.0)),
                ))
                .get_result(c))?;
                let states = [MailState::Sending.name(), MailState::HandingOver.name()];
                let silent: bool = on!(conn, |c| diesel::select(exists(
                    mail_outbox::table
                        .filter(mail_outbox::state.eq_any(states))
                        .filter(mail_outbox::lease_until_us.lt(now.0)),
                ))
                .get_result(c))?;
                Ok((due, silent))
            })
            .await?;
        if waits == (false, false) {
            return Ok(Vec::new());
        }
        let (leases, uncertain) = self
            .0
            .administer(move |conn, ring| {
                let now = shared_now(conn, clock::now())?;
                let uncertain = if waits.1 { expire(conn, now)? } else { 0 };
                Ok((take(conn, ring, now, limit)?, uncertain))
            })
            .await?;
        if uncertain > 0 {
            tracing::warn!(
                mails = uncertain,
                "nobody knows whether some mails were sent; they are uncertain in the outbox"
            );
        }
        Ok(leases)
    }

    /// Says what became of some tries, in one transaction; which of them still were this worker's.
    ///
    /// # Errors
    /// Database errors; nothing is then saved.
    pub async fn mark(self, marks: Vec<(MailId, i64, Mark)>) -> Result<Vec<bool>, StoreError> {
        self.0
            .administer(move |conn, _| {
                let now = shared_now(conn, clock::now())?;
                marks.into_iter().map(|(id, number, done)| mark(conn, id, number, done, now)).collect()
            })
            .await
    }

    /// Says that a worker is still at its mails.
    ///
    /// # Errors
    /// Database errors.
    pub async fn keep(self, held: Vec<(MailId, i64)>) -> Result<(), StoreError> {
        self.0
            .administer(move |conn, _| {
                let until_us = shared_now(conn, clock::now())?.0 + LEASE_US;
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

//! The interface to mails for requests and for their removal; that for workers is in `work.rs`.

use diesel::prelude::*;

use super::{MailId, OutboxMail, OutboxRequest, list, retry, row, told};
use crate::clock;
use crate::domain::decide::command::KeyUse;
use crate::domain::kernel::problem::Rejection;
use crate::store::Mails;
use crate::store::engine::conn::on;
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::mail_outbox;

/// The maximum number of rows that one transaction removes.
const REMOVED_MAX: i64 = 1_000;

impl Mails<'_> {
    /// Mails of an entrypoint, newest first, and the total number.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn outbox(
        self,
        entrypoint_id: i64,
        request: OutboxRequest,
    ) -> Result<(Vec<OutboxMail>, i64), StoreError> {
        self.0.read(move |conn, ring| list(conn, ring, entrypoint_id, request)).await
    }

    /// Queues a failed mail again. Returns its state, and whether the same key already did this.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if there is no such mail, its state forbids it, or another request used the key.
    pub async fn retry(
        self,
        entrypoint_id: i64,
        mail_id: i64,
        link_ttl_secs: i64,
        key_use: Option<KeyUse>,
    ) -> Result<(OutboxMail, bool), StoreError> {
        let (_, replayed) = self
            .0
            .administer_once(key_use, move |conn, ring| {
                retry(conn, ring, entrypoint_id, mail_id, clock::now(), link_ttl_secs)?;
                Ok(mail_id.to_string())
            })
            .await?;
        let mail = self.find(entrypoint_id, mail_id).await;
        // Wake the sender only now, so that the answer shows the mail as queued.
        self.0.mail_queued.notify_one();
        Ok((mail?, replayed))
    }

    /// The current state of a mail.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if there is no such mail; database errors.
    pub async fn find(self, entrypoint_id: i64, mail_id: i64) -> Result<OutboxMail, StoreError> {
        let found = self
            .0
            .read(move |conn, ring| {
                row(conn, (entrypoint_id, mail_id))?.map(|row| told(conn, ring, row)).transpose()
            })
            .await?;
        Ok(found.ok_or(Rejection::NotFound)?)
    }

    /// Wakes all tasks that wait for mails, so that they see the end of the process.
    pub fn wake_workers(self) {
        self.0.mail_queued.notify_waiters();
    }

    /// Waits until this process queues a mail.
    pub async fn queued(self) {
        self.0.mail_queued.notified().await;
    }

    /// Removes some of the mails that ended more than `retention_secs` ago; returns how many.
    ///
    /// # Errors
    /// Database errors.
    pub async fn purge(self, retention_secs: i64) -> Result<usize, StoreError> {
        self.0
            .administer(move |conn, _| {
                let before = conn.shared_now(clock::now())?.plus_secs(-retention_secs);
                let ids: Vec<MailId> = on!(conn, |c| mail_outbox::table
                    .filter(mail_outbox::ended_at_us.lt(before.0))
                    .limit(REMOVED_MAX)
                    .select((mail_outbox::entrypoint_id, mail_outbox::mail_id))
                    .load(c))?;
                for id in &ids {
                    on!(conn, |c| diesel::delete(mail_outbox::table.find(*id)).execute(c))?;
                }
                Ok(ids.len())
            })
            .await
    }
}

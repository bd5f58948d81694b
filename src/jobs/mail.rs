//! Sends what waits in the outbox: to a mail server over some connections, or into a folder.
//!
//! A mail is sent once. It is marked as about to be handed over when the mail server has said that it wants the message and
//! before it gets it; what fails before that is tried again. What the server did not answer for is tried again too, under
//! the same Message-ID: until its "250" the message is ours to deliver (RFC 5321, 4.2.5).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::{StopSignal, again_if_cut};
use crate::domain::mail::MailKind;
use crate::mail::{Composed, Composer, Connection, Folder, SmtpOptions, Transport, Trouble};
use crate::store::{MailId, MailLease, Mark, Store, StoreError};

/// How often mails are looked for that another process queued, or that are due again.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often a worker says that it is still there; its lease is three times as long.
const KEEP_EVERY: Duration = Duration::from_secs(5);
/// How many mails are taken at once.
const SMTP_MAILS: i64 = 10;
const FOLDER_MAILS: i64 = 100;
/// How long to leave a mail server alone that cannot be spoken to: the first time, and at most.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_mins(1);

/// What all workers of a process share.
#[derive(Debug)]
pub struct Mailer {
    store: Arc<Store>,
    composer: Composer,
    first_pause_us: i64,
    stop: StopSignal,
}

/// Sends mails for as long as the service runs; the first pause before another try is `retry`.
pub async fn work(
    store: Arc<Store>,
    composer: Composer,
    transport: Transport,
    retry: Duration,
    stop: StopSignal,
) {
    let first_pause_us = i64::try_from(retry.as_micros()).unwrap_or(i64::MAX);
    let mailer = Arc::new(Mailer { store, composer, first_pause_us, stop });
    match transport {
        Transport::Folder(folder) => mailer.into_folder(folder).await,
        Transport::Smtp(options, connections) => {
            let workers = (0..connections).map(|_| Arc::clone(&mailer).to_server(options.clone()));
            futures_util::future::join_all(workers).await;
        }
    }
}

impl Mailer {
    async fn take(&self, limit: i64) -> Vec<MailLease> {
        match again_if_cut(|| self.store.mail().take(limit)).await {
            Ok(leases) => leases,
            Err(error) => {
                tracing::warn!(%error, "mails could not be looked for");
                Vec::new()
            }
        }
    }

    async fn wait(&self, pause: Duration) {
        let _ = tokio::time::timeout(pause, self.store.mail().queued()).await;
    }

    async fn compose(&self, lease: &MailLease) -> Result<Composed, Trouble> {
        let found = self.store.entrypoints().settings(lease.id.0).await;
        match found {
            // A letter that cannot be written must not stop the others.
            Ok(Some(settings)) => {
                catch_unwind(AssertUnwindSafe(|| self.composer.compose(&settings.entrypoint, &lease.letter)))
                    .unwrap_or_else(|_| Err(Trouble::Never("the message cannot be written".into())))
            }
            Ok(None) => Err(Trouble::Never("the entrypoint is gone".into())),
            Err(error) => {
                tracing::warn!(%error, "a mail could not be written");
                Err(Trouble::Away("the database does not answer".into()))
            }
        }
    }

    /// Says what became of mails; which of them still were ours. A database that is away is waited for: what was sent must
    /// be marked.
    async fn mark(&self, marks: Vec<(MailId, i64, Mark)>) -> Vec<bool> {
        loop {
            match self.store.mail().mark(marks.clone()).await {
                Ok(held) => return held,
                Err(error @ (StoreError::Corrupt(_) | StoreError::Bug(_) | StoreError::Rejected(_))) => {
                    tracing::error!(%error, "mails could not be marked");
                    return vec![false; marks.len()];
                }
                Err(error) => {
                    tracing::warn!(%error, "mails could not be marked yet");
                    tokio::time::sleep(LOOK_EVERY).await;
                    if self.stop.is_asked() {
                        return vec![false; marks.len()];
                    }
                }
            }
        }
    }

    fn of_trouble(&self, trouble: Trouble) -> Mark {
        match trouble {
            Trouble::Away(problem) => Mark::Back { problem },
            Trouble::Later(problem) => Mark::Later { problem, first_pause_us: self.first_pause_us },
            Trouble::Never(problem) => Mark::Failed { problem },
        }
    }

    // ---- into a folder -----------------------------------------------------------------------

    async fn into_folder(self: Arc<Self>, folder: Folder) {
        while !self.stop.is_asked() {
            let leases = self.take(FOLDER_MAILS).await;
            if leases.is_empty() {
                self.wait(LOOK_EVERY).await;
                continue;
            }
            let mut written = Vec::with_capacity(leases.len());
            for lease in &leases {
                written.push(self.compose(lease).await);
            }
            let target = folder.clone();
            let written = tokio::task::spawn_blocking(move || {
                let put = |mail: Result<Composed, Trouble>| {
                    let mail = mail?;
                    let done = target.put(&mail);
                    done.map(|()| mail)
                        .map_err(|error| Trouble::Away(format!("the folder: {}", error.kind())))
                };
                written.into_iter().map(put).collect::<Vec<_>>()
            });
            let Ok(written) = written.await else { continue };
            let marks: Vec<_> = leases
                .iter()
                .zip(&written)
                .map(|(lease, mail)| {
                    let mark = match mail {
                        Ok(_) => Mark::Sent,
                        Err(trouble) => self.of_trouble(trouble.clone()),
                    };
                    (lease.id, lease.number, mark)
                })
                .collect();
            let is_away = written.iter().any(|mail| matches!(mail, Err(Trouble::Away(_))));
            let held = self.mark(marks).await;
            for ((lease, mail), held) in leases.iter().zip(&written).zip(held) {
                match mail {
                    // Deleted or erased meanwhile: nothing may stay of it.
                    Ok(mail) if !held => folder.take_back(mail),
                    Ok(_) => count(lease.letter.kind, "sent"),
                    Err(trouble) => tell(lease, trouble),
                }
            }
            if is_away {
                tokio::time::sleep(PAUSE_FIRST).await;
            }
        }
    }

    // ---- to a mail server --------------------------------------------------------------------

    async fn to_server(self: Arc<Self>, options: SmtpOptions) {
        let mut line =
            Line { options, connection: None, is_fresh: false, pause: PAUSE_FIRST, was_away: false };
        while !self.stop.is_asked() {
            let leases = self.take(SMTP_MAILS).await;
            if leases.is_empty() {
                self.wait(LOOK_EVERY).await;
                line.rest().await;
                continue;
            }
            let mut left: Vec<(MailId, i64)> = leases.iter().map(|lease| (lease.id, lease.number)).collect();
            let mut away = None;
            for lease in leases {
                if self.stop.is_asked() {
                    away = Some("the service stops".to_owned());
                    break;
                }
                let result = Box::pin(self.kept(&left, self.send(&mut line, &lease))).await;
                if let Err(Trouble::Away(why)) = result {
                    away = Some(why);
                    break;
                }
                left.retain(|(id, _)| *id != lease.id);
            }
            let Some(problem) = away else {
                line.well();
                continue;
            };
            let back = |(id, number)| (id, number, Mark::Back { problem: problem.clone() });
            self.mark(left.into_iter().map(back).collect()).await;
            if !self.stop.is_asked() {
                line.pause(&problem).await;
            }
        }
        line.close().await;
    }

    /// Runs something while the leases of the mails in hand are kept.
    async fn kept<T>(&self, held: &[(MailId, i64)], future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        loop {
            tokio::select! {
                done = &mut future => return done,
                () = tokio::time::sleep(KEEP_EVERY) => {
                    if let Err(error) = self.store.mail().keep(held.to_vec()).await {
                        tracing::warn!(%error, "the leases of mails could not be kept");
                    }
                }
            }
        }
    }

    /// Sends one mail and marks what became of it; [`Trouble::Away`] is left to the caller to mark.
    async fn send(&self, line: &mut Line, lease: &MailLease) -> Result<(), Trouble> {
        let result = self.try_send(line, lease).await;
        let mark = match &result {
            Ok(true) => Mark::Sent,
            // Not ours any more: another worker has it, or the customer is gone.
            Ok(false) => return Ok(()),
            Err(Trouble::Away(_)) => return result.map(|_| ()),
            Err(trouble) => self.of_trouble(trouble.clone()),
        };
        let held = self.mark(vec![(lease.id, lease.number, mark)]).await;
        match result {
            Ok(_) => count(lease.letter.kind, "sent"),
            Err(trouble) => tell(lease, &trouble),
        }
        if held.first() == Some(&false) {
            tracing::warn!(mail = lease.id.1, "a mail was taken from this worker while it was sent");
        }
        Ok(())
    }

    /// Whether the mail server took the mail; false where it is not ours to send any more.
    async fn try_send(&self, line: &mut Line, lease: &MailLease) -> Result<bool, Trouble> {
        let mail = self.compose(lease).await?;
        let mut connection = line.offered(&mail).await?;
        let held = self.mark(vec![(lease.id, lease.number, Mark::HandingOver)]).await;
        if held.first() != Some(&true) {
            // Cut off before the message: the server drops what it was offered.
            drop(connection);
            return Ok(false);
        }
        connection.hand_over(&mail.bytes).await?;
        line.connection = Some(connection);
        Ok(true)
    }
}

/// One connection to the mail server, as far as there is one.
struct Line {
    options: SmtpOptions,
    connection: Option<Connection>,
    is_fresh: bool,
    pause: Duration,
    was_away: bool,
}

impl Line {
    /// A connection whose server waits for this mail's message.
    async fn offered(&mut self, mail: &Composed) -> Result<Connection, Trouble> {
        loop {
            let mut connection = match self.connection.take() {
                Some(connection) => connection,
                None => {
                    self.is_fresh = true;
                    self.options.connect().await?
                }
            };
            let was_fresh = std::mem::replace(&mut self.is_fresh, false);
            match connection.offer(&mail.envelope).await {
                Ok(()) => return Ok(connection),
                // Servers end connections that are old or did enough: that says nothing of this mail.
                Err(Trouble::Away(_) | Trouble::Later(_)) if !was_fresh => {}
                Err(trouble) => return Err(trouble),
            }
        }
    }

    async fn rest(&mut self) {
        // Mail servers end idle connections themselves after minutes; this is to be polite.
        if let Some(connection) = self.connection.take() {
            connection.quit().await;
        }
    }

    fn well(&mut self) {
        self.pause = PAUSE_FIRST;
        if std::mem::replace(&mut self.was_away, false) {
            tracing::info!("the mail server takes mails again");
        }
    }

    async fn pause(&mut self, problem: &str) {
        self.connection = None;
        if !std::mem::replace(&mut self.was_away, true) {
            tracing::warn!(problem, "no mails can be sent; they wait");
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
    }

    async fn close(mut self) {
        self.rest().await;
    }
}

fn tell(lease: &MailLease, trouble: &Trouble) {
    let word = match trouble {
        Trouble::Away(_) => "put back",
        Trouble::Later(_) => "tried in vain",
        Trouble::Never(_) => "failed",
    };
    count(lease.letter.kind, word);
    tracing::warn!(mail = lease.id.1, customer = lease.customer_id, problem = %trouble, "a mail was {word}");
}

fn count(kind: MailKind, result: &'static str) {
    metrics::counter!("customary_mails_total", "kind" => kind.name(), "result" => result).increment(1);
}

//! Sends the mails in the outbox to a mail server, over several connections, or into a folder.
//!
//! A worker marks a mail as being handed over once the server is ready for the message, and before it sends that. A mail
//! that fails earlier is tried again. If the server does not answer a message and this process still runs, the worker sends
//! it again with the same Message-ID, because the client is responsible for it until the server's "250" (RFC 5321,
//! 4.2.5). If the process dies, the mail becomes `uncertain`.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::{StopSignal, again_if_cut};
use crate::clock;
use crate::documents;
use crate::domain::entrypoints::Entrypoint;
use crate::domain::mail::{Letter, MailKind};
use crate::mail::{Composed, Composer, Connection, Folder, KeptMail, SmtpOptions, Transport, Trouble};
use crate::store::{MailId, MailLease, Mark, Store, StoreError};

/// How often a worker looks for mails that another process queued, or that are due again.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often a worker extends its leases; a lease is three times as long.
const KEEP_EVERY: Duration = Duration::from_secs(5);
/// How often the folder is searched for mails of erased persons.
const SWEEP_EVERY: Duration = Duration::from_mins(5);
/// How many of them one look into the database covers.
const SWEPT_AT_ONCE: usize = 500;
/// How many mails a worker takes at once.
const SMTP_MAILS: i64 = 10;
const FOLDER_MAILS: i64 = 100;
/// The first and the longest pause after a failure of the mail server.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_mins(1);

/// The state that all mail workers of a process share.
#[derive(Debug)]
pub struct Mailer {
    store: Arc<Store>,
    composer: Composer,
    first_pause_us: i64,
    stop: StopSignal,
}

/// Sends mails for as long as the service runs. `retry` is the pause before the second try of a mail.
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

/// Removes the unfinished mails that killed processes left in a folder. Call it before this process writes there.
pub fn remove_drafts(folder: &Folder) {
    if let Err(error) = folder.remove_drafts(clock::now()) {
        tracing::warn!(error = %error.kind(), "the unfinished mails of killed processes could not be removed");
    }
}

/// Removes the mails of erased persons from a folder, for as long as the service runs: right after an erasure by this
/// process, and every few minutes, since another process may have erased somebody.
pub async fn sweep(store: Arc<Store>, folder: Folder) {
    loop {
        if let Err(why) = remove_erased(&store, &folder).await {
            tracing::warn!(why, "the mails of erased persons could not be removed yet");
        }
        let _ = tokio::time::timeout(SWEEP_EVERY, store.customers().erased_here()).await;
    }
}

async fn remove_erased(store: &Store, folder: &Folder) -> Result<(), String> {
    let looked_in = folder.clone();
    let kept =
        tokio::task::spawn_blocking(move || looked_in.kept()).await.map_err(|error| error.to_string())?;
    let mut mails: BTreeMap<String, Vec<KeptMail>> = BTreeMap::new();
    for mail in kept.map_err(|error| error.kind().to_string())? {
        mails.entry(mail.entry.clone()).or_default().push(mail);
    }
    for (entry, mails) in mails {
        let found = store.entrypoints().find(&entry).await.map_err(|error| error.to_string())?;
        let Some((entrypoint_id, _)) = found else { continue };
        for some in mails.chunks(SWEPT_AT_ONCE) {
            let ids = some.iter().map(|mail| mail.customer_id).collect();
            let erased = store.customers().erased_among(entrypoint_id, ids).await;
            let erased = erased.map_err(|error| error.to_string())?;
            for mail in some.iter().filter(|mail| erased.contains(&mail.customer_id)) {
                mail.remove().map_err(|error| error.kind().to_string())?;
            }
        }
    }
    Ok(())
}

impl Mailer {
    async fn take(&self, limit: i64) -> Vec<MailLease> {
        match again_if_cut(|| self.store.mail().take(limit)).await {
            Ok(leases) => leases,
            Err(error) => {
                tracing::warn!(%error, "the outbox could not be read");
                Vec::new()
            }
        }
    }

    async fn wait(&self, pause: Duration) {
        let _ = tokio::time::timeout(pause, self.store.mail().queued()).await;
    }

    async fn compose(&self, lease: &MailLease) -> Result<Composed, Trouble> {
        // A panic while one mail is composed must not stop the others.
        let compose = |place: &Entrypoint, letter: &Letter| {
            catch_unwind(AssertUnwindSafe(|| self.composer.compose(place, letter)))
                .unwrap_or_else(|_| Err(Trouble::Never("the message cannot be written".into())))
        };
        if let Some(office) = lease.letter.office() {
            return compose(&office, &lease.letter);
        }
        let found = self.store.entrypoints().settings(lease.id.0).await;
        match found {
            Ok(Some(settings)) => {
                let letter = self.enclosing(lease).await?;
                compose(&settings.entrypoint, &letter)
            }
            Ok(None) => Err(Trouble::Never("the entrypoint is gone".into())),
            Err(error) => {
                tracing::warn!(%error, "a mail could not be composed");
                Err(Trouble::Away("the database does not answer".into()))
            }
        }
    }

    /// The letter, with the invoice that it brings.
    async fn enclosing(&self, lease: &MailLease) -> Result<Letter, Trouble> {
        let Some(id) = lease.letter.invoice_id else { return Ok(lease.letter.clone()) };
        let away = |error: StoreError| {
            tracing::warn!(%error, "the invoice of a mail could not be read");
            Trouble::Away("the database does not answer".into())
        };
        let found = self.store.invoices().find(lease.id.0, id).await.map_err(away)?;
        let gone = || Trouble::Never("the invoice is gone".into());
        let one = found.ok_or_else(gone)?;
        let pdf = documents::of_invoice(&self.store, lease.id.0, &one.invoice).await.map_err(away)?;
        let invoice = Some(documents::enclosed(&one.invoice, pdf.ok_or_else(gone)?));
        Ok(Letter { invoice, ..lease.letter.clone() })
    }

    /// Stores the results of mails; returns for which of them this worker still had the lease. It waits for an unavailable
    /// database, because a sent mail must be marked.
    async fn mark(&self, marks: Vec<(MailId, i64, Mark)>) -> Vec<bool> {
        loop {
            match self.store.mail().mark(marks.clone()).await {
                Ok(held) => return held,
                Err(error @ (StoreError::Corrupt(_) | StoreError::Bug(_) | StoreError::Rejected(_))) => {
                    tracing::error!(%error, "the results of mails could not be stored");
                    return vec![false; marks.len()];
                }
                Err(error) => {
                    tracing::warn!(%error, "the results of mails could not be stored yet");
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
        let name = folder.path().display().to_string();
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
                        Ok(_) => Mark::Written { folder: name.clone() },
                        Err(trouble) => self.of_trouble(trouble.clone()),
                    };
                    (lease.id, lease.number, mark)
                })
                .collect();
            let is_away = written.iter().any(|mail| matches!(mail, Err(Trouble::Away(_))));
            let held = self.mark(marks).await;
            for ((lease, mail), held) in leases.iter().zip(&written).zip(held) {
                match mail {
                    // A delete or erase meanwhile removed the mail: its file must go too.
                    Ok(mail) if !held => folder.take_back(mail),
                    Ok(_) => count(lease.letter.kind, "written"),
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
        line.rest().await;
    }

    /// Runs a future, and extends the leases of the held mails meanwhile.
    async fn kept<T>(&self, held: &[(MailId, i64)], future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        loop {
            tokio::select! {
                done = &mut future => return done,
                () = tokio::time::sleep(KEEP_EVERY) => {
                    if let Err(error) = self.store.mail().keep(held.to_vec()).await {
                        tracing::warn!(%error, "the leases of mails could not be extended");
                    }
                }
            }
        }
    }

    /// Sends a mail and marks its result. The caller marks it after [`Trouble::Away`].
    async fn send(&self, line: &mut Line, lease: &MailLease) -> Result<(), Trouble> {
        let result = self.try_send(line, lease).await;
        let mark = match &result {
            Ok(true) => Mark::Sent,
            // The lease is lost: another worker has the mail, or the customer was deleted.
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
            tracing::warn!(mail = lease.id.1, "this worker lost the lease of a mail while it sent the mail");
        }
        Ok(())
    }

    /// Hands a mail to the mail server; returns false if this worker has lost the lease.
    async fn try_send(&self, line: &mut Line, lease: &MailLease) -> Result<bool, Trouble> {
        let mail = self.compose(lease).await?;
        let mut connection = line.offered(&mail).await?;
        let held = self.mark(vec![(lease.id, lease.number, Mark::HandingOver)]).await;
        if held.first() != Some(&true) {
            // The connection ends before the message, so the server drops the envelope.
            drop(connection);
            return Ok(false);
        }
        connection.hand_over(&mail.bytes).await?;
        line.connection = Some(connection);
        Ok(true)
    }
}

/// A worker's line to the mail server, with a connection or without.
struct Line {
    options: SmtpOptions,
    connection: Option<Connection>,
    is_fresh: bool,
    pause: Duration,
    was_away: bool,
}

impl Line {
    /// Returns a connection on which the server waits for the message of this mail.
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
                // Servers end connections that are old or had many mails, so it tries a new one.
                Err(Trouble::Away(_) | Trouble::Later(_)) if !was_fresh => {}
                Err(trouble) => return Err(trouble),
            }
        }
    }

    async fn rest(&mut self) {
        // A server would end an idle connection itself after minutes; to quit is polite.
        if let Some(connection) = self.connection.take() {
            connection.quit().await;
        }
    }

    fn well(&mut self) {
        self.pause = PAUSE_FIRST;
        if std::mem::replace(&mut self.was_away, false) {
            tracing::info!("the mail server accepts mails again");
        }
    }

    async fn pause(&mut self, problem: &str) {
        self.connection = None;
        if !std::mem::replace(&mut self.was_away, true) {
            tracing::warn!(problem, "no mail can be sent; all mails wait");
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
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

//! What a decision comes to: the outcome, and everything that is to be saved or sent for it.

use std::sync::Arc;

use super::command::{Actor, Outcome, Precomputed};
use crate::domain::customers::history::Operation;
use crate::domain::customers::record::Stored;
use crate::domain::mail::MailKind;

/// What a command comes to.
#[derive(Debug, Clone)]
pub struct Effects {
    /// What it answers.
    pub outcome: Outcome,
    /// The changes to be saved, in their order.
    pub revisions: Vec<Revision>,
    /// The mails to be sent once the changes are saved.
    pub mails: Vec<MailOrder>,
}

impl Effects {
    /// An outcome with the change that it made, if it made one.
    pub fn new(outcome: Outcome, revision: Option<Revision>) -> Effects {
        Effects { outcome, revisions: revision.into_iter().collect(), mails: Vec::new() }
    }

    /// The same, with a mail.
    #[must_use]
    pub fn with_mail(mut self, mail: Option<MailOrder>) -> Effects {
        self.mails.extend(mail);
        self
    }
}

/// One change to be saved.
#[derive(Debug, Clone)]
pub struct Revision {
    /// The record before; `None` for a new one.
    pub before: Option<Arc<Stored>>,
    /// The record after.
    pub after: Arc<Stored>,
    /// What was done.
    pub operation: Operation,
    /// Who did it.
    pub actor: Actor,
    /// What was made ready of a new record.
    pub precomputed: Option<Arc<Precomputed>>,
}

/// A mail that a decision sends, once its effect is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailOrder {
    /// To whom.
    pub customer_id: i64,
    /// What it is about.
    pub kind: MailKind,
    /// How long its link holds, in seconds, where it carries one.
    pub link_ttl_secs: i64,
}

//! What a token sees of an outcome (rules 1): the one place that decides it for creates, changes, conflicts, history,
//! reports of imports and dry runs.
//!
//! Decisions and reports hold everything. An [`Answer`] opens only here, and a conflict names nobody until it has passed
//! [`problems`].

use std::sync::Arc;

use strum::VariantArray as _;

use super::accounts::sight::Sight;
use super::customers::history::FieldChange;
use super::customers::identifier::IdField;
use super::customers::record::{Invitation, Stored};
use super::decide::command::{Answer, Outcome, Verdict};
use super::decide::delivery::{ItemAnswer, ItemResult, OnUnknown};
use super::decide::events::{COMMENTS, EventKind, METHODS};
use super::entrypoints::Entrypoint;
use super::imports::{ImportJob, Reason, Rejections, RowError, RowNote, RowReport};
use super::kernel::problem::{Problem, Rejection, Tells};
use super::methods::{self, DUPLICATE_METHOD};

/// What stands in the way of a change, for a token that may not see more.
const HIDDEN_STATE: &str = "something that the customer has stands in the way; this token may not see what";

/// What a token sees of a record's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Everything.
    Full,
    /// Login, e-mail, phone, streets, birthday and additional fields masked.
    Masked,
}

impl View {
    /// The view of a token.
    pub fn of(sight: Sight) -> View {
        if sight.pii { View::Full } else { View::Masked }
    }
}

/// The kinds of events that a token sees in the history of a customer: comments need `pii:read`, and all but comments and stored
/// methods `money:read`.
pub fn events(sight: Sight, sees_money: bool) -> Vec<&'static str> {
    let is_seen = |kind: &&EventKind| match kind.list() {
        COMMENTS => sight.pii,
        METHODS => true,
        _ => sees_money,
    };
    EventKind::VARIANTS.iter().filter(is_seen).map(|kind| kind.name()).collect()
}

/// An answer as a token sees it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The outcome, without what the token may not learn.
    pub outcome: Outcome,
    /// The record at the outcome's version; `None` for a match report, and if the token may not read it.
    pub record: Option<Arc<Stored>>,
    /// The invitation that the command made.
    pub invitation: Option<Invitation>,
    /// How the record is shown.
    pub view: View,
    /// The entrypoint, as read under the lock.
    pub entrypoint: Arc<Entrypoint>,
    /// Whether this repeats the outcome of an earlier request.
    pub replayed: bool,
}

impl Answer {
    /// The answer as a token sees it.
    pub fn seen_by(self, sight: Sight) -> Seen {
        let Answer { mut outcome, stored, entrypoint, replayed } = self;
        // A token may see what it sent itself. Only readers see what others wrote.
        let mut learns = sight.reads;
        if let Outcome::Created { verdict, matched_on, differs, .. } = &mut outcome {
            learns |= matches!(verdict, Verdict::Created | Verdict::Forced);
            if !learns {
                *matched_on = None;
            }
            if let Some(names) = matched_on {
                shown_identifiers(sight, names);
            }
            differs.retain(|name| learns && sight.shows_change(name));
        }
        if let Outcome::Ingested(items) = &mut outcome {
            for item in items {
                ingested(sight, item);
            }
        }
        Seen {
            outcome,
            invitation: stored.as_ref().and_then(|stored| stored.customer.invitation),
            record: stored.filter(|_| learns),
            view: View::of(sight),
            entrypoint,
            replayed,
        }
    }
}

/// What became of a transaction. Whose it is, and why it is nobody's, tells who was found by what the token sent.
fn ingested(sight: Sight, item: &mut ItemAnswer) {
    item.candidates.retain(|_| sight.reads && sight.pii);
    if sight.reads {
        return;
    }
    item.customer_id = None;
    item.result = item.apart.unwrap_or(item.result);
    let is_told = item.result == ItemResult::Refused;
    item.reason = item.reason.take().filter(|reason| is_told && !reason.is_of_customers());
}

/// Keeps the names of the fields that a token sees.
fn shown_identifiers(sight: Sight, names: &mut Vec<String>) {
    names.retain(|name| IdField::parse(name).is_ok_and(|field| sight.shows(&field)));
}

/// A refusal as a token sees it.
pub fn rejection(sight: Sight, rejection: Rejection) -> Rejection {
    match rejection {
        Rejection::Conflict { problems: all, ids } => {
            let shown = problems(sight, all.clone());
            let ids = if shown.len() == all.len() { ids } else { Vec::new() };
            let problems = shown.into_iter().map(|problem| problem.telling(Tells::Nothing)).collect();
            Rejection::Conflict { problems, ids }
        }
        Rejection::State(all) => Rejection::State(state(sight, all)),
        other => other,
    }
}

/// What stands in the way of a change, as a token sees it: without place and text if it may not be told which values are
/// stored.
pub fn state(sight: Sight, all: Vec<Problem>) -> Vec<Problem> {
    let shown = |problem: Problem| {
        if may_be_told(sight, problem.tells) {
            problem.telling(Tells::Nothing)
        } else {
            Problem::field(&[], problem.code, HIDDEN_STATE)
        }
    };
    all.into_iter().map(shown).collect()
}

/// The problems that a token may see: those that tell nothing of what it must not learn.
pub fn problems(sight: Sight, mut all: Vec<Problem>) -> Vec<Problem> {
    all.retain(|problem| may_be_told(sight, problem.tells));
    all
}

fn may_be_told(sight: Sight, tells: Tells) -> bool {
    match tells {
        Tells::Nothing => true,
        Tells::Shown => sight.reads,
        Tells::Masked => sight.reads && sight.pii,
    }
}

/// The changes in an entry of a history: fields that a token sees masked are left out, because whether they changed
/// tells what they were. Values need `pii:read`.
pub fn changes(sight: Sight, mut all: Vec<FieldChange>) -> Vec<FieldChange> {
    all.retain(|change| shows_change(sight, &change.field));
    if !sight.pii {
        for change in &mut all {
            (change.from, change.to) = (None, None);
        }
    }
    all
}

/// Whether a token may know that a field changed, by its name in history: a record's, or that of a payment method.
pub fn shows_change(sight: Sight, name: &str) -> bool {
    sight.shows_change(name) && (sight.pii || !methods::MASKED.contains(&name))
}

/// The report of a row of an import or a dry run.
pub fn row(sight: Sight, mut row: RowReport) -> RowReport {
    shown_identifiers(sight, &mut row.matched_on);
    // Comments need `pii:read`, also the knowledge that there are some.
    row.changed.retain(|name| sight.shows_change(name) && (sight.pii || name != COMMENTS));
    row.differs.retain(|name| sight.shows_change(name));
    if row.of_payment && !sight.pii {
        row.changed.retain(|name| !MASKED_OF_PAYMENTS.contains(&name.as_str()));
    }
    if !sight.reads {
        row.matched_on.clear();
        if !row.of_payment {
            row.changed.clear();
        }
        row.differs.clear();
        row.emptied = 0;
    }
    if !sight.pii {
        row.cells.clear();
    }
    row.customer_id = row.customer_id.filter(|_| sight.reads || !row.of_payment);
    row.warnings.retain(|note| may_be_told(sight, note.tells));
    row.problems = notes(sight, row.problems);
    row.rehearsed = row.rehearsed.map(|said| Box::new(self::row(sight, *said)));
    row
}

/// The fields of transactions that a token without `pii:read` sees masked.
const MASKED_OF_PAYMENTS: [&str; 3] = ["maskedAccount", "description", "additionalData"];

/// The text of a rejected row, as the wire format lists it.
pub fn row_error(sight: Sight, error: &RowError) -> String {
    RowError { line: error.line, notes: notes(sight, error.notes.clone()) }.text()
}

/// Whether a token is told the numbers of an import. What was refused for an unknown customer tells who is one (rules 1).
pub fn tells_numbers(sight: Sight, job: &ImportJob) -> bool {
    sight.reads || job.plan.options.payments != Some(OnUnknown::Refuse)
}

/// How many warnings an import has. Those of a file of transactions say why one has no customer.
pub fn warnings(sight: Sight, job: &ImportJob) -> i64 {
    let tells = if job.plan.options.payments.is_some() { Tells::Shown } else { Tells::Nothing };
    if may_be_told(sight, tells) { job.counts.warnings } else { 0 }
}

/// Why rows of an import were rejected, the most frequent first.
pub fn reasons(sight: Sight, rejections: &Rejections) -> Vec<Reason> {
    rejections.tally(|note| if may_be_told(sight, note.tells) { note } else { without_details(&note) })
}

/// The notes that a token may see; one without details in the place of those that it may not.
fn notes(sight: Sight, mut all: Vec<RowNote>) -> Vec<RowNote> {
    let hidden = all.iter().find(|note| !may_be_told(sight, note.tells)).map(without_details);
    all.retain(|note| may_be_told(sight, note.tells));
    if all.is_empty() {
        all.extend(hidden);
    }
    all
}

fn without_details(note: &RowNote) -> RowNote {
    let message = match note.code.as_ref() {
        DUPLICATE_METHOD => HIDDEN_STATE,
        _ => "another customer stands in the way; this token may not see which",
    };
    RowNote { field: "".into(), code: note.code.clone(), message: message.into(), tells: Tells::Nothing }
}

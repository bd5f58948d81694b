//! What the report of an import says: of each row, and how many rows had which outcome.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};

use crate::domain::decide::command::Verdict;
use crate::domain::decide::events::COMMENTS;
use crate::domain::filter::ADDITIONAL_PREFIX;
use crate::domain::kernel::problem::{At, Problem, Rejection, Tells};

/// Something wrong with a row, or a warning about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowNote {
    /// The field's name in a request, `additional-x` for an additional field; empty if the note is about the whole row.
    pub field: Cow<'static, str>,
    /// A stable, machine-readable code in snake case.
    pub code: Cow<'static, str>,
    /// What is wrong and what would do; never a personal value.
    pub message: Cow<'static, str>,
    /// What it tells about stored customers.
    #[serde(default, skip_serializing_if = "Tells::is_nothing")]
    pub tells: Tells,
}

impl RowNote {
    /// A note.
    pub fn new(
        field: impl Into<Cow<'static, str>>,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> RowNote {
        RowNote {
            field: field.into(),
            code: Cow::Borrowed(code),
            message: message.into(),
            tells: Tells::Nothing,
        }
    }

    /// Whether two notes state the same problem in different rows. Texts about stored customers name them, so each row has another one.
    fn is_alike(&self, other: &RowNote) -> bool {
        self.field == other.field
            && self.code == other.code
            && self.tells == other.tells
            && (self.message == other.message || !self.tells.is_nothing())
    }
}

impl From<&Problem> for RowNote {
    fn from(problem: &Problem) -> RowNote {
        let field = match &problem.at {
            At::Pointer(pointer) => match pointer_path(pointer).as_slice() {
                [name, key, ..] if name == "additionalFields" => format!("{ADDITIONAL_PREFIX}{key}"),
                // A member of an item of a list.
                path @ [_, _, _, ..] => path.join("/"),
                [name, ..] => name.clone(),
                [] => String::new(),
            },
            At::Parameter(name) => name.clone(),
            At::Header(name) => (*name).to_owned(),
            At::Line(_) => String::new(),
        };
        RowNote { tells: problem.tells, ..RowNote::new(field, problem.code, problem.message.clone()) }
    }
}

impl fmt::Display for RowNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.field, self.message)
        }
    }
}

/// The member names in a JSON pointer.
pub(super) fn pointer_path(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect()
}

/// The notes of a row whose create was refused.
pub fn rejection_notes(rejection: &Rejection) -> Vec<RowNote> {
    let one = |code, message: &'static str| vec![RowNote::new("", code, message)];
    match rejection {
        Rejection::Invalid(problems)
        | Rejection::NeedsPii(problems)
        | Rejection::State(problems)
        | Rejection::Conflict { problems, .. } => problems.iter().map(RowNote::from).collect(),
        Rejection::NoIdentifier { wanted } => {
            let message = format!("Invalid customer identifiers: {}", wanted.join(", "));
            vec![RowNote::new("", "no_identifier", message)]
        }
        Rejection::Deleted => one("deleted", "the customer is deleted"),
        Rejection::NotFound
        | Rejection::NotAuthor
        | Rejection::Stale
        | Rejection::KeyReused
        | Rejection::Defect => {
            one("internal", "the row could not be imported; this is a defect of the service")
        }
    }
}

/// A rejected row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowError {
    /// The physical line of its first byte in the file, from 1.
    pub line: u64,
    /// Why it was rejected.
    pub notes: Vec<RowNote>,
}

impl RowError {
    /// The contract's text: `Error on line 62: phone: must …; email: must …`.
    pub fn text(&self) -> String {
        let notes: Vec<String> = self.notes.iter().map(ToString::to_string).collect();
        format!("Error on line {}: {}", self.line, notes.join("; "))
    }
}

/// What became of a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[derive(Serialize, Deserialize, utoipa::ToSchema, IntoStaticStr, EnumString, VariantNames)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum RowOutcome {
    /// A new customer.
    Created,
    /// A stored customer, untouched.
    Matched,
    /// A stored customer that now holds the row and nothing else.
    Replaced,
    /// A stored customer onto which the row was written.
    Merged,
    /// A second customer beside a match.
    Forced,
    /// Nothing; the report says why.
    #[default]
    Rejected,
}

impl RowOutcome {
    /// The word on the wire.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

impl From<Verdict> for RowOutcome {
    fn from(verdict: Verdict) -> RowOutcome {
        match verdict {
            Verdict::Created => RowOutcome::Created,
            Verdict::Matched => RowOutcome::Matched,
            Verdict::Replaced => RowOutcome::Replaced,
            Verdict::Merged => RowOutcome::Merged,
            Verdict::Forced => RowOutcome::Forced,
        }
    }
}

/// How many rows had which outcome, and how many warnings there were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Rows by outcome.
    pub rows: BTreeMap<RowOutcome, i64>,
    /// How many values were left out (`onBadValue=blank`).
    #[serde(default)]
    pub warnings: i64,
}

impl Counts {
    /// Counts a row.
    pub fn add(&mut self, row: &RowReport) {
        *self.rows.entry(row.outcome).or_default() += 1;
        self.warnings += i64::try_from(row.warnings.len()).unwrap_or(0);
    }

    /// Adds other counts.
    pub fn join(&mut self, other: &Counts) {
        for (outcome, number) in &other.rows {
            *self.rows.entry(*outcome).or_default() += number;
        }
        self.warnings += other.warnings;
    }

    /// How many rows had an outcome.
    pub fn of(&self, outcome: RowOutcome) -> i64 {
        self.rows.get(&outcome).copied().unwrap_or(0)
    }

    /// The contract's `added`: how many rows made a customer.
    pub fn added(&self) -> i64 {
        self.of(RowOutcome::Created) + self.of(RowOutcome::Forced)
    }

    /// How many rows there were.
    pub fn total(&self) -> i64 {
        self.rows.values().sum()
    }
}

/// The most errors that a job lists as texts; its report has all.
const ERRORS_MAX: usize = 100;
/// The most reasons that a job counts apart.
const REASONS_MAX: usize = 100;

/// How many rows were rejected for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// What is wrong; about stored customers, the text of the first such row.
    pub note: RowNote,
    /// How many rows.
    pub rows: i64,
}

/// Why rows of a job were rejected. It is stored sealed, since names of additional fields are the caller's own words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rejections {
    /// How many rows for which reason, in the order of the first rows. A row with several problems counts for each.
    reasons: Vec<Reason>,
    /// The first rejected rows, and the first one of each further reason.
    pub rows: Vec<RowError>,
}

impl Rejections {
    /// Counts a row, if it was rejected.
    pub fn add(&mut self, row: &RowReport) {
        if row.outcome != RowOutcome::Rejected {
            return;
        }
        let mut is_shown = self.rows.len() < ERRORS_MAX;
        for (index, note) in row.problems.iter().enumerate() {
            let is_it = |other: &RowNote| other.is_alike(note);
            if row.problems.iter().take(index).any(is_it) {
                continue;
            }
            if let Some(reason) = self.reasons.iter_mut().find(|reason| is_it(&reason.note)) {
                reason.rows += 1;
            } else if self.reasons.len() < REASONS_MAX {
                self.reasons.push(Reason { note: note.clone(), rows: 1 });
                is_shown = true;
            }
        }
        if is_shown {
            self.rows.push(row.error());
        }
    }

    /// Whether no row was rejected.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The reasons, the most frequent first. `shown` hides what a token may not see. Reasons that look the same afterwards are
    /// added up.
    pub fn tally(&self, shown: impl Fn(RowNote) -> RowNote) -> Vec<Reason> {
        let mut reasons: Vec<Reason> = Vec::new();
        for Reason { note, rows } in &self.reasons {
            let note = shown(note.clone());
            match reasons.iter_mut().find(|reason| reason.note.is_alike(&note)) {
                Some(reason) => reason.rows += rows,
                None => reasons.push(Reason { note, rows: *rows }),
            }
        }
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.rows));
        reasons
    }
}

/// What became of one row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowReport {
    /// The physical line of its first byte in the file, from 1.
    pub line: u64,
    /// What became of it.
    pub outcome: RowOutcome,
    /// The customer; none for a rejected row and for a customer that a dry run would create.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<i64>,
    /// Whether the row is a transaction: only readers of customers see whose it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_payment: bool,
    /// The fields that led to the match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matched_on: Vec<String>,
    /// The fields that the row changed, or would change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// The fields of a matched row that have other values than the customer, which stayed as it was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differs: Vec<String>,
    /// How many of them became empty.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub emptied: i64,
    /// Why it was rejected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<RowNote>,
    /// The values that were left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<RowNote>,
    /// The cells of a rejected row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cells: Vec<String>,
    /// What the dry run that this import commits had reported, if that was something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsed: Option<Box<RowReport>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl RowReport {
    /// A row with an outcome and no details.
    pub fn new(line: u64, outcome: RowOutcome) -> RowReport {
        RowReport { line, outcome, ..RowReport::default() }
    }

    /// The line and the problems of a rejected row.
    pub fn error(&self) -> RowError {
        RowError { line: self.line, notes: self.problems.clone() }
    }

    /// Keeps what a dry run had reported, if that was something else.
    pub fn compare(&mut self, said: &RowReport) {
        if !self.is_as_rehearsed(said) {
            let (problems, warnings, cells) = (Vec::new(), Vec::new(), Vec::new());
            self.rehearsed = Some(Box::new(RowReport { problems, warnings, cells, ..said.clone() }));
        }
    }

    /// Whether the dry run that this import commits had reported something else.
    pub fn has_changed_since_dry_run(&self) -> bool {
        self.rehearsed.as_ref().is_some_and(|said| !self.is_as_rehearsed(said))
    }

    /// Whether it reports the same as a dry run did.
    fn is_as_rehearsed(&self, rehearsed: &RowReport) -> bool {
        let is_new = |outcome| matches!(outcome, RowOutcome::Created | RowOutcome::Forced);
        // A dry run keeps no comments: it does not see that an earlier row of the file brings the same one.
        let changed = |report: &'_ RowReport| -> Vec<String> {
            report.changed.iter().filter(|name| *name != COMMENTS).cloned().collect()
        };
        self.outcome == rehearsed.outcome
            // A dry run has no ids for customers that it would create, nor for later rows that would match them.
            && (is_new(self.outcome) || rehearsed.customer_id.is_none() || self.customer_id == rehearsed.customer_id)
            && changed(self) == changed(rehearsed)
            && self.differs == rehearsed.differs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_9_rejected_rows_are_counted_by_reason() {
        let row = |line, notes: &[(&'static str, &'static str, &'static str)]| {
            let note = |(field, code, text): &(&'static str, &'static str, &'static str)| {
                let tells = if *code == "taken" { Tells::Shown } else { Tells::Nothing };
                RowNote { tells, ..RowNote::new(*field, code, *text) }
            };
            let problems = notes.iter().map(note).collect();
            RowReport { problems, ..RowReport::new(line, RowOutcome::Rejected) }
        };
        let mut rejections = Rejections::default();
        rejections.add(&RowReport::new(1, RowOutcome::Created));
        assert!(rejections.is_empty());
        rejections.add(&row(2, &[("phone", "taken", "leads to 5")]));
        for line in 3..500 {
            rejections.add(&row(
                line,
                &[("email", "invalid", "must be an address"), ("phone", "taken", "leads to 6")],
            ));
        }
        rejections.add(&row(499, &[("email", "invalid", "is too long")]));
        rejections.add(&row(500, &[("labels", "bad", "one"), ("labels", "bad", "two")]));
        let told: Vec<_> =
            rejections.tally(|note| note).into_iter().map(|it| (it.note.to_string(), it.rows)).collect();
        let wanted = [
            ("phone: leads to 5", 498),
            ("email: must be an address", 497),
            ("email: is too long", 1),
            ("labels: one", 1),
            ("labels: two", 1),
        ];
        assert_eq!(told, wanted.map(|(text, rows)| (text.to_owned(), rows)));
        assert_eq!(rejections.rows.len(), ERRORS_MAX + 2, "each reason has an example");
        let json = serde_json::to_string(&rejections).unwrap();
        assert_eq!(serde_json::from_str::<Rejections>(&json).unwrap(), rejections);
        for number in 0..2 * REASONS_MAX {
            let note = RowNote::new(format!("additional-{number}"), "x", "y");
            rejections.add(&RowReport { problems: vec![note], ..RowReport::new(9, RowOutcome::Rejected) });
        }
        assert_eq!(rejections.tally(|note| note).len(), REASONS_MAX);
    }
}

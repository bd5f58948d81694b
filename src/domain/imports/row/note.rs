//! What a report says of a row.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::filter::ADDITIONAL_PREFIX;
use crate::domain::kernel::problem::{At, Problem, Rejection};

/// Something wrong with a row, or a warning about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowNote {
    /// The field by its name in a request, an additional one as `additional-x`; empty if it is about the row.
    pub field: Cow<'static, str>,
    /// A stable, machine-readable code in snake case.
    pub code: Cow<'static, str>,
    /// What is wrong and what would do; never a personal value.
    pub message: Cow<'static, str>,
}

impl RowNote {
    /// A note.
    pub fn new(
        field: impl Into<Cow<'static, str>>,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> RowNote {
        RowNote { field: field.into(), code: Cow::Borrowed(code), message: message.into() }
    }
}

impl From<&Problem> for RowNote {
    fn from(problem: &Problem) -> RowNote {
        let field = match &problem.at {
            At::Pointer(pointer) => match path(pointer).as_slice() {
                [name, key, ..] if name == "additionalFields" => format!("{ADDITIONAL_PREFIX}{key}"),
                [name, ..] => name.clone(),
                [] => String::new(),
            },
            At::Parameter(name) => name.clone(),
            At::Header(name) => (*name).to_owned(),
            At::Line(_) => String::new(),
        };
        RowNote::new(field, problem.code, problem.message.clone())
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

/// The members that a JSON pointer leads through.
pub(super) fn path(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect()
}

/// What the store's refusal of a row's create says in the report.
pub fn rejection_notes(rejection: &Rejection) -> Vec<RowNote> {
    let one = |code, message: &'static str| vec![RowNote::new("", code, message)];
    match rejection {
        Rejection::Invalid(problems) | Rejection::Conflict { problems, .. } => {
            problems.iter().map(RowNote::from).collect()
        }
        Rejection::NoIdentifier { wanted } => {
            let message = format!("Invalid customer identifiers: {}", wanted.join(", "));
            vec![RowNote::new("", "no_identifier", message)]
        }
        Rejection::State(problems) => problems.iter().map(RowNote::from).collect(),
        Rejection::Deleted => one("deleted", "the customer is deleted"),
        Rejection::NotFound | Rejection::Stale | Rejection::KeyReused | Rejection::Defect => {
            one("internal", "the row could not be imported; this is a defect of the service")
        }
    }
}

/// The contract's text for a rejected row: `Error on line 62: phone: must …; email: must …`.
pub fn row_error_text(line: u64, notes: &[RowNote]) -> String {
    let notes: Vec<String> = notes.iter().map(ToString::to_string).collect();
    format!("Error on line {line}: {}", notes.join("; "))
}

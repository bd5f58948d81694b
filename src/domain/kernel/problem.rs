//! What is wrong with a request, in words by which the sender can correct it (rules 6).

use std::fmt;

use serde::{Deserialize, Serialize};

/// The most problems that an answer lists; it counts the others (rules 6).
pub const PROBLEMS_MAX: usize = 100;

/// The most bytes of a name as sent that a problem repeats.
const PART_BYTES_MAX: usize = 100;

/// The part of the request that a problem is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum At {
    /// A JSON pointer into the body.
    Pointer(String),
    /// A query or path parameter.
    Parameter(String),
    /// A header.
    Header(&'static str),
    /// A line of the file that the body is, from 1.
    Line(u64),
}

/// What a problem tells about stored customers, besides what is wrong with the request (rules 1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Tells {
    /// Nothing.
    #[default]
    Nothing,
    /// Values that every reader of customers sees.
    Shown,
    /// Values that only a token with `pii:read` sees.
    Masked,
}

impl Tells {
    /// Whether it tells nothing.
    pub fn is_nothing(&self) -> bool {
        *self == Tells::Nothing
    }
}

/// One thing that is wrong, with a stable code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it is.
    pub at: At,
    /// A stable, machine-readable code in snake case.
    pub code: &'static str,
    /// What is wrong and what would do; never a personal value.
    pub message: String,
    /// What it tells about stored customers.
    pub tells: Tells,
}

impl Problem {
    fn new(at: At, code: &'static str, message: String) -> Problem {
        Problem { at, code, message, tells: Tells::Nothing }
    }

    /// A problem of a body member. `path` has the names as sent; this function escapes them, and shortens long ones.
    pub fn field(path: &[&str], code: &'static str, message: impl Into<String>) -> Problem {
        let mut pointer = String::new();
        for part in path {
            pointer.push('/');
            let (shown, rest) = shortened(part);
            pointer.push_str(&shown.replace('~', "~0").replace('/', "~1"));
            pointer.push_str(rest);
        }
        Problem::new(At::Pointer(pointer), code, message.into())
    }

    /// A problem of a query or path parameter; this function shortens a long name.
    pub fn parameter(name: impl Into<String>, code: &'static str, message: impl Into<String>) -> Problem {
        let mut name = name.into();
        let (shown, rest) = shortened(&name);
        if !rest.is_empty() {
            name = format!("{shown}{rest}");
        }
        Problem::new(At::Parameter(name), code, message.into())
    }

    /// A problem of a header.
    pub fn header(name: &'static str, code: &'static str, message: impl Into<String>) -> Problem {
        Problem::new(At::Header(name), code, message.into())
    }

    /// A problem of a line of the file that the body is, from 1.
    pub fn line(line: u64, code: &'static str, message: impl Into<String>) -> Problem {
        Problem::new(At::Line(line), code, message.into())
    }

    /// The same problem of a body that is itself the value of a member.
    #[must_use]
    pub fn within(self, member: &str) -> Problem {
        let at = match self.at {
            At::Pointer(pointer) => At::Pointer(format!("/{member}{pointer}")),
            other => other,
        };
        Problem { at, ..self }
    }

    /// Whether it is about a member of the body by this name, or about something in it.
    pub fn is_of(&self, member: &str) -> bool {
        let At::Pointer(pointer) = &self.at else { return false };
        pointer.strip_prefix('/').and_then(|rest| rest.split('/').next()) == Some(member)
    }

    /// The same problem, marked with what it tells about stored customers.
    #[must_use]
    pub fn telling(self, tells: Tells) -> Problem {
        Problem { tells, ..self }
    }
}

/// The part of a name that a problem repeats, and the mark of what it leaves out.
fn shortened(name: &str) -> (&str, &'static str) {
    let shown = name.get(..name.floor_char_boundary(PART_BYTES_MAX)).unwrap_or(name);
    (shown, if shown.len() < name.len() { "…" } else { "" })
}

/// The value that was read. If it was refused, notes its problems and returns the default.
pub fn noted<T: Default>(read: Result<T, Vec<Problem>>, problems: &mut Vec<Problem>) -> T {
    read.unwrap_or_else(|found| {
        problems.extend(found);
        T::default()
    })
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match &self.at {
            At::Pointer(pointer) => pointer.trim_start_matches('/'),
            At::Parameter(name) => name,
            At::Header(name) => name,
            At::Line(line) => return write!(f, "line {line}: {}", self.message),
        };
        if place.is_empty() { write!(f, "{}", self.message) } else { write!(f, "{place}: {}", self.message) }
    }
}

/// A stable code and a sentence that says what would do.
pub type ValueError = (&'static str, String);

/// Why a command was refused; nothing of it took effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// The request is wrong in itself: 400.
    Invalid(Vec<Problem>),
    /// No value for anything that could identify the customer: 400 (rules 3).
    NoIdentifier {
        /// The identifiers of which one would be enough, as on the wire.
        wanted: Vec<String>,
    },
    /// No such record, or not for this caller: 404.
    NotFound,
    /// Another customer stands in the way: 409.
    Conflict {
        /// One problem for each field that belongs to another customer; the messages name the ids.
        problems: Vec<Problem>,
        /// The customers in the way, oldest first.
        ids: Vec<i64>,
    },
    /// The token lacks `pii:read` for what it sends: 403 (rules 1).
    NeedsPii(Vec<Problem>),
    /// It belongs to another author: 403 (rules 12).
    NotAuthor,
    /// The current state does not allow it: 409.
    State(Vec<Problem>),
    /// The customer is deleted and cannot change: 409 (rules 5).
    Deleted,
    /// `If-Match` names another version: 412.
    Stale,
    /// The idempotency key was used for another request: 422 (rules 4).
    KeyReused,
    /// The program has a defect: 500.
    Defect,
}

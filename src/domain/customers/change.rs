//! What a request says of one value.

use compact_str::CompactString;

/// What a request says of one field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// Nothing.
    #[default]
    Keep,
    /// `null` or `""`: a create ignores it, a PUT clears the field.
    Clear,
    /// A value.
    Set(T),
}

impl<T> Change<T> {
    /// The value, where there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Change::Set(value) => Some(value),
            Change::Keep | Change::Clear => None,
        }
    }

    /// Whether the request says anything of the field.
    pub fn is_sent(&self) -> bool {
        !matches!(self, Change::Keep)
    }
}

/// A value, or a mask that may stand for the stored one (rules 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A checked value in its stored form.
    Value(CompactString),
    /// A text that looks like a mask. It is right only if it is the mask of the stored value.
    Mask(CompactString),
}

impl<T> From<Option<T>> for Change<T> {
    /// A value that was sent; `None` clears.
    fn from(sent: Option<T>) -> Change<T> {
        sent.map_or(Change::Clear, Change::Set)
    }
}

impl<T: Clone> Change<T> {
    /// Writes what is sent onto a stored value.
    pub fn write_to(&self, stored: &mut Option<T>) {
        match self {
            Change::Keep => {}
            Change::Clear => *stored = None,
            Change::Set(value) => *stored = Some(value.clone()),
        }
    }
}

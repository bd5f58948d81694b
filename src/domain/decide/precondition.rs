//! `If-Match`: the versions of a record at which it may be changed (rules 5).

/// `If-Match` as a list of versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Precondition {
    /// No header.
    #[default]
    None,
    /// One of these versions; the list is empty if the header cannot be parsed.
    Versions(Vec<i64>),
}

impl Precondition {
    /// Whether a record at this version may be changed.
    pub fn holds(&self, version: i64) -> bool {
        match self {
            Precondition::None => true,
            Precondition::Versions(versions) => versions.contains(&version),
        }
    }
}

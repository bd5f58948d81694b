//! Comments on customers (rules 12): what they hold, and how much.

use serde::{Deserialize, Serialize};

use super::kernel::problem::ValueError;
use super::kernel::text;
use super::kernel::time::Micros;

/// The most characters of a comment (rules 12).
pub const COMMENT_CHARS_MAX: usize = 4_000;
/// The most comments of a customer (rules 12).
pub const COMMENTS_MAX: i64 = 1_000;

/// A comment on a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// Its number within the customer, which no later comment gets.
    pub id: i64,
    /// 1 at first; every change that has an effect adds one.
    pub version: i64,
    /// What it says.
    pub text: String,
    /// Whether it stands above the others.
    pub pinned: bool,
    /// The name of the token that wrote it.
    pub author: String,
    /// That token's id.
    pub author_jti: String,
    /// When it was written.
    pub created_at: Micros,
    /// When its text last changed.
    pub edited_at: Option<Micros>,
}

/// A comment to write, with a checked text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewComment {
    /// What it says.
    pub text: String,
    /// Whether it stands above the others.
    pub pinned: bool,
}

/// How many comments a customer has and had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommentBook {
    /// The number of the next comment.
    pub next_id: i64,
    /// How many comments there are.
    pub count: i64,
    /// How many changes there were.
    pub version: i64,
    /// When the newest comment was written; a later one is not older.
    pub newest_at: Micros,
}

impl Default for CommentBook {
    fn default() -> CommentBook {
        CommentBook { next_id: 1, count: 0, version: 0, newest_at: Micros(0) }
    }
}

/// A change to a customer's comments, to save.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommentChange {
    /// A new comment.
    Add(Comment),
    /// A comment in the place of the one with its number.
    Replace(Comment),
    /// No comment with this number.
    Remove(i64),
}

impl CommentChange {
    /// The number of the comment.
    pub fn comment_id(&self) -> i64 {
        match self {
            CommentChange::Add(comment) | CommentChange::Replace(comment) => comment.id,
            CommentChange::Remove(id) => *id,
        }
    }

    /// The comment after the change.
    pub fn after(&self) -> Option<&Comment> {
        match self {
            CommentChange::Add(comment) | CommentChange::Replace(comment) => Some(comment),
            CommentChange::Remove(_) => None,
        }
    }
}

impl CommentBook {
    /// The book after a change.
    #[must_use]
    pub fn after(self, change: &CommentChange) -> CommentBook {
        let version = self.version + 1;
        match change {
            CommentChange::Add(comment) => CommentBook {
                next_id: comment.id + 1,
                count: self.count + 1,
                version,
                newest_at: comment.created_at,
            },
            CommentChange::Replace(_) => CommentBook { version, ..self },
            CommentChange::Remove(_) => CommentBook { count: self.count - 1, version, ..self },
        }
    }
}

/// The stored form of a comment's text: lines stay lines.
///
/// # Errors
/// The text is empty, too long, or has a control character.
pub fn clean_text(sent: &str) -> Result<String, ValueError> {
    let text = text::clean_paragraphs(sent, COMMENT_CHARS_MAX)?;
    if text.is_empty() { Err(("required", "must hold a text".into())) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_12_lines_and_tabs_of_a_comment_stay() {
        let clean = |text| clean_text(text).unwrap();
        assert_eq!(clean("  one\r\ntwo\n\n\tthree\u{2028}four \n"), "one\ntwo\n\n\tthree\nfour");
        assert_eq!(clean("e\u{301}\u{200b}!"), "é!");
        assert_eq!(clean(&"é".repeat(COMMENT_CHARS_MAX)).chars().count(), COMMENT_CHARS_MAX);
        let codes = ["", " \n ", "\u{200b}", "a\u{7}b", "x\u{0}"].map(|text| clean_text(text).unwrap_err().0);
        assert_eq!(codes, ["required", "required", "required", "control_character", "control_character"]);
        assert_eq!(clean_text(&"x".repeat(COMMENT_CHARS_MAX + 1)).unwrap_err().0, "too_long");
        assert_eq!(clean_text(&"x".repeat(10_000_000)).unwrap_err().0, "too_long");
    }

    #[test]
    fn rules_12_a_number_is_never_used_again() {
        let comment = |id| Comment {
            id,
            version: 1,
            text: "x".into(),
            pinned: false,
            author: String::new(),
            author_jti: String::new(),
            created_at: Micros(1),
            edited_at: None,
        };
        let mut book = CommentBook::default();
        book = book.after(&CommentChange::Add(comment(book.next_id)));
        book = book.after(&CommentChange::Add(comment(book.next_id)));
        book = book.after(&CommentChange::Remove(2));
        assert_eq!(book, CommentBook { next_id: 3, count: 1, version: 3, newest_at: Micros(1) });
    }
}

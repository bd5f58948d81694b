//! The search index: blind terms, by which searches find customers without opening them (rules 7).
//!
//! A term is a keyed hash of a value within its field. The index proposes customers; the caller opens and compares
//! them. [`segments`] describes how it is stored, the same on both databases; [`compaction`] keeps it small.

mod blocks;
mod compaction;
pub(crate) mod digests;
mod lookup;
mod memtable;
mod rebuild;
mod segments;

pub(crate) use self::compaction::examine;
pub(crate) use self::lookup::{Index, Question};
pub(crate) use self::memtable::{Indexed, NewMemtableRows};
pub(crate) use self::rebuild::rebuild;
pub(crate) use self::segments::{add, begin, bound, is_look_due};

use std::time::Duration;

use super::SearchIndex;
use super::engine::conn::{Conn, DatabaseUrl};
use super::engine::error::StoreError;
use super::engine::reader::{Sees, Size};
use crate::domain::customers::fields::TextField;
use crate::domain::customers::identifier::{IdField, MatchKey};
use crate::domain::customers::record::Customer;
use crate::domain::filter::{Group, Term, TermVisitor, each_term};
use crate::domain::kernel::text::fold_spaces;
use crate::vault::{DataKey, TermHasher, TermHashing};

/// All terms of a live customer, hashed, sorted and without duplicates.
pub(crate) fn of_customer(hasher: &TermHasher, customer: &Customer) -> Vec<u64> {
    let mut hashed = Hashed { hashing: hasher.begin(), terms: Vec::with_capacity(128) };
    each_term(customer, &mut hashed);
    let mut terms = hashed.terms;
    terms.sort_unstable();
    terms.dedup();
    terms
}

struct Hashed {
    hashing: TermHashing,
    terms: Vec<u64>,
}

impl TermVisitor for Hashed {
    fn group(&mut self, name: [&str; 2]) {
        self.hashing.group(name);
    }

    fn text(&mut self, text: &str) {
        self.terms.push(self.hashing.term(text));
    }
}

/// The terms of every customer that has all values of a key.
fn of_key(key: &MatchKey) -> Vec<Term> {
    let pairs = key.identifier.fields().iter().zip(&key.values);
    pairs
        .map(|(field, value)| match field {
            // The matcher compares numbers and additional fields exactly, the index without case and spacing.
            IdField::Text(TextField::CustomerNumber) => {
                (Group::Text(TextField::CustomerNumber), fold_spaces(value))
            }
            IdField::Additional(name) => (Group::Additional(name.to_lowercase()), fold_spaces(value)),
            IdField::Text(field) => (Group::Text(*field), value.clone()),
        })
        .map(|(group, text)| Term { group, text: text.into() })
        .collect()
}

/// The customers that may have all values of a key. It may return some that do not, and misses none that do.
pub(crate) fn find(
    conn: &mut Conn,
    entrypoint_id: i64,
    data_key: &DataKey,
    key: &MatchKey,
) -> Result<Vec<i64>, StoreError> {
    let index = Index::of(conn, &[entrypoint_id])?;
    let question = Question::of(entrypoint_id, data_key, &of_key(key));
    Ok(index.having(conn, &[question])?.pop().unwrap_or_default())
}

impl Question {
    /// A question for the customers of an entrypoint that have all `terms` under one of its data keys.
    pub(crate) fn of(entrypoint_id: i64, data_key: &DataKey, terms: &[Term]) -> Question {
        let mut hashing = data_key.terms().begin();
        let mut hashes: Vec<u64> = terms
            .iter()
            .map(|term| {
                hashing.group(term.group.key());
                hashing.term(&term.text)
            })
            .collect();
        hashes.sort_unstable();
        hashes.dedup();
        Question { entrypoint_id, terms: hashes }
    }
}

/// What a step of the index's maintenance did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maintained {
    /// It did something, and there may be more to do.
    Went,
    /// It compacted all segments: they hold no terms of customers erased before.
    Whole,
    /// There was nothing to do.
    Nothing,
}

impl SearchIndex<'_> {
    /// Waits until this process writes terms.
    pub async fn written(self) {
        self.0.terms_written.notified().await;
    }

    /// How long terms gather between a write and the flush. On SQLite a larger flush holds up the only writer for longer;
    /// on PostgreSQL each flush costs round trips and a commit beside the writers.
    pub fn gather(self) -> Duration {
        match self.0.url {
            DatabaseUrl::Sqlite(_) => Duration::from_millis(50),
            DatabaseUrl::Postgres(_) => Duration::from_millis(200),
        }
    }

    /// Flushes the memtable into a segment, if it has at least `least` bytes.
    ///
    /// # Errors
    /// The database's; [`StoreError::Corrupt`].
    pub async fn flush(self, least: i64) -> Result<Maintained, StoreError> {
        // A reader reads and packs the terms, to spare the writer.
        let Some(flush) = self.0.read(move |conn, _| compaction::flush_if_due(conn, least)).await? else {
            return Ok(Maintained::Nothing);
        };
        let rows = self.0.administer(move |conn, _| segments::finish_flush(conn, flush)).await?;
        Ok(if rows > 0 { Maintained::Went } else { Maintained::Nothing })
    }

    /// Vacuums the memtable on PostgreSQL. Until then every search reads through the dead rows of a flush, and the server's
    /// autovacuum comes only once a minute. With `whole` it also truncates the file, unless the memtable has rows again.
    /// Returns whether the file still has pages: a transaction that began before the flush keeps them, and so does
    /// a lock on the table.
    ///
    /// # Errors
    /// The database's.
    pub async fn vacuum(self, whole: bool) -> Result<bool, StoreError> {
        self.0.readers.read(Size::Many, Sees::EachItsOwn, move |conn| memtable::vacuum(conn, whole)).await
    }

    /// Compacts some segments, if that is due; `may_erase`: whether erased people are a reason.
    ///
    /// # Errors
    /// The database's; [`StoreError::Corrupt`]. A later call begins the compaction again.
    pub async fn compact(self, is_idle: bool, may_erase: bool) -> Result<Maintained, StoreError> {
        if !self.0.read(move |conn, _| compaction::is_due(conn, is_idle, may_erase)).await? {
            return Ok(Maintained::Nothing);
        }
        let begun = self.0.administer(move |conn, _| compaction::begin(conn, is_idle, may_erase)).await?;
        let Some(mut compaction) = begun else { return Ok(Maintained::Nothing) };
        loop {
            let (after, blocks) = self
                .0
                .read(move |conn, _| {
                    let blocks = compaction.read(conn)?;
                    Ok((compaction, blocks))
                })
                .await?;
            let is_over = blocks.is_empty();
            let (after, holds) = self
                .0
                .administer(move |conn, _| {
                    let holds = if is_over {
                        compaction::finish(conn, &after)?
                    } else {
                        compaction::write(conn, &after, blocks)?
                    };
                    Ok((after, holds))
                })
                .await?;
            compaction = after;
            if is_over || !holds {
                let is_whole = is_over && holds && compaction.is_whole;
                return Ok(if is_whole { Maintained::Whole } else { Maintained::Went });
            }
        }
    }

    /// Removes some blocks of retired segments.
    ///
    /// # Errors
    /// The database's.
    pub async fn purge(self) -> Result<Maintained, StoreError> {
        if self.0.read(|conn, _| compaction::purgeable(conn)).await?.is_none() {
            return Ok(Maintained::Nothing);
        }
        let more = self.0.administer(|conn, _| compaction::purge(conn)).await?;
        Ok(if more { Maintained::Went } else { Maintained::Nothing })
    }
}

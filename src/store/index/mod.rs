//! The search index: blind terms, by which searches find customers without opening them (rules 7).
//!
//! A term is a keyed hash of a value within its field. The index proposes customers; the caller opens and compares
//! them. [`segments`] describes how it is stored, the same on both databases; [`compaction`] keeps it small, and [`scrub`]
//! takes out erased people.
//!
//! It is an index of our own, because a library's was the largest part of a write: SQLite's FTS5 took 48 µs a customer and
//! PostgreSQL's GIN 82 µs.

mod blocks;
mod compaction;
pub(crate) mod digests;
mod lease;
mod lookup;
mod memtable;
mod rebuild;
mod scrub;
mod segments;

pub use self::compaction::Compactions;
pub(crate) use self::compaction::examine;
pub(crate) use self::lookup::{Index, Question};
pub(crate) use self::memtable::{Indexed, NewMemtableRows};
pub(crate) use self::rebuild::rebuild;
pub(crate) use self::segments::{add, begin, bound, is_look_due};

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::SearchIndex;
use super::engine::conn::{Conn, DatabaseUrl};
use super::engine::error::StoreError;
use super::engine::reader::{Sees, Size};
use super::keys::keyring::KeyRing;
use crate::domain::customers::fields::{Shape, TextField};
use crate::domain::customers::identifier::{IdField, MatchKey};
use crate::domain::customers::record::Customer;
use crate::domain::filter::{Group, Term, TermVisitor, each_term, name_term};
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
            IdField::Reference(_) => {
                (Group::Reference(field.system().unwrap_or_default().to_owned()), fold_spaces(value))
            }
            IdField::Text(field) if field.spec().shape == Shape::Name => {
                (Group::Text(*field), name_term(value.clone()))
            }
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

    /// Does a step of the compactions under way; with `may_begin` it first begins one that is due.
    ///
    /// # Errors
    /// The database's; [`StoreError::Corrupt`]. What was under way is then dropped, and a later call begins again.
    pub async fn compact(
        self,
        compactions: &mut Compactions,
        may_begin: bool,
        is_idle: bool,
    ) -> Result<Maintained, StoreError> {
        let mut taken = std::mem::take(compactions);
        // If a step fails, the lease is still this process's.
        compactions.lease_no = taken.lease_no;
        let ids = taken.taken();
        // Beside a large compaction, only many small segments are a reason.
        let is_idle = is_idle && ids.is_empty();
        if may_begin && self.0.read(move |conn, _| compaction::is_due(conn, &ids, is_idle)).await? {
            (taken, _) = self
                .0
                .administer(move |conn, _| {
                    let begun = taken.begin(conn, is_idle)?;
                    Ok((taken, begun))
                })
                .await?;
        }
        if taken.are_none() {
            *compactions = taken;
            return Ok(Maintained::Nothing);
        }
        let read = move |conn: &mut Conn, _: &KeyRing| {
            let blocks = taken.read(conn)?;
            Ok((taken, blocks))
        };
        let (mut taken, blocks) = self.0.read(read).await?;
        *compactions = self
            .0
            .administer(move |conn, _| {
                taken.write(conn, blocks)?;
                Ok(taken)
            })
            .await?;
        Ok(Maintained::Went)
    }

    /// Drops what is under way, and gives up the lease, so that another process or the next one can begin at once.
    ///
    /// # Errors
    /// The database's.
    pub async fn leave(self, compactions: &mut Compactions) -> Result<(), StoreError> {
        let Compactions { lease_no: Some(lease_no), .. } = std::mem::take(compactions) else { return Ok(()) };
        self.0.administer(move |conn, _| lease::leave(conn, lease_no)).await
    }

    /// Whether segments may have terms of erased people.
    ///
    /// # Errors
    /// The database's.
    pub async fn has_erased(self) -> Result<bool, StoreError> {
        self.0.read(|conn, _| scrub::is_due(conn)).await
    }

    /// Takes the terms of erased people out of all segments. No compaction may be under way.
    ///
    /// # Errors
    /// The database's; [`StoreError::Corrupt`]. A later call begins again.
    pub async fn scrub(self, compactions: &mut Compactions) -> Result<Maintained, StoreError> {
        let mut own = compactions.lease_no;
        let begun = self.0.administer(move |conn, _| Ok((scrub::begin(conn, &mut own)?, own))).await?;
        let (Some(mut scrub), own) = begun else { return Ok(Maintained::Nothing) };
        compactions.lease_no = own;
        loop {
            let read = move |conn: &mut Conn, _: &KeyRing| {
                let replaced = scrub.read(conn)?;
                Ok((scrub, replaced))
            };
            let (after, replaced) = self.0.read(read).await?;
            let write = move |conn: &mut Conn, _: &KeyRing| Ok((after.write(conn, replaced)?, after));
            let (is_over, after) = self.0.administer(write).await?;
            scrub = after;
            if is_over {
                // The old blocks are still in SQLite's write-ahead log.
                self.0.erased.store(true, Ordering::Release);
                self.0.customers().finish_erasing().await;
                return Ok(Maintained::Went);
            }
        }
    }

    /// Vacuums the segments on PostgreSQL, so that new ones use the space of removed ones. The server's autovacuum comes
    /// once a minute, and only after a fifth of the rows.
    ///
    /// # Errors
    /// The database's.
    pub async fn vacuum_segments(self) -> Result<(), StoreError> {
        self.0.readers.read(Size::Many, Sees::EachItsOwn, segments::vacuum).await
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

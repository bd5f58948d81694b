//! Blind terms: what of a customer can be found without opening it (rules 7).
//!
//! Each term is a keyed hash of a value within its field. The index proposes; opening and comparing
//! decides.

use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use super::conn::Conn;
use super::error::StoreError;
use super::schema;
use crate::domain::customer::Customer;
use crate::domain::filter::{Group, Term, terms_of};
use crate::domain::identifier::{IdField, MatchKey};
use crate::domain::text::fold_spaces;
use crate::vault::{DataKey, Hasher};

diesel::infix_operator!(FtsMatches, " MATCH ", Bool, backend: diesel::sqlite::Sqlite);

/// All terms of a live customer, hashed.
pub(super) fn of_customer(hasher: &Hasher, customer: &Customer) -> Vec<u64> {
    let mut terms: Vec<u64> = terms_of(customer).iter().map(|term| hashed(hasher, term)).collect();
    terms.sort_unstable();
    terms.dedup();
    terms
}

fn hashed(hasher: &Hasher, term: &Term) -> u64 {
    hasher.term(&term.group.key(), &term.text)
}

/// The terms that whoever has all values of a key is indexed by.
fn of_key(key: &MatchKey) -> Vec<Term> {
    let pairs = key.identifier.fields().iter().zip(&key.values);
    pairs
        .map(|(field, value)| Term {
            group: match field {
                IdField::Text(field) => Group::Text(*field),
                IdField::Additional(name) => Group::Additional(name.to_lowercase()),
            },
            text: fold_spaces(value),
        })
        .collect()
}

/// A term as FTS5's ASCII tokenizer keeps it whole: lower-case base 32.
fn word(term: u64) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    (0..13)
        .map(|place| {
            let digit = usize::try_from((term >> (place * 5)) & 31).unwrap_or(0);
            ALPHABET.get(digit).map_or('a', |byte| char::from(*byte))
        })
        .collect()
}

#[expect(clippy::as_conversions, clippy::cast_possible_wrap, reason = "PostgreSQL has no unsigned integers")]
fn signed(term: u64) -> i64 {
    term as i64
}

/// Writes the terms of customers that have none yet.
pub(super) fn insert(
    conn: &mut Conn,
    entrypoint_id: i64,
    rows: &[(i64, Vec<u64>)],
) -> Result<(), StoreError> {
    match conn {
        Conn::Sqlite(c) => {
            use schema::sqlite::term_index;
            for (id, terms) in rows {
                let words: Vec<String> = terms.iter().copied().map(word).collect();
                diesel::insert_into(term_index::table)
                    .values((term_index::rowid.eq(id), term_index::terms.eq(words.join(" "))))
                    .execute(c)?;
            }
        }
        Conn::Postgres(c) => {
            use schema::postgres::term_index;
            let values: Vec<_> = rows
                .iter()
                .map(|(id, terms)| {
                    let terms: Vec<i64> = terms.iter().copied().map(signed).collect();
                    (
                        term_index::entrypoint_id.eq(entrypoint_id),
                        term_index::customer_id.eq(*id),
                        term_index::terms.eq(terms),
                    )
                })
                .collect();
            if !values.is_empty() {
                diesel::insert_into(term_index::table).values(&values).execute(c)?;
            }
        }
    }
    Ok(())
}

/// Removes the terms of customers.
pub(super) fn delete(conn: &mut Conn, ids: &[i64]) -> Result<(), StoreError> {
    match conn {
        Conn::Sqlite(c) => {
            use schema::sqlite::term_index;
            for id in ids {
                diesel::delete(term_index::table.filter(term_index::rowid.eq(id))).execute(c)?;
            }
        }
        Conn::Postgres(c) => {
            use schema::postgres::term_index;
            if !ids.is_empty() {
                diesel::delete(term_index::table.filter(term_index::customer_id.eq_any(ids))).execute(c)?;
            }
        }
    }
    Ok(())
}

/// The customers that may have all values of a key: a few too many, never one too few.
pub(super) fn find(
    conn: &mut Conn,
    entrypoint_id: i64,
    data_key: &DataKey,
    key: &MatchKey,
) -> Result<Vec<i64>, StoreError> {
    having(conn, entrypoint_id, data_key, &of_key(key))
}

/// The customers that have all of some terms, by id.
pub(super) fn having(
    conn: &mut Conn,
    entrypoint_id: i64,
    data_key: &DataKey,
    terms: &[Term],
) -> Result<Vec<i64>, StoreError> {
    let hashes = terms.iter().map(|term| hashed(data_key.terms(), term));
    Ok(match conn {
        Conn::Sqlite(c) => {
            use schema::sqlite::term_index;
            let query = hashes.map(word).collect::<Vec<_>>().join(" AND ");
            term_index::table
                .filter(FtsMatches::new(
                    diesel::dsl::sql::<Text>("term_index"),
                    diesel::expression::AsExpression::<Text>::as_expression(query),
                ))
                .select(term_index::rowid)
                .order(term_index::rowid)
                .load(c)?
        }
        Conn::Postgres(c) => {
            use schema::postgres::term_index;
            let wanted: Vec<i64> = hashes.map(signed).collect();
            term_index::table
                .filter(term_index::terms.contains(wanted))
                .filter(term_index::entrypoint_id.eq(entrypoint_id))
                .select(term_index::customer_id)
                .order(term_index::customer_id)
                .load(c)?
        }
    })
}

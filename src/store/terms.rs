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
use crate::domain::fields::TextField;
use crate::domain::identifier::{IdField, MatchKey};
use crate::vault::{DataKey, Hasher};

diesel::infix_operator!(FtsMatches, " MATCH ", Bool, backend: diesel::sqlite::Sqlite);

/// The group of a field's exact values.
fn exact_group(field: &IdField) -> String {
    match field {
        IdField::Text(field) => format!("={}", field.name()),
        IdField::Additional(name) => format!("=additional:{name}"),
    }
}

/// All terms of a live customer.
pub(super) fn of_customer(hasher: &Hasher, customer: &Customer) -> Vec<u64> {
    let texts = TextField::all().map(IdField::Text);
    let additional = customer.additional.keys().cloned().map(IdField::Additional);
    let mut terms: Vec<u64> = texts
        .chain(additional)
        .filter_map(|field| field.comparable(customer).map(|value| hasher.term(&exact_group(&field), &value)))
        .collect();
    terms.sort_unstable();
    terms.dedup();
    terms
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
    let pairs = key.identifier.fields().iter().zip(&key.values);
    let terms = pairs.map(|(field, value)| data_key.terms().term(&exact_group(field), value));
    Ok(match conn {
        Conn::Sqlite(c) => {
            use schema::sqlite::term_index;
            let query = terms.map(word).collect::<Vec<_>>().join(" AND ");
            term_index::table
                .filter(FtsMatches::new(
                    diesel::dsl::sql::<Text>("term_index"),
                    diesel::expression::AsExpression::<Text>::as_expression(query),
                ))
                .select(term_index::rowid)
                .load(c)?
        }
        Conn::Postgres(c) => {
            use schema::postgres::term_index;
            let wanted: Vec<i64> = terms.map(signed).collect();
            term_index::table
                .filter(term_index::terms.contains(wanted))
                .filter(term_index::entrypoint_id.eq(entrypoint_id))
                .select(term_index::customer_id)
                .load(c)?
        }
    })
}

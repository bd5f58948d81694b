//! Rows of transactions, and the conversion between a row and a transaction.

use std::collections::BTreeMap;

use compact_str::CompactString;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary, Nullable, SmallInt, Text};
use serde::{Deserialize, Serialize};

use crate::domain::kernel::money::Money;
use crate::domain::kernel::time::Micros;
use crate::domain::transactions::currency::Currency;
use crate::domain::transactions::id::TransId;
use crate::domain::transactions::status::{Operation, Status};
use crate::domain::transactions::{Details, Field, Stamp, Transaction};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::prepared::row;
use crate::store::engine::schema::transaction;
use crate::vault::{Ad, DataKey, Plain, SealKey};

row! {
    /// A row of `transaction`.
    #[derive(Debug, Clone, PartialEq, Eq, AsChangeset)]
    #[diesel(treat_none_as_null = true)]
    pub(crate) struct TransactionRow of transaction "\"transaction\"":
    types TransactionColumns, columns transaction_columns of "t", fn insert_transactions by NewTransactions;
    #[diesel(skip_update)]
    entrypoint_id: i64 as BigInt,
    #[diesel(skip_update)]
    trans_id: Vec<u8> as Binary,
    digest: Vec<u8> as Binary,
    source: String as Text,
    customer_id: Option<i64> as Nullable<BigInt>,
    operation: i16 as SmallInt,
    status: i16 as SmallInt,
    amount_units: i64 as BigInt,
    fee_units: Option<i64> as Nullable<BigInt>,
    net_units: Option<i64> as Nullable<BigInt>,
    base_units: Option<i64> as Nullable<BigInt>,
    currency: String as Text,
    method: Option<String> as Nullable<Text>,
    occurred_at_us: i64 as BigInt,
    received_at_us: i64 as BigInt,
    refund_of: Option<Vec<u8>> as Nullable<Binary>,
    refunded_units: i64 as BigInt,
    key_id: i64 as BigInt,
    core: Vec<u8> as Binary,
    document: Option<Vec<u8>> as Nullable<Binary>,
}

/// The columns that a write may change.
const CHANGING: &str = "digest source customer_id operation status amount_units fee_units net_units base_units currency method \
                        occurred_at_us received_at_us refund_of refunded_units key_id core document";

/// What a transaction needs to be found and moved, also once its person is erased; sealed under the entrypoint's key.
#[derive(Serialize, Deserialize)]
struct Core {
    #[serde(rename = "e")]
    external_id: CompactString,
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    refund_of: Option<CompactString>,
    #[serde(rename = "s")]
    state_at: Micros,
    #[serde(rename = "t", default, skip_serializing_if = "BTreeMap::is_empty")]
    stamps: BTreeMap<Field, Stamp>,
}

/// The hash by which a transaction is found.
pub(crate) fn digest(key: &DataKey, source: &str, external_id: &str) -> Vec<u8> {
    key.transactions().digest_parts([source.as_bytes(), external_id.as_bytes()]).to_vec()
}

/// The numbers of the states in which the money moved.
pub(crate) fn confirmed() -> Vec<i16> {
    (0..=i16::from(u8::MAX))
        .filter(|number| Status::from_repr(*number).is_some_and(Status::is_confirmed))
        .collect()
}

/// The keys that seal a transaction.
pub(crate) struct Seals<'a> {
    /// The data key of both.
    pub key: &'a DataKey,
    /// That of the entrypoint.
    pub entrypoint: &'a SealKey,
    /// That of the details: of the customer, or of the entrypoint while it belongs to nobody. `None` once the person is
    /// erased.
    pub details: Option<&'a SealKey>,
}

impl TransactionRow {
    /// A new row of a transaction.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the random generator fails.
    pub(crate) fn seal(
        entrypoint_id: i64,
        transaction: &Transaction,
        seals: &Seals<'_>,
    ) -> Result<TransactionRow, StoreError> {
        let source = transaction.source.as_str();
        let mut row = TransactionRow {
            entrypoint_id,
            trans_id: transaction.id.0.to_vec(),
            digest: digest(seals.key, source, &transaction.external_id),
            source: source.to_owned(),
            customer_id: transaction.customer_id,
            operation: transaction.operation.number(),
            status: transaction.status.rank(),
            amount_units: transaction.amount.units(),
            fee_units: transaction.fee.map(Money::units),
            net_units: transaction.net.map(Money::units),
            base_units: transaction.base_amount.map(Money::units),
            currency: transaction.currency.code().to_owned(),
            method: transaction.method.as_deref().map(str::to_owned),
            occurred_at_us: transaction.occurred_at.0,
            received_at_us: transaction.received_at.0,
            refund_of: transaction.refund_of.as_deref().map(|sale| digest(seals.key, source, sale)),
            refunded_units: transaction.refunded.units(),
            key_id: seals.key.id,
            core: Vec::new(),
            document: None,
        };
        let core = Core {
            external_id: transaction.external_id.clone(),
            refund_of: transaction.refund_of.clone(),
            state_at: transaction.state_at,
            stamps: transaction.stamps.clone(),
        };
        row.core = seals.entrypoint.seal(&row.core_ad(), &Plain::from(serde_json::to_vec(&core)?))?;
        if let Some(seal) = seals.details
            && transaction.details != Details::default()
        {
            let plain = Plain::from(serde_json::to_vec(&transaction.details)?);
            row.document = Some(seal.seal(&row.document_ad(), &plain)?);
        }
        Ok(row)
    }

    /// Binds the core to its place and to the columns beside it.
    fn core_ad(&self) -> Ad {
        let optional = |value: Option<i64>| [i64::from(value.is_some()), value.unwrap_or(0)];
        let mut place = vec![
            self.entrypoint_id,
            i64::from(self.operation),
            i64::from(self.status),
            self.amount_units,
            self.occurred_at_us,
            self.received_at_us,
            self.refunded_units,
            self.key_id,
        ];
        for value in [self.customer_id, self.fee_units, self.net_units, self.base_units] {
            place.extend(optional(value));
        }
        let texts = [&*self.source, &*self.currency, self.method.as_deref().unwrap_or_default()].join("\0");
        let ad = Ad::new("transaction", &place).and(&self.trans_id).and(&self.digest);
        ad.and(self.refund_of.as_deref().unwrap_or_default()).and(texts.as_bytes())
    }

    /// Binds the details to their transaction and its customer.
    fn document_ad(&self) -> Ad {
        let place = [self.entrypoint_id, self.customer_id.unwrap_or(0), self.key_id];
        Ad::new("transaction details", &place).and(&self.trans_id)
    }

    /// Its id.
    pub(crate) fn id(&self) -> TransId {
        TransId(self.trans_id.as_slice().try_into().unwrap_or_default())
    }

    /// What the columns in clear tell. It lacks ids of the source, texts, and when fields were told.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a number that means nothing.
    pub(crate) fn outline(&self) -> Result<Transaction, StoreError> {
        let corrupt = || {
            let id = self.id().show(self.entrypoint_id);
            StoreError::Corrupt(format!("transaction {id} does not open"))
        };
        let money = |units: i64| Money::from_units(units).ok_or_else(corrupt);
        let optional = |units: Option<i64>| units.map(money).transpose();
        Ok(Transaction {
            id: self.id(),
            source: self.source.as_str().into(),
            external_id: CompactString::default(),
            customer_id: self.customer_id,
            operation: Operation::from_repr(self.operation).ok_or_else(corrupt)?,
            status: Status::from_repr(self.status).ok_or_else(corrupt)?,
            state_at: Micros(self.occurred_at_us),
            occurred_at: Micros(self.occurred_at_us),
            received_at: Micros(self.received_at_us),
            amount: money(self.amount_units)?,
            currency: Currency::parse(&self.currency).map_err(|_| corrupt())?,
            fee: optional(self.fee_units)?,
            net: optional(self.net_units)?,
            base_amount: optional(self.base_units)?,
            method: self.method.as_deref().map(Into::into),
            refund_of: None,
            refunded: money(self.refunded_units)?,
            details: Details::default(),
            stamps: BTreeMap::new(),
        })
    }

    /// Opens the row. `details` is the key of the details; `None` once the person is erased.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it does not open.
    pub(crate) fn open(
        &self,
        entrypoint: &SealKey,
        details: Option<&SealKey>,
    ) -> Result<Transaction, StoreError> {
        let corrupt = || {
            let id = self.id().show(self.entrypoint_id);
            StoreError::Corrupt(format!("transaction {id} does not open"))
        };
        let plain = entrypoint.open(&self.core_ad(), &self.core).map_err(|_| corrupt())?;
        let core: Core = serde_json::from_slice(&plain)?;
        let details = match (&self.document, details) {
            (Some(document), Some(seal)) => {
                let plain = seal.open(&self.document_ad(), document).map_err(|_| corrupt())?;
                serde_json::from_slice(&plain)?
            }
            _ => Details::default(),
        };
        Ok(Transaction {
            external_id: core.external_id,
            state_at: core.state_at,
            refund_of: core.refund_of,
            details,
            stamps: core.stamps,
            ..self.outline()?
        })
    }
}

/// Writes the rows of new transactions and of changed ones: in one statement on PostgreSQL.
///
/// # Errors
/// The database's; [`StoreError::Bug`] if a changed one is not there.
pub(crate) fn write(
    conn: &mut Conn,
    new: Vec<TransactionRow>,
    changed: Vec<TransactionRow>,
) -> Result<(), StoreError> {
    if let Conn::Postgres(c) = conn {
        let mut rows = new;
        rows.extend(changed);
        if !rows.is_empty() {
            All(rows.as_slice().into()).execute(c)?;
        }
        return Ok(());
    }
    insert_transactions(conn, &new)?;
    changed.iter().try_for_each(|row| replace(conn, row))
}

/// Replaces the row of a transaction.
///
/// # Errors
/// The database's; [`StoreError::Bug`] if there is none.
pub(crate) fn replace(conn: &mut Conn, row: &TransactionRow) -> Result<(), StoreError> {
    let there = transaction::table.find((row.entrypoint_id, &row.trans_id));
    let changed = on!(conn, |c| diesel::update(there).set(row).execute(c))?;
    if changed == 1 { Ok(()) } else { Err(StoreError::Bug("a transaction vanished".into())) }
}

/// Rows that replace those with the same id.
struct All<'a>(NewTransactions<'a>);

impl QueryId for All<'_> {
    type QueryId = All<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<C> RunQueryDsl<C> for All<'_> {}

impl QueryFragment<Pg> for All<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(" ON CONFLICT (entrypoint_id, trans_id) DO UPDATE SET ");
        for (index, column) in CHANGING.split_ascii_whitespace().enumerate() {
            if index > 0 {
                out.push_sql(", ");
            }
            out.push_sql(column);
            out.push_sql(" = excluded.");
            out.push_sql(column);
        }
        Ok(())
    }
}

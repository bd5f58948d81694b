//! Lists of transactions: filtered, in the order of time, page by page, each page from one state of the database (rules 14).
//!
//! Columns in clear narrow the rows by an index in the order of the page; what is sealed is opened and decides. A page costs
//! the same at any depth, because it begins where the one before it ended.

mod sql;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::sql::{Cut, slice, sums};
use super::load::{Opener, payers};
use super::rows::TransactionRow;
use super::summary::totals;
use super::sums::of_entrypoint;
use super::totals::TotalRow;
use crate::domain::entrypoints::Entrypoint;
use crate::domain::filter::{Filter as CustomerFilter, Op, Search, Sort};
use crate::domain::kernel::time::Micros;
use crate::domain::transactions::Transaction;
use crate::domain::transactions::filter::{Field, Filter, Light, Name, Narrow};
use crate::domain::transactions::id::TransId;
use crate::domain::transactions::status::{Operation, Status};
use crate::domain::transactions::totals::{Amounts, BASE, Totals};
use crate::store::Transactions;
use crate::store::customers::lists::{self, ListRequest, Listed};
use crate::store::customers::record_cache::RecordCache;
use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;
use crate::store::engine::reader::Wanted;
use crate::store::entrypoints::lock_row::with_lock_rows;
use crate::store::keys::keyring::KeyRing;

/// How many rows one read fetches.
const SLICE: usize = 1_000;
/// The most customers that a condition of the database names. More are looked up in memory.
const CUSTOMERS_MAX: usize = 1_000;
/// What a filter calls the customer of a transaction that has none.
const NOBODY: i64 = 0;

/// What to list.
#[derive(Debug, Clone)]
pub struct TransactionRequest {
    /// The entrypoints; the caller may see all of them.
    pub entrypoints: Vec<i64>,
    /// The conditions.
    pub filter: Filter,
    /// Whether the newest come first.
    pub descending: bool,
    /// Only transactions after this one.
    pub after: Option<TransactionKey>,
    /// How many to skip.
    pub skip: usize,
    /// How many to answer.
    pub limit: usize,
    /// Whether to count and sum up all matches.
    pub counts: bool,
    /// Who takes turns with others in searches: the caller's organisation.
    pub owner: i64,
    /// How long the search may take.
    pub time_max: Duration,
}

/// The place of a transaction in the order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TransactionKey {
    /// When it began, in microseconds.
    pub at: i64,
    /// Its entrypoint.
    pub entrypoint_id: i64,
    /// Its id.
    pub id: [u8; 16],
}

/// How many transactions match, and what the confirmed ones among them add to totals, in the base currencies of their
/// entrypoints (rules 15).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionSums {
    /// How many there are.
    pub count: i64,
    /// What confirmed sales came to, in ten-thousandths.
    pub amount: i128,
    /// The same less fees and less what went back.
    pub net: i128,
}

impl TransactionSums {
    fn add(&mut self, other: TransactionSums) {
        self.count += other.count;
        self.amount += other.amount;
        self.net += other.net;
    }
}

/// A transaction with its entrypoint, and its customer if it has one.
#[derive(Debug, Clone)]
pub struct ListedTransaction {
    /// The transaction.
    pub transaction: Transaction,
    /// Its entrypoint.
    pub entrypoint: Arc<Entrypoint>,
    /// Its customer.
    pub customer: Option<Listed>,
}

/// A page.
#[derive(Debug, Clone)]
pub struct TransactionPage {
    /// The transactions, in order.
    pub records: Vec<ListedTransaction>,
    /// The sums over all matches, if requested.
    pub sums: Option<TransactionSums>,
    /// Where the next page begins, if there is one.
    pub next: Option<TransactionKey>,
}

impl TransactionRow {
    fn key(&self) -> TransactionKey {
        TransactionKey { at: self.occurred_at_us, entrypoint_id: self.entrypoint_id, id: self.id().0 }
    }

    /// The columns in clear.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for unknown numbers.
    fn light(&self) -> Result<Light<'_>, StoreError> {
        let wrong = || {
            let id = self.id().show(self.entrypoint_id);
            StoreError::Corrupt(format!("transaction {id} has unreadable columns"))
        };
        Ok(Light {
            entrypoint_id: self.entrypoint_id,
            id: self.id(),
            source: &self.source,
            customer_id: self.customer_id,
            operation: Operation::from_repr(self.operation).ok_or_else(wrong)?,
            status: Status::from_repr(self.status).ok_or_else(wrong)?,
            amount: self.amount_units,
            fee: self.fee_units,
            net: self.net_units,
            currency: &self.currency,
            method: self.method.as_deref(),
            occurred_at: Micros(self.occurred_at_us),
        })
    }

    /// What it adds to the sums of a list (rules 15).
    fn sums(&self, light: &Light<'_>, base: &str) -> TransactionSums {
        let amounts = Amounts {
            operation: light.operation,
            status: light.status,
            amount: self.amount_units,
            fee: self.fee_units,
            net: self.net_units,
            refunded: self.refunded_units,
        };
        let counted = if self.currency == base {
            amounts.counted()
        } else {
            self.base_units.and_then(|in_base| amounts.counted_in_base(in_base))
        };
        let (amount, net) = counted.unwrap_or_default();
        TransactionSums { count: 1, amount, net }
    }
}

/// The customers that conditions on `customerNumber` name, and those that they exclude.
#[derive(Debug, Default)]
struct Customers {
    only: Option<HashSet<i64>>,
    not: HashSet<i64>,
}

impl Customers {
    fn of(
        conn: &mut Conn,
        ring: &KeyRing,
        request: &TransactionRequest,
        wanted: &Wanted,
    ) -> Result<Customers, StoreError> {
        let mut found = Customers::default();
        for predicate in request.filter.predicates() {
            if predicate.field != Field::Named(Name::CustomerNumber) {
                continue;
            }
            let op = if matches!(predicate.op, Op::Ct | Op::Nct) { Op::Ct } else { Op::Eq };
            let name = format!("customernumber({})", op.name());
            let filter = CustomerFilter::parse(&[(name.as_str(), predicate.text.as_str())]);
            let filter = filter.map_err(|_| StoreError::Bug("a filter of customer numbers".into()))?;
            let list = ListRequest {
                entrypoints: request.entrypoints.clone(),
                filter,
                search: Search::default(),
                masked: false,
                sort: Sort::oldest_first(),
                after: None,
                skip: 0,
                limit: usize::MAX,
                counts: false,
                counts_max: None,
                shows_money: false,
                owner: request.owner,
                time_max: request.time_max,
            };
            let page = lists::id_page(conn, ring, &list, wanted)?;
            let mut ids: HashSet<i64> = page.ids.into_iter().map(|(_, id)| id).collect();
            // Nobody has no number.
            if predicate.text.trim().is_empty() {
                ids.insert(0);
            }
            if predicate.op.is_negative() {
                found.not.extend(ids);
            } else {
                found.only = Some(match found.only.take() {
                    Some(known) => known.intersection(&ids).copied().collect(),
                    None => ids,
                });
            }
        }
        Ok(found)
    }

    fn holds(&self, id: Option<i64>) -> bool {
        let id = id.unwrap_or(0);
        self.only.as_ref().is_none_or(|only| only.contains(&id)) && !self.not.contains(&id)
    }

    fn says_nothing(&self) -> bool {
        self.only.is_none() && self.not.is_empty()
    }
}

/// A page of transactions.
///
/// # Errors
/// Database errors; [`StoreError::Corrupt`]; [`StoreError::Slow`].
pub(crate) fn page(
    conn: &mut Conn,
    ring: &KeyRing,
    record_cache: &RecordCache,
    request: &TransactionRequest,
    wanted: &Wanted,
) -> Result<TransactionPage, StoreError> {
    let customers = Customers::of(conn, ring, request, wanted)?;
    let mut narrow = request.filter.narrow();
    if let Some(only) = customers.only.as_ref().filter(|only| only.len() <= CUSTOMERS_MAX) {
        narrow.only_of(only.iter().copied().collect());
    }
    let decides = narrow.decides && customers.says_nothing();
    let places = with_lock_rows(conn, ring, &request.entrypoints, |_| true)?;
    let last = request.skip.saturating_add(request.limit);
    let mut found: Vec<(TransactionKey, TransactionRow)> = Vec::new();
    let mut all = TransactionSums::default();
    for (entrypoint, lock_row) in &places {
        let scope = Scope { request, narrow: &narrow, customers: &customers, wanted, decides };
        let counts_rows = request.counts && !decides;
        let (rows, counted) = walk(conn, ring, &scope, entrypoint, last.saturating_add(1), counts_rows)?;
        found.extend(rows.into_iter().map(|row| (row.key(), row)));
        all.add(counted);
        if request.counts && decides {
            all.add(summed(conn, lock_row.entrypoint_id, &narrow, entrypoint.currency.code())?);
        }
    }
    found.sort_unstable_by(|a, b| if request.descending { b.0.cmp(&a.0) } else { a.0.cmp(&b.0) });
    let has_more = found.len() > last;
    found.truncate(last);
    let next = found.last().filter(|_| has_more).map(|(key, _)| *key);
    let rows: Vec<TransactionRow> = found.into_iter().skip(request.skip).map(|(_, row)| row).collect();
    let entrypoints: HashMap<i64, Arc<Entrypoint>> =
        places.into_iter().map(|(entrypoint, row)| (row.entrypoint_id, entrypoint)).collect();
    let records = opened(conn, ring, record_cache, &rows, &entrypoints)?;
    Ok(TransactionPage { records, sums: request.counts.then_some(all), next })
}

/// The sums over all rows of an entrypoint that the columns admit. A list of whole customers, or of everything, takes them from
/// the totals that are kept, so that they cost the same however many rows there are.
fn summed(
    conn: &mut Conn,
    entrypoint_id: i64,
    narrow: &Narrow,
    base: &'static str,
) -> Result<TransactionSums, StoreError> {
    let kept = |totals: Totals| TransactionSums {
        count: totals.transactions,
        amount: totals.gross,
        net: totals.net,
    };
    if *narrow == Narrow::default() {
        let mut kept_sums = kept(of_entrypoint(conn, entrypoint_id)?.remove(BASE).unwrap_or_default());
        let mut of_nobody = Narrow::default();
        of_nobody.only_of(BTreeSet::from([NOBODY]));
        kept_sums.add(sums(conn, entrypoint_id, &of_nobody, base)?);
        return Ok(kept_sums);
    }
    match &narrow.customers {
        Some(ids)
            if !ids.contains(&NOBODY)
                && *narrow == (Narrow { customers: Some(ids.clone()), ..Narrow::default() }) =>
        {
            let places: Vec<(i64, i64)> = ids.iter().map(|id| (entrypoint_id, *id)).collect();
            let rows = totals(conn, &places)?;
            let in_base = rows.iter().filter(|row| row.currency == BASE).map(TotalRow::totals);
            Ok(kept(in_base.fold(Totals::default(), Totals::plus)))
        }
        _ => sums(conn, entrypoint_id, narrow, base),
    }
}

/// The conditions of a list.
struct Scope<'a> {
    request: &'a TransactionRequest,
    narrow: &'a Narrow,
    customers: &'a Customers,
    wanted: &'a Wanted,
    decides: bool,
}

/// The first matches of an entrypoint, and the sums over all of them if `counts`.
fn walk(
    conn: &mut Conn,
    ring: &KeyRing,
    scope: &Scope<'_>,
    entrypoint: &Entrypoint,
    most: usize,
    counts: bool,
) -> Result<(Vec<TransactionRow>, TransactionSums), StoreError> {
    let request = scope.request;
    let (mut matches, mut sums) = (Vec::new(), TransactionSums::default());
    let mut cut = Cut {
        entrypoint_id: entrypoint.id,
        after: request.after,
        descending: request.descending,
        limit: most.clamp(1, SLICE),
    };
    loop {
        scope.wanted.check()?;
        let rows = slice(conn, &cut, scope.narrow)?;
        let is_last = rows.len() < cut.limit;
        cut.after = rows.last().map(TransactionRow::key);
        cut.limit = SLICE;
        let met = if scope.decides { rows } else { met(conn, ring, scope, rows)? };
        for row in met {
            if counts {
                sums.add(row.sums(&row.light()?, entrypoint.currency.code()));
            }
            if matches.len() < most {
                matches.push(row);
            } else if !counts {
                return Ok((matches, sums));
            }
        }
        if is_last || (!counts && matches.len() >= most) {
            return Ok((matches, sums));
        }
    }
}

/// The rows that meet all conditions.
fn met(
    conn: &mut Conn,
    ring: &KeyRing,
    scope: &Scope<'_>,
    mut rows: Vec<TransactionRow>,
) -> Result<Vec<TransactionRow>, StoreError> {
    let filter = &scope.request.filter;
    let mut wrong = Ok(());
    rows.retain(|row| match row.light() {
        Ok(light) => scope.customers.holds(row.customer_id) && filter.holds(&light, None),
        Err(error) => {
            wrong = Err(error);
            false
        }
    });
    wrong?;
    if !filter.needs_texts() {
        return Ok(rows);
    }
    let salts = salts(conn, &rows)?;
    let salt_of = |id: i64| salts.get(&id).cloned().flatten();
    let mut opener = Opener::new(ring, &salt_of);
    let mut kept = Vec::with_capacity(rows.len());
    for row in rows {
        let transaction = opener.open(conn, &row)?;
        if filter.holds(&Light::of(row.entrypoint_id, &transaction), Some(&transaction)) {
            kept.push(row);
        }
    }
    Ok(kept)
}

/// The salts of the customers of some rows; `None` for erased ones.
fn salts(conn: &mut Conn, rows: &[TransactionRow]) -> Result<HashMap<i64, Option<Vec<u8>>>, StoreError> {
    let mut wanted: HashMap<i64, BTreeSet<i64>> = HashMap::new();
    for row in rows {
        wanted.entry(row.entrypoint_id).or_default().extend(row.customer_id);
    }
    let mut salts = HashMap::new();
    for (entrypoint_id, ids) in wanted {
        let ids: Vec<i64> = ids.into_iter().collect();
        salts.extend(
            payers(conn, entrypoint_id, &ids)?.into_iter().map(|payer| (payer.customer_id, payer.salt)),
        );
    }
    Ok(salts)
}

/// Opens rows, and finds their customers.
fn opened(
    conn: &mut Conn,
    ring: &KeyRing,
    record_cache: &RecordCache,
    rows: &[TransactionRow],
    entrypoints: &HashMap<i64, Arc<Entrypoint>>,
) -> Result<Vec<ListedTransaction>, StoreError> {
    let named: BTreeSet<(i64, i64)> =
        rows.iter().filter_map(|row| Some((row.entrypoint_id, row.customer_id?))).collect();
    let named: Vec<(i64, i64)> = named.into_iter().collect();
    let customers = lists::by_ids(conn, ring, record_cache, &named)?;
    let customers: HashMap<i64, Listed> =
        customers.into_iter().map(|listed| (listed.0.stored.id, listed)).collect();
    let salts = salts(conn, rows)?;
    let salt_of = |id: i64| salts.get(&id).cloned().flatten();
    let mut opener = Opener::new(ring, &salt_of);
    let mut records = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(entrypoint) = entrypoints.get(&row.entrypoint_id) else { continue };
        records.push(ListedTransaction {
            transaction: opener.open(conn, row)?,
            entrypoint: Arc::clone(entrypoint),
            customer: row.customer_id.and_then(|id| customers.get(&id).cloned()),
        });
    }
    Ok(records)
}

impl Transactions<'_> {
    /// Applies `render` to a page of transactions, on the reader thread.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`]; [`StoreError::Slow`] after the request's time.
    pub async fn list<T: Send + 'static>(
        self,
        request: TransactionRequest,
        render: impl FnOnce(&TransactionPage) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (owner, time_max) = (request.owner, request.time_max);
        let record_cache = Arc::clone(&self.0.record_cache);
        let read = move |conn: &mut Conn, ring: &KeyRing, wanted: &Wanted| {
            Ok(render(&page(conn, ring, &record_cache, &request, wanted)?))
        };
        self.0.search(owner, time_max, read).await
    }

    /// Confirmed sales of a customer in a period, with their amounts in the base currency; those without one are left out.
    ///
    /// # Errors
    /// Database errors.
    pub async fn sales_of(
        self,
        entrypoint_id: i64,
        customer_id: i64,
        (from, to): (Micros, Micros),
        base: &'static str,
    ) -> Result<Vec<(Micros, i64)>, StoreError> {
        self.0.read(move |conn, _| sql::sales(conn, entrypoint_id, customer_id, (from, to), base)).await
    }
}

impl TransactionKey {
    /// The id of its transaction.
    pub fn trans_id(&self) -> TransId {
        TransId(self.id)
    }
}

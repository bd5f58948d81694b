//! Lists in an order that an index gives: by the time of creation, and by what transactions come to. A page reads the customers
//! in this order until it is full, and as many more as the request counts.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use diesel::prelude::*;

use super::counting::Counting;
use super::scope::{ListScope, LockedEntrypoint};
use super::sql::{light, rows_by_place, slice};
use super::standing::{self, standings};
use super::{ListPage, ListRequest, Listed, SLICE, met};
use crate::domain::customers::record::{Customer, Stored};
use crate::domain::filter::{Column, Plan, Reach, Sort, SortKey, SortValue, Standing, StandingField};
use crate::domain::kernel::time::Micros;
use crate::store::customers::rows::CustomerRow;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::customer;
use crate::store::keys::keyring::KeyRing;

/// So many proposed customers are read and sorted; of more, those that the index of the order names first are read.
const FEW: usize = 5_000;
/// How many entries of an index one statement reads when few of them may be proposed.
const ENTRIES: usize = 10_000;

/// An order that an index gives.
#[derive(Clone, Copy)]
enum Order {
    Created,
    Total(StandingField),
}

impl Order {
    fn of(sort: &Sort) -> Option<Order> {
        let is_by_creation = matches!(sort.reach(), Reach::Column(Column::CreatedAt));
        sort.standing().map(Order::Total).or(is_by_creation.then_some(Order::Created))
    }
}

/// Whether an index gives the order, and not every match has to be visited to count them.
pub(super) fn asks(request: &ListRequest, known_total: Option<usize>) -> bool {
    let counts_all = request.counts && known_total.is_none() && request.counts_max.is_none();
    Order::of(&request.sort).is_some() && !counts_all
}

/// A page of a request that [`asks`] accepts: of the first of each entrypoint, the first of all are on it.
///
/// # Errors
/// Database errors; [`StoreError::Corrupt`]; [`StoreError::Slow`].
pub(super) fn page(
    conn: &mut Conn,
    ring: &KeyRing,
    request: &ListRequest,
    scope: &ListScope<'_>,
    known_total: Option<usize>,
) -> Result<ListPage, StoreError> {
    let Some(order) = Order::of(&request.sort) else {
        return Err(StoreError::Bug("an order that no index gives".into()));
    };
    let last = request.skip.saturating_add(request.limit);
    let counting = Counting::of(request, known_total);
    let mut page = Filling { request, scope, order, counting, found: BTreeMap::new(), last };
    for some in scope.places.chunks(super::PLACES_AT_ONCE) {
        let proposed = scope.proposed(conn, ring, request, some)?;
        for (place, proposed) in some.iter().zip(proposed) {
            page.fill(conn, ring, place, proposed)?;
        }
    }
    let Filling { mut found, counting, .. } = page;
    let has_more = found.len() > last;
    if has_more {
        found.pop_last();
    }
    let next = found.last_key_value().filter(|_| has_more).map(|(key, _)| key.clone());
    Ok(ListPage::of(found.into_values().skip(request.skip).collect(), next).counted(&counting))
}

/// A page that is filled in order; one more record than it has says that there is a next page.
struct Filling<'a> {
    request: &'a ListRequest,
    scope: &'a ListScope<'a>,
    order: Order,
    counting: Counting,
    found: BTreeMap<SortKey, Listed>,
    /// How many records there are up to the end of the page.
    last: usize,
}

impl Filling<'_> {
    /// Whether a customer with this key and all after it change nothing.
    fn ends_before(&self, key: &SortKey) -> bool {
        !self.counting.goes_on() && self.is_full_before(key)
    }

    /// Whether all customers after this key change nothing.
    fn ends_at(&self, key: &SortKey) -> bool {
        let is_full = self.found.len() > self.last;
        !self.counting.goes_on()
            && is_full
            && self.found.last_key_value().is_some_and(|(last, _)| last <= key)
    }

    fn is_full_before(&self, key: &SortKey) -> bool {
        self.found.len() > self.last && self.found.last_key_value().is_some_and(|(last, _)| last < key)
    }

    /// Adds the customers of an entrypoint.
    fn fill(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        place: &LockedEntrypoint,
        proposed: Option<Vec<i64>>,
    ) -> Result<(), StoreError> {
        let proposed = match proposed {
            Some(ids) if ids.len() <= FEW => return self.read(conn, ring, place, &ids),
            proposed => proposed.as_deref().map(<[i64]>::to_vec),
        };
        let proposed = proposed.as_deref();
        let Order::Total(field) = self.order else {
            return self.by_index(conn, ring, place, proposed, self.begin()).map(|_| ());
        };
        // An index gives the order of those with a number above 0; the others follow or precede them by their ids.
        let (number, id) = match &self.request.after {
            Some(SortKey { value: SortValue::Number(number), id, .. }) if *number > 0 => {
                (Some((*number, *id)), None)
            }
            Some(key) => (None, Some(key.id)),
            None => (None, None),
        };
        let begins = self.request.after.is_none();
        if self.request.sort.descending {
            if (begins || number.is_some()) && !self.by_index(conn, ring, place, proposed, number)? {
                return Ok(());
            }
            self.without(conn, ring, place, proposed, field, id)?;
        } else {
            if (begins || id.is_some()) && !self.without(conn, ring, place, proposed, field, id)? {
                return Ok(());
            }
            self.by_index(conn, ring, place, proposed, number)?;
        }
        Ok(())
    }

    /// Where an order by creation begins.
    fn begin(&self) -> Option<(i64, i64)> {
        match &self.request.after {
            Some(SortKey { value: SortValue::Number(number), id, .. }) => Some((*number, *id)),
            _ => None,
        }
    }

    /// Adds some customers of an entrypoint.
    fn read(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        place: &LockedEntrypoint,
        ids: &[i64],
    ) -> Result<(), StoreError> {
        let places: Vec<(i64, i64)> = ids.iter().map(|id| (place.1.entrypoint_id, *id)).collect();
        let mut rows = Vec::with_capacity(ids.len());
        for some in places.chunks(SLICE) {
            self.scope.wanted.check()?;
            rows.extend(rows_by_place(conn, some)?);
        }
        self.add(conn, ring, place, rows).map(|_| ())
    }

    /// Adds those of some customers of an entrypoint who match, in order. False if no customer after them changes anything.
    fn add(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        place: &LockedEntrypoint,
        rows: Vec<CustomerRow>,
    ) -> Result<bool, StoreError> {
        let (entrypoint, lock_row) = place;
        let known = if self.request.needs_standing() {
            let places: Vec<(i64, i64)> =
                rows.iter().map(|row| (lock_row.entrypoint_id, row.customer_id)).collect();
            standings(conn, &places)?
        } else {
            HashMap::new()
        };
        let mut keyed = Vec::with_capacity(rows.len());
        for row in rows {
            let standing = known.get(&row.customer_id).copied().unwrap_or_default();
            keyed.push((self.request.sort.key_with(&light(&row)?, entrypoint, standing), row, standing));
        }
        keyed.sort_unstable_by(|(one, ..), (other, ..)| one.cmp(other));
        let greatest = keyed.last().map(|(key, ..)| key.clone());
        for (key, row, standing) in keyed {
            if self.ends_before(&key) {
                return Ok(false);
            }
            let Some(record) = met(conn, ring, self.request, self.scope, entrypoint, (&row, standing))?
            else {
                continue;
            };
            self.counting.add();
            if !self.is_full_before(&key) {
                self.found.insert(key, (record, Arc::clone(entrypoint)));
                if self.found.len() > self.last.saturating_add(1) {
                    self.found.pop_last();
                }
            }
        }
        Ok(!greatest.is_some_and(|key| self.ends_at(&key)))
    }

    /// Adds the customers of an entrypoint that the index of the order names, after a number and an id; of totals, those with a
    /// number above 0. False if no customer after them changes anything.
    fn by_index(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        place: &LockedEntrypoint,
        proposed: Option<&[i64]>,
        mut after: Option<(i64, i64)>,
    ) -> Result<bool, StoreError> {
        let (entrypoint, lock_row) = place;
        let (id, descending) = (lock_row.entrypoint_id, self.request.sort.descending);
        let usual = if proposed.is_some() { ENTRIES } else { SLICE };
        let page_size = self.last.saturating_add(1).clamp(1, SLICE);
        let mut bite = if proposed.is_some() { ENTRIES } else { page_size };
        loop {
            self.scope.wanted.check()?;
            let next = match self.order {
                Order::Created => created(conn, id, &self.scope.plan, after, descending, bite)?,
                Order::Total(field) => standing::in_order(conn, id, field, after, descending, bite)?,
            };
            let Some((last_id, number)) = next.last() else { return Ok(true) };
            after = Some((*number, *last_id));
            let members: Vec<(i64, i64)> = next
                .iter()
                .filter(|(id, _)| proposed.is_none_or(|proposed| proposed.binary_search(id).is_ok()))
                .map(|(customer_id, number)| (*customer_id, *number))
                .collect();
            for some in members.chunks(page_size) {
                if let (Order::Created, Some((customer_id, number))) = (self.order, some.first()) {
                    let customer = Customer { created_at: Micros(*number), ..Customer::default() };
                    let bare = Stored { id: *customer_id, version: 1, customer, erased: false };
                    if self.ends_before(&self.request.sort.key(&bare, entrypoint)) {
                        return Ok(false);
                    }
                }
                let places: Vec<(i64, i64)> =
                    some.iter().map(|(customer_id, _)| (id, *customer_id)).collect();
                let rows = rows_by_place(conn, &places)?;
                if !self.add(conn, ring, place, rows)? {
                    return Ok(false);
                }
            }
            if next.len() < bite {
                return Ok(true);
            }
            bite = usual;
        }
    }

    /// Adds the customers of an entrypoint without a number, by their ids. False if no customer after them changes anything.
    fn without(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        place: &LockedEntrypoint,
        proposed: Option<&[i64]>,
        field: StandingField,
        mut from: Option<i64>,
    ) -> Result<bool, StoreError> {
        let statuses: Vec<i32> = self.scope.plan.statuses.iter().map(|status| status.code()).collect();
        let (id, descending) = (place.1.entrypoint_id, self.request.sort.descending);
        let mut bite = self.last.saturating_add(1).clamp(1, SLICE);
        loop {
            self.scope.wanted.check()?;
            let mut rows = slice(conn, id, &statuses, from, descending, 0, bite)?;
            let is_last = rows.len() < bite;
            from = rows.last().map(|row| row.customer_id);
            if let Some(proposed) = proposed {
                rows.retain(|row| proposed.binary_search(&row.customer_id).is_ok());
            }
            let places: Vec<(i64, i64)> = rows.iter().map(|row| (id, row.customer_id)).collect();
            let known = standings(conn, &places)?;
            rows.retain(|row| {
                let standing: Standing = known.get(&row.customer_id).copied().unwrap_or_default();
                standing.number(field).is_none_or(|number| number <= 0)
            });
            if !self.add(conn, ring, place, rows)? {
                return Ok(false);
            }
            if is_last {
                return Ok(true);
            }
            bite = SLICE;
        }
    }
}

/// The next customers of an entrypoint in the order of their creation, after a time and an id: ids with their times.
fn created(
    conn: &mut Conn,
    entrypoint_id: i64,
    plan: &Plan,
    after: Option<(i64, i64)>,
    descending: bool,
    limit: usize,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let span = plan.columns.iter().find(|need| need.column == Column::CreatedAt);
    let (mut least, mut most) = (span.and_then(|need| need.min), span.and_then(|need| need.max));
    if let Some((time, _)) = after {
        if descending {
            most = Some(most.map_or(time, |most| most.min(time)));
        } else {
            least = Some(least.map_or(time, |least| least.max(time)));
        }
    }
    let (least, most) = (least.unwrap_or(i64::MIN), most.unwrap_or(i64::MAX));
    Ok(on!(conn, |c| {
        let mut query = customer::table
            .filter(customer::entrypoint_id.eq(entrypoint_id))
            .filter(customer::created_at_us.ge(least))
            .filter(customer::created_at_us.le(most))
            .select((customer::customer_id, customer::created_at_us))
            .limit(limit)
            .into_boxed();
        if let Some((time, id)) = after {
            let same = customer::created_at_us.eq(time);
            query = if descending {
                query.filter(customer::created_at_us.lt(time).or(same.and(customer::customer_id.lt(id))))
            } else {
                query.filter(customer::created_at_us.gt(time).or(same.and(customer::customer_id.gt(id))))
            };
        }
        if descending {
            let order = (
                customer::entrypoint_id.desc(),
                customer::created_at_us.desc(),
                customer::customer_id.desc(),
            );
            query.order(order).load(c)?
        } else {
            query.order((customer::entrypoint_id, customer::created_at_us, customer::customer_id)).load(c)?
        }
    }))
}

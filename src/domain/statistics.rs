//! Numbers of an entrypoint's live customers that are counted as they are written (rules 15): by the day on which they were
//! created, and by what the status of their default method follows from.

use std::collections::BTreeMap;

use super::customers::record::Customer;
use super::kernel::time::Micros;
use super::methods::method::{Expiry, Kind, LastCharge, MethodStatus};
use super::methods::{self, status_word};

/// How many days of new customers a statistic shows.
pub const DAYS_SHOWN: i64 = 31;
/// How many months of new customers a statistic shows.
pub const MONTHS_SHOWN: usize = 12;

/// What customers are counted by. In the database it is a word and a text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// The day of `Created`, as `2026-03-01`, in UTC.
    Created(String),
    /// What the status of the default method follows from; customers without methods are not counted.
    Method(MethodSlot),
}

/// What the status of a default method follows from, beside the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MethodSlot {
    is_other: bool,
    /// 0 well, 1 too little, 2 invalid.
    last_charge: u8,
    /// Year and month; none if it never ends.
    expiry: Option<(u16, u8)>,
}

const CREATED: &str = "created";
const METHOD: &str = "method";

impl MethodSlot {
    /// The slot of a customer's default method; `None` without methods.
    fn of(customer: &Customer) -> Option<MethodSlot> {
        let method = customer.methods.iter().find(|method| method.is_default)?;
        let last_charge = match method.last_charge {
            LastCharge::Well => 0,
            LastCharge::InsufficientFunds => 1,
            LastCharge::Invalid => 2,
        };
        let expiry = method.expiry.map(|expiry| (expiry.year, expiry.month));
        Some(MethodSlot { is_other: method.kind == Kind::Other, last_charge, expiry })
    }

    /// The status of the methods of the slot at a time.
    pub fn status(self, now: Micros) -> MethodStatus {
        let kind = if self.is_other { Kind::Other } else { Kind::Card };
        let last_charge = match self.last_charge {
            0 => LastCharge::Well,
            1 => LastCharge::InsufficientFunds,
            _ => LastCharge::Invalid,
        };
        MethodStatus::at(kind, last_charge, self.expiry.map(|(year, month)| Expiry { year, month }), now)
    }

    fn text(self) -> String {
        let kind = if self.is_other { "other" } else { "account" };
        let end = self.expiry.map_or("never".to_owned(), |(year, month)| format!("{year:04}{month:02}"));
        format!("{kind}/{}/{end}", self.last_charge)
    }

    fn parse(text: &str) -> Option<MethodSlot> {
        let mut parts = text.split('/');
        let (kind, charge, end) = (parts.next()?, parts.next()?, parts.next()?);
        let expiry = match end {
            "never" => None,
            end => Some((end.get(..4)?.parse().ok()?, end.get(4..)?.parse().ok()?)),
        };
        Some(MethodSlot { is_other: kind == "other", last_charge: charge.parse().ok()?, expiry })
    }
}

impl Slot {
    /// The word and the text in the database.
    pub fn place(&self) -> (&'static str, String) {
        match self {
            Slot::Created(day) => (CREATED, day.clone()),
            Slot::Method(slot) => (METHOD, slot.text()),
        }
    }

    /// The slot of a word and a text; `None` for what no slot has.
    pub fn of_place(word: &str, text: &str) -> Option<Slot> {
        match word {
            CREATED => Some(Slot::Created(text.to_owned())),
            METHOD => MethodSlot::parse(text).map(Slot::Method),
            _ => None,
        }
    }

    /// The slots of a customer; none of a deleted one.
    fn all_of(customer: &Customer) -> impl Iterator<Item = Slot> {
        let live = (!customer.is_deleted()).then_some(customer);
        let created = live.map(|customer| Slot::Created(customer.created_at.day()));
        created.into_iter().chain(live.and_then(MethodSlot::of).map(Slot::Method))
    }
}

/// Changes of numbers of customers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<Slot, i64>);

impl Tally {
    /// Counts the change of a customer; `None` for one that is not there before or after.
    pub fn change(&mut self, before: Option<&Customer>, after: Option<&Customer>) {
        for (customer, number) in [(before, -1), (after, 1)] {
            for slot in customer.into_iter().flat_map(Slot::all_of) {
                *self.0.entry(slot).or_default() += number;
            }
        }
        self.0.retain(|_, number| *number != 0);
    }

    /// The slots whose numbers change, and by how much.
    pub fn slots(&self) -> impl Iterator<Item = (&Slot, i64)> {
        self.0.iter().map(|(slot, number)| (slot, *number))
    }
}

/// The numbers of an entrypoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers(pub BTreeMap<Slot, i64>);

impl Numbers {
    /// The number of customers by the status of their default method. `live` is how many customers there are.
    pub fn by_method(&self, live: i64, now: Micros) -> BTreeMap<&'static str, i64> {
        let mut all: BTreeMap<&'static str, i64> = methods::status_words().map(|word| (word, 0)).collect();
        let mut with_method = 0;
        for (slot, number) in &self.0 {
            if let Slot::Method(slot) = slot {
                *all.entry(status_word(Some(slot.status(now)))).or_default() += number;
                with_method += number;
            }
        }
        *all.entry(methods::NO_METHODS).or_default() += live - with_method;
        all
    }

    /// The customers created on each of the last days, in UTC, the oldest day first; today is the last.
    pub fn by_day(&self, now: Micros) -> Vec<(String, i64)> {
        let days = (0..DAYS_SHOWN).rev().map(|ago| now.plus_secs(-ago * 86_400).day());
        days.map(|day| {
            let number = self.0.get(&Slot::Created(day.clone())).copied().unwrap_or(0);
            (day, number)
        })
        .collect()
    }

    /// The customers created in each of the last months, as `2026-03`, the oldest first; this month is the last.
    pub fn by_month(&self, now: Micros) -> Vec<(String, i64)> {
        let mut months: Vec<(String, i64)> = last_months(now).into_iter().map(|month| (month, 0)).collect();
        for (slot, number) in &self.0 {
            if let Slot::Created(day) = slot
                && let Some((_, sum)) = months.iter_mut().find(|(month, _)| day.starts_with(month.as_str()))
            {
                *sum += number;
            }
        }
        months
    }
}

/// The last months as `2026-03`, the oldest first.
pub fn last_months(now: Micros) -> Vec<String> {
    let (year, month) = now.month();
    let mut months: Vec<String> = (0..MONTHS_SHOWN)
        .map(|ago| {
            let all = i64::from(year) * 12 + i64::from(month) - 1 - i64::try_from(ago).unwrap_or(0);
            format!("{:04}-{:02}", all.div_euclid(12), all.rem_euclid(12) + 1)
        })
        .collect();
    months.reverse();
    months
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::customers::record::Status;
    use crate::domain::methods::method::Method;

    const NOW: Micros = Micros(1_772_359_200_000_000); // 2026-03-01T10:00:00Z

    #[test]
    fn rules_15_days_and_months_end_with_today() {
        let mut numbers = Numbers::default();
        for (day, number) in [("2026-03-01", 2), ("2026-01-30", 3), ("2026-01-29", 5), ("2025-03-31", 7)] {
            numbers.0.insert(Slot::Created(day.into()), number);
        }
        let days = numbers.by_day(NOW);
        assert_eq!(days.len(), 31);
        assert_eq!(days.first(), Some(&("2026-01-30".into(), 3)));
        assert_eq!(days.last(), Some(&("2026-03-01".into(), 2)));
        let months = numbers.by_month(NOW);
        assert_eq!(months.len(), 12);
        assert_eq!(months.first(), Some(&("2025-04".into(), 0)));
        assert_eq!(months.get(9), Some(&("2026-01".into(), 8)));
        assert_eq!(months.last(), Some(&("2026-03".into(), 2)));
    }

    fn customer() -> impl Strategy<Value = Option<Customer>> {
        let method = (0_u8..2, 0_u8..3, prop::option::of((2026_u16..2028, 1_u8..13)));
        let made =
            (0_i64..3, any::<bool>(), prop::option::of(method)).prop_map(|(day, is_deleted, method)| {
                let mut customer =
                    Customer { created_at: Micros(day * 86_400_000_000), ..Customer::default() };
                if is_deleted {
                    customer.status = Status::Deleted;
                }
                customer.methods.extend(method.map(|(kind, charge, expiry)| Method {
                    id: "1-x".into(),
                    version: 1,
                    provider: "x".into(),
                    provider_method_id: "y".into(),
                    provider_customer_id: None,
                    network_transaction_id: None,
                    kind: if kind == 0 { Kind::Card } else { Kind::Other },
                    brand: None,
                    last4: None,
                    expiry: expiry.map(|(year, month)| Expiry { year, month }),
                    fingerprint: None,
                    holder_name: None,
                    postal_code: None,
                    is_default: true,
                    last_charge: [LastCharge::Well, LastCharge::InsufficientFunds, LastCharge::Invalid]
                        [usize::from(charge)],
                    created_at: Micros(0),
                    updated_at: Micros(0),
                }));
                customer
            });
        prop::option::of(made)
    }

    proptest! {
        /// Whatever the changes, the counted numbers are those of a count of the customers that there are at last.
        #[test]
        fn rules_15_counted_numbers_are_those_of_a_recount(
            changes in prop::collection::vec((0_usize..4, customer()), 0..30),
        ) {
            let mut there: [Option<Customer>; 4] = Default::default();
            let mut counted = Numbers::default();
            for (place, after) in changes {
                let mut tally = Tally::default();
                tally.change(there[place].as_ref(), after.as_ref());
                for (slot, number) in tally.slots() {
                    // As in the database.
                    let (word, text) = slot.place();
                    prop_assert_eq!(Slot::of_place(word, &text), Some(slot.clone()));
                    *counted.0.entry(slot.clone()).or_default() += number;
                }
                there[place] = after;
            }
            let live: Vec<&Customer> = there.iter().flatten().filter(|one| !one.is_deleted()).collect();
            let mut recount: BTreeMap<&str, i64> = methods::status_words().map(|word| (word, 0)).collect();
            for customer in &live {
                *recount.entry(status_word(methods::status_of(&customer.methods, NOW))).or_default() += 1;
            }
            prop_assert_eq!(counted.by_method(i64::try_from(live.len()).unwrap(), NOW), recount);
            for (slot, number) in &counted.0 {
                if let Slot::Created(day) = slot {
                    let there = live.iter().filter(|customer| customer.created_at.day() == *day).count();
                    prop_assert_eq!(*number, i64::try_from(there).unwrap());
                }
            }
        }
    }
}

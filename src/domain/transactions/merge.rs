//! One more delivery of a known transaction (rules 14).
//!
//! Each field has the value of the delivery with the greatest stamp that tells it; of equal stamps the greater value holds. A
//! maximum does not depend on the order, and so neither does the transaction.

use std::collections::BTreeMap;

use super::currency::Currency;
use super::item::Item;
use super::{Field, Stamp, Transaction};
use crate::domain::kernel::time::Micros;

/// A transaction after one more delivery; the same one if the delivery tells nothing new. `payer` is who pays, as a record in
/// JSON; it matters only while nobody is known to be that. `currency` counts where the item names none, and `now` where it
/// has no time: the delivery tells a later state than the stored one, also if a clock went back. Of a sender who does not see masked texts (`sees_masked`), a text of the same moment never takes the place of
/// a stored one: that it did would tell which of the two is greater (rules 1).
pub fn merged(
    stored: &Transaction,
    (item, payer): (&Item, Option<&String>),
    (currency, now): (Currency, Micros),
    sees_masked: bool,
) -> Transaction {
    let is_same = item.status == stored.status;
    let at = item.occurred_at.unwrap_or(if is_same { stored.state_at } else { now.max(stored.state_at) });
    let stamp = Stamp(at, item.status.rank());
    let mut new = stored.clone();
    let mut stamps = BTreeMap::new();
    let state = |item_currency: Currency| (stamp, item.operation, item.amount, item_currency);
    let told = state(item.currency.unwrap_or(currency));
    if told > (stored.stamp(), stored.operation, stored.amount, stored.currency) {
        (_, new.operation, new.amount, new.currency) = told;
        (new.state_at, new.status) = (at, item.status);
    }
    new.occurred_at = stored.occurred_at.min(at).min(item.began_at.unwrap_or(at));
    let optional = &item.optional;
    let mut pick = Pick { stored, stamp, sees_masked, stamps: &mut stamps };
    pick.greater(Field::Fee, &mut new.fee, optional.fee.as_ref());
    pick.greater(Field::Net, &mut new.net, optional.net.as_ref());
    pick.greater(Field::BaseAmount, &mut new.base_amount, optional.base_amount.as_ref());
    pick.greater(Field::Method, &mut new.method, optional.method.as_ref());
    pick.greater(Field::RefundOf, &mut new.refund_of, optional.refund_of.as_ref());
    let details = &mut new.details;
    pick.greater(Field::InvoiceNumber, &mut details.invoice_number, optional.invoice_number.as_ref());
    pick.greater(Field::OrderId, &mut details.order_id, optional.order_id.as_ref());
    pick.greater(Field::MaskedAccount, &mut details.masked_account, optional.masked_account.as_ref());
    pick.greater(Field::Description, &mut details.description, optional.description.as_ref());
    let payer = payer.filter(|_| stored.customer_id.is_none());
    pick.greater(Field::Payer, &mut details.payer, payer);
    let stored_additional = &stored.details.additional;
    let mut additional = (!stored_additional.is_empty()).then(|| stored_additional.clone());
    pick.greater(Field::Additional, &mut additional, optional.additional.as_ref());
    details.additional = additional.unwrap_or_default();
    let state = new.stamp();
    stamps.retain(|_, stamp| *stamp != state);
    new.stamps = stamps;
    new
}

/// Chooses between the stored value of a field and that of a delivery.
struct Pick<'a> {
    stored: &'a Transaction,
    stamp: Stamp,
    sees_masked: bool,
    stamps: &'a mut BTreeMap<Field, Stamp>,
}

impl Pick<'_> {
    fn greater<T: Ord + Clone>(&mut self, field: Field, value: &mut Option<T>, told: Option<&T>) {
        let known =
            value.is_some().then(|| self.stored.stamps.get(&field).copied().unwrap_or(self.stored.stamp()));
        let may_take = self.sees_masked || !field.is_masked() || known != Some(self.stamp);
        let stamp = match (told, known) {
            (Some(told), known) if may_take && Some((self.stamp, told)) > known.zip(value.as_ref()) => {
                *value = Some(told.clone());
                self.stamp
            }
            (_, Some(known)) => known,
            (_, None) => return,
        };
        self.stamps.insert(field, stamp);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::id::TransId;
    use super::super::item::Optional;
    use super::super::status::{Operation, Status};
    use super::*;
    use crate::domain::kernel::money::Money;

    fn delivery() -> impl Strategy<Value = Item> {
        let status = prop::sample::select(vec![
            Status::Initiated,
            Status::Authorised,
            Status::Declined,
            Status::Approved,
            Status::Voided,
            Status::Refunded,
        ]);
        let money =
            |range: std::ops::Range<i64>| range.prop_map(|units| Money::from_units(units * 100).unwrap());
        let text = prop::option::of("[ab]{1,2}");
        let operation = prop::sample::select(vec![Operation::Sale, Operation::Credit]);
        let currency = prop::sample::select(vec![None, Some("USD"), Some("EUR")]);
        let optional = (prop::option::of(money(0..3)), text.clone(), text);
        (status, 0_i64..4, money(1..4), operation, currency, optional).prop_map(
            |(status, at, amount, operation, currency, (fee, description, method))| Item {
                status,
                amount,
                operation,
                occurred_at: Some(Micros(at)),
                currency: currency.map(|code| Currency::parse(code).unwrap()),
                optional: Optional {
                    fee,
                    additional: description.as_ref().map(|text| BTreeMap::from([("a".into(), text.into())])),
                    description: description.map(Into::into),
                    method: method.map(Into::into),
                    ..Optional::default()
                },
                ..Item::bare("shop", "1")
            },
        )
    }

    fn told(items: &[Item]) -> Transaction {
        let base = Currency::default();
        let first = items.first().unwrap();
        let payer = |item: &Item| item.optional.description.as_ref().map(ToString::to_string);
        let told = (base, Micros(100));
        let new = Transaction::new(first, payer(first), TransId::default(), told);
        items.iter().skip(1).fold(new, |known, item| merged(&known, (item, payer(item).as_ref()), told, true))
    }

    proptest! {
        /// Rules 14: deliveries that come late, twice or in the wrong order end in the same transaction.
        #[test]
        fn rules_14_the_order_of_deliveries_does_not_matter(
            (items, shuffled) in prop::collection::vec(delivery(), 1..6).prop_flat_map(|items| {
                // Each once, and some again.
                let doubled: Vec<Item> = items.iter().chain(items.iter().take(2)).cloned().collect();
                (Just(items), Just(doubled).prop_shuffle())
            }),
        ) {
            prop_assert_eq!(told(&items), told(&shuffled));
        }

        #[test]
        fn rules_14_a_delivery_again_changes_nothing(items in prop::collection::vec(delivery(), 1..6)) {
            let all = told(&items);
            for item in &items {
                let told = (Currency::default(), Micros(100));
                prop_assert_eq!(merged(&all, (item, None), told, true), all.clone());
            }
        }
    }

    #[test]
    fn rules_14_without_a_time_the_same_state_stays_and_another_one_is_new() {
        let mut item = Item { status: Status::Approved, ..Item::bare("shop", "1") };
        let base = Currency::default();
        let first = Transaction::new(&item, None, TransId::default(), (base, Micros(5)));
        assert_eq!(merged(&first, (&item, None), (base, Micros(9)), true), first);
        item.status = Status::Voided;
        let voided = merged(&first, (&item, None), (base, Micros(9)), true);
        assert_eq!(
            (voided.status, voided.state_at, voided.occurred_at),
            (Status::Voided, Micros(9), Micros(5))
        );
        // A clock that went back does not make the new state an old one.
        let voided = merged(&first, (&item, None), (base, Micros(2)), true);
        assert_eq!((voided.status, voided.state_at), (Status::Voided, Micros(5)));
    }

    #[test]
    fn rules_1_whoever_does_not_see_a_text_learns_nothing_by_guessing_it() {
        let at = Some(Micros(5));
        let told = |text: &str| Item {
            occurred_at: at,
            optional: Optional { description: Some(text.into()), ..Optional::default() },
            ..Item::bare("shop", "1")
        };
        let base = Currency::default();
        let stored = Transaction::new(&told("m"), None, TransId::default(), (base, Micros(9)));
        for guess in ["a", "m", "z"] {
            let after = merged(&stored, (&told(guess), None), (base, Micros(9)), false);
            assert_eq!(after, stored, "{guess}");
        }
        assert_ne!(merged(&stored, (&told("z"), None), (base, Micros(9)), true), stored);
    }
}

//! What transactions add to the totals of their customer (rules 15). Amounts are ten-thousandths in 128 bits on the way, so
//! that sums cannot overflow before they are stored.

use super::Transaction;
use super::currency::Currency;
use super::status::{Operation, Status};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::time::Micros;

/// The name of the row in the entrypoint's base currency.
pub const BASE: &str = "";

/// One row of totals: of a customer in one currency, or over all currencies in the base currency. As a change it is what to
/// add, and may be negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Transactions in any state.
    pub transactions: i64,
    /// Confirmed sales.
    pub sales: i64,
    /// What confirmed sales came to, in ten-thousandths.
    pub gross: i128,
    /// The same less fees and less what went back.
    pub net: i128,
    /// Confirmed transactions without an amount in the base currency; 0 in rows of one currency.
    pub incomplete: i64,
}

impl Totals {
    /// The sum of two rows or changes.
    #[must_use]
    pub fn plus(self, other: Totals) -> Totals {
        Totals {
            transactions: self.transactions.saturating_add(other.transactions),
            sales: self.sales.saturating_add(other.sales),
            gross: self.gross.saturating_add(other.gross),
            net: self.net.saturating_add(other.net),
            incomplete: self.incomplete.saturating_add(other.incomplete),
        }
    }

    /// The change that undoes this one.
    #[must_use]
    pub fn negated(self) -> Totals {
        Totals {
            transactions: -self.transactions,
            sales: -self.sales,
            gross: -self.gross,
            net: -self.net,
            incomplete: -self.incomplete,
        }
    }

    /// Whether it changes nothing.
    pub fn is_zero(self) -> bool {
        self == Totals::default()
    }
}

/// What one transaction adds to the totals of the customer that it is linked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contribution {
    /// To the row of the transaction's currency.
    pub own: Totals,
    /// To the row in the base currency.
    pub base: Totals,
}

/// What totals are made of, in ten-thousandths.
#[derive(Debug, Clone, Copy)]
pub struct Amounts {
    /// What the transaction does.
    pub operation: Operation,
    /// How far it came.
    pub status: Status,
    /// The amount, never negative.
    pub amount: i64,
    /// What the provider keeps.
    pub fee: Option<i64>,
    /// The amount less what the provider keeps, as the sender says it.
    pub net: Option<i64>,
    /// Of a sale: what its refunds came to.
    pub refunded: i64,
}

impl Amounts {
    /// Those of a transaction.
    pub fn of(transaction: &Transaction) -> Amounts {
        Amounts {
            operation: transaction.operation,
            status: transaction.status,
            amount: transaction.amount.units(),
            fee: transaction.fee.map(Money::units),
            net: transaction.net.map(Money::units),
            refunded: transaction.refunded.units(),
        }
    }

    /// What it adds to gross and net in its own currency; `None` if the money did not move.
    pub fn counted(self) -> Option<(i128, i128)> {
        if !self.status.is_confirmed() {
            return None;
        }
        let amount = i128::from(self.amount);
        if self.operation != Operation::Sale {
            return Some((0, -amount));
        }
        // What a provider says to have gone back beyond the refunds that it sent.
        let returned = match self.status {
            Status::Refunded => (amount - i128::from(self.refunded)).max(0),
            _ => 0,
        };
        let kept = self.net.map_or(amount - i128::from(self.fee.unwrap_or(0)), i128::from);
        Some((amount, kept - returned))
    }

    /// The same in the base currency, in which its amount is `in_base`: the net amount has the share that it has in the
    /// transaction's own currency.
    pub fn counted_in_base(self, in_base: i64) -> Option<(i128, i128)> {
        let ((gross, net), amount, in_base) = (self.counted()?, i128::from(self.amount), i128::from(in_base));
        if self.operation != Operation::Sale {
            return Some((gross, net.signum() * in_base));
        }
        let share = if amount == 0 { net.signum() * in_base } else { in_base * net / amount };
        Some((in_base, share))
    }
}

/// What a transaction adds to the totals of its customer, if it is linked to one.
pub fn contribution(transaction: &Transaction, base_currency: Currency) -> Contribution {
    let one = Totals { transactions: 1, ..Totals::default() };
    let amounts = Amounts::of(transaction);
    let Some((gross, net)) = amounts.counted() else { return Contribution { own: one, base: one } };
    let sales = i64::from(transaction.operation == Operation::Sale);
    let own = Totals { sales, gross, net, ..one };
    let in_base = || amounts.counted_in_base(transaction.base_amount?.units());
    let base = if transaction.currency == base_currency {
        own
    } else if let Some((gross, net)) = in_base() {
        Totals { gross, net, ..own }
    } else {
        Totals { gross: 0, net: 0, incomplete: 1, ..own }
    };
    Contribution { own, base }
}

/// The time of a confirmed sale, which keeps a customer active (rules 15); `None` for any other transaction.
pub fn sale_at(transaction: &Transaction) -> Option<Micros> {
    let is_sale = transaction.operation == Operation::Sale && transaction.status.is_confirmed();
    is_sale.then_some(transaction.occurred_at)
}

/// What a refund adds to `refunded` of its sale, in the sale's currency; 0 for any other transaction.
pub fn refunds(transaction: &Transaction) -> i64 {
    let is_refund = transaction.operation == Operation::Refund && transaction.status.is_confirmed();
    if is_refund && transaction.refund_of.is_some() { transaction.amount.units() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::super::id::TransId;
    use super::super::item::Item;
    use super::*;

    fn money(text: &str) -> Money {
        Money::parse(text).unwrap()
    }

    fn transaction(operation: Operation, status: Status, amount: &str, currency: &str) -> Transaction {
        let item = Item { operation, status, amount: money(amount), ..Item::bare("shop", "1") };
        let currency = Currency::parse(currency).unwrap();
        Transaction::new(&item, None, TransId::default(), (currency, Micros(1)))
    }

    fn base(transaction: &Transaction) -> (i64, String, String, i64) {
        let Totals { sales, gross, net, incomplete, .. } =
            contribution(transaction, Currency::default()).base;
        let show = |units: i128| Money::from_units(i64::try_from(units).unwrap()).unwrap().to_string();
        (sales, show(gross), show(net), incomplete)
    }

    #[test]
    fn rules_15_sales_count_gross_and_net_of_fees() {
        let mut sale = transaction(Operation::Sale, Status::Approved, "10", "USD");
        assert_eq!(base(&sale), (1, "10".into(), "10".into(), 0));
        sale.fee = Some(money("0.3"));
        assert_eq!(base(&sale), (1, "10".into(), "9.7".into(), 0));
        sale.net = Some(money("9.5"));
        assert_eq!(base(&sale), (1, "10".into(), "9.5".into(), 0));
    }

    #[test]
    fn rules_15_what_did_not_happen_counts_only_as_a_transaction() {
        for status in [Status::Initiated, Status::Authorised, Status::Declined, Status::Error, Status::Voided]
        {
            for operation in [Operation::Sale, Operation::Refund, Operation::Chargeback, Operation::Credit] {
                let added = contribution(&transaction(operation, status, "10", "USD"), Currency::default());
                let one = Totals { transactions: 1, ..Totals::default() };
                assert_eq!((added.own, added.base), (one, one), "{operation:?} {status:?}");
            }
        }
    }

    #[test]
    fn rules_15_money_that_goes_back_lessens_the_net_amount_once() {
        for operation in [Operation::Refund, Operation::Chargeback, Operation::Credit] {
            let back = transaction(operation, Status::Approved, "4", "USD");
            assert_eq!(base(&back), (0, "0".into(), "-4".into(), 0), "{operation:?}");
        }
        // The provider says refunded: what its refunds do not say yet goes back with the sale.
        let mut sale = transaction(Operation::Sale, Status::Refunded, "10", "USD");
        assert_eq!(base(&sale), (1, "10".into(), "0".into(), 0));
        sale.refunded = money("4");
        assert_eq!(base(&sale), (1, "10".into(), "4".into(), 0));
        sale.refunded = money("12");
        assert_eq!(base(&sale), (1, "10".into(), "10".into(), 0));
        assert!(sale.is_over_refunded());
    }

    #[test]
    fn rules_15_foreign_money_counts_by_the_senders_base_amount_only() {
        let mut sale = transaction(Operation::Sale, Status::Approved, "10", "EUR");
        sale.fee = Some(money("1"));
        assert_eq!(base(&sale), (1, "0".into(), "0".into(), 1));
        sale.base_amount = Some(money("11"));
        assert_eq!(base(&sale), (1, "11".into(), "9.9".into(), 0));
        let own = contribution(&sale, Currency::default()).own;
        assert_eq!((own.gross, own.net, own.incomplete), (100_000, 90_000, 0));
    }

    #[test]
    fn changes_of_totals_add_up_to_nothing_with_their_opposites() {
        let sale = transaction(Operation::Sale, Status::Approved, "10", "EUR");
        let Contribution { own, base } = contribution(&sale, Currency::default());
        assert!(own.plus(own.negated()).is_zero() && base.plus(base.negated()).is_zero());
    }

    #[test]
    fn only_confirmed_refunds_of_a_sale_are_refunds() {
        let mut refund = transaction(Operation::Refund, Status::Approved, "4", "USD");
        assert_eq!(refunds(&refund), 0);
        refund.refund_of = Some("1".into());
        assert_eq!(refunds(&refund), 40_000);
        refund.status = Status::Declined;
        assert_eq!(refunds(&refund), 0);
        assert_eq!(sale_at(&refund), None);
    }
}

//! The columns of an export of transactions and their cells (rules 14).

use std::borrow::Cow;

use strum::{EnumString, IntoStaticStr, VariantArray};

use super::columns::parse_named;
use super::{Cell, CellKind};
use crate::domain::customers::fields::TextField;
use crate::domain::customers::mask::{MASK, mask};
use crate::domain::customers::record::Stored;
use crate::domain::entrypoints::Entrypoint;
use crate::domain::filter::after_prefix;
use crate::domain::kernel::money::Money;
use crate::domain::kernel::problem::Problem;
use crate::domain::kernel::text::hint;
use crate::domain::transactions::Transaction;
use crate::domain::transactions::filter::Light;

/// The source of a column with a fixed name, in the order of the default columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "camelCase", ascii_case_insensitive)]
#[expect(missing_docs, reason = "each is the value of its name")]
pub enum PaymentField {
    Entry,
    TransId,
    TransactionDate,
    Status,
    StatusAt,
    Operation,
    TotalAmount,
    NetAmount,
    FeeAmount,
    Currency,
    BaseAmount,
    RefundedAmount,
    OverRefunded,
    Method,
    MaskedAccount,
    Source,
    ExternalId,
    RefundOf,
    CustomerId,
    CustomerNumber,
    Firstname,
    Lastname,
    Fullname,
    Company,
    Email,
    InvoiceNumber,
    OrderId,
    Description,
    AdditionalData,
    CreatedAt,
}

/// The source of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentColumn {
    /// One with a fixed name.
    Field(PaymentField),
    /// An additional value by its name.
    Additional(String),
}

/// What a row shows.
#[derive(Debug, Clone, Copy)]
pub struct Payment<'a> {
    /// The transaction.
    pub transaction: &'a Transaction,
    /// Its entrypoint.
    pub entrypoint: &'a Entrypoint,
    /// Its customer, if it has one and the reader sees customers.
    pub customer: Option<&'a Stored>,
    /// Whether the reader sees customers.
    pub sees_customers: bool,
}

/// The default columns. With `with_entry` the entrypoint's name comes first. An id of a customer is none of them: in another
/// service or entrypoint it is somebody else's, and an import believes it before numbers and addresses.
pub fn default_payment_columns(with_entry: bool) -> Vec<(PaymentColumn, String)> {
    let all = PaymentField::VARIANTS.iter().copied();
    let named = |field: PaymentField| (PaymentColumn::Field(field), <&str>::from(field).to_owned());
    all.filter(|field| with_entry || *field != PaymentField::Entry)
        .filter(|field| *field != PaymentField::CustomerId)
        .map(named)
        .collect()
}

/// Reads `Source:Heading,Source2:Heading2`. A source without a heading is its own heading.
///
/// # Errors
/// All problems at once.
pub fn parse_payment_columns(text: &str) -> Result<Vec<(PaymentColumn, String)>, Vec<Problem>> {
    let of_name = |name: &str| match after_prefix(name) {
        Some(key) if !key.trim().is_empty() => Some(PaymentColumn::Additional(key.trim().to_owned())),
        _ => name.parse().ok().map(PaymentColumn::Field),
    };
    let names = || PaymentField::VARIANTS.iter().map(|field| <&str>::from(*field));
    let unknown = |shown: &str, name: &str| match hint(name, names()) {
        near if near.is_empty() => {
            let all: Vec<&str> = names().collect();
            format!("{shown} is no column; these are: {}, additional-<name>", all.join(", "))
        }
        near => format!("{shown} is no column{near}"),
    };
    parse_named(text, of_name, unknown)
}

impl PaymentColumn {
    /// Its value; with `masked` as a token without `pii:read` sees it (rules 1).
    pub fn cell<'a>(&self, payment: Payment<'a>, masked: bool) -> Cell<'a> {
        let PaymentColumn::Field(field) = self else {
            let PaymentColumn::Additional(key) = self else { return text("") };
            let all = &payment.transaction.details.additional;
            let found = all.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
            return text(found.map_or("", |(_, value)| if masked { MASK } else { value.as_str() }));
        };
        field.cell(payment, masked)
    }
}

fn text<'a>(value: impl Into<Cow<'a, str>>) -> Cell<'a> {
    Cell { kind: CellKind::Text, text: value.into() }
}

fn number<'a>(value: Option<impl ToString>) -> Cell<'a> {
    Cell { kind: CellKind::Number, text: value.map(|value| value.to_string()).unwrap_or_default().into() }
}

impl PaymentField {
    fn cell(self, payment: Payment<'_>, masked: bool) -> Cell<'_> {
        let Payment { transaction, entrypoint, customer, sees_customers } = payment;
        let details = &transaction.details;
        let shown = |value: Option<&'_ str>| match value {
            Some(_) if masked => MASK.to_owned(),
            value => value.unwrap_or_default().to_owned(),
        };
        let of_customer = |field: TextField| {
            let value = customer.and_then(|stored| stored.customer.text(field)).unwrap_or_default();
            if masked && field.spec().masked && !value.is_empty() {
                mask(field, value)
            } else {
                value.to_owned()
            }
        };
        match self {
            PaymentField::Entry => text(entrypoint.entry.as_str()),
            PaymentField::TransId => text(transaction.id.show(entrypoint.id)),
            PaymentField::TransactionDate => text(transaction.occurred_at.to_rfc3339()),
            PaymentField::Status => text(transaction.status.name()),
            PaymentField::StatusAt => text(transaction.state_at.to_rfc3339()),
            PaymentField::Operation => text(transaction.operation.name()),
            PaymentField::TotalAmount => number(Some(transaction.amount)),
            PaymentField::NetAmount => {
                number(Money::from_units(Light::of(entrypoint.id, transaction).net_units()))
            }
            PaymentField::FeeAmount => number(transaction.fee),
            PaymentField::Currency => text(transaction.currency.code()),
            PaymentField::BaseAmount => number(transaction.base_amount),
            PaymentField::RefundedAmount => number(Some(transaction.refunded)),
            PaymentField::OverRefunded => text(if transaction.is_over_refunded() { "true" } else { "false" }),
            PaymentField::Method => text(transaction.method.as_deref().unwrap_or_default()),
            PaymentField::MaskedAccount => text(shown(details.masked_account.as_deref())),
            PaymentField::Source => text(transaction.source.as_str()),
            PaymentField::ExternalId => text(transaction.external_id.as_str()),
            PaymentField::RefundOf => text(transaction.refund_of.as_deref().unwrap_or_default()),
            PaymentField::CustomerId => number(transaction.customer_id.filter(|_| sees_customers)),
            PaymentField::CustomerNumber => text(of_customer(TextField::CustomerNumber)),
            PaymentField::Firstname => text(of_customer(TextField::Firstname)),
            PaymentField::Lastname => text(of_customer(TextField::Lastname)),
            PaymentField::Fullname => text(of_customer(TextField::Fullname)),
            PaymentField::Company => text(of_customer(TextField::Company)),
            PaymentField::Email => text(of_customer(TextField::Email)),
            PaymentField::InvoiceNumber => text(details.invoice_number.as_deref().unwrap_or_default()),
            PaymentField::OrderId => text(details.order_id.as_deref().unwrap_or_default()),
            PaymentField::Description => text(shown(details.description.as_deref())),
            PaymentField::AdditionalData => {
                let pairs = details.additional.iter();
                let pairs =
                    pairs.map(|(name, value)| (name.as_str(), if masked { MASK } else { value.as_str() }));
                let all: std::collections::BTreeMap<&str, &str> = pairs.collect();
                text(if all.is_empty() {
                    String::new()
                } else {
                    serde_json::to_string(&all).unwrap_or_default()
                })
            }
            PaymentField::CreatedAt => text(transaction.received_at.to_rfc3339()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::customers::record::Customer;
    use crate::domain::kernel::time::Micros;
    use crate::domain::transactions::currency::Currency;
    use crate::domain::transactions::id::TransId;
    use crate::domain::transactions::item::Item;

    #[test]
    fn rules_14_cells_show_what_the_list_shows() {
        let mut item = Item::bare("stripe", "ch_1");
        item.amount = Money::parse("19.99").unwrap();
        item.optional.fee = Some(Money::parse("0.5").unwrap());
        item.optional.description = Some("Two seats".into());
        item.optional.additional = Some([("Seat".into(), "12".into())].into());
        item.occurred_at = Some(Micros(1_772_359_200_000_000));
        let transaction = Transaction::new(&item, None, TransId([1; 16]), (Currency::default(), Micros(0)));
        let entrypoint = Entrypoint { id: 7, entry: "demo".into(), ..Entrypoint::default() };
        let mut customer = Customer::default();
        customer.texts.set(TextField::Email, Some("ada.roe@example.test".into()));
        customer.texts.set(TextField::Fullname, Some("Ada Roe".into()));
        let stored = Stored { id: 3, version: 1, customer, erased: false };
        let payment = Payment {
            transaction: &transaction,
            entrypoint: &entrypoint,
            customer: Some(&stored),
            sees_customers: true,
        };
        for (name, wanted, masked) in [
            ("transId", "7-01010101010101010101010101010101", None),
            ("Status", "approved", None),
            ("totalAmount", "19.99", None),
            ("NetAmount", "19.49", None),
            ("description", "Two seats", Some(MASK)),
            ("additional-seat", "12", Some(MASK)),
            ("email", "ada.roe@example.test", Some("a***@e***.test")),
            ("fullname", "Ada Roe", None),
            ("overRefunded", "false", None),
            ("customerId", "", None),
        ] {
            let columns = parse_payment_columns(name).unwrap();
            let cell = |masked| columns[0].0.cell(payment, masked).text.into_owned();
            assert_eq!(cell(false), wanted, "{name}");
            assert_eq!(cell(true), masked.unwrap_or(wanted), "{name}");
        }
        let heads = parse_payment_columns("transId:id,totalAmount").unwrap();
        assert_eq!(
            heads.iter().map(|(_, heading)| heading.as_str()).collect::<Vec<_>>(),
            ["id", "totalAmount"]
        );
        assert!(
            parse_payment_columns("totalAmounts").unwrap_err()[0]
                .message
                .contains("did you mean totalAmount")
        );
        assert_eq!(default_payment_columns(true).len(), default_payment_columns(false).len() + 1);
    }
}

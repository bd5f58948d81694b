//! Payabli's webhooks: flat objects, with amounts and ids as text, and times in two shapes (contract 15).

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::NaiveDateTime;

use super::build::ItemJson;
use super::{Place, Reading, lacks};
use crate::domain::kernel::members::{Given, Members};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::problem::Problem;
use crate::domain::kernel::time::Micros;

/// The name of the system in items and references.
const SOURCE: &str = "payabli";

/// What an event says of the transaction that it names.
enum Event {
    /// The sale has a state.
    Sale(&'static str),
    /// Money of the sale went back: the operation, and the end of the id of the row that says so.
    Back(&'static str, &'static str),
}

/// What an event is about; nothing if it says nothing of money that moved.
fn event(name: &str) -> Option<Event> {
    Some(match name.to_ascii_lowercase().as_str() {
        "originatedpayment" | "initiatedpayment" => Event::Sale("initiated"),
        "authorizedpayment" => Event::Sale("authorised"),
        "approvedpayment" | "settledpayment" | "fundedpayment" => Event::Sale("approved"),
        "declinedpayment" => Event::Sale("declined"),
        "voidedpayment" => Event::Sale("voided"),
        "refundedpayment" => Event::Back("refund", "refund"),
        "receivedchargeback" => Event::Back("chargeback", "chargeback"),
        "receivedachreturn" => Event::Back("chargeback", "return"),
        _ => return None,
    })
}

/// The members without case: Payabli spells some of them in two ways.
struct Flat<'a>(BTreeMap<String, Cow<'a, str>>);

impl<'a> Flat<'a> {
    fn of(members: &Members<'a>) -> Flat<'a> {
        let pairs = members.0.iter().filter_map(|(name, raw)| match Given::of(raw) {
            Given::Text(text) => Some((name.to_ascii_lowercase(), text)),
            Given::Number(number) => Some((name.to_ascii_lowercase(), Cow::Borrowed(number))),
            _ => None,
        });
        Flat(pairs.collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
    }
}

pub(super) fn read(members: &Members<'_>, place: Place<'_>) -> Result<Reading, Vec<Problem>> {
    let flat = Flat::of(members);
    let Some(name) = flat.get("event") else { return Err(lacks(&["Event"], "the name of the event")) };
    let Some(event) = event(name) else { return Ok(Reading::Ignored(name.to_owned())) };
    let Some(id) = flat.get("transid") else { return Err(lacks(&["transId"], "the id of the transaction")) };
    let Some(amount) = flat.get("totalamount") else {
        return Err(lacks(&["TotalAmount"], "the amount of the transaction"));
    };
    let time = flat.get("transtime").map(moment);
    let Some(Some(time)) = time else {
        let message = "must be a time such as 04/04/2022 13:56:17 or 5/23/2022 1:50:50 PM";
        return Err(vec![Problem::field(&["transTime"], "invalid_time", message)]);
    };
    let mut item = match event {
        Event::Sale(status) => ItemJson::new(SOURCE, id, "sale", by_code(status, flat.get("resultcode"))),
        Event::Back(operation, end) => {
            // A sale may be refunded in parts: at different times, or by different amounts.
            let back = amount.trim_start_matches('-');
            // Two spellings of an amount are one amount.
            let back = Money::parse(back).map_or_else(|_| back.to_owned(), |money| money.to_string());
            let own = format!("{id}/{end}/{}/{back}", time.0 / 1_000_000);
            let mut item =
                ItemJson::new(SOURCE, &own, operation, by_code("approved", flat.get("resultcode")));
            item.text("refundOf", Some(id));
            item
        }
    };
    let is_sale = matches!(event, Event::Sale(_));
    item.text("amount", Some(if is_sale { amount } else { amount.trim_start_matches('-') }));
    item.text("currency", Some(flat.get("currency").unwrap_or(place.currency)));
    if is_sale {
        // No item has a negative fee; the net amount says the same.
        let fee = flat.get("fee").or(flat.get("feeamount")).filter(|fee| !fee.trim().starts_with('-'));
        item.text("fee", fee);
        item.text("net", flat.get("netamount"));
        item.customer(customer(&flat), place.context);
    }
    item.text("occurredAt", Some(&time.to_rfc3339()));
    item.method(flat.get("method"));
    item.text("orderId", flat.get("orderid"));
    item.text("invoiceNumber", flat.get("invoicenumber"));
    item.description(flat.get("orderdescription"));
    item.account(flat.get("maskedaccount"));
    Ok(Reading::Items(vec![item.to_json()]))
}

/// The state by Payabli's result code, which may say that what the event is named for has failed.
fn by_code(status: &'static str, code: Option<&str>) -> &'static str {
    match code {
        Some("2") => "declined",
        Some("3") => "error",
        _ => status,
    }
}

/// The customer: Payabli's id is a reference, the shop's number is our `customerNumber`.
fn customer(flat: &Flat<'_>) -> ItemJson {
    let mut customer = ItemJson::default();
    for (name, sent) in [
        ("customerNumber", &["customernumber"][..]),
        ("firstname", &["customerfirstname", "firstname"]),
        ("lastname", &["customerlastname", "lastname"]),
        ("company", &["customercompany", "company"]),
        ("email", &["customeremail", "email"]),
        ("phone", &["customerphone", "phone"]),
    ] {
        customer.text(name, sent.iter().find_map(|name| flat.get(name)));
    }
    // Payabli writes 0 for a payer without a record.
    customer.reference(SOURCE, flat.get("customerid").filter(|id| *id != "0"));
    customer
}

/// A time as Payabli writes it; it names no zone, and is read as UTC.
fn moment(text: &str) -> Option<Micros> {
    let utc = |time: NaiveDateTime| Micros(time.and_utc().timestamp_micros());
    ["%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .map(utc)
        .or_else(|| {
            chrono::DateTime::parse_from_rfc3339(text).ok().map(|time| Micros(time.timestamp_micros()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contract_15_times_have_two_shapes() {
        let shown = |text: &str| moment(text).map(Micros::to_rfc3339);
        for (text, wanted) in [
            ("04/04/2022 13:56:17", "2022-04-04T13:56:17"),
            ("5/23/2022 1:50:50 PM", "2022-05-23T13:50:50"),
            ("5/3/2022 12:00:01 AM", "2022-05-03T00:00:01"),
            ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00"),
            ("2026-03-01T12:00:00.5+02:00", "2026-03-01T10:00:00"),
        ] {
            assert!(shown(text).is_some_and(|shown| shown.starts_with(wanted)), "{text}: {:?}", shown(text));
        }
        for bad in ["", "13/40/2022 10:00:00", "yesterday", "5/23/2022"] {
            assert_eq!(moment(bad), None, "{bad}");
        }
    }
}

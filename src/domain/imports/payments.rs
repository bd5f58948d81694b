//! Transactions from a file (rules 14): which column fills which member of an item, and the item of a row.

use serde_json::{Map, Value};

use super::header::HeaderProblem;
use super::options::{DateFormat, ImportOptions, UnknownColumns};
use super::records::{CsvRecord, JSON_LINES};
use super::report::RowNote;
use super::row::moment::created_at;
use super::target::{header_key, is_of_report};
use crate::domain::customers::draft::Context;
use crate::domain::customers::fields::TextField;
use crate::domain::customers::identifier::is_additional_key;
use crate::domain::decide::delivery::{Delivery, Reason};
use crate::domain::exports::unmarked;
use crate::domain::filter::after_prefix;
use crate::domain::kernel::card;
use crate::domain::kernel::money::Money;
use crate::domain::kernel::text::hint;
use crate::domain::references::system_of_name;
use crate::domain::transactions::item::NAMES;

/// The column of our own export with the time of the status. Beside it, `transactionDate` is the time of the beginning.
const STATUS_AT: &str = "statusat";
/// A column that only our own export has.
const OF_OWN_EXPORT: &str = "refundedamount";
/// Other names of members, as [`header_key`] writes them. Those of Payabli's records are among them.
const ALIASES: [(&str, &str); 23] = [
    ("transactionid", "externalId"),
    ("paymentid", "externalId"),
    ("paymenttransid", "externalId"),
    ("chargeid", "externalId"),
    ("transstatus", "status"),
    ("totalamount", "amount"),
    ("amountpaid", "amount"),
    ("feeamount", "fee"),
    ("netamount", "net"),
    (STATUS_AT, "occurredAt"),
    ("transactiondate", "occurredAt"),
    ("transactiontime", "occurredAt"),
    ("date", "occurredAt"),
    ("createddate", "occurredAt"),
    ("paymentmethod", "method"),
    ("type", "operation"),
    ("order", "orderId"),
    ("invoice", "invoiceNumber"),
    ("lastfour", "maskedAccount"),
    ("last4", "maskedAccount"),
    ("account", "maskedAccount"),
    ("memo", "description"),
    ("clientnumber", "customerNumber"),
];
/// Columns of our own export of transactions that say nothing an item could.
const SERVERS_OWN: [&str; 5] = ["transid", "refundedamount", "overrefunded", "createdat", "entry"];
const ADDITIONAL_DATA: &str = "additionalData";
/// Members whose values are no texts.
const OBJECTS: [&str; 3] = ["reference", "customer", ADDITIONAL_DATA];
/// The ways to name a customer, the surest first. Of a row, the first with a value counts.
const WAYS: [&str; 3] = ["customerId", "customerNumber", "reference"];

/// What a column fills.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Filled {
    /// A member of the item.
    Member(&'static str),
    /// `reference` of this system.
    Reference(String),
    /// A text of `customer`.
    Customer(TextField),
    /// An additional value by its name.
    Additional(String),
    /// All additional values, as a JSON object of texts.
    AllAdditional,
    /// Nothing.
    LeftOut,
}

/// What each column of a file of transactions fills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentMapping {
    columns: Vec<(String, Filled)>,
    /// Whether the file is our own export, which shows a net amount also where nobody told one.
    is_own_export: bool,
}

fn find(name: &str) -> Option<Filled> {
    if let Some(key) = after_prefix(name) {
        return is_additional_key(key.trim()).then(|| Filled::Additional(key.trim().to_owned()));
    }
    if let Some(system) = system_of_name(name) {
        return system.ok().map(Filled::Reference);
    }
    let key = header_key(name);
    if key == header_key(ADDITIONAL_DATA) {
        return Some(Filled::AllAdditional);
    }
    let member = |key: &str| NAMES.iter().find(|known| header_key(known) == key && !OBJECTS.contains(known));
    let alias =
        || ALIASES.iter().find(|(alias, _)| *alias == key).and_then(|(_, name)| member(&header_key(name)));
    if let Some(name) = member(&key).or_else(alias) {
        return Some(Filled::Member(name));
    }
    if SERVERS_OWN.contains(&&*key) || is_of_report(name) {
        return Some(Filled::LeftOut);
    }
    let of_customer =
        name.trim().split_once('-').filter(|(prefix, _)| prefix.eq_ignore_ascii_case("customer"));
    let key = header_key(of_customer.map_or(name, |(_, field)| field));
    TextField::all().find(|field| header_key(field.name()) == key).map(Filled::Customer)
}

impl PaymentMapping {
    /// Whether a name is one that a column may have, or `map` may give it.
    pub fn knows(name: &str) -> bool {
        find(name).is_some()
    }

    /// The members of an item that a column can fill.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.into_iter().filter(|name| !OBJECTS.contains(name))
    }

    /// "; did you mean …?"
    pub(super) fn hint(name: &str) -> String {
        hint(name, NAMES.into_iter().filter(|known| !OBJECTS.contains(known)))
    }

    /// Reads the header's cells.
    ///
    /// # Errors
    /// All problems at once.
    pub fn of<'a>(
        header: impl IntoIterator<Item = &'a str>,
        options: &ImportOptions,
    ) -> Result<PaymentMapping, Vec<HeaderProblem>> {
        let mut problems = Vec::new();
        let mut columns: Vec<(String, Filled)> = Vec::new();
        let header: Vec<&str> = header.into_iter().collect();
        let has = |column: &str| header.iter().any(|cell| header_key(&unmarked(cell)) == column);
        let (has_status_at, is_own_export) = (has(STATUS_AT), has(OF_OWN_EXPORT));
        for (index, cell) in header.iter().enumerate() {
            let name = unmarked(cell).trim().trim_start_matches('\u{feff}').to_owned();
            let mut refuse = |code, message: String| {
                problems.push(HeaderProblem { column: Some(index + 1), code, message });
            };
            let key = header_key(&name);
            let mapped = options.map.iter().find(|(header, _)| header_key(header) == key);
            let filled = match mapped {
                Some((_, None)) => Some(Filled::LeftOut),
                Some((_, Some(target))) => find(target),
                None => find(&name),
            };
            let filled = match filled {
                Some(Filled::Member("occurredAt")) if has_status_at && key != STATUS_AT => {
                    Some(Filled::Member("beganAt"))
                }
                filled => filled,
            };
            let filled = match (filled, options.unknown_columns) {
                _ if name.is_empty() => Filled::LeftOut,
                (Some(filled), _) => filled,
                (None, UnknownColumns::Ignore) => Filled::LeftOut,
                (None, UnknownColumns::Additional) if is_additional_key(&name) => {
                    Filled::Additional(name.clone())
                }
                (None, _) => {
                    let hint = Self::hint(&name);
                    let message =
                        format!("column {} of the header is no field of a transaction{hint}", index + 1);
                    refuse("unknown_column", message);
                    Filled::LeftOut
                }
            };
            if filled != Filled::LeftOut && columns.iter().any(|(_, known)| *known == filled) {
                refuse("duplicate_column", format!("column {} fills what another column fills", index + 1));
            }
            columns.push((name, filled));
        }
        if columns.iter().any(|(name, _)| header_key(name) == "json") && columns.len() == 1 {
            return Ok(PaymentMapping { columns, is_own_export });
        }
        for required in ["source", "externalId", "status", "amount"] {
            if problems.is_empty() && !columns.iter().any(|(_, filled)| *filled == Filled::Member(required)) {
                let trans_id = columns.iter().find(|(name, _)| header_key(name) == "transid");
                let header = match trans_id.filter(|_| required == "externalId") {
                    // In our own exports that is this service's id, so it is not taken for the id in the source.
                    Some((name, _)) => name,
                    None => "Header",
                };
                let message = format!(
                    "no column is {required}, which every transaction has; map={header}:{required} names one"
                );
                problems.push(HeaderProblem { column: None, code: "required", message });
            }
        }
        if problems.is_empty() { Ok(PaymentMapping { columns, is_own_export }) } else { Err(problems) }
    }

    /// The headers of the columns that are left out, for the report.
    pub fn left_out(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().filter(|(_, filled)| *filled == Filled::LeftOut).map(|(name, _)| name.as_str())
    }

    /// Whether each column fills something, in the file's order.
    pub(super) fn headers(&self) -> impl Iterator<Item = (&str, bool)> {
        self.columns.iter().map(|(name, filled)| (name.as_str(), *filled != Filled::LeftOut))
    }

    /// The delivery of a row.
    ///
    /// # Errors
    /// What is wrong with the row.
    pub fn delivery(
        &self,
        record: &CsvRecord,
        delimiter: u8,
        options: &ImportOptions,
        context: Context<'_>,
    ) -> Result<Delivery, Vec<RowNote>> {
        if record.is_open {
            let message = "a quote that opens in this row is never closed";
            return Err(vec![RowNote::new("", "unclosed_quote", message)]);
        }
        let json = if delimiter == JSON_LINES {
            record.cells().next().unwrap_or_default().to_owned()
        } else {
            self.json(record, options)?
        };
        // A card number in a file is no longer there once the file is stored.
        if json.contains(card::REDACTED) || json.contains("\\u001a") {
            let (code, message) = card::refusal("");
            return Err(vec![RowNote::new("", code, message)]);
        }
        match Delivery::read(json.as_bytes(), context, options.card_guard) {
            Delivery::Refused { reason, .. } => Err(vec![note(&reason)]),
            delivery @ Delivery::Item(_) => Ok(delivery),
        }
    }

    /// A row as the JSON of an item.
    fn json(&self, record: &CsvRecord, options: &ImportOptions) -> Result<String, Vec<RowNote>> {
        let mut item = Map::new();
        let (mut customer, mut additional) = (Map::new(), Map::new());
        let mut references = Vec::new();
        for (index, cell) in record.cells().enumerate() {
            let text = unmarked(cell).trim().to_owned();
            if text.is_empty() {
                continue;
            }
            let Some((_, filled)) = self.columns.get(index) else {
                let message = format!("has more cells than the header, which has {}", self.columns.len());
                return Err(vec![RowNote::new("", "surplus_cells", message)]);
            };
            match filled {
                Filled::Member(name @ ("occurredAt" | "beganAt")) => {
                    item.insert((*name).into(), moment(text, options.date_format)?.into())
                }
                Filled::Member(name) => item.insert((*name).into(), text.into()),
                Filled::Reference(system) => {
                    references.push(serde_json::json!({"system": system, "externalId": text}));
                    None
                }
                Filled::Customer(field) => customer.insert(field.name().into(), text.into()),
                Filled::Additional(key) => additional.insert(key.clone(), text.into()),
                Filled::AllAdditional => {
                    let all: Map<String, Value> = serde_json::from_str(&text).map_err(|_| {
                        let message = "must be a JSON object of texts, such as {\"seat\": \"12\"}";
                        vec![RowNote::new(ADDITIONAL_DATA, "wrong_type", message)]
                    })?;
                    // A column of its own counts more.
                    for (key, value) in all {
                        additional.entry(key).or_insert(value);
                    }
                    None
                }
                Filled::LeftOut => None,
            };
        }
        let units =
            |name: &str| item.get(name).and_then(Value::as_str).map_or(Ok(Money::default()), Money::parse);
        if self.is_own_export
            && let (Ok(amount), Ok(fee), Ok(net)) = (units("amount"), units("fee"), units("net"))
            && amount.units() - fee.units() == net.units()
        {
            item.remove("net");
        }
        if customer.is_empty() {
            item.extend(references.into_iter().next().map(|first| ("reference".to_owned(), first)));
        } else if !references.is_empty() {
            // A reference that leads to nobody leaves it to the other columns to say who paid.
            customer.insert("references".into(), Value::Array(references));
        }
        let mut ways = WAYS.into_iter().filter(|way| item.contains_key(*way));
        match ways.next() {
            Some(_) => {
                let surplus: Vec<&str> = ways.collect();
                for way in surplus {
                    item.remove(way);
                }
            }
            None if !customer.is_empty() => {
                item.insert("customer".into(), Value::Object(customer));
            }
            None => {}
        }
        if !additional.is_empty() {
            item.insert(ADDITIONAL_DATA.into(), Value::Object(additional));
        }
        Ok(Value::Object(item).to_string())
    }
}

/// A time as RFC 3339; a day is its first moment in UTC.
fn moment(text: String, dates: Option<DateFormat>) -> Result<String, Vec<RowNote>> {
    if chrono::DateTime::parse_from_rfc3339(&text).is_ok() {
        return Ok(text);
    }
    created_at(&text, dates, None).map_err(|(code, message)| vec![RowNote::new("occurredAt", code, message)])
}

/// A reason as a note of a row.
pub fn note(reason: &Reason) -> RowNote {
    RowNote {
        code: reason.code.to_string().into(),
        ..RowNote::new(reason.field.trim_start_matches('/').replace('/', "."), "", reason.message.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::imports::records::{Position, RecordItem, RecordReader};
    use crate::domain::kernel::time::Micros;
    use crate::domain::transactions::item::{Item, Whose};

    fn read(header: &str, row: &str) -> Result<Item, Vec<RowNote>> {
        let options = ImportOptions::default();
        let mapping = PaymentMapping::of(header.split(','), &options).unwrap();
        let text = format!("{row}\n");
        let mut reader = RecordReader::new(b',', Position::default());
        let Some(RecordItem::Record(record)) = reader.read(&mut text.as_bytes()) else { panic!("{row}") };
        let context = Context { now: Micros(1_800_000_000_000_000), country: None, entrypoint_country: None };
        match mapping.delivery(&record, b',', &options, context)? {
            Delivery::Item(item) => Ok(*item),
            Delivery::Refused { .. } => panic!("{row}"),
        }
    }

    #[test]
    fn rules_14_a_row_is_an_item() {
        let header = "Source,Transaction ID,Status,Total Amount,Currency,Transaction Date,customer-email,First Name,additional-seat";
        let item = read(header, "shop,T-1,approved,12.50,usd,2026-03-01,ada@example.test,Ada,12").unwrap();
        assert_eq!((item.external_id.as_str(), item.amount.to_string().as_str()), ("T-1", "12.5"));
        assert_eq!(item.occurred_at, Some(Micros(1_772_323_200_000_000)));
        assert!(matches!(item.whose, Whose::Customer(_)));
        assert_eq!(item.optional.additional.unwrap().get("seat").unwrap(), "12");
        let header = "source,externalId,status,amount,customerNumber,customerId,email";
        assert!(matches!(read(header, "s,1,1,5,C-7,7,a@b.test").unwrap().whose, Whose::Id(7)));
        assert!(matches!(read(header, "s,1,1,5,C-7,,a@b.test").unwrap().whose, Whose::Number(_)));
        assert!(matches!(read(header, "s,1,1,5,,,").unwrap().whose, Whose::Nobody));
        let header = "source,externalId,status,amount,reference-stripe";
        assert!(matches!(read(header, "s,1,1,5,cus_1").unwrap().whose, Whose::Reference(_)));
        let header = "additional-seat,source,externalId,status,amount,Additional Data";
        let item = read(header, r#"12,s,1,1,5,"{""seat"":""9"",""row"":""C""}""#).unwrap();
        assert_eq!(
            item.optional.additional.unwrap(),
            [("seat", "12"), ("row", "C")].map(|(a, b)| (a.into(), b.into())).into()
        );
    }

    #[test]
    fn rules_14_what_is_wrong_is_told_by_row_and_column() {
        let header = "source,externalId,status,amount,currency,additionalData";
        for (row, field, code) in [
            ("s,1,paid,5,usd", "status", "invalid_value"),
            ("s,1,approved,much,usd", "amount", "invalid_amount"),
            ("s,,approved,5,usd", "externalId", "required"),
            ("s,1,approved,5,zzz", "currency", "unknown_currency"),
            ("s,1,approved,5,usd,,x", "", "surplus_cells"),
            ("s,1,approved,5,usd,seat 12", "additionalData", "wrong_type"),
            ("s,1,approved,5,usd,[]", "additionalData", "wrong_type"),
        ] {
            let notes = read(header, row).unwrap_err();
            assert_eq!((&*notes[0].field, &*notes[0].code), (field, code), "{row}: {notes:?}");
        }
        let of = |header: &str| {
            let problems = PaymentMapping::of(header.split(','), &ImportOptions::default()).unwrap_err();
            problems[0].code
        };
        assert_eq!(of("source,externalId,status,amount,colour"), "unknown_column");
        assert_eq!(of("source,externalId,status,amount,totalAmount"), "duplicate_column");
        assert_eq!(of("source,externalId,status"), "required");
    }
}

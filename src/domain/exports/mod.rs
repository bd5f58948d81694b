//! The columns of an export and their cells (contract 9.1, rules 1 and 9).
//!
//! [`ExportColumn`] is the source of a column, [`Column`] adds its heading, [`Cell`] is its value for one customer.
//! An import reads [`default_columns`] back, so that a copy has the same customers.

mod columns;
mod formula;
pub mod invoices;
mod payments;

use std::borrow::Cow;

use strum::{Display, IntoStaticStr};

pub use self::columns::{COLUMNS_PARAMETER, Column, ExportColumn, default_columns, parse_columns};
pub use self::formula::{harmless, neutralise, unmarked, unneutralise};
pub use self::payments::{
    Payment, PaymentColumn, PaymentField, default_payment_columns, parse_payment_columns,
};

use super::addresses::book::Address;
use super::addresses::column::{AddressColumn, Part};
use super::addresses::fields::AddressField;
use super::addresses::view::addresses;
use super::customers::mask::{MASK, mask};
use super::customers::record::{Customer, Stored};
use super::entrypoints::Entrypoint;
use super::filter::{FilterField, Kind, additional};
use super::methods::column;

/// The most rows of a spreadsheet below its headings: Excel's 1,048,576 minus one.
pub const XLSX_ROWS_MAX: usize = 1_048_575;

const LABEL_SEPARATOR: &str = ";";

/// The kind of an exported file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, utoipa::ToSchema, Display, IntoStaticStr)]
#[schema(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Format {
    /// Comma-separated values by RFC 4180, UTF-8 without a byte order mark.
    Csv,
    /// A workbook of Office Open XML with one sheet.
    Xlsx,
}

impl Format {
    /// The name in addresses and of the file's end.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Format::Csv => "text/csv; charset=utf-8",
            Format::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }

    /// Refuses more customers than a file of this kind can hold.
    ///
    /// # Errors
    /// The file cannot hold so many.
    pub fn check_rows(self, rows: usize) -> Result<(), String> {
        match self {
            Format::Xlsx if rows > XLSX_ROWS_MAX => Err(format!(
                "xlsx holds at most {XLSX_ROWS_MAX} customers, and these are {rows}; take csv, filters, or fromRecord and limitRecord"
            )),
            Format::Xlsx | Format::Csv => Ok(()),
        }
    }
}

impl std::str::FromStr for Format {
    type Err = String;
    fn from_str(text: &str) -> Result<Format, String> {
        match text {
            "csv" => Ok(Format::Csv),
            "xlsx" => Ok(Format::Xlsx),
            _ => Err("must be csv or xlsx".into()),
        }
    }
}

/// How a column's cells are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellKind {
    /// Text of callers: CSV neutralises it.
    Text,
    /// Text that starts with `+` by its nature: CSV does not neutralise it.
    Phone,
    /// A decimal number: the same text in CSV, a number in a spreadsheet.
    Number,
}

/// The value of a column for one customer; the empty text if there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell<'a> {
    /// How it is written.
    pub kind: CellKind,
    /// Before [`neutralise`].
    pub text: Cow<'a, str>,
}

impl Cell<'_> {
    /// The text in CSV, before quoting.
    pub fn csv(&self) -> Cow<'_, str> {
        match self.kind {
            CellKind::Text => neutralise(&self.text),
            CellKind::Phone | CellKind::Number => Cow::Borrowed(&self.text),
        }
    }
}

impl ExportColumn {
    /// How its cells are written.
    pub fn kind(&self) -> CellKind {
        match self {
            ExportColumn::Field(field) => match field.kind() {
                Kind::Phone => CellKind::Phone,
                Kind::Number | Kind::Status | Kind::Money => CellKind::Number,
                Kind::Text
                | Kind::Name
                | Kind::Email
                | Kind::Country
                | Kind::Moment
                | Kind::Lifecycle
                | Kind::MethodStatus => CellKind::Text,
            },
            ExportColumn::TimeZone => CellKind::Number,
            ExportColumn::Address(AddressColumn { part: Part::Text(AddressField::Phone), .. }) => {
                CellKind::Phone
            }
            _ => CellKind::Text,
        }
    }

    /// Its value for a customer; with `masked` as a token without `pii:read` sees it (rules 1).
    pub fn cell<'a>(&self, stored: &'a Stored, entrypoint: &'a Entrypoint, masked: bool) -> Cell<'a> {
        let customer = &stored.customer;
        let text: Cow<'a, str> = match self {
            ExportColumn::Field(field) => text_of(field, stored, entrypoint, masked),
            ExportColumn::AdditionalFields => additional_fields(customer, masked).into(),
            ExportColumn::Addresses => all_addresses(customer, masked).into(),
            ExportColumn::Address(column) => column.value(&addresses(customer), masked).into(),
            ExportColumn::Methods => column::all_as_json(&customer.methods, masked).into(),
            ExportColumn::Method(part) => column::cell(&customer.methods, *part, masked).into(),
            ExportColumn::References => {
                labels(&customer.references.iter().map(ToString::to_string).collect::<Vec<_>>()).into()
            }
            ExportColumn::IdentifierFields => customer.identifier_fields.join(LABEL_SEPARATOR).into(),
            ExportColumn::TimeZone => {
                customer.time_zone.map(|hours| hours.to_string()).unwrap_or_default().into()
            }
            ExportColumn::Entry => entrypoint.entry.as_str().into(),
            // The export reads comments, which are no part of the record, and knows the time, on which statuses depend.
            ExportColumn::Comment | ExportColumn::PaymentMethodStatus | ExportColumn::ExternalPaypointId => {
                "".into()
            }
        };
        Cell { kind: self.kind(), text }
    }
}

fn text_of<'a>(
    field: &FilterField,
    stored: &'a Stored,
    entrypoint: &'a Entrypoint,
    masked: bool,
) -> Cow<'a, str> {
    let customer = &stored.customer;
    match field {
        FilterField::Text(field) => match customer.text(*field) {
            Some(value) if masked && field.spec().masked => mask(*field, value).into(),
            value => value.unwrap_or_default().into(),
        },
        FilterField::Additional(key) => match additional(customer, key) {
            Some(_) if masked => MASK.into(),
            value => value.unwrap_or_default().into(),
        },
        FilterField::Reference(system) => {
            let of_system = customer.references.iter().filter(|reference| reference.system == *system);
            let ids: Vec<String> = of_system.map(|reference| reference.external_id.to_string()).collect();
            labels(&ids).into()
        }
        // The export knows the time, and reads what transactions come to, which is no part of the record.
        FilterField::AnyAddress
        | FilterField::PaymentMethodStatus
        | FilterField::TransactionCount
        | FilterField::TotalSpent
        | FilterField::LastTransaction => "".into(),
        FilterField::Name => customer.name().into(),
        FilterField::Label => labels(&customer.labels).into(),
        FilterField::CustomerId => stored.id.to_string().into(),
        FilterField::Status => customer.status.code().to_string().into(),
        FilterField::Lifecycle => customer.lifecycle.name().into(),
        FilterField::Balance => customer.balance.to_string().into(),
        FilterField::CreatedDate => customer.created_at.to_rfc3339().into(),
        FilterField::LastUpdated => customer.updated_at.to_rfc3339().into(),
        FilterField::PaypointId => entrypoint.id.to_string().into(),
        FilterField::PaypointLegal => entrypoint.legal_name.as_deref().unwrap_or_default().into(),
        FilterField::PaypointDba => entrypoint.dba_name.as_deref().unwrap_or_default().into(),
        FilterField::OrgId => entrypoint.org_id.to_string().into(),
        FilterField::OrgName => entrypoint.org_name.as_str().into(),
    }
}

/// All addresses without their ids, which only this service gives; the empty text if the flat fields say it all. An address
/// that has no street and is no default cannot be imported.
fn all_addresses(customer: &Customer, masked: bool) -> String {
    if customer.addresses.entries.is_empty() {
        return String::new();
    }
    let shown = |address: &Address| {
        let mut members = serde_json::Map::new();
        members.insert("kind".into(), address.kind.name().into());
        for (field, _) in address.texts.present() {
            members.insert(field.name().into(), Part::Text(field).value(address, masked).into());
        }
        for role in address.roles() {
            members.insert(role.member().into(), true.into());
        }
        serde_json::Value::from(members)
    };
    let is_whole = |address: &&Address| {
        address.texts.get(AddressField::Address).is_some() || address.roles().next().is_some()
    };
    serde_json::Value::from(addresses(customer).iter().filter(is_whole).map(shown).collect::<Vec<_>>())
        .to_string()
}

/// A JSON object in the order of its keys; the empty text if there are none.
fn additional_fields(customer: &Customer, masked: bool) -> String {
    if customer.additional.is_empty() {
        return String::new();
    }
    if masked {
        let keys = customer.additional.keys().map(|key| (key, MASK));
        return serde_json::to_string(&keys.collect::<std::collections::BTreeMap<_, _>>())
            .unwrap_or_default();
    }
    serde_json::to_string(&customer.additional).unwrap_or_default()
}

/// The items joined by `;`, or a JSON array if the joined text could not be split again.
fn labels(labels: &[String]) -> String {
    let joined = labels.join(LABEL_SEPARATOR);
    if joined.starts_with('[') || labels.iter().any(|label| label.contains([';', '|', '"'])) {
        return serde_json::to_string(labels).unwrap_or_default();
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_can_always_be_taken_apart() {
        for (given, cell) in [
            (&[][..], ""),
            (&["wholesale"], "wholesale"),
            (&["a", "b c"], "a;b c"),
            (&["a;b", "c"], r#"["a;b","c"]"#),
            (&["a|b"], r#"["a|b"]"#),
            (&["[x]", "y"], r#"["[x]","y"]"#),
            (&["y", "[x]"], "y;[x]"),
            (&["say \"hi\"", "x;"], r#"["say \"hi\"","x;"]"#),
            (&["say \"hi\""], r#"["say \"hi\""]"#),
            (&["a, b", "c"], "a, b;c"),
        ] {
            let given: Vec<String> = given.iter().map(|label| (*label).to_owned()).collect();
            assert_eq!(labels(&given), cell);
        }
    }

    #[test]
    fn a_spreadsheet_has_a_limited_number_of_rows() {
        assert!(Format::Xlsx.check_rows(XLSX_ROWS_MAX).is_ok());
        let refusal = Format::Xlsx.check_rows(XLSX_ROWS_MAX + 1).unwrap_err();
        assert!(refusal.contains("1048575") && refusal.contains("csv"), "{refusal}");
        assert!(Format::Csv.check_rows(usize::MAX).is_ok());
    }
}

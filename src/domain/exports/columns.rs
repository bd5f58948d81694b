//! The columns of an export: all there are, how a request names them, and the default.

use crate::domain::addresses::column::AddressColumn;
use crate::domain::customers::fields::TextField;
use crate::domain::filter::{ADDITIONAL_PREFIX, FilterField, StandingField};
use crate::domain::kernel::problem::Problem;
use crate::domain::kernel::text::{self, nearest};
use crate::domain::methods::column::MethodColumn;
use crate::domain::references::REFERENCE_PREFIX;
use crate::domain::spelling;

/// The parameter that names columns.
pub const COLUMNS_PARAMETER: &str = "columnsExport";

/// What a column shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportColumn {
    /// A field of filters. Its name is the one that views show; labels are joined by `;` or are a JSON array.
    Field(FilterField),
    /// All additional fields, as one JSON object.
    AdditionalFields,
    /// The `identifierFields` the customer was created with, joined by `;`.
    IdentifierFields,
    /// All addresses, as a JSON array, if they are more than the flat fields say.
    Addresses,
    /// A part of a default address, or of the one with a number.
    Address(AddressColumn),
    /// All references, each `system:externalId`, joined by `;` or as a JSON array.
    References,
    /// All stored methods, as a JSON array.
    Methods,
    /// A part of the stored method at a place of the list, the default one first.
    Method(MethodColumn),
    /// How the default stored method stands when the export begins.
    PaymentMethodStatus,
    /// `TimeZone`, hours.
    TimeZone,
    /// The entrypoint's name.
    Entry,
    /// The first comment of the list: a pinned one, else the newest.
    Comment,
    /// Always empty; kept for clients of the contract.
    ExternalPaypointId,
}

/// The columns that filters do not know.
static OTHERS: [(&str, ExportColumn); 11] = [
    ("Methods", ExportColumn::Methods),
    ("PaymentMethodStatus", ExportColumn::PaymentMethodStatus),
    ("Addresses", ExportColumn::Addresses),
    ("References", ExportColumn::References),
    ("AdditionalFields", ExportColumn::AdditionalFields),
    ("IdentifierFields", ExportColumn::IdentifierFields),
    ("TimeZone", ExportColumn::TimeZone),
    ("entry", ExportColumn::Entry),
    ("PaypointEntryname", ExportColumn::Entry),
    ("comment", ExportColumn::Comment),
    ("externalPaypointID", ExportColumn::ExternalPaypointId),
];

/// The names of the columns that are not texts of the customer, as records have them.
const RECORD_NAMES: &str = "name Addresses References AdditionalFields IdentifierFields Labels customerId customerStatus Lifecycle Balance \
    TimeZone Created LastUpdated Methods PaymentMethodStatus comment entry paypointId PaypointLegalname PaypointDbaname externalPaypointID orgId \
    ParentOrgName transactionCount totalSpent lastTransaction";

impl ExportColumn {
    /// The column of a name that records, requests or filters use, in any case.
    pub fn of_name(name: &str) -> Option<ExportColumn> {
        let other = OTHERS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        if let Some(column) = MethodColumn::of_name(name) {
            return Some(ExportColumn::Method(column));
        }
        match AddressColumn::of_name(name) {
            Some(Ok(column)) => return Some(ExportColumn::Address(column)),
            Some(Err(flat)) => return Some(ExportColumn::Field(FilterField::Text(flat))),
            None => {}
        }
        let field = FilterField::of_name(name)
            .filter(|field| !matches!(field, FilterField::AnyAddress | FilterField::PaymentMethodStatus));
        field.map(ExportColumn::Field).or_else(|| other.map(|(_, column)| column.clone()))
    }

    /// The names of all columns except additional fields, as records have them.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TextField::all().map(|field| field.spec().record).chain(RECORD_NAMES.split_whitespace())
    }
}

impl ExportColumn {
    /// The number of what transactions come to that it shows, if it shows one.
    pub const fn standing(&self) -> Option<StandingField> {
        match self {
            ExportColumn::Field(field) => field.standing(),
            _ => None,
        }
    }
}

/// A column with its heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// What it shows.
    pub source: ExportColumn,
    /// Its heading.
    pub heading: String,
}

/// The default columns, in their order: everything that an import reads, under names that it knows, and nothing that
/// the service assigns. With `with_entry` the entrypoint's name comes first, for customers of several entrypoints.
pub fn default_columns(with_entry: bool) -> Vec<Column> {
    const NAMES: &str = "customerNumber customerUsername Firstname Lastname Fullname Company Email Phone Address Address1 \
        City State Zip Country ShippingAddress ShippingAddress1 ShippingCity ShippingState ShippingZip ShippingCountry \
        Birthday Labels TimeZone Balance customerStatus Created AdditionalFields IdentifierFields Addresses References";
    let names = with_entry.then_some("entry").into_iter().chain(NAMES.split_whitespace());
    let column = |name: &str| Some(Column { source: ExportColumn::of_name(name)?, heading: name.to_owned() });
    names.filter_map(column).collect()
}

/// Reads `Source:Heading,Source2:Heading2`. A source without a heading is its own heading.
///
/// # Errors
/// All problems at once.
pub fn parse_columns(text: &str) -> Result<Vec<Column>, Vec<Problem>> {
    let columns = parse_named(text, ExportColumn::of_name, |_, name| unknown(name))?;
    Ok(columns.into_iter().map(|(source, heading)| Column { source, heading }).collect())
}

/// Reads columns whose sources `of_name` knows; `unknown` says what is wrong with another name, which it gets in quotes too.
pub(super) fn parse_named<T>(
    text: &str,
    of_name: impl Fn(&str) -> Option<T>,
    unknown: impl Fn(&str, &str) -> String,
) -> Result<Vec<(T, String)>, Vec<Problem>> {
    let mut columns: Vec<(T, String)> = Vec::new();
    let mut problems = Vec::new();
    let mut refuse =
        |code, message: String| problems.push(Problem::parameter(COLUMNS_PARAMETER, code, message));
    for item in text.split(',') {
        let (name, heading) = match item.split_once(':') {
            Some((name, heading)) => (name.trim(), Some(heading.trim())),
            None => (item.trim(), None),
        };
        if let Some(heading) = heading.filter(|heading| !is_heading(heading)) {
            let shown = shown(heading);
            refuse(
                "invalid_heading",
                format!("{shown} is no heading; these have A-Z a-z 0-9 _ and start with no digit"),
            );
        }
        let Some(source) = of_name(name) else {
            refuse("unknown_column", unknown(&shown(name), name));
            continue;
        };
        let heading = heading.unwrap_or(name).to_owned();
        if columns.iter().any(|(_, known)| known.eq_ignore_ascii_case(&heading)) {
            refuse("duplicate_heading", format!("{} heads two columns", shown(&heading)));
        }
        columns.push((source, heading));
    }
    if problems.is_empty() { Ok(columns) } else { Err(problems) }
}

fn is_heading(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn unknown(name: &str) -> String {
    let shown = shown(name);
    match spelling::near(name).or_else(|| nearest(name, ExportColumn::names()).map(str::to_owned)) {
        Some(near) => format!("{shown} is no column; did you mean {near}?"),
        None => {
            let names: Vec<&str> = ExportColumn::names().collect();
            format!(
                "{shown} is no column; these are: {}, {ADDITIONAL_PREFIX}<name>, {REFERENCE_PREFIX}<system>, address-<number>-<field>, method-<number>-<field>",
                names.join(", ")
            )
        }
    }
}

/// The part of a name that errors repeat, in quotes.
fn shown(name: &str) -> String {
    format!("\"{}\"", text::shown(name, "_- "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::customers::fields::OTHER_MEMBERS;

    fn headings(columns: &[Column]) -> Vec<&str> {
        columns.iter().map(|column| column.heading.as_str()).collect()
    }

    #[test]
    fn contract_9_1_every_source_column_is_known() {
        let names = "customerId Company Firstname Lastname customerNumber Address City Country Email Phone State Zip \
            Balance customerStatus customerUsername ShippingAddress ShippingCity ShippingCountry ShippingState \
            ShippingZip PaypointLegalname PaypointDbaname ParentOrgName externalPaypointID IdentifierFields \
            AdditionalFields Fullname Birthday Labels Lifecycle Created LastUpdated Address1 ShippingAddress1 TimeZone \
            orgId ParentOrgId entry PaypointEntryname additional-tier";
        let all: Vec<&str> =
            names.split_whitespace().chain(FilterField::names()).chain(ExportColumn::names()).collect();
        for name in all.into_iter().filter(|name| *name != "anyaddress") {
            let column = ExportColumn::of_name(name);
            assert!(column.is_some(), "{name}");
            if !name.starts_with("additional-") {
                assert_eq!(ExportColumn::of_name(&name.to_uppercase()), column, "{name}");
            }
        }
        for known in [
            "address-2-city",
            "address-3-kind",
            "reference-stripe",
            "address-shipping-zip",
            "Address-Billing-Phone",
        ] {
            assert!(ExportColumn::of_name(known).is_some(), "{known}");
        }
        for unknown in [
            "",
            "customerPsw",
            "anyaddress",
            "address-0-city",
            "reference-a b",
            "additional-",
            "additional-é",
            "MFA",
        ] {
            assert_eq!(ExportColumn::of_name(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn rules_9_the_default_columns_are_all_that_can_be_written_and_read() {
        let columns = default_columns(false);
        assert_eq!(columns.len(), 30);
        let writable = TextField::all().map(TextField::name).chain(OTHER_MEMBERS);
        for name in writable.filter(|name| *name != "customerPsw") {
            let source = ExportColumn::of_name(name).unwrap();
            assert_eq!(columns.iter().filter(|column| column.source == source).count(), 1, "{name}");
        }
        assert_eq!(columns.len(), TextField::all().count() + OTHER_MEMBERS.len() - 1);
        let with_entry = default_columns(true);
        assert_eq!(with_entry[0], Column { source: ExportColumn::Entry, heading: "entry".into() });
        assert_eq!(with_entry[1..], columns);
    }

    #[test]
    fn contract_9_1_columns_are_chosen_and_renamed() {
        let columns =
            parse_columns("Email:mail, createdDate ,additional-my tier:Tier,additional-x,USERNAME").unwrap();
        assert_eq!(headings(&columns), ["mail", "createdDate", "Tier", "additional-x", "USERNAME"]);
        let sources = [
            FilterField::Text(TextField::Email),
            FilterField::CreatedDate,
            FilterField::Additional("my tier".into()),
            FilterField::Additional("x".into()),
            FilterField::Text(TextField::CustomerUsername),
        ];
        assert!(columns.into_iter().map(|column| column.source).eq(sources.map(ExportColumn::Field)));
        // Two columns may have the same source.
        assert_eq!(headings(&parse_columns("Email:a,Email:b").unwrap()), ["a", "b"]);
    }

    #[test]
    fn contract_9_1_bad_columns_say_what_would_do() {
        for (text, code, part) in [
            ("Emial", "unknown_column", "did you mean Email?"),
            ("qqqq", "unknown_column", "these are: customerNumber"),
            ("", "unknown_column", "these are"),
            ("Email,,Phone", "unknown_column", "\"\" is no column"),
            ("customerPsw", "unknown_column", "is no column"),
            ("Email:1st", "invalid_heading", "start with no digit"),
            ("Email:", "invalid_heading", "A-Z"),
            ("Email:a b", "invalid_heading", "\"a b\""),
            ("Email:=1", "invalid_heading", "\"…\""),
            ("Email:a:b", "invalid_heading", "\"a…\""),
            ("Email:x,Phone:X", "duplicate_heading", "\"X\""),
            ("Email,email", "duplicate_heading", "\"email\""),
            ("additional-é:x", "unknown_column", "\"additional-…\""),
        ] {
            let problems = parse_columns(text).unwrap_err();
            assert_eq!((problems.len(), problems[0].code), (1, code), "{text}: {problems:?}");
            assert!(problems[0].message.contains(part), "{text}: {problems:?}");
        }
        assert_eq!(parse_columns("x:1,y,Email:2").unwrap_err().len(), 4);
    }
}

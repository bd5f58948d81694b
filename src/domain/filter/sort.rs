//! The order of a list (rules 8).

use std::cmp::Ordering;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::column::Column;
use super::field::{ADDITIONAL_PREFIX, FilterField, Kind};
use super::masked_problem;
use super::order::direction;
use crate::domain::customers::record::Stored;
use crate::domain::entrypoints::Entrypoint;
use crate::domain::kernel::problem::Problem;
use crate::domain::kernel::text::{fold, nearest};

/// The parameter's name in errors.
const PARAMETER: &str = "sortBy";
/// The separator of the items of a list in sort values; it is less than any of their characters.
const LIST_SEPARATOR: &str = "\0";

/// What a list is sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortField {
    /// A field of filters; for labels all of them, in their order.
    Filter(FilterField),
    /// `TimeZone`: hours.
    TimeZone,
    /// `PaypointEntryname`.
    Entry,
    /// `AdditionalFields`: names and values, in the order of the names.
    AdditionalFields,
    /// `IdentifierFields`, in the order sent.
    IdentifierFields,
    /// `References`, by system and id.
    References,
    /// The name of a field that is the same in every record, so that only ids order them.
    Constant(&'static str),
}

/// Fields of the record that filters do not know.
const OTHERS: [(&str, SortField); 6] = [
    ("Addresses", SortField::Filter(FilterField::AnyAddress)),
    ("References", SortField::References),
    ("TimeZone", SortField::TimeZone),
    ("PaypointEntryname", SortField::Entry),
    ("AdditionalFields", SortField::AdditionalFields),
    ("IdentifierFields", SortField::IdentifierFields),
];
/// The names of [`SortField::Constant`].
const CONSTANTS: &str = "MFA MFAMode snProvider snIdentifier snData Subscriptions StoredMethods customerSummary \
    pageidentifier externalPaypointID customerConsent customerPortal";

/// An order: a field and a direction. Ids order records with equal values, in the same direction, so `desc` is exactly
/// the reverse of `asc`, with absent values last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    /// The field.
    pub field: SortField,
    /// Whether the greatest value comes first.
    pub descending: bool,
}

impl Default for Sort {
    /// Newest first.
    fn default() -> Self {
        Sort { field: SortField::Filter(FilterField::CustomerId), descending: true }
    }
}

/// What is needed to sort customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// A column, and `customer_id` after it.
    Column(Column),
    /// A value of the entrypoint, and `customer_id` after it: within one entrypoint, `customer_id` alone.
    Entrypoint,
    /// Every customer must be decrypted.
    Sealed,
}

impl Sort {
    /// The order of exports.
    pub fn oldest_first() -> Sort {
        Sort { descending: false, ..Sort::default() }
    }

    /// Reads `asc(field)` or `desc(field)`, with any name of the field that filters or records use, in any case.
    ///
    /// # Errors
    /// The text is no order.
    pub fn parse(text: &str) -> Result<Sort, Problem> {
        let refuse = |message: String| Err(Problem::parameter(PARAMETER, "invalid_sort", message));
        let Some((descending, name)) = direction(text) else {
            return refuse("must be written asc(field) or desc(field), such as desc(createdDate)".into());
        };
        match SortField::of_name(name) {
            Some(field) => Ok(Sort { field, descending }),
            None => {
                let others = || OTHERS.iter().map(|(name, _)| *name).chain(CONSTANTS.split_whitespace());
                let filters = || FilterField::names().filter(|name| SortField::of_name(name).is_some());
                let names = || filters().chain(others());
                let hint = match nearest(name, names()) {
                    Some(near) => format!("did you mean {near}?"),
                    None => {
                        let mut names: Vec<&str> = names().collect();
                        names.sort_unstable();
                        format!("these are: {}, {ADDITIONAL_PREFIX}<name>", names.join(", "))
                    }
                };
                refuse(format!("names no field to sort by; {hint}"))
            }
        }
    }

    /// What is needed for this order.
    pub fn reach(&self) -> Reach {
        match &self.field {
            SortField::Filter(field) => match field.column() {
                Some(column) => Reach::Column(column),
                None if field.is_of_entrypoint() => Reach::Entrypoint,
                None => Reach::Sealed,
            },
            SortField::Entry | SortField::Constant(_) => Reach::Entrypoint,
            SortField::TimeZone
            | SortField::AdditionalFields
            | SortField::IdentifierFields
            | SortField::References => Reach::Sealed,
        }
    }

    /// Whether a column gives this order, so that no customer must be decrypted for it.
    pub fn is_by_column(&self) -> bool {
        matches!(self.reach(), Reach::Column(_))
    }

    /// A problem if the field is masked for a token without `pii:read` (rules 1).
    pub fn masked_field(&self) -> Option<Problem> {
        let is_masked = match &self.field {
            SortField::Filter(field) => field.is_masked(),
            SortField::AdditionalFields => true,
            _ => false,
        };
        is_masked.then(|| masked_problem(PARAMETER, &self.field.name()))
    }

    /// The position of a record in this order.
    pub fn key(&self, stored: &Stored, entrypoint: &Entrypoint) -> SortKey {
        self.key_of(self.field.value(stored, entrypoint), stored.id)
    }

    /// The position of a record with this value.
    pub(super) fn key_of(&self, value: SortValue, id: i64) -> SortKey {
        SortKey { descending: self.descending, value, id }
    }

    /// A text that is equal for equal orders; cursors are bound to it.
    pub fn canonical(&self) -> String {
        let direction = if self.descending { "desc" } else { "asc" };
        format!("{direction}({})", self.field.name())
    }
}

impl SortField {
    fn of_name(name: &str) -> Option<SortField> {
        let is_it = |known: &&str| known.eq_ignore_ascii_case(name);
        let other = || OTHERS.iter().find(|(known, _)| is_it(known)).map(|(_, field)| field.clone());
        let constant = || CONSTANTS.split_whitespace().find(is_it).map(SortField::Constant);
        let filter = FilterField::of_name(name).filter(|field| field.kind() != Kind::MethodStatus);
        filter.map(SortField::Filter).or_else(other).or_else(constant)
    }

    fn name(&self) -> String {
        match self {
            SortField::Filter(field) => field.name().into_owned(),
            SortField::Constant(name) => (*name).to_owned(),
            other => {
                let row = OTHERS.iter().find(|(_, field)| field == other);
                row.map(|(name, _)| (*name).to_owned()).unwrap_or_default()
            }
        }
    }

    fn value(&self, stored: &Stored, entrypoint: &Entrypoint) -> SortValue {
        let customer = &stored.customer;
        match self {
            SortField::Filter(FilterField::Name) => SortValue::text(&customer.name()),
            SortField::Filter(field) => match field.kind() {
                Kind::Lifecycle => SortValue::text(customer.lifecycle.name()),
                // It depends on the time, so no page would fit the next.
                Kind::MethodStatus => SortValue::Absent,
                Kind::Text | Kind::Name | Kind::Email | Kind::Phone | Kind::Country => {
                    SortValue::text(&field.texts(stored, entrypoint).join(LIST_SEPARATOR))
                }
                Kind::Number | Kind::Money | Kind::Moment | Kind::Status => {
                    field.number(stored, entrypoint).map_or(SortValue::Absent, SortValue::Number)
                }
            },
            SortField::TimeZone => {
                customer.time_zone.map_or(SortValue::Absent, |hours| SortValue::Number(hours.into()))
            }
            SortField::Entry => SortValue::text(&entrypoint.entry),
            SortField::AdditionalFields => {
                let pairs =
                    customer.additional.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
                SortValue::text(&pairs.collect::<Vec<_>>().join(LIST_SEPARATOR))
            }
            SortField::IdentifierFields => SortValue::text(&customer.identifier_fields.join(LIST_SEPARATOR)),
            SortField::References => {
                let all: Vec<String> = customer.references.iter().map(ToString::to_string).collect();
                SortValue::text(&all.join(LIST_SEPARATOR))
            }
            SortField::Constant(_) => SortValue::Absent,
        }
    }
}

/// The value that a record is sorted by. Absent values come first, then numbers, then texts by code points.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SortValue {
    /// No value.
    Absent,
    /// A number in the field's unit.
    Number(i64),
    /// A folded text. Its UTF-8 bytes have the order of its code points.
    Text(CompactString),
}

impl SortValue {
    fn text(text: &str) -> SortValue {
        if text.is_empty() { SortValue::Absent } else { SortValue::Text(fold(text)) }
    }
}

/// A record's position in a [`Sort`]: the smaller key comes first, whatever the direction. Keys of different sorts cannot
/// be compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SortKey {
    descending: bool,
    /// The value, which is compared first.
    pub value: SortValue,
    /// `customerId`, which decides between equal values.
    pub id: i64,
}

impl Ord for SortKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let ascending = || (&self.value, self.id).cmp(&(&other.value, other.id));
        self.descending
            .cmp(&other.descending)
            .then_with(|| if self.descending { ascending().reverse() } else { ascending() })
    }
}

impl PartialOrd for SortKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray as _;

    use super::*;
    use crate::domain::customers::fields::TextField;
    use crate::domain::customers::record::{Customer, Lifecycle};

    fn named(id: i64, city: &str) -> Stored {
        let mut customer = Customer::default();
        customer.texts.set(TextField::City, Some(city.into()));
        Stored { id, version: 1, customer, erased: false }
    }

    fn order(text: &str, stored: &[Stored]) -> Vec<i64> {
        let sort = Sort::parse(text).unwrap();
        let mut keys: Vec<SortKey> = stored.iter().map(|one| sort.key(one, &Entrypoint::default())).collect();
        keys.sort();
        keys.iter().map(|key| key.id).collect()
    }

    #[test]
    fn rules_8_text_sorts_folded_absent_first_ties_by_id() {
        let stored = [
            named(1, "b"),
            named(2, "Ä"),
            named(3, ""),
            named(4, "A"),
            named(5, "a"),
            named(6, "😀"),
            named(7, "\u{ff5e}"),
        ];
        assert_eq!(order("asc(City)", &stored), [3, 4, 5, 1, 2, 7, 6]);
        assert_eq!(order("desc(city)", &stored), [6, 7, 2, 1, 5, 4, 3]);
        assert_eq!(order("asc(MFA)", &stored), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(order("desc(PaypointDbaname)", &stored), [7, 6, 5, 4, 3, 2, 1]);
    }

    #[test]
    fn rules_8_every_field_of_the_record_sorts() {
        // Contract 3 and ours.
        let names = "customerId customerNumber customerUsername customerStatus Company Firstname Lastname Phone \
            Email Address Address1 City State Zip Country ShippingAddress ShippingAddress1 ShippingCity \
            ShippingState ShippingZip ShippingCountry Balance TimeZone MFA MFAMode snProvider snIdentifier snData \
            LastUpdated Created AdditionalFields IdentifierFields Subscriptions StoredMethods customerSummary \
            PaypointLegalname PaypointDbaname ParentOrgName ParentOrgId PaypointEntryname pageidentifier \
            externalPaypointID customerConsent customerPortal Fullname Birthday Labels Lifecycle name createdDate \
            status username additional-tier";
        for name in names.split_whitespace() {
            let sort = Sort::parse(&format!(" ASC( {name} ) ")).unwrap();
            assert_eq!(Sort::parse(&sort.canonical()).unwrap(), sort, "{name}");
            assert_eq!(Sort::parse(&format!("asc({})", name.to_lowercase())).unwrap(), sort, "{name}");
        }
    }

    #[test]
    fn rules_8_bad_sorts_say_what_would_do() {
        for (text, part) in [
            ("", "desc(createdDate)"),
            ("name", "asc(field)"),
            ("up(name)", "asc(field)"),
            ("asc(name", "asc(field)"),
            ("asc(firstnam)", "did you mean firstname?"),
            ("asc(timezon)", "did you mean TimeZone?"),
            ("asc(qqqq)", "these are: Additional"),
            ("asc()", "these are:"),
            ("asc(customerPsw)", "did you mean"),
        ] {
            let problem = Sort::parse(text).unwrap_err();
            assert!(problem.message.contains(part), "{text}: {}", problem.message);
        }
    }

    #[test]
    fn what_each_sort_needs_and_which_are_masked() {
        let sort = |text| Sort::parse(text).unwrap();
        assert_eq!(Sort::default(), sort("desc(customerId)"));
        assert_eq!(sort("asc(balance)").reach(), Reach::Column(Column::Balance));
        assert_eq!(sort("asc(orgName)").reach(), Reach::Entrypoint);
        assert_eq!(sort("asc(name)").reach(), Reach::Sealed);
        assert!(sort("asc(created)").is_by_column() && !sort("asc(timeZone)").is_by_column());
        for (text, masked) in [
            ("asc(email)", true),
            ("asc(additional-tier)", true),
            ("asc(AdditionalFields)", true),
            ("asc(birthday)", true),
            ("asc(name)", false),
            ("asc(zip)", false),
        ] {
            assert_eq!(sort(text).masked_field().is_some(), masked, "{text}");
        }
    }

    /// A column of names in binary order gives the order of `lifecycle`.
    #[test]
    fn stages_have_the_same_order_folded_and_unfolded() {
        let mut names: Vec<&str> = Lifecycle::VARIANTS.iter().map(|stage| stage.name()).collect();
        names.sort_unstable();
        assert!(names.into_iter().map(fold).is_sorted());
    }
}

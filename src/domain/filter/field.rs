//! The fields that filters know, their names, and the operators each takes (contract 6.2, rules 8).

use std::borrow::Cow;

use strum::{EnumString, IntoStaticStr, VariantArray};

use super::column::Column;
use crate::domain::addresses::view;
use crate::domain::customers::fields::{Shape, TextField};
use crate::domain::customers::identifier::is_additional_key;
use crate::domain::customers::record::{Customer, Stored};
use crate::domain::entrypoints::Entrypoint;
use crate::domain::references::{REFERENCE_PREFIX, system_of_name};

/// The prefix of an additional field's name in a filter or a sort.
pub const ADDITIONAL_PREFIX: &str = "additional-";

/// An operator of a filter (contract 6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "lowercase", ascii_case_insensitive)]
pub enum Op {
    /// Equal; the default.
    #[strum(to_string = "eq", serialize = "")]
    Eq,
    /// Not equal.
    Ne,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Contains.
    Ct,
    /// Does not contain.
    Nct,
    /// One of several.
    In,
    /// None of several.
    Nin,
}

impl Op {
    /// The word on the wire.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether the operator is the negation of another one.
    pub const fn is_negative(self) -> bool {
        matches!(self, Op::Ne | Op::Nct | Op::Nin)
    }
}

/// What can be filtered by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FilterField {
    /// A text of the customer.
    Text(TextField),
    /// An additional field by its name; [`additional`] looks it up.
    Additional(String),
    /// Any of the references of a system (ours).
    Reference(String),
    /// Any of the addresses, each as one line (ours).
    AnyAddress,
    /// How the default stored method stands (ours).
    PaymentMethodStatus,
    /// Any of [`Customer::names`].
    Name,
    /// Any of the labels (ours).
    Label,
    /// `customerStatus`.
    Status,
    /// The stage of the customer's life (ours).
    Lifecycle,
    /// `balance`.
    Balance,
    /// `Created`.
    CreatedDate,
    /// `LastUpdated` (ours).
    LastUpdated,
    /// `customerId` (ours).
    CustomerId,
    /// How many approved sales the customer has (ours).
    TransactionCount,
    /// What they came to (ours).
    TotalSpent,
    /// The time of the latest transaction (ours).
    LastTransaction,
    /// The organisation's number.
    OrgId,
    /// The entrypoint's number.
    PaypointId,
    /// The entrypoint's legal name.
    PaypointLegal,
    /// The entrypoint's trading name.
    PaypointDba,
    /// The organisation's name.
    OrgName,
}

/// How a field's values are written and compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text after NFC and case folding.
    Text,
    /// A name of a person, a company or a shop: text as `search` compares it.
    Name,
    /// An e-mail address: as text, in every spelling of its domain.
    Email,
    /// A telephone number, by its digits.
    Phone,
    /// A country: by alpha-2, alpha-3 or name, else as text.
    Country,
    /// A whole number.
    Number,
    /// An exact decimal.
    Money,
    /// A moment or a UTC day.
    Moment,
    /// A status number.
    Status,
    /// The name of a stage.
    Lifecycle,
    /// The word for the status of the default stored method; it depends on the time.
    MethodStatus,
}

/// The fields that are neither texts of the customer nor additional. The first name is the filter's own.
const OTHERS: [(FilterField, &[&str]); 18] = [
    (FilterField::AnyAddress, &["anyaddress"]),
    (FilterField::PaymentMethodStatus, &["paymentMethodStatus"]),
    (FilterField::Name, &["name"]),
    (FilterField::Label, &["label", "labels"]),
    (FilterField::Status, &["status", "customerStatus"]),
    (FilterField::Lifecycle, &["lifecycle"]),
    (FilterField::Balance, &["balance"]),
    (FilterField::CreatedDate, &["createdDate", "created", "createdAt"]),
    (FilterField::LastUpdated, &["lastUpdated"]),
    (FilterField::CustomerId, &["customerId"]),
    (FilterField::TransactionCount, &["transactionCount"]),
    (FilterField::TotalSpent, &["totalSpent"]),
    (FilterField::LastTransaction, &["lastTransaction"]),
    (FilterField::OrgId, &["orgId", "parentOrgId"]),
    (FilterField::PaypointId, &["paypointId"]),
    (FilterField::PaypointLegal, &["paypointLegal", "paypointLegalname"]),
    (FilterField::PaypointDba, &["paypointDba", "paypointDbaname"]),
    (FilterField::OrgName, &["orgName", "parentOrgName"]),
];

/// A text field's name in filters, if the contract spells it in another way there.
const fn text_name(field: TextField) -> Option<&'static str> {
    match field {
        TextField::CustomerNumber => Some("customernumber"),
        TextField::CustomerUsername => Some("username"),
        TextField::ShippingAddress => Some("shippingaddress"),
        TextField::ShippingCity => Some("shippingcity"),
        TextField::ShippingState => Some("shippingstate"),
        TextField::ShippingZip => Some("shippingzip"),
        TextField::ShippingCountry => Some("shippingcountry"),
        _ => None,
    }
}

impl FilterField {
    /// The field of a name that filters, requests or records use, in any case.
    pub fn of_name(name: &str) -> Option<FilterField> {
        if let Some(field) = TextField::of_any_name(name) {
            return Some(FilterField::Text(field));
        }
        if name.eq_ignore_ascii_case("username") {
            return Some(FilterField::Text(TextField::CustomerUsername));
        }
        if let Some(key) = after_prefix(name) {
            return is_additional_key(key).then(|| FilterField::Additional(key.to_owned()));
        }
        if let Some(system) = system_of_name(name) {
            return system.ok().map(FilterField::Reference);
        }
        OTHERS
            .iter()
            .find(|(_, names)| names.iter().any(|known| known.eq_ignore_ascii_case(name)))
            .map(|(field, _)| field.clone())
    }

    /// Every field except the additional ones.
    pub fn all() -> impl Iterator<Item = FilterField> {
        TextField::all().map(FilterField::Text).chain(OTHERS.iter().map(|(field, _)| field.clone()))
    }

    /// Every name that [`FilterField::of_name`] knows, except those of additional fields; for "did you mean".
    pub fn names() -> impl Iterator<Item = &'static str> {
        let texts = TextField::all().map(|field| text_name(field).unwrap_or(field.name()));
        texts.chain(OTHERS.iter().flat_map(|(_, names)| names.iter().copied()))
    }

    /// The field's own name in filters.
    pub fn name(&self) -> Cow<'static, str> {
        match self {
            FilterField::Text(field) => Cow::Borrowed(text_name(*field).unwrap_or(field.name())),
            FilterField::Additional(key) => Cow::Owned(format!("{ADDITIONAL_PREFIX}{key}")),
            FilterField::Reference(system) => Cow::Owned(format!("{REFERENCE_PREFIX}{system}")),
            other => {
                let row = OTHERS.iter().find(|(field, _)| field == other);
                Cow::Borrowed(row.and_then(|(_, names)| names.first()).copied().unwrap_or_default())
            }
        }
    }

    /// How its values compare.
    pub fn kind(&self) -> Kind {
        match self {
            FilterField::Text(field) => match field.spec().shape {
                Shape::Phone => Kind::Phone,
                Shape::Country => Kind::Country,
                Shape::Email => Kind::Email,
                Shape::Name => Kind::Name,
                Shape::Plain | Shape::Street | Shape::Birthday | Shape::ShippingZip => Kind::Text,
            },
            FilterField::Status => Kind::Status,
            FilterField::Lifecycle => Kind::Lifecycle,
            FilterField::PaymentMethodStatus => Kind::MethodStatus,
            FilterField::Balance | FilterField::TotalSpent => Kind::Money,
            FilterField::CreatedDate | FilterField::LastUpdated | FilterField::LastTransaction => {
                Kind::Moment
            }
            FilterField::TransactionCount
            | FilterField::CustomerId
            | FilterField::OrgId
            | FilterField::PaypointId => Kind::Number,
            FilterField::Name
            | FilterField::PaypointLegal
            | FilterField::PaypointDba
            | FilterField::OrgName => Kind::Name,
            FilterField::Additional(_)
            | FilterField::Reference(_)
            | FilterField::AnyAddress
            | FilterField::Label => Kind::Text,
        }
    }

    /// The operators it takes.
    pub fn ops(&self) -> &'static [Op] {
        match (self, self.kind()) {
            (FilterField::Name | FilterField::AnyAddress, _) => &[Op::Ct, Op::Nct],
            (FilterField::OrgId, _) => &[Op::Eq],
            (FilterField::PaypointId, _) => &[Op::Ne, Op::Eq],
            (_, Kind::Text | Kind::Name | Kind::Email | Kind::Phone | Kind::Country) => {
                &[Op::Eq, Op::Ne, Op::Ct, Op::Nct]
            }
            (_, Kind::Status | Kind::Lifecycle | Kind::MethodStatus) => &[Op::In, Op::Nin, Op::Eq, Op::Ne],
            (_, Kind::Money | Kind::Moment) => &[Op::Gt, Op::Ge, Op::Lt, Op::Le, Op::Eq, Op::Ne],
            (_, Kind::Number) => &[Op::Eq, Op::Ne, Op::Gt, Op::Ge, Op::Lt, Op::Le, Op::In, Op::Nin],
        }
    }

    /// The column that stores its value in clear, if there is one.
    pub const fn column(&self) -> Option<Column> {
        match self {
            FilterField::CustomerId => Some(Column::CustomerId),
            FilterField::Status => Some(Column::Status),
            FilterField::Lifecycle => Some(Column::Lifecycle),
            FilterField::Balance => Some(Column::Balance),
            FilterField::CreatedDate => Some(Column::CreatedAt),
            FilterField::LastUpdated => Some(Column::UpdatedAt),
            _ => None,
        }
    }

    /// Whether a token without `pii:read` sees a mask instead of its value, and so may not filter by it (rules 1).
    pub fn is_masked(&self) -> bool {
        match self {
            FilterField::Text(field) => field.spec().masked,
            FilterField::Additional(_) | FilterField::AnyAddress => true,
            _ => false,
        }
    }

    /// Whether the field belongs to the entrypoint, so that its value is the same for all customers.
    pub const fn is_of_entrypoint(&self) -> bool {
        matches!(
            self,
            FilterField::OrgId
                | FilterField::PaypointId
                | FilterField::PaypointLegal
                | FilterField::PaypointDba
                | FilterField::OrgName
        )
    }

    /// The values of a text field. There is at least one: an absent value is the empty text.
    pub(super) fn texts<'a>(&self, stored: &'a Stored, entrypoint: &'a Entrypoint) -> Vec<Cow<'a, str>> {
        let customer = &stored.customer;
        let one = match self {
            FilterField::Text(field) => customer.text(*field),
            FilterField::Additional(key) => additional(customer, key),
            FilterField::Label if !customer.labels.is_empty() => {
                return customer.labels.iter().map(|label| Cow::Borrowed(label.as_str())).collect();
            }
            FilterField::Reference(system) => {
                let of_system = customer.references.iter().filter(|reference| reference.system == *system);
                let ids: Vec<_> = of_system.map(|it| Cow::Borrowed(it.external_id.as_str())).collect();
                if !ids.is_empty() {
                    return ids;
                }
                None
            }
            FilterField::AnyAddress => {
                let lines: Vec<_> =
                    view::addresses(customer).iter().map(view::line).map(Cow::Owned).collect();
                if !lines.is_empty() {
                    return lines;
                }
                None
            }
            FilterField::Name => return customer.names().into_iter().map(Cow::Owned).collect(),
            FilterField::PaypointLegal => entrypoint.legal_name.as_deref(),
            FilterField::PaypointDba => entrypoint.dba_name.as_deref(),
            FilterField::OrgName => Some(entrypoint.org_name.as_str()),
            _ => None,
        };
        vec![Cow::Borrowed(one.unwrap_or_default())]
    }

    /// The value of a field that is a whole number: an id, or the value of its column.
    pub(super) fn number(&self, stored: &Stored, entrypoint: &Entrypoint) -> Option<i64> {
        match self {
            FilterField::OrgId => Some(entrypoint.org_id),
            FilterField::PaypointId => Some(entrypoint.id),
            _ => self.column().map(|column| column.number(stored)),
        }
    }
}

/// The name after the prefix `additional-`, whose case does not matter.
pub(crate) fn after_prefix(name: &str) -> Option<&str> {
    let (prefix, key) = name.split_at_checked(ADDITIONAL_PREFIX.len())?;
    prefix.eq_ignore_ascii_case(ADDITIONAL_PREFIX).then_some(key)
}

/// The value of the additional field of exactly this name, else of the first by code points that differs in case only:
/// field names ignore case (rules 8).
pub(crate) fn additional<'a>(customer: &'a Customer, key: &str) -> Option<&'a str> {
    let exact = customer.additional.get(key);
    let any_case = || {
        customer.additional.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
    };
    exact.or_else(any_case).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contract 6.2, line by line, and our own.
    #[test]
    fn contract_6_2_every_field_takes_its_operators_and_no_others() {
        let rows: [(&[&str], &str); 17] = [
            (&["reference-stripe"], "eq ne ct nct"),
            (&["anyaddress"], "ct nct"),
            (&["createdDate", "lastUpdated"], "gt ge lt le eq ne"),
            (&["customernumber"], "ne eq ct nct"),
            (&["firstname", "lastname"], "ne eq ct nct"),
            (&["name"], "ct nct"),
            (&["address", "city", "country", "zip", "state"], "ne eq ct nct"),
            (
                &["shippingaddress", "shippingcity", "shippingcountry", "shippingzip", "shippingstate"],
                "ne eq ct nct",
            ),
            (&["phone", "email", "company", "username"], "ne eq ct nct"),
            (&["balance", "totalSpent", "lastTransaction"], "gt ge lt le eq ne"),
            (&["status", "lifecycle"], "in nin eq ne"),
            (&["additional-tier", "additional-My Field_2"], "ne eq ct nct"),
            (&["orgId"], "eq"),
            (&["paypointId"], "ne eq"),
            (&["paypointLegal", "paypointDba", "orgName"], "ne eq ct nct"),
            (&["customerId", "transactionCount"], "eq ne gt ge lt le in nin"),
            (&["label"], "eq ne ct nct"),
        ];
        for (names, ops) in rows {
            for name in names {
                let field = FilterField::of_name(name).expect(name);
                for op in Op::VARIANTS {
                    let wanted = ops.split(' ').any(|known| known == op.name());
                    assert_eq!(field.ops().contains(op), wanted, "{name}({})", op.name());
                }
                assert_eq!(field.name(), *name);
            }
        }
    }

    #[test]
    fn rules_8_names_of_filter_request_and_record_ignore_case() {
        for (names, field) in [
            ("customerNumber customernumber CUSTOMERNUMBER", FilterField::Text(TextField::CustomerNumber)),
            ("username customerUsername UserName", FilterField::Text(TextField::CustomerUsername)),
            ("firstname Firstname FIRSTNAME", FilterField::Text(TextField::Firstname)),
            (
                "shippingaddress shippingAddress ShippingAddress",
                FilterField::Text(TextField::ShippingAddress),
            ),
            ("createdDate createdAt Created", FilterField::CreatedDate),
            ("status customerStatus Status", FilterField::Status),
            ("lastUpdated LastUpdated lastupdated", FilterField::LastUpdated),
            ("orgId ParentOrgId orgid", FilterField::OrgId),
            ("paypointLegal PaypointLegalname paypointlegal", FilterField::PaypointLegal),
            ("label labels Labels", FilterField::Label),
        ] {
            for name in names.split(' ') {
                assert_eq!(FilterField::of_name(name), Some(field.clone()), "{name}");
            }
        }
        let key = FilterField::Additional("Tier".into());
        assert_eq!(FilterField::of_name("Additional-Tier"), Some(key));
        for unknown in ["", "firstnam", "additional-", "additional-é", "additional", "fullname2"] {
            assert_eq!(FilterField::of_name(unknown), None, "{unknown}");
        }
        for name in FilterField::names() {
            assert!(FilterField::of_name(name).is_some(), "{name}");
        }
    }

    #[test]
    fn rules_8_additional_names_ignore_case_but_the_exact_one_wins() {
        let mut customer = Customer::default();
        customer.additional.insert("Tier".into(), "gold".into());
        assert_eq!(additional(&customer, "tIER"), Some("gold"));
        customer.additional.insert("tier".into(), "silver".into());
        assert_eq!(additional(&customer, "tier"), Some("silver"));
        assert_eq!(additional(&customer, "Tier"), Some("gold"));
        assert_eq!(additional(&customer, "other"), None);
    }
}

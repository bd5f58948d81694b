//! A customer as the service stores it: one sealed document (rules 2 and 7).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use strum::{EnumString, FromRepr, IntoStaticStr, VariantArray};

use super::consent::Consent;
use super::fields::{TextField, Texts};
use crate::domain::addresses::book::Book;
use crate::domain::kernel::money::Money;
use crate::domain::kernel::time::Micros;
use crate::domain::methods::method::Method;
use crate::domain::references::Reference;
use crate::domain::subscriptions::Subscription;

/// The largest `customerId`: 2^53 − 1, the largest integer that a JavaScript number holds exactly (rules 2).
pub const CUSTOMER_ID_MAX: i64 = (1 << 53) - 1;
/// The most labels of a customer (rules 2).
pub const LABELS_MAX: usize = 50;
/// The most characters of a label (rules 2).
pub const LABEL_CHARS_MAX: usize = 50;
/// The most additional fields of a customer (rules 2).
pub const ADDITIONAL_MAX: usize = 50;
/// The most characters of an additional field's name (rules 2).
pub const ADDITIONAL_KEY_CHARS_MAX: usize = 40;
/// The most characters of an additional field's value (rules 2).
pub const ADDITIONAL_CHARS_MAX: usize = 500;
/// The most `identifierFields` of a request.
pub const IDENTIFIER_FIELDS_MAX: usize = 20;
/// The smallest `timeZone`, in hours from UTC.
pub const TIME_ZONE_MIN: i8 = -12;
/// The largest `timeZone`, in hours from UTC.
pub const TIME_ZONE_MAX: i8 = 14;

/// `customerStatus` (contract 10).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, FromRepr, VariantArray)]
#[repr(i32)]
pub enum Status {
    /// Only DELETE sets it.
    Deleted = -99,
    /// The customer may not sign in.
    Inactive = 0,
    /// The status of a new customer.
    #[default]
    Active = 1,
    /// Failed sign-ins lock an account.
    Locked = 85,
}

impl Status {
    /// Those of live customers, by number.
    pub const LIVE: [Status; 3] = [Status::Inactive, Status::Active, Status::Locked];

    /// The number on the wire.
    #[expect(clippy::as_conversions, reason = "the number is the representation")]
    pub const fn code(self) -> i32 {
        self as i32
    }

    /// The status of a number on the wire.
    pub fn of_code(code: i64) -> Option<Status> {
        i32::try_from(code).ok().and_then(Self::from_repr)
    }
}

/// Where a customer stands with the merchant (PayFacile's stages).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[derive(Serialize, Deserialize, utoipa::ToSchema, IntoStaticStr, EnumString, VariantArray)]
#[expect(missing_docs, reason = "the names are the product's own words")]
#[strum(serialize_all = "PascalCase", ascii_case_insensitive)]
pub enum Lifecycle {
    #[default]
    Prospect,
    Subscriber,
    Active,
    Idle,
    Churned,
    Archived,
    Deleted,
    Anonymised,
}

impl Lifecycle {
    /// The name on the wire and in the database.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// An invitation to the portal, without its link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// When its mail was queued.
    pub at: Micros,
    /// When its link expires.
    pub expires_at: Micros,
}

/// The sealed document: everything about one customer at one version.
///
/// Columns repeat status, lifecycle, balance and times; the document decides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The texts that callers write.
    pub texts: Texts,
    /// The argon2id hash of the portal password. No response, log, event, export or error contains it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<String>,
    /// `customerStatus`.
    pub status: Status,
    /// The stage of the customer's life.
    pub lifecycle: Lifecycle,
    /// `balance`.
    pub balance: Money,
    /// `timeZone`: hours from UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<i8>,
    /// The merchant's own fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub additional: BTreeMap<String, String>,
    /// The request's `identifierFields`, which records repeat.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identifier_fields: Vec<String>,
    /// `labels`, in the order sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// The addresses that are more than the flat fields say (rules 11).
    #[serde(default, skip_serializing_if = "Book::is_plain")]
    pub addresses: Book,
    /// What other systems call the customer (rules 11).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub references: BTreeSet<Reference>,
    /// The invitation to the portal that is in force; none after the customer accepted it or the address changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<Invitation>,
    /// `customerConsent`; none if the customer was never asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
    /// The stage that an archived customer returns to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_from: Option<Lifecycle>,
    /// `Created`: the time that the caller sent, else the time of creation.
    pub created_at: Micros,
    /// `LastUpdated`.
    pub updated_at: Micros,
    /// The stored payment methods, oldest first. They are no part of the document: a change of them makes no new version.
    #[serde(skip)]
    pub methods: Vec<Method>,
    /// The subscriptions, oldest first; beside the document as the methods are (rules 16).
    #[serde(skip)]
    pub subscriptions: Vec<Subscription>,
}

impl Customer {
    /// Whether the customer is deleted, and so in no list, search or match.
    pub fn is_deleted(&self) -> bool {
        self.status == Status::Deleted
    }

    /// Whether an invitation is in force.
    pub fn is_invited(&self, now: Micros) -> bool {
        self.invitation.is_some_and(|invitation| invitation.expires_at > now)
    }

    /// A text field's value.
    pub fn text(&self, field: TextField) -> Option<&str> {
        self.texts.get(field)
    }

    /// Whether a field of two records has values that compare as one (rules 3).
    pub fn is_same(&self, field: TextField, other: &Customer) -> bool {
        let (own, other) = (self.text(field), other.text(field));
        own == other || own.map(|text| field.comparable(text)) == other.map(|text| field.comparable(text))
    }

    /// `name` in filters and views: `fullname`, else first name, one space, last name (rules 2).
    pub fn name(&self) -> String {
        if let Some(full) = self.text(TextField::Fullname) {
            return full.to_owned();
        }
        let parts = [self.text(TextField::Firstname), self.text(TextField::Lastname)];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// The names by which people look for the customer: [`Customer::name`], and first and last name where a `fullname` that
    /// differs stands before them, as with a company and the person in it. There is at least one, perhaps empty.
    pub fn names(&self) -> Vec<String> {
        let mut names = vec![self.name()];
        if self.text(TextField::Fullname).is_some() {
            let parts = [self.text(TextField::Firstname), self.text(TextField::Lastname)];
            let person = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
            if !person.is_empty() && !names.contains(&person) {
                names.push(person);
            }
        }
        names
    }

    /// What remains of an erased person: status, stage, balance and times (rules 5).
    pub fn erased(
        status: Status,
        lifecycle: Lifecycle,
        balance: Money,
        created: Micros,
        updated: Micros,
    ) -> Self {
        Customer {
            status,
            lifecycle,
            balance,
            created_at: created,
            updated_at: updated,
            ..Customer::default()
        }
    }
}

/// A customer with its place in the database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stored {
    /// `customerId`.
    pub id: i64,
    /// 1 at creation; every change that has an effect adds one.
    pub version: i64,
    /// The decrypted document; of an erased person, what [`Customer::erased`] leaves.
    pub customer: Customer,
    /// Whether the person's values are erased.
    pub erased: bool,
}

//! A stored payment method and its status.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray, VariantNames};

use crate::domain::kernel::time::{Micros, SECOND_US};

/// How long before its end a method counts as expiring soon.
const SOON_US: i64 = 30 * 24 * 3600 * SECOND_US;

/// What a method is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[derive(Serialize, Deserialize, utoipa::ToSchema, EnumString, IntoStaticStr, VariantNames)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Kind {
    /// A card.
    Card,
    /// A bank account.
    Ach,
    /// A wallet.
    Wallet,
    /// Anything else, such as payment by hand.
    Other,
}

/// The result of the last charge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LastCharge {
    /// There was none, or it was approved.
    #[default]
    Well,
    /// The account had too little.
    InsufficientFunds,
    /// The provider no longer knows or accepts the method.
    Invalid,
}

/// The last month of a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiry {
    /// Such as 2027.
    pub year: u16,
    /// From 1 to 12.
    pub month: u8,
}

impl Expiry {
    /// The first moment after the month, in UTC.
    fn ends_at(self) -> Micros {
        let (year, month) = if self.month == 12 { (self.year + 1, 1) } else { (self.year, self.month + 1) };
        Micros::of_month(year.into(), month.into()).unwrap_or(Micros(i64::MAX))
    }
}

/// How a method stands, by the words of the products that show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, utoipa::ToSchema, Serialize, IntoStaticStr, VariantArray)]
pub enum MethodStatus {
    /// It can be charged.
    Active,
    /// The last charge found too little.
    #[serde(rename = "Insufficient funds")]
    #[strum(serialize = "Insufficient funds")]
    InsufficientFunds,
    /// The provider no longer accepts it.
    Invalid,
    /// Its last month ends in less than 30 days.
    #[serde(rename = "Expiring soon")]
    #[strum(serialize = "Expiring soon")]
    ExpiringSoon,
    /// Its last month is over.
    Expired,
    /// The customer pays by hand.
    Manual,
}

impl MethodStatus {
    /// How a method stands at a time.
    pub fn at(kind: Kind, last_charge: LastCharge, expiry: Option<Expiry>, now: Micros) -> MethodStatus {
        let left_us = expiry.map(|expiry| expiry.ends_at().0.saturating_sub(now.0));
        match (kind, last_charge, left_us) {
            (_, LastCharge::Invalid, _) => MethodStatus::Invalid,
            (_, _, Some(..=0)) => MethodStatus::Expired,
            (_, LastCharge::InsufficientFunds, _) => MethodStatus::InsufficientFunds,
            (_, _, Some(..SOON_US)) => MethodStatus::ExpiringSoon,
            (Kind::Other, ..) => MethodStatus::Manual,
            _ => MethodStatus::Active,
        }
    }

    /// The word on the wire.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// An account with all but its last digits hidden, as the contract shows it.
pub fn masked_account(last4: &str) -> String {
    format!("XXXX{last4}")
}

/// A stored method.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Method {
    /// `{paypointId}-{32 hex digits}`; later ids are greater.
    pub id: String,
    /// 1 when it is added; every change adds one.
    pub version: i64,
    /// Who issued the token.
    pub provider: String,
    /// The token.
    pub provider_method_id: String,
    /// The provider's id of the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_customer_id: Option<String>,
    /// The network's id of the first charge, which later charges name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_transaction_id: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// Such as `visa`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// The last digits of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last4: Option<String>,
    /// Its last month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<Expiry>,
    /// The provider's name for the account behind it: two tokens of one account have the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Whose account it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder_name: Option<String>,
    /// The account's postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// Whether charges take it unless they name another.
    pub is_default: bool,
    /// The result of the last charge.
    #[serde(default)]
    pub last_charge: LastCharge,
    /// When it was added.
    pub created_at: Micros,
    /// When it last changed.
    pub updated_at: Micros,
}

impl Method {
    /// How it stands at a time.
    pub fn status(&self, now: Micros) -> MethodStatus {
        MethodStatus::at(self.kind, self.last_charge, self.expiry, now)
    }

    /// The account with all but the last digits hidden, as the contract shows it.
    pub fn masked_account(&self) -> Option<String> {
        self.last4.as_deref().map(masked_account)
    }

    /// The method without anything that is known of the account behind its token.
    pub(super) fn without_account(&self) -> Method {
        Method {
            provider_customer_id: None,
            network_transaction_id: None,
            brand: None,
            last4: None,
            expiry: None,
            fingerprint: None,
            holder_name: None,
            postal_code: None,
            last_charge: LastCharge::default(),
            ..self.clone()
        }
    }

    pub(super) fn is_of_same_account(&self, other: &Method) -> bool {
        let has_same_print = self.fingerprint.is_some() && self.fingerprint == other.fingerprint;
        self.provider == other.provider
            && (has_same_print || self.provider_method_id == other.provider_method_id)
    }

    pub(super) fn same_content(&self, other: &Method) -> bool {
        let plain = Method { version: 0, updated_at: Micros(0), ..self.clone() };
        plain == Method { version: 0, updated_at: Micros(0), ..other.clone() }
    }
}

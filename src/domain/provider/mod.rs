//! What payment providers are asked to do, and what they answered (rules 20).
//!
//! A call is written down before it is made. A job then makes it, outside of every writer, and its result is a command of its
//! own. So a call is never lost, and the provider sees it under one id however often it is sent.

pub mod answer;
pub mod draft;
pub mod saga;
pub mod sandbox;
pub mod wire;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strum::{EnumString, FromRepr, IntoStaticStr, VariantNames};

use super::entrypoints::provider::Provider;
use super::entrypoints::theme::Language;
use super::kernel::money::Money;
use super::kernel::time::Micros;
use super::methods::method::{Kind, Method};
use super::requests::MethodType;
use super::transactions::currency::Currency;
use super::transactions::id::TransId;

/// The id of a call, in the form of a transaction's; a charge has that of its transaction.
pub type CallId = TransId;

/// What is asked for. The number is the one in the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[derive(Serialize, Deserialize, utoipa::ToSchema, EnumString, IntoStaticStr, VariantNames, FromRepr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
#[repr(i16)]
pub enum CallKind {
    /// Money of a stored method.
    #[default]
    Charge = 0,
    /// Money of a charge goes back.
    Refund = 1,
    /// A charge is taken back before its money moves.
    Void = 2,
    /// A page of the provider's on which somebody pays.
    Session = 3,
    /// A page of the provider's on which somebody leaves a payment method; no money moves.
    Setup = 4,
}

/// How a call stands. The number is the one in the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[derive(Serialize, Deserialize, utoipa::ToSchema, EnumString, IntoStaticStr, VariantNames, FromRepr)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
#[repr(i16)]
pub enum CallState {
    /// It is written down; what the provider makes of it is not known.
    #[default]
    Requested = 0,
    /// The provider works on it.
    Pending = 1,
    /// The payer has to do something on a page of the provider's.
    RequiresAction = 2,
    /// It is done.
    Succeeded = 3,
    /// It was refused; no money moved.
    Declined = 4,
}

impl CallKind {
    /// The word on the wire.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The number in the database.
    #[expect(clippy::as_conversions, reason = "the number is the representation")]
    pub const fn number(self) -> i16 {
        self as i16
    }
}

impl CallState {
    /// The word on the wire.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The number in the database.
    #[expect(clippy::as_conversions, reason = "the number is the representation")]
    pub const fn number(self) -> i16 {
        self as i16
    }

    /// Whether nothing changes it any more.
    pub fn is_final(self) -> bool {
        matches!(self, CallState::Succeeded | CallState::Declined)
    }
}

/// A payment method as it is charged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChargedMethod {
    /// The stored method, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method_id: Option<String>,
    /// Whose token it is, as it was stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The provider's token.
    pub provider_method_id: String,
    /// The provider's id of the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_customer_id: Option<String>,
    /// The network's id of the first charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_transaction_id: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// The account with all but the last digits hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked_account: Option<String>,
}

impl From<&Method> for ChargedMethod {
    fn from(method: &Method) -> ChargedMethod {
        ChargedMethod {
            method_id: Some(method.id.clone()),
            provider: Some(method.provider.clone()),
            provider_method_id: method.provider_method_id.clone(),
            provider_customer_id: method.provider_customer_id.clone(),
            network_transaction_id: method.network_transaction_id.clone(),
            kind: method.kind,
            masked_account: method.masked_account(),
        }
    }
}

/// What a page of the provider's needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionContent {
    /// How the payer may pay.
    pub method_types: Vec<MethodType>,
    /// Where the payer comes back.
    pub return_url: String,
    /// Where a payer comes back who gives up.
    pub cancel_url: String,
    /// The language of the page.
    pub language: Language,
    /// The payer's address, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The payer's name, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What a call says, and what came back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CallContent {
    /// What is charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<ChargedMethod>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The number of the invoice that it pays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice_number: Option<String>,
    /// The id of the order that it pays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// The page that it asks for, until it is known what became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionContent>,
    /// What the payer filled in, by the names of fields, until it is known what became of it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub payer: BTreeMap<String, String>,
    /// The stored method in whose place a new one comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// The hash of the token in the link by which the payer came, who comes back there even if the request has another link by then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_hash: Option<[u8; 32]>,
    /// The name of the token that asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
    /// Where the payer was, as the caller says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// The provider's own id of the charge that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge_provider_id: Option<String>,
    /// The provider's own id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    /// The bank's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_code: Option<String>,
    /// Why it was declined, as a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why it was declined, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Where the payer has to go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A call of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderCall {
    /// Its id, under which the provider knows it.
    pub id: CallId,
    /// The charge that it is about; its own id for a charge.
    pub charge_id: CallId,
    /// Whose money it moves; `None` while that is not known.
    pub customer_id: Option<i64>,
    /// The request that it answers.
    pub request_id: Option<TransId>,
    /// 1 at first; every change adds one.
    pub version: i64,
    /// Who is asked.
    pub provider: Provider,
    /// What is asked for.
    pub kind: CallKind,
    /// How it stands.
    pub state: CallState,
    /// Its currency.
    pub currency: Currency,
    /// How much.
    pub amount: Money,
    /// After this the provider begins it no more.
    pub valid_until: Micros,
    /// When it was written down.
    pub created_at: Micros,
    /// When it last changed.
    pub updated_at: Micros,
    /// How often the provider was asked.
    pub attempts: i64,
    /// When the provider is asked next; `None` once nothing changes it any more.
    pub due_at: Option<Micros>,
    /// What it says; `None` once the person is erased.
    pub content: Option<CallContent>,
}

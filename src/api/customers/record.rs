//! A customer record in an answer (contract 3), in the view of the caller's token.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::web::Bytes;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::api::addresses::AddressOut;
use crate::api::http::json::{self, RECORD_ROOM};
use crate::api::references::ReferenceOut;
use crate::api::subscriptions::SubscriptionOut;
use crate::api::transactions::CustomerSummaryOut;
use crate::domain::addresses::view::addresses;
use crate::domain::customers::consent::{ChannelConsent, Consent};
use crate::domain::customers::fields::TextField;
use crate::domain::customers::mask::{MASK, mask};
use crate::domain::customers::record::{Lifecycle, Stored};
use crate::domain::entrypoints::Entrypoint;
use crate::domain::kernel::money::Money;
use crate::domain::methods::method::Method;
use crate::domain::view::View;
use crate::store::{CustomerMoney, OpenedRecord};

/// A customer record. Every key is always present; what is not known is null.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CustomerOut<'a> {
    /// The service's id of the customer: positive, at most 2^53 − 1, never used again.
    #[serde(rename = "customerId")]
    customer_id: i64,
    /// The caller's own id of the customer.
    #[serde(rename = "customerNumber")]
    customer_number: Option<Cow<'a, str>>,
    /// The portal login's name; unique among an entrypoint's live customers; masked without pii:read.
    #[serde(rename = "customerUsername")]
    customer_username: Option<Cow<'a, str>>,
    /// -99 deleted, 0 inactive, 1 active, 85 locked.
    #[serde(rename = "customerStatus")]
    customer_status: Option<i32>,
    /// Company name.
    company: Option<Cow<'a, str>>,
    /// First name.
    firstname: Option<Cow<'a, str>>,
    /// Last name.
    lastname: Option<Cow<'a, str>>,
    /// Full name, where it was sent as one.
    fullname: Option<Cow<'a, str>>,
    /// Day of birth as YYYY-MM-DD; masked without pii:read.
    birthday: Option<Cow<'a, str>>,
    /// Telephone number as E.164, an extension after it as " x12"; masked without pii:read.
    phone: Option<Cow<'a, str>>,
    /// E-mail address as sent; masked without pii:read.
    email: Option<Cow<'a, str>>,
    /// Street; masked without pii:read.
    address: Option<Cow<'a, str>>,
    /// Second line of the street; masked without pii:read.
    address1: Option<Cow<'a, str>>,
    /// City.
    city: Option<Cow<'a, str>>,
    /// State or province.
    state: Option<Cow<'a, str>>,
    /// Postal code.
    zip: Option<Cow<'a, str>>,
    /// Country as ISO 3166-1 alpha-2.
    country: Option<Cow<'a, str>>,
    /// Street of the shipping address; masked without pii:read.
    shipping_address: Option<Cow<'a, str>>,
    /// Second line of the shipping street; masked without pii:read.
    shipping_address1: Option<Cow<'a, str>>,
    /// City of the shipping address.
    shipping_city: Option<Cow<'a, str>>,
    /// State or province of the shipping address.
    shipping_state: Option<Cow<'a, str>>,
    /// Postal code of the shipping address.
    shipping_zip: Option<Cow<'a, str>>,
    /// Country of the shipping address as ISO 3166-1 alpha-2.
    shipping_country: Option<Cow<'a, str>>,
    /// Balance; an exact decimal of at most four fraction digits.
    #[serde(serialize_with = "money")]
    #[schema(value_type = Option<f64>)]
    balance: Option<Money>,
    /// Hours from UTC.
    time_zone: Option<i8>,
    /// Whether the portal login asks for a second factor.
    #[serde(rename = "MFA")]
    mfa: Option<bool>,
    /// Kind of the second factor; 0 for none.
    #[serde(rename = "MFAMode")]
    mfa_mode: Option<i32>,
    /// Social login's provider.
    #[serde(rename = "snProvider")]
    sn_provider: Option<Cow<'a, str>>,
    /// Social login's identifier.
    #[serde(rename = "snIdentifier")]
    sn_identifier: Option<Cow<'a, str>>,
    /// Social login's data.
    #[serde(rename = "snData")]
    sn_data: Option<Cow<'a, str>>,
    /// When the record last changed.
    #[schema(format = DateTime)]
    last_updated: Option<String>,
    /// When the customer was created, here or where `createdAt` said.
    #[schema(format = DateTime)]
    created: Option<String>,
    /// The merchant's own fields; values masked without pii:read.
    additional_fields: Option<BTreeMap<&'a str, &'a str>>,
    /// The `identifierFields` the record was created with.
    identifier_fields: Option<&'a [String]>,
    /// The merchant's categories.
    labels: Option<&'a [String]>,
    /// The addresses, by id; the default billing and shipping address are the flat fields above.
    addresses: Option<Vec<AddressOut>>,
    /// What other systems call the customer.
    references: Option<Vec<ReferenceOut<'a>>>,
    /// Where the customer stands with the merchant.
    lifecycle: Option<Lifecycle>,
    /// Subscriptions, oldest first; null where there are none, and without money:read.
    subscriptions: Option<Vec<SubscriptionOut<'a>>>,
    /// Stored payment methods, oldest first; null where there are none.
    stored_methods: Option<Vec<StoredMethodItem<'a>>>,
    /// Totals of the customer's transactions; null without money:read.
    #[serde(rename = "customerSummary")]
    customer_summary: Option<CustomerSummaryOut<'a>>,
    /// Legal name of the entrypoint.
    paypoint_legalname: Option<&'a str>,
    /// Trading name of the entrypoint.
    paypoint_dbaname: Option<&'a str>,
    /// Name of the organisation.
    parent_org_name: Option<&'a str>,
    /// Id of the organisation.
    parent_org_id: Option<i64>,
    /// Name of the entrypoint.
    paypoint_entryname: Option<&'a str>,
    /// Always null; kept for clients of the contract.
    #[serde(rename = "pageidentifier")]
    pageidentifier: Option<&'a str>,
    /// Always null; kept for clients of the contract.
    #[serde(rename = "externalPaypointID")]
    external_paypoint_id: Option<&'a str>,
    /// Consent to messages, where the customer was asked.
    #[serde(rename = "customerConsent")]
    customer_consent: Option<ConsentOut>,
    /// Always null; kept for clients of the contract.
    #[serde(rename = "customerPortal")]
    customer_portal: Option<&'a str>,
}

/// A stored payment method in a record (contract 12.1).
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
struct StoredMethodItem<'a> {
    /// Its id.
    id_pmethod: &'a str,
    /// `card`, `ach`, `wallet` or `other`.
    method: &'static str,
    /// The brand.
    descriptor: Option<&'a str>,
    /// The account with all but the last digits hidden.
    masked_account: Option<String>,
    /// Its last month as MMYY.
    exp_date: Option<String>,
    /// Whose account it is; masked without pii:read.
    holder_name: Option<&'a str>,
    /// The account's postal code; masked without pii:read.
    postal_code: Option<&'a str>,
    /// Who issued the token.
    method_type: &'a str,
    /// Whether it is the default.
    is_default: bool,
    /// When it last changed.
    #[schema(format = DateTime)]
    last_updated: String,
}

impl<'a> StoredMethodItem<'a> {
    fn new(method: &'a Method, view: View) -> StoredMethodItem<'a> {
        let shown = |value: &'a Option<String>| {
            value.as_deref().map(|value| if view == View::Masked { MASK } else { value })
        };
        StoredMethodItem {
            id_pmethod: &method.id,
            method: method.kind.into(),
            descriptor: method.brand.as_deref(),
            masked_account: method.masked_account(),
            exp_date: method.expiry.map(|expiry| format!("{:02}{:02}", expiry.month, expiry.year % 100)),
            holder_name: shown(&method.holder_name),
            postal_code: shown(&method.postal_code),
            method_type: &method.provider,
            is_default: method.is_default,
            last_updated: method.updated_at.to_rfc3339(),
        }
    }
}

/// Consent to messages, by channel.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct ConsentOut {
    /// To e-mail.
    e_communication: ChannelOut,
    /// To text messages.
    sms: ChannelOut,
}

/// Consent to one channel.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct ChannelOut {
    /// 0 not opted in, -1 asked and not answered yet, 1 opted in.
    status: i32,
    /// Since when.
    #[schema(format = DateTime)]
    updated_at: String,
}

impl From<Consent> for ConsentOut {
    fn from(consent: Consent) -> ConsentOut {
        let channel = |consent: ChannelConsent| ChannelOut {
            status: consent.status.code(),
            updated_at: consent.updated_at.to_rfc3339(),
        };
        ConsentOut { e_communication: channel(consent.e_communication), sms: channel(consent.sms) }
    }
}

/// Writes the exact decimal text as a JSON number, without a float.
#[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
fn money<S: Serializer>(value: &Option<Money>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => {
            RawValue::from_string(value.to_string()).map_err(serde::ser::Error::custom)?.serialize(serializer)
        }
        None => serializer.serialize_none(),
    }
}

impl<'a> CustomerOut<'a> {
    /// Renders a record.
    pub(crate) fn new(stored: &'a Stored, entrypoint: &'a Entrypoint, view: View) -> CustomerOut<'a> {
        let record = &stored.customer;
        let text = |field: TextField| {
            record.text(field).map(|value| match view {
                View::Masked if field.spec().masked => Cow::Owned(mask(field, value)),
                _ => Cow::Borrowed(value),
            })
        };
        let shown = |value: &'a String| if view == View::Masked { MASK } else { value.as_str() };
        let additional =
            record.additional.iter().map(|(name, value)| (name.as_str(), shown(value))).collect();
        CustomerOut {
            customer_id: stored.id,
            customer_number: text(TextField::CustomerNumber),
            customer_username: text(TextField::CustomerUsername),
            customer_status: Some(record.status.code()),
            company: text(TextField::Company),
            firstname: text(TextField::Firstname),
            lastname: text(TextField::Lastname),
            fullname: text(TextField::Fullname),
            birthday: text(TextField::Birthday),
            phone: text(TextField::Phone),
            email: text(TextField::Email),
            address: text(TextField::Address),
            address1: text(TextField::Address1),
            city: text(TextField::City),
            state: text(TextField::State),
            zip: text(TextField::Zip),
            country: text(TextField::Country),
            shipping_address: text(TextField::ShippingAddress),
            shipping_address1: text(TextField::ShippingAddress1),
            shipping_city: text(TextField::ShippingCity),
            shipping_state: text(TextField::ShippingState),
            shipping_zip: text(TextField::ShippingZip),
            shipping_country: text(TextField::ShippingCountry),
            balance: Some(record.balance),
            time_zone: record.time_zone,
            mfa: Some(false),
            mfa_mode: Some(0),
            last_updated: Some(record.updated_at.to_rfc3339()),
            created: Some(record.created_at.to_rfc3339()),
            additional_fields: Some(additional),
            identifier_fields: Some(&record.identifier_fields),
            labels: Some(&record.labels),
            addresses: Some(addresses(record).iter().map(|address| AddressOut::new(address, view)).collect()),
            references: Some(ReferenceOut::all(record)),
            lifecycle: Some(record.lifecycle),
            stored_methods: (!record.methods.is_empty())
                .then(|| record.methods.iter().map(|method| StoredMethodItem::new(method, view)).collect()),
            subscriptions: (!record.subscriptions.is_empty()).then(|| {
                let shown = |one| SubscriptionOut::new(one, entrypoint, None);
                record.subscriptions.iter().map(shown).collect()
            }),
            customer_consent: record.consent.map(ConsentOut::from),
            paypoint_legalname: entrypoint.legal_name.as_deref(),
            paypoint_dbaname: entrypoint.dba_name.as_deref(),
            parent_org_name: Some(&entrypoint.org_name),
            parent_org_id: Some(entrypoint.org_id),
            paypoint_entryname: Some(&entrypoint.entry),
            ..CustomerOut::default()
        }
    }

    /// The same with what the customer paid, where the token may see that; without subscriptions where it may not.
    pub(crate) fn with_money(
        self,
        paid: Paid<'a>,
        entrypoint: &'a Entrypoint,
        view: View,
    ) -> CustomerOut<'a> {
        match paid {
            Paid::Hidden => CustomerOut { customer_summary: None, subscriptions: None, ..self },
            Paid::Shown(money) => {
                let summary = Some(CustomerSummaryOut::new(money, entrypoint, view));
                CustomerOut { customer_summary: summary, ..self }
            }
        }
    }

    /// Number, first and last name, company, e-mail and phone. A name in one piece stands as the last name.
    pub(crate) fn payer(self) -> [Option<Cow<'a, str>>; 6] {
        let lastname = self.lastname.or(self.fullname.filter(|_| self.firstname.is_none()));
        [self.customer_number, self.firstname, lastname, self.company, self.email, self.phone]
    }

    /// The answer to a token without read permission: only the id.
    pub(crate) fn blank(id: i64) -> CustomerOut<'a> {
        CustomerOut { customer_id: id, ..CustomerOut::default() }
    }
}

/// What a customer paid, as far as a token may see it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Paid<'a> {
    /// The token may not see it.
    Hidden,
    /// It may; `None` without transactions.
    Shown(Option<&'a CustomerMoney>),
}

impl<'a> Paid<'a> {
    /// What a token sees of it.
    pub(crate) fn seen(sees_money: bool, money: Option<&'a CustomerMoney>) -> Paid<'a> {
        if sees_money { Paid::Shown(money) } else { Paid::Hidden }
    }
}

/// The ETag of a record and its text.
///
/// # Errors
/// JSON errors, which a record never causes.
pub(crate) fn rendering(
    record: &OpenedRecord,
    entrypoint: &Arc<Entrypoint>,
    view: View,
    paid: Paid<'_>,
) -> Result<(String, Bytes), serde_json::Error> {
    let written = |stored: &Stored, entrypoint: &Entrypoint| {
        let shown = CustomerOut::new(stored, entrypoint, view).with_money(paid, entrypoint, view);
        Ok((etag_with(stored, entrypoint, view, paid), json::written(&shown, RECORD_ROOM)?))
    };
    // Transactions change without a change of the record.
    if let Paid::Shown(Some(_)) = paid {
        let (etag, text) = written(&record.stored, entrypoint)?;
        return Ok((etag, text.into()));
    }
    let kind = (view == View::Masked, matches!(paid, Paid::Hidden));
    let rendering = record.rendering(entrypoint, kind, written)?;
    Ok((rendering.etag.clone(), rendering.text.clone()))
}

/// The strong ETag of a rendering. Every change of the rendering changes the ETag.
pub(crate) fn etag(stored: &Stored, entrypoint: &Entrypoint, view: View) -> String {
    etag_with(stored, entrypoint, view, Paid::Shown(None))
}

/// The same where the rendering shows what the customer paid.
fn etag_with(stored: &Stored, entrypoint: &Entrypoint, view: View, paid: Paid<'_>) -> String {
    let mut all = Vec::with_capacity(256);
    let mut add = |bytes: &[u8]| {
        all.extend_from_slice(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        all.extend_from_slice(bytes);
    };
    add(env!("CARGO_PKG_VERSION").as_bytes());
    add(&[u8::from(view == View::Masked)]);
    // A database restored from a copy may reach the same version by other changes.
    add(&stored.customer.updated_at.0.to_be_bytes());
    // Stored methods change without a new version.
    for method in &stored.customer.methods {
        add(method.id.as_bytes());
        add(&method.version.to_be_bytes());
        add(&method.updated_at.0.to_be_bytes());
    }
    // So do subscriptions.
    for one in &stored.customer.subscriptions {
        add(&one.id.to_be_bytes());
        add(&one.version.to_be_bytes());
        add(&one.updated_at.0.to_be_bytes());
    }
    add(&entrypoint.org_id.to_be_bytes());
    add(entrypoint.org_name.as_bytes());
    add(entrypoint.entry.as_bytes());
    for name in [&entrypoint.legal_name, &entrypoint.dba_name] {
        add(&[u8::from(name.is_some())]);
        add(name.as_deref().unwrap_or_default().as_bytes());
    }
    if let Paid::Shown(Some(money)) = paid {
        add(format!("{money:?}").as_bytes());
    }
    let hash = blake3::hash(&all).to_hex();
    format!("\"{}-{}\"", stored.version, hash.get(..16).unwrap_or_default())
}

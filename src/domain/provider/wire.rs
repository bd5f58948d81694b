//! Bodies of the calls over HTTP, and the answers to them, which are not trusted to be well-formed (rules 20).

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::answer::{Answer, AnsweredMethod, Report};
use super::{CallContent, CallKind, CallState, ProviderCall};
use crate::domain::entrypoints::Entrypoint;
use crate::domain::entrypoints::provider::payer_url;
use crate::domain::kernel::card;
use crate::domain::kernel::money::Money;
use crate::domain::methods::method::{Expiry, Kind};
use crate::domain::requests::MethodType;
use crate::domain::transactions::currency::Currency;

/// The most characters of what a provider says, except for addresses.
const TEXT_CHARS_MAX: usize = 200;
/// The most characters of an address.
const URL_CHARS_MAX: usize = 2_000;
/// The most bytes of an answer.
pub const ANSWER_BYTES_MAX: u64 = 64 * 1024;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    kind: &'static str,
    id: String,
    entrypoint: &'a str,
    is_test: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'static str>,
    created_at: String,
    valid_until: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    charge_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    charge_provider_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<MethodBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<CustomerBody<'a>>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    session: Option<SessionBody<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionBody<'a> {
    method_types: &'a [MethodType],
    return_url: &'a str,
    cancel_url: &'a str,
    language: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MethodBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'a str>,
    provider_method_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_customer_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network_transaction_id: Option<&'a str>,
    method: Kind,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CustomerBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_address: Option<&'a str>,
}

impl ProviderCall {
    /// The path of the call below the provider's address.
    pub fn path(&self) -> &'static str {
        match self.kind {
            CallKind::Charge => "/charges",
            CallKind::Refund => "/refunds",
            CallKind::Void => "/voids",
            CallKind::Session | CallKind::Setup => "/sessions",
        }
    }

    /// The word for its kind in bodies.
    fn wire_kind(&self) -> &'static str {
        match self.kind {
            CallKind::Setup => CallKind::Session.name(),
            kind => kind.name(),
        }
    }

    /// The body of the call in JSON. It is the same every time. `None` once the person is erased.
    pub fn body(&self, entrypoint: &Entrypoint) -> Option<String> {
        let nothing = CallContent::default();
        // What goes back of a charge can be sent without what was erased.
        let is_back = matches!(self.kind, CallKind::Refund | CallKind::Void);
        let content = self.content.as_ref().or(is_back.then_some(&nothing))?;
        let is_charge = matches!(self.kind, CallKind::Charge | CallKind::Session | CallKind::Setup);
        let session = content.session.as_ref();
        let moves = self.kind != CallKind::Setup;
        let body = Body {
            kind: self.wire_kind(),
            id: self.id.show(entrypoint.id),
            entrypoint: &entrypoint.entry,
            is_test: entrypoint.is_test,
            purpose: session.map(|_| if moves { "payment" } else { "method" }),
            amount: moves.then(|| self.currency.written(self.amount)),
            currency: moves.then(|| self.currency.code()),
            created_at: self.created_at.to_rfc3339(),
            valid_until: self.valid_until.to_rfc3339(),
            charge_id: (!is_charge).then(|| self.charge_id.show(entrypoint.id)),
            charge_provider_id: content.charge_provider_id.as_deref(),
            description: content.description.as_deref(),
            reference: content.invoice_number.as_deref().or(content.order_id.as_deref()),
            method: content.method.as_ref().filter(|_| session.is_none()).map(|method| MethodBody {
                provider: method.provider.as_deref(),
                provider_method_id: &method.provider_method_id,
                provider_customer_id: method.provider_customer_id.as_deref(),
                network_transaction_id: method.network_transaction_id.as_deref(),
                method: method.kind,
            }),
            customer: is_charge.then(|| CustomerBody {
                customer_id: self.customer_id.map(|id| id.to_string()),
                email: session.and_then(|session| session.email.as_deref()),
                name: session.and_then(|session| session.name.as_deref()),
                ip_address: content.ip_address.as_deref(),
            }),
            session: session.map(|session| SessionBody {
                method_types: &session.method_types,
                return_url: &session.return_url,
                cancel_url: &session.cancel_url,
                language: session.language.code(),
            }),
        };
        serde_json::to_string(&body).ok()
    }
}

/// The members of an object of a provider's. One that is no text where a text is due counts as left out: what is told of money
/// must not be lost with it.
struct Said<'a>(&'a Map<String, Value>);

impl Said<'_> {
    /// A text, cut and cleaned.
    fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).and_then(Value::as_str).and_then(|text| short(text, TEXT_CHARS_MAX))
    }

    /// A whole number, also as a text.
    fn number(&self, name: &str) -> Option<u64> {
        match self.0.get(name)? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// A payment method as far as it is well-formed; `None` without a token.
    fn method(&self) -> Option<AnsweredMethod> {
        let is_last4 = |text: &String| text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        let month = self.number("expMonth").and_then(|month| u8::try_from(month).ok());
        let year = self.number("expYear").and_then(|year| u16::try_from(year).ok());
        let expiry = month.filter(|month| (1..=12).contains(month)).zip(year);
        Some(AnsweredMethod {
            provider_method_id: self.text("providerMethodId")?,
            provider_customer_id: self.text("providerCustomerId"),
            network_transaction_id: self.text("networkTransactionId"),
            kind: self.text("method").and_then(|word| word.parse().ok()).unwrap_or(Kind::Other),
            brand: self.text("brand"),
            last4: self.text("last4").filter(is_last4),
            expiry: expiry
                .filter(|(_, year)| (2000..=2100).contains(year))
                .map(|(month, year)| Expiry { year, month }),
            fingerprint: self.text("fingerprint"),
            holder_name: self.text("holderName"),
        })
    }
}

/// What a provider says of a call in the body of a signed answer. `first` is whether the call was sent for the first time: only
/// then a refusal means that nothing was begun.
pub fn read(call: &ProviderCall, shown_id: &str, status: u16, body: &[u8], first: bool) -> Report {
    let Ok(told) = serde_json::from_slice::<BTreeMap<String, &RawValue>>(body) else {
        return Report::Nothing;
    };
    // One by one, as a member that cannot be read must not take the others along.
    let said: Map<String, Value> = told
        .into_iter()
        .filter_map(|(name, raw)| Some((name, serde_json::from_str(raw.get()).ok()?)))
        .collect();
    let said = Said(&said);
    let word_of = |name: &str| said.0.get(name).and_then(Value::as_str);
    // An answer about something else, such as one that a proxy mixed up, says nothing about this call.
    if word_of("id") != Some(shown_id) {
        return Report::Nothing;
    }
    let message = said.text("message");
    let error = word_of("error").and_then(word);
    // The signature does not cover the number of the HTTP answer, so the body has to agree with it.
    match (status, word_of("status"), &error) {
        (200, Some(_), _) => {}
        (404, None, Some(_)) => return Report::NeverSeen,
        (400 | 422, None, Some(error)) if first => {
            return Report::Refused { error: error.clone(), message };
        }
        _ => return Report::Nothing,
    }
    if word_of("kind") != Some(call.wire_kind()) {
        return Report::Nothing;
    }
    let state = match word_of("status") {
        Some("succeeded") => CallState::Succeeded,
        Some("declined") => CallState::Declined,
        Some("pending") => CallState::Pending,
        Some("requiresAction") => CallState::RequiresAction,
        _ => return Report::Nothing,
    };
    let declined = state == CallState::Declined;
    let is_page = matches!(call.kind, CallKind::Session | CallKind::Setup) && state == CallState::Succeeded;
    let method = said.0.get("method").and_then(Value::as_object).filter(|_| is_page);
    let url = word_of("url").filter(|_| state == CallState::RequiresAction);
    Report::Answer(Box::new(Answer {
        state,
        provider_id: said.text("providerId"),
        auth_code: said.text("authCode"),
        // A fee that takes more than the payment is a mistake of the adapter's.
        fee: said.0.get("fee").and_then(|fee| amount(fee, call.currency)).filter(|fee| *fee <= call.amount),
        error: declined.then(|| error.unwrap_or_else(|| "declined".into())),
        message: message.filter(|_| declined),
        url: url.filter(|url| url.chars().count() <= URL_CHARS_MAX).and_then(payer_url),
        method: method.and_then(|method| Said(method).method()),
    }))
}

/// A text without control characters, cut to a length; `None` for an empty one, and for one that holds a card number.
fn short(text: &str, most: usize) -> Option<String> {
    let kept: String = text.trim().chars().filter(|c| !c.is_control() && !turns(*c)).take(most).collect();
    Some(kept).filter(|kept| !kept.is_empty() && !card::holds(kept))
}

/// Whether a sign turns the direction of the text after it, so that people read something else than is written.
const fn turns(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A reason as a word of small letters, digits and `_`.
fn word(text: &str) -> Option<String> {
    let is_sign = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    short(text, 60).filter(|word| word.chars().all(is_sign))
}

/// An amount as a string or a number, if its currency has such amounts.
fn amount(value: &Value, currency: Currency) -> Option<Money> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    Money::parse(&text).ok().filter(|money| money.units() >= 0 && currency.check(*money).is_ok())
}

//! A request as it is sent: every member is checked, and all problems are reported at once.

use std::collections::HashSet;
use std::str::FromStr;

use compact_str::CompactString;
use strum::VariantNames;
use url::{Host, Url};

use super::{
    CollectField, DAYS_DEFAULT, MethodType, Request, RequestContent, RequestKind, SECS_MIN, USES_MAX,
};
use crate::domain::entrypoints::theme::Language;
use crate::domain::kernel::members::{Given, Members};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::problem::{Problem, ValueError};
use crate::domain::kernel::text::hint;
use crate::domain::kernel::time::{Micros, SECOND_US};
use crate::domain::kernel::values::{OfDay, count, flag, moment, paragraphs, some_amount, text, wrong_type};
use crate::domain::transactions::currency::Currency;

const NAMES: [&str; 16] = [
    "amount",
    "open",
    "currency",
    "methodTypes",
    "description",
    "expiresAt",
    "expiresInDays",
    "maxUses",
    "collect",
    "successUrl",
    "cancelUrl",
    "completeUrl",
    "language",
    "invoiceId",
    "notify",
    "reference",
];
/// The names that a request for a method takes.
const NAMES_OF_METHOD: [&str; 9] = [
    "methodTypes",
    "description",
    "expiresAt",
    "expiresInDays",
    "completeUrl",
    "cancelUrl",
    "language",
    "notify",
    "reference",
];
/// The name that only a request for a method takes.
const ONLY_OF_METHOD: &str = "completeUrl";
/// The most characters of a description.
const DESCRIPTION_CHARS_MAX: usize = 1_000;
/// The most characters of a reference.
const REFERENCE_CHARS_MAX: usize = 250;
/// The most characters of an address.
const URL_CHARS_MAX: usize = 2_000;
/// Seconds in a day.
const DAY_SECS: i64 = 24 * 60 * 60;

/// How long a request can be answered, as it was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ends {
    /// As long as requests are by default.
    #[default]
    Default,
    /// Until a time.
    At(Micros),
    /// So many days.
    InDays(i64),
}

/// The least and the most that a payer may pay who says how much.
pub type Limits = (Option<Money>, Option<Money>);

/// A checked request.
#[derive(Debug, Clone, Default)]
pub struct RequestDraft {
    /// What it asks for.
    pub kind: RequestKind,
    /// How much.
    pub amount: Option<Money>,
    /// The least and the most, if the payer says how much.
    pub open: Option<Limits>,
    /// The currency; that of the invoice, or of the entrypoint, by default.
    pub currency: Option<Currency>,
    /// How long it can be answered.
    pub ends: Ends,
    /// How often it can be answered, if it is reusable.
    pub max_uses: Option<i64>,
    /// The invoice to pay.
    pub invoice_id: Option<i64>,
    /// Whether the customer gets the link by mail.
    pub notify: bool,
    /// What it says.
    pub content: RequestContent,
}

/// How long the request of a customer can be answered who made it itself, in seconds.
const OWN_SECS: i64 = 60 * 60;

impl RequestDraft {
    /// What a customer asks for itself in the portal. `back` is the address of the page where it asks.
    pub fn own(kind: RequestKind, back: String, now: Micros) -> RequestDraft {
        let content = RequestContent {
            method_types: vec![MethodType::Card, MethodType::Ach, MethodType::Wallet],
            success_url: Some(back.clone()),
            cancel_url: Some(back),
            is_own: true,
            ..RequestContent::default()
        };
        RequestDraft { kind, ends: Ends::At(now.plus_secs(OWN_SECS)), content, ..RequestDraft::default() }
    }

    /// Whether a customer asked for the same in the portal before, by a request that is open at a time.
    pub fn is_again(&self, before: &Request, now: Micros) -> bool {
        let own = before.content.as_ref().filter(|content| content.is_own);
        self.content.is_own
            && before.is_open_at(now)
            && (before.kind, before.invoice_id) == (self.kind, self.invoice_id)
            && own.is_some_and(|content| content.replaces == self.content.replaces)
    }

    /// Checks the members of a request. `is_reusable`: it has no customer.
    ///
    /// # Errors
    /// All problems at once.
    pub fn parse(
        members: &Members<'_>,
        kind: RequestKind,
        is_reusable: bool,
    ) -> Result<RequestDraft, Vec<Problem>> {
        let mut draft = RequestDraft { kind, ..RequestDraft::default() };
        let mut problems = Vec::new();
        let mut seen: HashSet<&str> = HashSet::new();
        for (name, raw) in &members.0 {
            let given = Given::of(raw);
            let read = if !seen.insert(name) {
                Err(("duplicate_field", "stands in the request twice".into()))
            } else if !is_known(kind, name) {
                Err(unknown(kind, name))
            } else {
                match name.as_ref() {
                    "notify" => flag(raw).map(|notify| draft.notify = notify.unwrap_or(false)),
                    "open" => match limits(&given) {
                        Ok(open) => {
                            draft.open = open;
                            continue;
                        }
                        Err(found) => {
                            problems.extend(found);
                            continue;
                        }
                    },
                    name => draft.member(name, &given),
                }
            };
            if let Err((code, message)) = read {
                problems.push(Problem::field(&[name], code, message));
            }
        }
        if problems.is_empty() {
            draft.contradictions(&seen, is_reusable, &mut problems);
        }
        if draft.content.method_types.is_empty() {
            draft.content.method_types = vec![MethodType::Card, MethodType::Ach, MethodType::Wallet];
        }
        if problems.is_empty() { Ok(draft) } else { Err(problems) }
    }

    fn contradictions(&self, seen: &HashSet<&str>, is_reusable: bool, problems: &mut Vec<Problem>) {
        let mut refuse = |name: &str, code: &'static str, message: &str| {
            problems.push(Problem::field(&[name], code, message));
        };
        if seen.contains("expiresAt") && seen.contains("expiresInDays") {
            refuse("expiresInDays", "contradiction", "cannot stand beside expiresAt");
        }
        if self.kind == RequestKind::Method {
            return;
        }
        if self.amount.is_some() && self.open.is_some() {
            refuse("open", "contradiction", "cannot stand beside amount: either of them says how much");
        }
        if self.amount.is_none() && self.open.is_none() && self.invoice_id.is_none() {
            let message = "is required, or open, or the invoiceId of an open invoice: how much to ask for";
            refuse("amount", "required", message);
        }
        if self.invoice_id.is_some() && self.open.is_some() {
            refuse("open", "contradiction", "cannot stand beside invoiceId: an invoice says how much");
        }
        if is_reusable {
            if self.invoice_id.is_some() {
                let message = "is for the request of a customer: an invoice belongs to one";
                refuse("invoiceId", "contradiction", message);
            }
            if self.notify {
                let message = "is for the request of a customer: a reusable one has nobody to tell";
                refuse("notify", "contradiction", message);
            }
        } else if self.max_uses.is_some_and(|most| most != 1) {
            let message = "must be 1: a customer's request is paid once; a reusable one takes more";
            refuse("maxUses", "contradiction", message);
        }
        if let Some((Some(min), Some(max))) = self.open
            && min > max
        {
            problems.push(Problem::field(&["open", "max"], "contradiction", "must not be less than min"));
        }
    }

    fn member(&mut self, name: &str, given: &Given<'_>) -> Result<(), ValueError> {
        match name {
            "amount" => self.amount = some_amount(given)?,
            "currency" => self.currency = text(given, 3)?.map(|code| Currency::parse(&code)).transpose()?,
            "methodTypes" => self.content.method_types = words::<MethodType>(given)?,
            "collect" => self.content.collect = words::<CollectField>(given)?,
            "description" => self.content.description = paragraphs(given, DESCRIPTION_CHARS_MAX)?,
            "expiresAt" => {
                if let Some(at) = moment(given, OfDay::Last)? {
                    self.ends = Ends::At(at);
                }
            }
            "expiresInDays" => {
                if let Some(days) = count(given, self.kind.days_max())? {
                    self.ends = Ends::InDays(days);
                }
            }
            "maxUses" => self.max_uses = count(given, USES_MAX)?,
            "successUrl" | "completeUrl" => self.content.success_url = address(given)?,
            "cancelUrl" => self.content.cancel_url = address(given)?,
            "language" => {
                let wrong = |_| ("invalid_value", "must be en or fr".to_owned());
                let word = text(given, REFERENCE_CHARS_MAX)?;
                self.content.language =
                    word.map(|word| word.parse::<Language>().map_err(wrong)).transpose()?;
            }
            "invoiceId" => self.invoice_id = count(given, i64::MAX)?,
            _ => {
                self.content.reference = text(given, REFERENCE_CHARS_MAX)?.map(CompactString::from);
            }
        }
        Ok(())
    }

    /// From when on it cannot be answered.
    ///
    /// # Errors
    /// That is too soon, or too late.
    pub fn expires_at(&self, now: Micros) -> Result<Micros, Problem> {
        let days_max = self.kind.days_max();
        let at = match self.ends {
            Ends::Default => now.plus_secs(DAYS_DEFAULT * DAY_SECS),
            Ends::InDays(days) => now.plus_secs(days.saturating_mul(DAY_SECS)),
            Ends::At(at) => at,
        };
        let wrong = |message: String| Problem::field(&["expiresAt"], "invalid_time", message);
        if at.0 < now.0.saturating_add(SECS_MIN * SECOND_US) {
            return Err(wrong("must be at least one minute ahead".into()));
        }
        if at > now.plus_secs(days_max * DAY_SECS) {
            return Err(wrong(format!("must be at most {days_max} days ahead")));
        }
        Ok(at)
    }
}

fn is_known(kind: RequestKind, name: &str) -> bool {
    match kind {
        RequestKind::Payment => NAMES.contains(&name) && name != ONLY_OF_METHOD,
        RequestKind::Method => NAMES_OF_METHOD.contains(&name),
    }
}

fn unknown(kind: RequestKind, name: &str) -> ValueError {
    let what = match kind {
        RequestKind::Payment => "a payment request",
        RequestKind::Method => "a request for a payment method",
    };
    let hint = hint(name, NAMES.into_iter().filter(|known| is_known(kind, known)));
    ("unknown_field", format!("is no field of {what}{hint}"))
}

/// The limits of an amount that the payer says.
fn limits(given: &Given<'_>) -> Result<Option<Limits>, Vec<Problem>> {
    let at = |(code, message): ValueError| vec![Problem::field(&["open"], code, message)];
    let members = match given {
        Given::Null => return Ok(None),
        Given::Object(members) => members,
        other => return Err(at(wrong_type("an object", other))),
    };
    members.check().map_err(at)?;
    let (mut min, mut max, mut problems) = (None, None, Vec::new());
    let mut seen: HashSet<&str> = HashSet::new();
    for (name, raw) in &members.0 {
        let read = match name.as_ref() {
            _ if !seen.insert(name) => Err(("duplicate_field", "stands in the object twice".into())),
            "min" => some_amount(&Given::of(raw)).map(|amount| min = amount),
            "max" => some_amount(&Given::of(raw)).map(|amount| max = amount),
            _ => Err(("unknown_field", "is no limit of an amount; the limits are min and max".into())),
        };
        if let Err((code, message)) = read {
            problems.push(Problem::field(&["open", name], code, message));
        }
    }
    if problems.is_empty() { Ok(Some((min, max))) } else { Err(problems) }
}

/// Words of an enum, each once; none for `null`.
fn words<T: FromStr + VariantNames + PartialEq>(given: &Given<'_>) -> Result<Vec<T>, ValueError> {
    let list = match given {
        Given::Null => return Ok(Vec::new()),
        Given::List(list) => list,
        other => return Err(wrong_type("an array", other)),
    };
    list.check()?;
    let mut found = Vec::new();
    for raw in &list.0 {
        let given = Given::of(raw);
        let word = text(&given, REFERENCE_CHARS_MAX)?.unwrap_or_default();
        let wrong = |_| ("invalid_value", format!("must be of {}", T::VARIANTS.join(", ")));
        let word = word.parse().map_err(wrong)?;
        if !found.contains(&word) {
            found.push(word);
        }
    }
    Ok(found)
}

/// An address to which a payer is sent: by https, or by http on this machine, for a trial.
fn address(given: &Given<'_>) -> Result<Option<String>, ValueError> {
    let Some(text) = text(given, URL_CHARS_MAX)? else { return Ok(None) };
    let wrong = || {
        let message = "must be an address that begins with https:// (or http://localhost, for a trial), without a user and a password";
        ("invalid_url", message.to_owned())
    };
    // A browser drops line breaks and tabs, so somebody else may read another address in it.
    if text.chars().any(char::is_control) {
        return Err(wrong());
    }
    let url = Url::parse(&text).map_err(|_| wrong())?;
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback);
    let is_open = url.username().is_empty() && url.password().is_none();
    if is_safe && is_open && url.has_host() { Ok(Some(url.into())) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::kernel::time::SECOND_US as SECOND;
    use crate::domain::requests::RequestState;
    use crate::domain::transactions::id::TransId;

    #[test]
    fn rules_20_a_customer_who_asks_once_more_asks_by_the_same_request() {
        let own = |kind| RequestDraft::own(kind, "https://shop.example/".into(), Micros(0));
        let draft = RequestDraft { invoice_id: Some(7), ..own(RequestKind::Payment) };
        let ends = draft.expires_at(Micros(0)).unwrap();
        assert_eq!(ends, Micros(3_600 * SECOND));
        let before = Request {
            id: TransId([1; 16]),
            version: 1,
            kind: RequestKind::Payment,
            customer_id: Some(1),
            state: RequestState::Declined,
            currency: Currency::default(),
            amount: None,
            min: None,
            max: None,
            uses: 0,
            max_uses: Some(1),
            invoice_id: Some(7),
            order_id: None,
            link_hash: [0; 32],
            expires_at: ends,
            created_at: Micros(0),
            updated_at: Micros(0),
            last_trans_id: None,
            content: Some(draft.content.clone()),
        };
        assert!(draft.is_again(&before, Micros(0)) && !draft.is_again(&before, ends));
        assert!(!own(RequestKind::Method).is_again(&before, Micros(0)));
        assert!(!RequestDraft { invoice_id: Some(8), ..draft.clone() }.is_again(&before, Micros(0)));
        let done = Request { state: RequestState::Done, ..before.clone() };
        assert!(!draft.is_again(&done, Micros(0)));
        // What the store asked for, and what is erased, is nobody's own.
        for content in [Some(RequestContent::default()), None] {
            assert!(!draft.is_again(&Request { content, ..before.clone() }, Micros(0)));
        }
        let of_store = RequestDraft { invoice_id: Some(7), ..RequestDraft::default() };
        assert!(!of_store.is_again(&before, Micros(0)));
    }

    fn parse(json: &str, kind: RequestKind, is_reusable: bool) -> Result<RequestDraft, Vec<&'static str>> {
        let members: Members<'_> = serde_json::from_str(json).unwrap();
        RequestDraft::parse(&members, kind, is_reusable)
            .map_err(|problems| problems.into_iter().map(|problem| problem.code).collect())
    }

    #[test]
    fn rules_20_a_request_says_how_much_or_lets_the_payer_say() {
        let payment = |json| parse(json, RequestKind::Payment, false);
        let draft = payment(r#"{"amount": "12.50"}"#).unwrap();
        assert_eq!(draft.amount, Money::from_units(125_000));
        assert_eq!(draft.content.method_types.len(), 3);
        let draft = payment(r#"{"open": {"min": 1}, "methodTypes": ["ach", "ach"]}"#).unwrap();
        assert_eq!(draft.open, Some((Money::from_units(10_000), None)));
        assert_eq!(draft.content.method_types, [MethodType::Ach]);
        for (json, codes) in [
            ("{}", ["required"].as_slice()),
            (r#"{"amount": 1, "open": {}}"#, &["contradiction"]),
            (r#"{"open": {"min": 2, "max": 1}}"#, &["contradiction"]),
            (r#"{"amount": 0}"#, &["invalid_amount"]),
            (r#"{"amount": 1, "maxUses": 2}"#, &["contradiction"]),
            (r#"{"amount": 1, "completeUrl": "https://a.example"}"#, &["unknown_field"]),
            (r#"{"amount": 1, "expiresAt": "2026-03-01", "expiresInDays": 1}"#, &["contradiction"]),
            (r#"{"amount": 1, "collect": ["name"]}"#, &["invalid_value"]),
            (r#"{"amount": 1, "expiresInDays": 366}"#, &["invalid_value"]),
        ] {
            assert_eq!(payment(json).unwrap_err(), codes, "{json}");
        }
        assert_eq!(
            parse(r#"{"amount": 1, "invoiceId": 7}"#, RequestKind::Payment, true).unwrap_err(),
            ["contradiction"]
        );
        assert!(parse(r#"{"amount": 1, "maxUses": 5}"#, RequestKind::Payment, true).is_ok());
        assert!(parse("{}", RequestKind::Method, false).is_ok());
        assert_eq!(parse(r#"{"amount": 1}"#, RequestKind::Method, false).unwrap_err(), ["unknown_field"]);
    }

    #[test]
    fn rules_20_payers_are_sent_to_safe_addresses_only() {
        let of = |url: &str| {
            let json = format!(r#"{{"amount": 1, "successUrl": "{url}"}}"#);
            parse(&json, RequestKind::Payment, false).is_ok()
        };
        for good in ["https://shop.example/thanks?order=1", "http://localhost:8080/", "http://127.0.0.1/a"] {
            assert!(of(good), "{good}");
        }
        for bad in [
            "http://shop.example/",
            "javascript:alert(1)",
            "//shop.example",
            "https://user:secret@shop.example/",
            "ftp://localhost/",
            "data:text/html,x",
            "thanks",
        ] {
            assert!(!of(bad), "{bad}");
        }
    }

    #[test]
    fn rules_20_a_request_ends_between_a_minute_and_its_most_days() {
        let now = Micros(1_772_359_200_000_000);
        let draft = |ends, kind| RequestDraft { kind, ends, ..RequestDraft::default() };
        let at = |secs| Ends::At(now.plus_secs(secs));
        let payment = RequestKind::Payment;
        assert_eq!(draft(Ends::Default, payment).expires_at(now), Ok(now.plus_secs(14 * DAY_SECS)));
        assert!(draft(at(59), payment).expires_at(now).is_err());
        assert!(draft(at(60), payment).expires_at(now).is_ok());
        assert!(draft(at(365 * DAY_SECS), payment).expires_at(now).is_ok());
        assert!(draft(at(365 * DAY_SECS + 1), payment).expires_at(now).is_err());
        assert!(draft(Ends::InDays(30), RequestKind::Method).expires_at(now).is_ok());
        assert!(draft(at(30 * DAY_SECS + 1), RequestKind::Method).expires_at(now).is_err());
    }
}

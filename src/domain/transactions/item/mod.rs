//! One delivery of a transaction as a request sends it: every member is checked, and all problems are reported at once
//! (rules 14).

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, NaiveDateTime};
use compact_str::CompactString;

use super::currency::Currency;
use super::status::{Operation, Status};
use crate::domain::customers::draft::{Context, Draft};
use crate::domain::kernel::card;
use crate::domain::kernel::members::{Given, Members};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::problem::{Problem, ValueError};
use crate::domain::kernel::text::{clean, hint};
use crate::domain::kernel::time::{Micros, SECOND_US};
use crate::domain::references::{EXTERNAL_ID_CHARS_MAX, Reference, SYSTEM_CHARS_MAX, is_system};

/// How far ahead of our clock the time of a delivery may be, in seconds.
pub const AHEAD_MAX_SECS: i64 = 600;
/// The most characters of `invoiceNumber`, `orderId`, and of the names and values of `additionalData`.
pub const TEXT_CHARS_MAX: usize = 250;
/// The most characters of `description`.
pub const DESCRIPTION_CHARS_MAX: usize = 1_000;
/// The most members of `additionalData`.
pub const ADDITIONAL_MAX: usize = 50;
/// The most digits of an account that are kept (rules 14).
const ACCOUNT_DIGITS_MAX: usize = 4;
/// The first year that a transaction may be of.
const YEAR_MIN_US: i64 = 0;

/// The members of an item.
pub const NAMES: [&str; 22] = [
    "source",
    "externalId",
    "customerId",
    "customerNumber",
    "reference",
    "customer",
    "operation",
    "status",
    "amount",
    "currency",
    "fee",
    "net",
    "baseAmount",
    "occurredAt",
    "beganAt",
    "refundOf",
    "invoiceNumber",
    "orderId",
    "method",
    "maskedAccount",
    "description",
    "additionalData",
];

/// The four ways to name the customer.
pub const WHOSE: [&str; 4] = ["customerId", "customerNumber", "reference", "customer"];

/// A checked delivery.
#[derive(Debug, Clone)]
pub struct Item {
    /// The system that it comes from, as references name systems.
    pub source: CompactString,
    /// Its id there.
    pub external_id: CompactString,
    /// Whose it is said to be.
    pub whose: Whose,
    /// What it does.
    pub operation: Operation,
    /// How far it came.
    pub status: Status,
    /// The amount, never negative.
    pub amount: Money,
    /// Its currency; the entrypoint's where none is named.
    pub currency: Option<Currency>,
    /// The time of the status; the time of the arrival where none is sent.
    pub occurred_at: Option<Micros>,
    /// When the transaction began, if that was before the status.
    pub began_at: Option<Micros>,
    /// What it need not tell.
    pub optional: Optional,
}

/// Whose a transaction is said to be.
#[derive(Debug, Clone, Default)]
pub enum Whose {
    /// Nobody's.
    #[default]
    Nobody,
    /// `customerId`.
    Id(i64),
    /// `customerNumber`.
    Number(CompactString),
    /// `reference`.
    Reference(Reference),
    /// `customer`: who pays, as a create would send it.
    Customer(Box<Draft>),
}

/// What a delivery may leave out. What it leaves out stays as an earlier one told it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Optional {
    /// `fee`.
    pub fee: Option<Money>,
    /// `net`.
    pub net: Option<Money>,
    /// `baseAmount`.
    pub base_amount: Option<Money>,
    /// `method`.
    pub method: Option<CompactString>,
    /// `refundOf`.
    pub refund_of: Option<CompactString>,
    /// `invoiceNumber`.
    pub invoice_number: Option<CompactString>,
    /// `orderId`.
    pub order_id: Option<CompactString>,
    /// `maskedAccount`.
    pub masked_account: Option<CompactString>,
    /// `description`.
    pub description: Option<CompactString>,
    /// `additionalData`; never empty.
    pub additional: Option<BTreeMap<CompactString, CompactString>>,
}

/// What is read of an item so far; the problems say what is missing.
#[derive(Default)]
struct Read {
    source: Option<CompactString>,
    external_id: Option<CompactString>,
    whose: Whose,
    operation: Operation,
    status: Option<Status>,
    amount: Option<Money>,
    currency: Option<Currency>,
    occurred_at: Option<Micros>,
    began_at: Option<Micros>,
    optional: Optional,
}

impl Item {
    /// An approved sale of nothing; a beginning for items that the program makes itself.
    pub fn bare(source: &str, external_id: &str) -> Item {
        Item {
            source: source.into(),
            external_id: external_id.into(),
            whose: Whose::Nobody,
            operation: Operation::Sale,
            status: Status::Approved,
            amount: Money::default(),
            currency: None,
            occurred_at: None,
            began_at: None,
            optional: Optional::default(),
        }
    }

    /// Checks every member of an item.
    ///
    /// # Errors
    /// All problems at once, each with its JSON pointer within the item.
    pub fn parse(members: &Members<'_>, context: Context<'_>) -> Result<Item, Vec<Problem>> {
        let mut read = Read::default();
        let mut problems = Vec::new();
        if let Err((code, message)) = members.check() {
            return Err(vec![Problem::field(&[], code, message)]);
        }
        let mut seen: HashSet<&str> = HashSet::new();
        for (name, raw) in &members.0 {
            let refused = if !seen.insert(name) {
                Err(vec![at(name, ("duplicate_field", "stands in the item twice".into()))])
            } else if name == "customer" {
                read.customer(&Given::of(raw), context)
            } else {
                read.member(name, &Given::of(raw), context.now).map_err(|refusal| vec![at(name, refusal)])
            };
            problems.extend(refused.err().into_iter().flatten());
        }
        let given =
            |name: &&&str| members.0.iter().any(|(member, raw)| member == **name && raw.get() != "null");
        let whose: Vec<&str> = WHOSE.iter().filter(given).copied().collect();
        if whose.len() > 1 {
            let message = format!("names the customer in more than one way: {}; send one", whose.join(", "));
            problems.push(Problem::field(&[], "several_customers", message));
        }
        problems.extend(read.missing(&problems));
        if read.optional.refund_of.is_some() && read.optional.refund_of == read.external_id {
            let message = "must name another transaction: the sale that this one pays back";
            problems.push(Problem::field(&["refundOf"], "invalid_value", message));
        }
        match (read.source, read.external_id, read.status, read.amount) {
            (Some(source), Some(external_id), Some(status), Some(amount)) if problems.is_empty() => {
                Ok(Item {
                    source,
                    external_id,
                    whose: read.whose,
                    operation: read.operation,
                    status,
                    amount,
                    currency: read.currency,
                    occurred_at: read.occurred_at,
                    began_at: read.began_at,
                    optional: read.optional,
                })
            }
            _ => Err(problems),
        }
    }

    /// Refuses amounts with more fraction digits than their currency has. `base` is the entrypoint's currency.
    ///
    /// # Errors
    /// All problems at once.
    pub fn check_digits(&self, base: Currency) -> Result<(), Vec<Problem>> {
        let own = self.currency.unwrap_or(base);
        let amounts = [
            ("amount", Some(self.amount), own),
            ("fee", self.optional.fee, own),
            ("net", self.optional.net, own),
            ("baseAmount", self.optional.base_amount, base),
        ];
        let problems: Vec<Problem> = amounts
            .into_iter()
            .filter_map(|(name, amount, currency)| Some(at(name, currency.check(amount?).err()?)))
            .collect();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

impl Read {
    fn customer(&mut self, given: &Given<'_>, context: Context<'_>) -> Result<(), Vec<Problem>> {
        match given {
            Given::Null => Ok(()),
            Given::Object(members) => {
                let within = |problem: Problem| problem.within("customer");
                let draft = Draft::parse(members, context)
                    .map_err(|problems| problems.into_iter().map(within).collect::<Vec<_>>())?;
                self.whose = Whose::Customer(Box::new(draft));
                Ok(())
            }
            other => Err(vec![at("customer", wrong_type("an object as a create takes it", other))]),
        }
    }

    fn member(&mut self, name: &str, given: &Given<'_>, now: Micros) -> Result<(), ValueError> {
        match name {
            "source" => self.source = text(given, SYSTEM_CHARS_MAX)?.map(|name| source(&name)).transpose()?,
            "externalId" => self.external_id = id(given, EXTERNAL_ID_CHARS_MAX)?,
            "customerId" => self.told(customer_id(given)?.map(Whose::Id)),
            "customerNumber" => self.told(id(given, TEXT_CHARS_MAX)?.map(Whose::Number)),
            "reference" => self.told(reference(given)?.map(Whose::Reference)),
            "operation" => {
                if let Some(word) = text(given, TEXT_CHARS_MAX)? {
                    self.operation = Operation::parse(&word)?;
                }
            }
            "status" => self.status = status(given)?,
            "amount" => self.amount = money(given)?.map(not_negative).transpose()?,
            "currency" => {
                self.currency =
                    text(given, TEXT_CHARS_MAX)?.map(|code| Currency::parse(&code)).transpose()?;
            }
            "fee" => self.optional.fee = money(given)?.map(kept).transpose()?,
            "net" => self.optional.net = money(given)?,
            "baseAmount" => self.optional.base_amount = money(given)?.map(not_negative).transpose()?,
            "occurredAt" => {
                self.occurred_at = text(given, TEXT_CHARS_MAX)?.map(|time| moment(&time, now)).transpose()?;
            }
            "beganAt" => {
                self.began_at = text(given, TEXT_CHARS_MAX)?.map(|time| moment(&time, now)).transpose()?;
            }
            "refundOf" => self.optional.refund_of = id(given, EXTERNAL_ID_CHARS_MAX)?,
            "invoiceNumber" => self.optional.invoice_number = text(given, TEXT_CHARS_MAX)?,
            "orderId" => self.optional.order_id = text(given, TEXT_CHARS_MAX)?,
            "method" => {
                self.optional.method =
                    text(given, SYSTEM_CHARS_MAX)?.map(|word| method(&word)).transpose()?;
            }
            "maskedAccount" => {
                self.optional.masked_account =
                    text(given, TEXT_CHARS_MAX)?.map(masked_account).transpose()?;
            }
            "description" => self.optional.description = text(given, DESCRIPTION_CHARS_MAX)?,
            "additionalData" => self.optional.additional = additional(given)?,
            _ if card::asks(name) => return Err(card::refusal(name)),
            _ => {
                let hint = hint(name, NAMES.into_iter());
                return Err(("unknown_field", format!("is no field of a transaction{hint}")));
            }
        }
        Ok(())
    }

    /// Keeps whose it is, if a member says so.
    fn told(&mut self, whose: Option<Whose>) {
        if let Some(whose) = whose {
            self.whose = whose;
        }
    }

    /// What is required and not there, save what another problem is about.
    fn missing(&self, problems: &[Problem]) -> Vec<Problem> {
        let required = [
            (
                "source",
                self.source.is_none(),
                "is required: the system that moved the money, such as stripe or shop",
            ),
            (
                "externalId",
                self.external_id.is_none(),
                "is required: the id of the transaction in its source",
            ),
            ("status", self.status.is_none(), "is required: how far it came, such as approved or declined"),
            ("amount", self.amount.is_none(), "is required"),
        ];
        let told = |name: &str| problems.iter().any(|problem| problem.is_of(name));
        required
            .into_iter()
            .filter(|(name, is_missing, _)| *is_missing && !told(name))
            .map(|(name, _, message)| Problem::field(&[name], "required", message))
            .collect()
    }
}

fn at(name: &str, (code, message): ValueError) -> Problem {
    Problem::field(&[name], code, message)
}

pub(in crate::domain) fn wrong_type(wanted: &str, given: &Given<'_>) -> ValueError {
    ("wrong_type", format!("must be {wanted}, not {}", given.kind()))
}

/// A text in its stored form, without card numbers; `None` for an empty one.
///
/// # Errors
/// It is no text, is too long, or looks like the number of a card.
pub fn text_told(given: &Given<'_>, chars_max: usize) -> Result<Option<CompactString>, ValueError> {
    text(given, chars_max)
}

/// How something was paid, such as `card`; `None` for an empty text.
///
/// # Errors
/// It is no such word.
pub fn method_told(given: &Given<'_>) -> Result<Option<CompactString>, ValueError> {
    text(given, SYSTEM_CHARS_MAX)?.map(|word| method(&word)).transpose()
}

/// A text in its stored form; `None` for an empty one.
pub(in crate::domain) fn text(
    given: &Given<'_>,
    chars_max: usize,
) -> Result<Option<CompactString>, ValueError> {
    let text = id(given, chars_max)?;
    match &text {
        Some(text) if card::holds(text) => Err((card::CODE, "must not hold a card number".into())),
        _ => Ok(text),
    }
}

/// An id of another system in its stored form; `None` for an empty one. Whether it may look like a card number is a setting of
/// the entrypoint (rules 10), by which the whole body was checked before.
pub(in crate::domain) fn id(
    given: &Given<'_>,
    chars_max: usize,
) -> Result<Option<CompactString>, ValueError> {
    let text = match given {
        Given::Null => return Ok(None),
        Given::Text(text) => clean(text, chars_max)?,
        other => return Err(wrong_type("a string", other)),
    };
    Ok((!text.is_empty()).then_some(text))
}

/// The name of a source in its stored form.
///
/// # Errors
/// No system can have the name.
pub fn source(name: &str) -> Result<CompactString, ValueError> {
    let name = name.to_ascii_lowercase();
    if is_system(&name) {
        Ok(name.into())
    } else {
        Err(("invalid_name", format!("must be 1–{SYSTEM_CHARS_MAX} of a-z 0-9 _ and -")))
    }
}

pub(super) fn customer_id(given: &Given<'_>) -> Result<Option<i64>, ValueError> {
    let number = match given {
        Given::Null => return Ok(None),
        Given::Number(text) => text,
        Given::Text(text) => text.trim(),
        other => return Err(wrong_type("an integer", other)),
    };
    let id = number.parse::<i64>().ok().filter(|id| *id > 0);
    id.map(Some).ok_or_else(|| ("invalid_value", "must be the id of a customer: a positive integer".into()))
}

pub(super) fn reference(given: &Given<'_>) -> Result<Option<Reference>, ValueError> {
    let members = match given {
        Given::Null => return Ok(None),
        Given::Object(members) => members,
        other => return Err(wrong_type("an object with system and externalId", other)),
    };
    let (mut system, mut external_id) = (None, None);
    for (name, raw) in &members.0 {
        let slot = match name.as_ref() {
            "system" => &mut system,
            "externalId" => &mut external_id,
            other => return Err(("unknown_field", format!("has {other}; send system and externalId"))),
        };
        *slot = id(&Given::of(raw), EXTERNAL_ID_CHARS_MAX)?;
    }
    let (Some(system), Some(external_id)) = (system, external_id) else {
        return Err(("required", "must have system and externalId".into()));
    };
    let made = Reference::of(&system.to_ascii_lowercase(), &external_id);
    made.map(Some)
        .map_err(|(member, (code, message))| (code, format!("has a wrong {member}, which {message}")))
}

fn status(given: &Given<'_>) -> Result<Option<Status>, ValueError> {
    match given {
        Given::Null => Ok(None),
        Given::Number(code) => Status::parse(code).map(Some),
        Given::Text(word) => Status::parse(word).map(Some),
        other => Err(wrong_type("a word such as approved, or a code", other)),
    }
}

/// The text of a decimal: a JSON number, or a decimal in a text; `None` for an empty one.
pub(in crate::domain) fn number<'a>(given: &'a Given<'_>) -> Result<Option<&'a str>, ValueError> {
    match given {
        Given::Null => Ok(None),
        Given::Number(text) => Ok(Some(text)),
        Given::Text(text) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
        other => Err(wrong_type("a decimal number", other)),
    }
}

fn money(given: &Given<'_>) -> Result<Option<Money>, ValueError> {
    let read = number(given)?.map(Money::parse).transpose();
    read.map_err(|error| ("invalid_amount", error.to_string()))
}

fn not_negative(amount: Money) -> Result<Money, ValueError> {
    if amount >= Money::default() {
        return Ok(amount);
    }
    Err((
        "invalid_amount",
        "must not be negative; send money that goes back as operation=refund with a positive amount".into(),
    ))
}

/// A fee, which is never negative.
fn kept(fee: Money) -> Result<Money, ValueError> {
    if fee >= Money::default() {
        return Ok(fee);
    }
    let message = "must not be negative; where the provider adds something, send what is left as net";
    Err(("invalid_amount", message.into()))
}

/// A moment in time: RFC 3339, or `YYYY-MM-DD HH:mm:ss` in UTC.
///
/// # Errors
/// The text has another form, or the time is before 1970 or more than [`AHEAD_MAX_SECS`] ahead.
pub fn moment(text: &str, now: Micros) -> Result<Micros, ValueError> {
    const CODE: &str = "invalid_time";
    let moment = DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").map(|time| time.and_utc()))
        .map_err(|_| {
            (CODE, "must be a time such as 2026-03-01T10:00:00Z or 2026-03-01 10:00:00 (UTC)".to_owned())
        })?;
    checked_moment(Micros(moment.timestamp_micros()), now)
}

/// Refuses a time that no transaction can have.
///
/// # Errors
/// The time is before 1970 or more than [`AHEAD_MAX_SECS`] ahead.
pub fn checked_moment(moment: Micros, now: Micros) -> Result<Micros, ValueError> {
    if moment.0 < YEAR_MIN_US {
        return Err(("invalid_time", "must not be before 1970".into()));
    }
    if moment.0 > now.0.saturating_add(AHEAD_MAX_SECS * SECOND_US) {
        let message = format!("must be at most {} minutes ahead of the service's clock", AHEAD_MAX_SECS / 60);
        return Err(("invalid_time", message));
    }
    Ok(moment)
}

fn method(word: &str) -> Result<CompactString, ValueError> {
    let word = word.to_ascii_lowercase();
    if is_system(&word) {
        Ok(word.into())
    } else {
        Err((
            "invalid_value",
            format!("must be a word such as card or ach: 1–{SYSTEM_CHARS_MAX} of a-z 0-9 _ and -"),
        ))
    }
}

fn masked_account(text: CompactString) -> Result<CompactString, ValueError> {
    // Digits of all scripts count.
    if text.chars().filter(|c| c.is_numeric()).count() <= ACCOUNT_DIGITS_MAX {
        return Ok(text);
    }
    Err((
        "invalid_value",
        format!("must show at most {ACCOUNT_DIGITS_MAX} digits of the account, such as •••• 4242"),
    ))
}

fn additional(given: &Given<'_>) -> Result<Option<BTreeMap<CompactString, CompactString>>, ValueError> {
    let members = match given {
        Given::Null => return Ok(None),
        Given::Object(members) => members,
        other => return Err(wrong_type("an object of texts", other)),
    };
    members.check()?;
    let mut all = BTreeMap::new();
    for (name, raw) in &members.0 {
        let told = |(code, message): ValueError| (code, format!("has a wrong {name:?}, which {message}"));
        let key = clean(name, TEXT_CHARS_MAX).map_err(told)?;
        if card::asks(&key) {
            return Err(card::refusal(&key));
        }
        let value = match Given::of(raw) {
            Given::Number(number) => text(&Given::Text(number.into()), TEXT_CHARS_MAX),
            given => text(&given, TEXT_CHARS_MAX),
        };
        if let Some(value) = value.map_err(told)? {
            all.insert(key, value);
        }
    }
    if all.len() > ADDITIONAL_MAX {
        return Err(("too_many", format!("has {} members; send at most {ADDITIONAL_MAX}", all.len())));
    }
    Ok((!all.is_empty()).then_some(all))
}

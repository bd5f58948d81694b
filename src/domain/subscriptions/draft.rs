//! A subscription as a request sends it: every member is checked, and all problems are reported at once.

use std::collections::HashSet;

use chrono::NaiveDate;

use super::{Subscription, SubscriptionStatus};
use crate::domain::customers::change::Change;
use crate::domain::kernel::members::{Given, Members};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::problem::{Problem, Rejection, ValueError};
use crate::domain::kernel::text::{clean, hint};
use crate::domain::kernel::time::Micros;
use crate::domain::transactions::currency::Currency;

/// The most characters of a plan's name.
const PLAN_CHARS_MAX: usize = 250;
/// The most characters of a frequency.
const FREQUENCY_CHARS_MAX: usize = 40;
/// The most cycles.
const CYCLES_MAX: i64 = 1_000_000;

/// The members of a request, without those that name the customer.
pub const NAMES: [&str; 10] = [
    "status",
    "plan",
    "amount",
    "currency",
    "frequency",
    "startDate",
    "nextDate",
    "endDate",
    "totalCycles",
    "leftCycles",
];

/// A checked subscription; what is not sent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubscriptionDraft {
    status: Option<SubscriptionStatus>,
    plan: Change<String>,
    amount: Change<Money>,
    currency: Change<Currency>,
    frequency: Change<String>,
    start_date: Change<Micros>,
    next_date: Change<Micros>,
    end_date: Change<Micros>,
    total_cycles: Change<u32>,
    left_cycles: Change<u32>,
}

impl SubscriptionDraft {
    /// Checks the members of a body that are no part of the customer's name: `others` are the names of these.
    ///
    /// # Errors
    /// All problems at once.
    pub fn parse(members: &Members<'_>, others: &[&str]) -> Result<SubscriptionDraft, Vec<Problem>> {
        let mut draft = SubscriptionDraft::default();
        let mut problems = Vec::new();
        let mut seen: HashSet<&str> = HashSet::new();
        for (name, raw) in &members.0 {
            let result = if !seen.insert(name) {
                Err(("duplicate_field", "stands in the body twice".to_owned()))
            } else if others.contains(&name.as_ref()) {
                Ok(())
            } else {
                draft.member(name, &Given::of(raw), others)
            };
            if let Err((code, message)) = result {
                problems.push(Problem::field(&[name], code, message));
            }
        }
        if problems.is_empty() { Ok(draft) } else { Err(problems) }
    }

    fn member(&mut self, name: &str, given: &Given<'_>, others: &[&str]) -> Result<(), ValueError> {
        match name {
            "status" => {
                self.status = match given {
                    Given::Null => None,
                    Given::Text(word) => Some(SubscriptionStatus::parse(word)?),
                    Given::Number(code) => Some(SubscriptionStatus::parse(code)?),
                    other => return Err(wrong_type("a string", other)),
                };
            }
            "plan" => self.plan = text(given, PLAN_CHARS_MAX)?,
            "amount" => self.amount = amount(given)?,
            "currency" => {
                self.currency = match text(given, FREQUENCY_CHARS_MAX)? {
                    Change::Keep => Change::Keep,
                    Change::Clear => Change::Clear,
                    Change::Set(code) => Change::Set(Currency::parse(&code)?),
                };
            }
            "frequency" => self.frequency = text(given, FREQUENCY_CHARS_MAX)?,
            "startDate" => self.start_date = date(given)?,
            "nextDate" => self.next_date = date(given)?,
            "endDate" => self.end_date = date(given)?,
            "totalCycles" => self.total_cycles = cycles(given)?,
            "leftCycles" => self.left_cycles = cycles(given)?,
            _ => {
                let hint = hint(name, NAMES.into_iter().chain(others.iter().copied()));
                return Err(("unknown_field", format!("is no field of a subscription{hint}")));
            }
        }
        Ok(())
    }

    /// Writes what is sent onto a subscription.
    ///
    /// # Errors
    /// 400 for an amount without a currency, or finer than its currency.
    pub(super) fn write_to(&self, subscription: &mut Subscription, now: Micros) -> Result<(), Rejection> {
        let was_open = subscription.status.is_open();
        subscription.status = self.status.unwrap_or(subscription.status);
        write(&mut subscription.plan, &self.plan);
        write(&mut subscription.amount, &self.amount);
        match &self.currency {
            Change::Keep => {}
            Change::Clear => subscription.currency = None,
            Change::Set(currency) => subscription.currency = Some(currency.code().to_owned()),
        }
        write(&mut subscription.frequency, &self.frequency);
        write(&mut subscription.start_date, &self.start_date);
        write(&mut subscription.next_date, &self.next_date);
        write(&mut subscription.end_date, &self.end_date);
        write(&mut subscription.total_cycles, &self.total_cycles);
        write(&mut subscription.left_cycles, &self.left_cycles);
        let known = if was_open { None } else { subscription.ended_at };
        subscription.ended_at = if subscription.status.is_open() {
            None
        } else {
            let told = subscription.end_date.filter(|end| *end <= now);
            Some(told.or(known).unwrap_or(now))
        };
        let refused = |name: &str, (code, message): ValueError| {
            Err(Rejection::Invalid(vec![Problem::field(&[name], code, message)]))
        };
        match (subscription.amount, &subscription.currency) {
            (Some(_), None) => refused("currency", ("required", "is required beside an amount".into())),
            (Some(amount), Some(code)) => Currency::parse(code)
                .and_then(|currency| currency.check(amount))
                .or_else(|wrong| refused("amount", wrong)),
            (None, _) => Ok(()),
        }
    }
}

/// The fields that differ, by their names in requests.
pub(super) fn differences(old: &Subscription, new: &Subscription) -> Vec<&'static str> {
    let differs = [
        old.status != new.status,
        old.plan != new.plan,
        old.amount != new.amount,
        old.currency != new.currency,
        old.frequency != new.frequency,
        old.start_date != new.start_date,
        old.next_date != new.next_date,
        old.end_date != new.end_date,
        old.total_cycles != new.total_cycles,
        old.left_cycles != new.left_cycles,
    ];
    NAMES.into_iter().zip(differs).filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

fn write<T: Clone>(old: &mut Option<T>, change: &Change<T>) {
    match change {
        Change::Keep => {}
        Change::Clear => *old = None,
        Change::Set(value) => *old = Some(value.clone()),
    }
}

fn wrong_type(wanted: &str, given: &Given<'_>) -> ValueError {
    ("wrong_type", format!("must be {wanted}, not {}", given.kind()))
}

fn text(given: &Given<'_>, chars_max: usize) -> Result<Change<String>, ValueError> {
    match given {
        Given::Null => Ok(Change::Clear),
        Given::Text(text) => Ok(match clean(text, chars_max)?.as_str() {
            "" => Change::Clear,
            text => Change::Set(text.to_owned()),
        }),
        other => Err(wrong_type("a string", other)),
    }
}

/// An amount: a JSON number, or a decimal in a text. Subscriptions cost nothing or more.
fn amount(given: &Given<'_>) -> Result<Change<Money>, ValueError> {
    let text = match given {
        Given::Null => return Ok(Change::Clear),
        Given::Number(text) => text,
        Given::Text(text) if text.trim().is_empty() => return Ok(Change::Clear),
        Given::Text(text) => text.trim(),
        other => return Err(wrong_type("a number", other)),
    };
    let amount = Money::parse(text).map_err(|error| ("invalid_amount", error.to_string()))?;
    if amount.units() < 0 {
        return Err(("invalid_amount", "must not be negative".into()));
    }
    Ok(Change::Set(amount))
}

/// A day, or a time with its zone.
fn date(given: &Given<'_>) -> Result<Change<Micros>, ValueError> {
    let text = match given {
        Given::Null => return Ok(Change::Clear),
        Given::Text(text) if text.trim().is_empty() => return Ok(Change::Clear),
        Given::Text(text) => text.trim(),
        other => return Err(wrong_type("a string", other)),
    };
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10);
    let moment = match day.and_then(|day| day.and_hms_opt(0, 0, 0)) {
        Some(midnight) => midnight.and_utc(),
        None => chrono::DateTime::parse_from_rfc3339(text)
            .map_err(|_| {
                (
                    "invalid_time",
                    "must be a day such as 2026-03-01, or a time such as 2026-03-01T10:00:00Z".into(),
                )
            })?
            .to_utc(),
    };
    Ok(Change::Set(Micros(moment.timestamp_micros())))
}

fn cycles(given: &Given<'_>) -> Result<Change<u32>, ValueError> {
    let wanted = || ("invalid_value", format!("must be an integer from 0 to {CYCLES_MAX}"));
    let text = match given {
        Given::Null => return Ok(Change::Clear),
        Given::Number(text) => *text,
        other => return Err(wrong_type("an integer", other)),
    };
    let number = text.parse::<i64>().ok().filter(|number| (0..=CYCLES_MAX).contains(number));
    number.and_then(|number| u32::try_from(number).ok()).map(Change::Set).ok_or_else(wanted)
}

//! A coupon, or a redemption, as a request sends it: every member is checked, and all problems are reported at once.

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::code::CouponCode;
use super::{Coupon, CouponId, CouponStatus, LIMIT_MAX, REFERENCE_CHARS_MAX, Worth};
use crate::domain::customers::change::Change;
use crate::domain::kernel::members::{Given, Members};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::percent::Percent;
use crate::domain::kernel::problem::{Problem, ValueError};
use crate::domain::kernel::text::hint;
use crate::domain::kernel::time::Micros;
use crate::domain::kernel::values::{self, OfDay};
use crate::domain::transactions::currency::Currency;

/// The most characters of a name.
const NAME_CHARS_MAX: usize = 250;
/// The most characters of a description.
const DESCRIPTION_CHARS_MAX: usize = 2_000;

/// The members of a coupon.
pub const NAMES: [&str; 12] = [
    "code",
    "name",
    "description",
    "percentOff",
    "amountOff",
    "currency",
    "startsAt",
    "redeemBy",
    "maxRedemptions",
    "perCustomerLimit",
    "customersOnly",
    "status",
];

/// A checked coupon; what is not sent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CouponDraft {
    /// The code, if it is sent.
    pub code: Option<CouponCode>,
    name: Change<String>,
    description: Change<String>,
    percent_off: Change<Percent>,
    amount_off: Change<Money>,
    currency: Change<Currency>,
    starts_at: Change<Micros>,
    redeem_by: Change<Micros>,
    max_redemptions: Change<i64>,
    per_customer_limit: Change<i64>,
    customers_only: Option<bool>,
    status: Option<CouponStatus>,
}

impl CouponDraft {
    /// Checks the members of a body.
    ///
    /// # Errors
    /// All problems at once.
    pub fn parse(members: &Members<'_>) -> Result<CouponDraft, Vec<Problem>> {
        let mut draft = CouponDraft::default();
        each(members, |name, raw| draft.member(name, raw))?;
        Ok(draft)
    }

    /// Whether nothing but a code is sent.
    pub fn is_code_alone(&self) -> bool {
        self.code.is_some() && CouponDraft { code: None, ..self.clone() } == CouponDraft::default()
    }

    fn member(&mut self, name: &str, raw: &RawValue) -> Result<(), ValueError> {
        let given = &Given::of(raw);
        match name {
            "code" => self.code = Some(code(given)?),
            "name" => self.name = values::text(given, NAME_CHARS_MAX)?.into(),
            "description" => self.description = values::paragraphs(given, DESCRIPTION_CHARS_MAX)?.into(),
            "percentOff" => {
                let percent = values::percent(given)?;
                if percent == Some(Percent::default()) {
                    return Err(("invalid_percent", "must be greater than 0".into()));
                }
                self.percent_off = percent.into();
            }
            "amountOff" => self.amount_off = values::some_amount(given)?.into(),
            "currency" => self.currency = currency(given)?.into(),
            "startsAt" => self.starts_at = values::moment(given, OfDay::First)?.into(),
            "redeemBy" => self.redeem_by = values::moment(given, OfDay::Last)?.into(),
            "maxRedemptions" => self.max_redemptions = values::count(given, LIMIT_MAX)?.into(),
            "perCustomerLimit" => self.per_customer_limit = values::count(given, LIMIT_MAX)?.into(),
            "customersOnly" => self.customers_only = values::flag(raw)?,
            "status" => {
                self.status = match given {
                    Given::Null => None,
                    Given::Text(word) => {
                        let wrong = |_| ("invalid_value", "must be online or offline".to_owned());
                        Some(word.parse().map_err(wrong)?)
                    }
                    other => return Err(values::wrong_type("a string", other)),
                };
            }
            _ => {
                let hint = hint(name, NAMES.into_iter());
                return Err(("unknown_field", format!("is no field of a coupon{hint}")));
            }
        }
        Ok(())
    }

    /// A new coupon. `customers_only` holds where the request does not say.
    ///
    /// # Errors
    /// What is missing, or does not fit together.
    pub fn create(&self, id: CouponId, now: Micros, customers_only: bool) -> Result<Coupon, Vec<Problem>> {
        let code = self.code.as_ref().ok_or_else(|| {
            vec![Problem::field(&["code"], "required", "is required: what people type in, such as SPRING-10")]
        })?;
        let coupon = Coupon {
            id,
            version: 1,
            code: code.written().to_owned(),
            name: None,
            description: None,
            worth: self.worth(None)?,
            starts_at: None,
            redeem_by: None,
            max_redemptions: None,
            per_customer_limit: None,
            customers_only,
            status: CouponStatus::default(),
            redeemed: 0,
            redemptions: 0,
            created_at: now,
            updated_at: now,
        };
        self.written_onto(coupon)
    }

    /// A coupon after a change, with the names of the fields that differ. Its version and time stay.
    ///
    /// # Errors
    /// What does not fit together.
    pub fn change(&self, stored: &Coupon) -> Result<(Coupon, Vec<&'static str>), Vec<Problem>> {
        if self.code.as_ref().is_some_and(|code| code.key() != stored.code.to_ascii_lowercase()) {
            let message = "is not the code of this coupon, which never changes; make another coupon";
            return Err(vec![Problem::field(&["code"], "invalid_code", message)]);
        }
        let worth = self.worth(Some(stored.worth))?;
        let after = self.written_onto(Coupon { worth, ..stored.clone() })?;
        let differences = differences(stored, &after);
        Ok((after, differences))
    }

    fn written_onto(&self, mut coupon: Coupon) -> Result<Coupon, Vec<Problem>> {
        self.name.write_to(&mut coupon.name);
        self.description.write_to(&mut coupon.description);
        self.starts_at.write_to(&mut coupon.starts_at);
        self.redeem_by.write_to(&mut coupon.redeem_by);
        self.max_redemptions.write_to(&mut coupon.max_redemptions);
        self.per_customer_limit.write_to(&mut coupon.per_customer_limit);
        coupon.customers_only = self.customers_only.unwrap_or(coupon.customers_only);
        coupon.status = self.status.unwrap_or(coupon.status);
        match (coupon.starts_at, coupon.redeem_by) {
            (Some(first), Some(last)) if first > last => {
                let message = "must not be before startsAt, or nobody could ever redeem the coupon";
                Err(vec![Problem::field(&["redeemBy"], "invalid_time", message)])
            }
            _ => Ok(coupon),
        }
    }

    /// What the coupon takes off: what is sent, written onto what is stored.
    fn worth(&self, stored: Option<Worth>) -> Result<Worth, Vec<Problem>> {
        let one = |name: &str, code, message: &str| vec![Problem::field(&[name], code, message)];
        let (mut percent, mut amount, mut own) = match stored {
            None => (None, None, None),
            Some(Worth::Percent(percent)) => (Some(percent), None, None),
            Some(Worth::Amount(amount, currency)) => (None, Some(amount), Some(currency)),
        };
        self.percent_off.write_to(&mut percent);
        self.amount_off.write_to(&mut amount);
        self.currency.write_to(&mut own);
        match (percent, amount, own) {
            (Some(_), Some(_), _) => Err(one(
                "amountOff",
                "exclusive_fields",
                "cannot stand beside percentOff; send the other one as null",
            )),
            (None, None, _) => Err(one(
                "percentOff",
                "required",
                "is required, unless there is amountOff with its currency: a coupon takes something off",
            )),
            (Some(percent), None, None) => Ok(Worth::Percent(percent)),
            // A currency that stood beside an amount goes with it.
            (Some(percent), None, Some(_)) if !self.currency.is_sent() => Ok(Worth::Percent(percent)),
            (Some(_), None, Some(_)) => Err(one(
                "currency",
                "exclusive_fields",
                "cannot stand beside percentOff, which holds for every currency",
            )),
            (None, Some(_), None) => Err(one("currency", "required", "is required beside amountOff")),
            (None, Some(amount), Some(currency)) => {
                currency.check(amount).map_err(|(code, message)| one("amountOff", code, &message))?;
                Ok(Worth::Amount(amount, currency))
            }
        }
    }
}

/// The fields that differ, by their names in requests.
fn differences(old: &Coupon, new: &Coupon) -> Vec<&'static str> {
    let parts = |coupon: &Coupon| match coupon.worth {
        Worth::Percent(percent) => (Some(percent), None, None),
        Worth::Amount(amount, currency) => (None, Some(amount), Some(currency)),
    };
    let (before, after) = (parts(old), parts(new));
    let differs = [
        old.code != new.code,
        old.name != new.name,
        old.description != new.description,
        before.0 != after.0,
        before.1 != after.1,
        before.2 != after.2,
        old.starts_at != new.starts_at,
        old.redeem_by != new.redeem_by,
        old.max_redemptions != new.max_redemptions,
        old.per_customer_limit != new.per_customer_limit,
        old.customers_only != new.customers_only,
        old.status != new.status,
    ];
    NAMES.into_iter().zip(differs).filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

/// A redemption as a request sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedemptionDraft {
    /// Who uses the coupon.
    pub customer_id: i64,
    /// The amount before the discount.
    pub amount: Money,
    /// Its currency.
    pub currency: Currency,
    /// What the caller calls it.
    pub reference: Option<String>,
}

/// The members of a redemption.
pub const REDEMPTION_NAMES: [&str; 4] = ["customerId", "amount", "currency", "reference"];

impl RedemptionDraft {
    /// Checks the members of a body.
    ///
    /// # Errors
    /// All problems at once.
    pub fn parse(members: &Members<'_>) -> Result<RedemptionDraft, Vec<Problem>> {
        let (mut customer_id, mut amount, mut code, mut reference) = (None, None, None, None);
        let mut problems = Vec::new();
        let read = each(members, |name, raw| {
            let given = &Given::of(raw);
            match name {
                "customerId" => customer_id = self::customer_id(given)?,
                "amount" => amount = values::some_amount(given)?,
                "currency" => code = currency(given)?,
                "reference" => reference = self::reference(given)?,
                _ => {
                    let hint = hint(name, REDEMPTION_NAMES.into_iter());
                    return Err(("unknown_field", format!("is no field of a redemption{hint}")));
                }
            }
            Ok(())
        });
        problems.extend(read.err().into_iter().flatten());
        let mut lacks = |name: &str, what: &str| {
            if !problems.iter().any(|problem| problem.is_of(name)) {
                problems.push(Problem::field(&[name], "required", format!("is required: {what}")));
            }
        };
        if customer_id.is_none() {
            lacks("customerId", "the id of the customer who uses the coupon");
        }
        if amount.is_none() {
            lacks("amount", "the amount before the discount");
        }
        if code.is_none() {
            lacks("currency", "the currency of the amount, such as USD");
        }
        if let (Some(amount), Some(currency)) = (amount, code)
            && let Err((code, message)) = currency.check(amount)
        {
            problems.push(Problem::field(&["amount"], code, message));
        }
        match (customer_id, amount, code) {
            (Some(customer_id), Some(amount), Some(currency)) if problems.is_empty() => {
                Ok(RedemptionDraft { customer_id, amount, currency, reference })
            }
            _ => Err(problems),
        }
    }
}

/// Reads each member of a body once.
///
/// # Errors
/// All problems, and a member that stands there twice.
pub(crate) fn each(
    members: &Members<'_>,
    mut read: impl FnMut(&str, &RawValue) -> Result<(), ValueError>,
) -> Result<(), Vec<Problem>> {
    let mut seen: HashSet<&str> = HashSet::new();
    let mut problems = Vec::new();
    for (name, raw) in &members.0 {
        let result = if seen.insert(name) {
            read(name, raw)
        } else {
            Err(("duplicate_field", "stands in the body twice".to_owned()))
        };
        if let Err((code, message)) = result {
            problems.push(Problem::field(&[name], code, message));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn code(given: &Given<'_>) -> Result<CouponCode, ValueError> {
    match given {
        Given::Null => CouponCode::parse(""),
        Given::Text(text) => CouponCode::parse(text),
        other => Err(values::wrong_type("a string", other)),
    }
}

/// A currency by its code.
///
/// # Errors
/// It is no currency of ISO 4217.
pub(crate) fn currency(given: &Given<'_>) -> Result<Option<Currency>, ValueError> {
    match given {
        Given::Null => Ok(None),
        Given::Text(text) if text.trim().is_empty() => Ok(None),
        Given::Text(text) => Currency::parse(text).map(Some),
        other => Err(values::wrong_type("a string", other)),
    }
}

fn customer_id(given: &Given<'_>) -> Result<Option<i64>, ValueError> {
    let number = match given {
        Given::Null => return Ok(None),
        Given::Number(text) => *text,
        other => return Err(values::wrong_type("an integer", other)),
    };
    let id = number.parse::<i64>().ok().filter(|id| *id > 0);
    id.map(Some).ok_or_else(|| ("invalid_value", "must be the id of a customer: a positive integer".into()))
}

fn reference(given: &Given<'_>) -> Result<Option<String>, ValueError> {
    values::text(given, REFERENCE_CHARS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::kernel::problem::At;

    fn draft(json: &str) -> Result<CouponDraft, Vec<Problem>> {
        CouponDraft::parse(&serde_json::from_str(json).unwrap())
    }

    fn made(json: &str) -> Result<Coupon, Vec<Problem>> {
        draft(json)?.create(CouponId::default(), Micros(7), false)
    }

    fn told(problems: &[Problem]) -> Vec<(String, &'static str)> {
        let place = |problem: &Problem| match &problem.at {
            At::Pointer(pointer) => pointer.clone(),
            other => panic!("{other:?}"),
        };
        problems.iter().map(|problem| (place(problem), problem.code)).collect()
    }

    #[test]
    fn rules_17_a_coupon_takes_off_a_part_or_an_amount() {
        let ten = made(r#"{"code": " Spring-10", "percentOff": "10.50"}"#).unwrap();
        assert_eq!(ten.worth, Worth::Percent(Percent::parse("10.5").unwrap()));
        assert_eq!((ten.code.as_str(), ten.version, ten.created_at), ("Spring-10", 1, Micros(7)));
        let five = made(r#"{"code": "FIVE", "amountOff": 5, "currency": "eur"}"#).unwrap();
        assert_eq!(five.worth, Worth::Amount(Money::parse("5").unwrap(), Currency::parse("EUR").unwrap()));
        for (json, place, code) in [
            (r#"{"percentOff": 10}"#, "/code", "required"),
            (r#"{"code": "A"}"#, "/percentOff", "required"),
            (r#"{"code": "A", "percentOff": 0}"#, "/percentOff", "invalid_percent"),
            (r#"{"code": "A", "percentOff": 100.01}"#, "/percentOff", "invalid_percent"),
            (r#"{"code": "A", "percentOff": 1.005}"#, "/percentOff", "invalid_percent"),
            (r#"{"code": "A", "amountOff": 0, "currency": "USD"}"#, "/amountOff", "invalid_amount"),
            (r#"{"code": "A", "amountOff": 5}"#, "/currency", "required"),
            (r#"{"code": "A", "amountOff": 5.5, "currency": "JPY"}"#, "/amountOff", "too_many_digits"),
            (
                r#"{"code": "A", "percentOff": 5, "amountOff": 5, "currency": "USD"}"#,
                "/amountOff",
                "exclusive_fields",
            ),
            (r#"{"code": "A", "percentOff": 5, "currency": "USD"}"#, "/currency", "exclusive_fields"),
            (r#"{"code": "A", "percentOff": 5, "maxRedemptions": 0}"#, "/maxRedemptions", "invalid_value"),
            (r#"{"code": "A", "percentOff": 5, "status": "on"}"#, "/status", "invalid_value"),
            (r#"{"code": "A", "percentOff": 5, "percentOff": 6}"#, "/percentOff", "duplicate_field"),
            (r#"{"code": "A", "percentOff": 5, "percentof": 6}"#, "/percentof", "unknown_field"),
            (
                r#"{"code": "A", "percentOff": 5, "startsAt": "2026-03-02", "redeemBy": "2026-03-01"}"#,
                "/redeemBy",
                "invalid_time",
            ),
        ] {
            assert_eq!(told(&made(json).unwrap_err()), [(place.to_owned(), code)], "{json}");
        }
        assert!(
            made(r#"{"code": "A", "percentOff": 5, "startsAt": "2026-03-01", "redeemBy": "2026-03-01"}"#)
                .is_ok()
        );
        let all = draft(r#"{"code": 7, "name": 7, "percentOff": "x"}"#).unwrap_err();
        assert_eq!(all.len(), 3, "{all:?}");
    }

    #[test]
    fn rules_17_a_change_keeps_what_is_not_sent() {
        let stored = made(
            r#"{"code": "A", "percentOff": 5, "name": "Five", "maxRedemptions": 3, "customersOnly": true}"#,
        )
        .unwrap();
        let (after, changed) =
            draft(r#"{"name": null, "status": "offline"}"#).unwrap().change(&stored).unwrap();
        assert_eq!(changed, ["name", "status"]);
        assert_eq!((after.max_redemptions, after.customers_only, after.name), (Some(3), true, None));
        let (same, changed) = draft(r#"{"code": "a", "percentOff": 5.0}"#).unwrap().change(&stored).unwrap();
        assert_eq!((same, changed.len()), (stored.clone(), 0));
        let other = draft(r#"{"percentOff": null, "amountOff": 2, "currency": "USD"}"#).unwrap();
        let (amount, changed) = other.change(&stored).unwrap();
        assert_eq!(changed, ["percentOff", "amountOff", "currency"]);
        let (back, _) = draft(r#"{"percentOff": 5, "amountOff": ""}"#).unwrap().change(&amount).unwrap();
        assert_eq!(back.worth, stored.worth);
        let renamed = draft(r#"{"code": "B"}"#).unwrap().change(&stored).unwrap_err();
        assert_eq!(told(&renamed), [("/code".to_owned(), "invalid_code")]);
        assert!(draft(r#"{"code": "A"}"#).unwrap().is_code_alone());
        assert!(!draft(r#"{"code": "A", "name": null}"#).unwrap().is_code_alone());
    }

    #[test]
    fn rules_17_a_redemption_says_who_and_how_much() {
        let read = |json: &str| RedemptionDraft::parse(&serde_json::from_str(json).unwrap());
        let whole =
            read(r#"{"customerId": 7, "amount": "20.00", "currency": "usd", "reference": " order 1 "}"#);
        assert_eq!(whole.unwrap().reference.as_deref(), Some("order 1"));
        let nothing: Vec<_> = told(&read("{}").unwrap_err()).into_iter().map(|(place, _)| place).collect();
        assert_eq!(nothing, ["/customerId", "/amount", "/currency"]);
        for (json, place, code) in [
            (r#"{"customerId": "x", "amount": 1, "currency": "USD"}"#, "/customerId", "wrong_type"),
            (r#"{"customerId": 7, "amount": 0, "currency": "USD"}"#, "/amount", "invalid_amount"),
            (r#"{"customerId": 7, "amount": 1.005, "currency": "USD"}"#, "/amount", "too_many_digits"),
            (r#"{"customerId": 7, "amount": 1, "currency": "XXX"}"#, "/currency", "unknown_currency"),
            (r#"{"customerId": 7, "amount": 1, "currency": "USD", "ref": "x"}"#, "/ref", "unknown_field"),
        ] {
            assert_eq!(told(&read(json).unwrap_err()), [(place.to_owned(), code)], "{json}");
        }
    }
}

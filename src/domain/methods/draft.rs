//! A stored method as a request sends it: every member is checked, and all problems are reported at once.

use std::collections::HashSet;

use strum::VariantNames as _;

use super::changed;
use super::method::{Expiry, Kind, LastCharge, Method};
use crate::domain::accounts::sight::Sight;
use crate::domain::customers::draft::Change;
use crate::domain::customers::mask::{MASK, MASKED_VALUE};
use crate::domain::kernel::members::{Given, Members};
use crate::domain::kernel::problem::{Problem, Rejection, ValueError};
use crate::domain::kernel::text::{clean, hint};
use crate::domain::kernel::time::Micros;

/// The most characters of a provider's name.
const PROVIDER_CHARS_MAX: usize = 40;
/// The most characters of a provider's id.
const ID_CHARS_MAX: usize = 255;
/// The most characters of a brand.
const BRAND_CHARS_MAX: usize = 50;
/// The most characters of a holder's name.
const HOLDER_CHARS_MAX: usize = 250;
/// The most characters of a postal code.
const POSTAL_CODE_CHARS_MAX: usize = 50;
/// The years that a method may end in.
const YEAR_MIN: i64 = 2000;
const YEAR_MAX: i64 = 2100;

/// The members of a request.
pub(super) const NAMES: [&str; 13] = [
    "provider",
    "providerMethodId",
    "providerCustomerId",
    "networkTransactionId",
    "method",
    "brand",
    "last4",
    "expMonth",
    "expYear",
    "fingerprint",
    "holderName",
    "postalCode",
    "isDefault",
];

/// The members that a token without `pii:read` sees as a mask.
pub const MASKED: [&str; 6] = [
    "providerMethodId",
    "providerCustomerId",
    "networkTransactionId",
    "fingerprint",
    "holderName",
    "postalCode",
];

/// What is wrong with a new method without a required member.
pub const REQUIRED: &str = "is required for a new method";

/// A checked method; what is not sent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MethodDraft {
    /// `provider`.
    pub provider: Option<String>,
    /// `providerMethodId`.
    pub provider_method_id: Option<String>,
    /// `providerCustomerId`.
    pub provider_customer_id: Change<String>,
    /// `networkTransactionId`.
    pub network_transaction_id: Change<String>,
    /// `method`.
    pub kind: Option<Kind>,
    /// `brand`.
    pub brand: Change<String>,
    /// `last4`.
    pub last4: Change<String>,
    /// `expMonth`.
    pub exp_month: Change<u8>,
    /// `expYear`.
    pub exp_year: Change<u16>,
    /// `fingerprint`.
    pub fingerprint: Change<String>,
    /// `holderName`.
    pub holder_name: Change<String>,
    /// `postalCode`.
    pub postal_code: Change<String>,
    /// `isDefault`.
    pub is_default: Option<bool>,
    /// The members that came as a mask. It is right if the method has a value there, which then stays (rules 1).
    pub masks: Vec<&'static str>,
    /// Whether a token is sent for another account, of which nothing else is known: then what is not sent is emptied.
    pub is_account: bool,
}

impl MethodDraft {
    /// Checks every member of a body.
    ///
    /// # Errors
    /// All problems at once.
    pub fn parse(members: &Members<'_>) -> Result<MethodDraft, Vec<Problem>> {
        let mut draft = MethodDraft::default();
        let mut problems = Vec::new();
        let mut seen: HashSet<&str> = HashSet::new();
        for (name, raw) in &members.0 {
            let given = Given::of(raw);
            let mask = MASKED.into_iter().find(|masked| masked == name && is_mask(&given));
            let result = match (seen.insert(name), mask) {
                (false, _) => Err(("duplicate_field", "stands in the body twice".to_owned())),
                (true, None) => draft.member(name, &given, raw.get()),
                (true, Some(masked)) => {
                    draft.masks.push(masked);
                    Ok(())
                }
            };
            if let Err((code, message)) = result {
                problems.push(Problem::field(&[name], code, message));
            }
        }
        if problems.is_empty() { Ok(draft) } else { Err(problems) }
    }

    fn member(&mut self, name: &str, given: &Given<'_>, raw: &str) -> Result<(), ValueError> {
        match name {
            "provider" => {
                self.provider =
                    required(read(given, PROVIDER_CHARS_MAX)?)?.map(|name| provider(&name)).transpose()?;
            }
            "providerMethodId" => self.provider_method_id = required(read(given, ID_CHARS_MAX)?)?,
            "providerCustomerId" => self.provider_customer_id = read(given, ID_CHARS_MAX)?,
            "networkTransactionId" => self.network_transaction_id = read(given, ID_CHARS_MAX)?,
            "method" => {
                self.kind = required(read(given, BRAND_CHARS_MAX)?)?.map(|word| kind(&word)).transpose()?;
            }
            "brand" => self.brand = read(given, BRAND_CHARS_MAX)?,
            "last4" => self.last4 = last4(read(given, BRAND_CHARS_MAX)?)?,
            "expMonth" => self.exp_month = number(given, 1, 12)?,
            "expYear" => self.exp_year = number(given, YEAR_MIN, YEAR_MAX)?,
            "fingerprint" => self.fingerprint = read(given, ID_CHARS_MAX)?,
            "holderName" => self.holder_name = read(given, HOLDER_CHARS_MAX)?,
            "postalCode" => self.postal_code = read(given, POSTAL_CODE_CHARS_MAX)?,
            "isDefault" => {
                self.is_default = match given {
                    Given::Null => None,
                    Given::Bool => Some(raw == "true"),
                    other => {
                        return Err(("wrong_type", format!("must be true or false, not {}", other.kind())));
                    }
                }
            }
            _ => {
                let hint = hint(name, NAMES.into_iter());
                return Err(("unknown_field", format!("is no field of a stored method{hint}")));
            }
        }
        Ok(())
    }

    /// What a new method lacks.
    pub fn missing(&self) -> impl Iterator<Item = &'static str> {
        let missing = [
            ("provider", self.provider.is_none()),
            ("providerMethodId", self.provider_method_id.is_none() && self.masks.is_empty()),
            ("method", self.kind.is_none()),
        ];
        missing.into_iter().filter(|(_, is_missing)| *is_missing).map(|(name, _)| name)
    }

    /// The refusal of masks: of all for a new method and for a token that cannot know any, else of those in the place of no value.
    ///
    /// # Errors
    /// 400.
    pub(super) fn check_masks(&self, stored: Option<&Method>, sight: Sight) -> Result<(), Rejection> {
        let has = |name: &str| {
            let stored = stored.filter(|_| sight.knows_masks());
            stored.is_some_and(|stored| match name {
                "providerMethodId" => true,
                "providerCustomerId" => stored.provider_customer_id.is_some(),
                "networkTransactionId" => stored.network_transaction_id.is_some(),
                "fingerprint" => stored.fingerprint.is_some(),
                "holderName" => stored.holder_name.is_some(),
                _ => stored.postal_code.is_some(),
            })
        };
        let wrong = self.masks.iter().filter(|name| !has(name));
        let problems: Vec<Problem> =
            wrong.map(|name| Problem::field(&[name], "masked_value", MASKED_VALUE)).collect();
        if problems.is_empty() { Ok(()) } else { Err(Rejection::Invalid(problems)) }
    }

    /// Whether a method has its token, of the same provider.
    pub fn has_token_of(&self, method: &Method) -> bool {
        self.provider.as_ref() == Some(&method.provider)
            && self.provider_method_id.as_ref() == Some(&method.provider_method_id)
    }

    /// The new method of a draft.
    pub(super) fn method(&self, id: String, now: Micros) -> Result<Method, Rejection> {
        self.check_masks(None, Sight::NONE)?;
        let problems: Vec<Problem> =
            self.missing().map(|name| Problem::field(&[name], "required", REQUIRED)).collect();
        let (Some(provider), Some(provider_method_id), Some(kind)) =
            (self.provider.clone(), self.provider_method_id.clone(), self.kind)
        else {
            return Err(Rejection::Invalid(problems));
        };
        let mut new = Method {
            id,
            version: 1,
            provider,
            provider_method_id,
            provider_customer_id: None,
            network_transaction_id: None,
            kind,
            brand: None,
            last4: None,
            expiry: None,
            fingerprint: None,
            holder_name: None,
            postal_code: None,
            is_default: false,
            last_charge: LastCharge::default(),
            created_at: now,
            updated_at: now,
        };
        self.write_to(&mut new)?;
        Ok(new)
    }

    /// Writes what was sent onto a method, save whether it is the default.
    pub(super) fn write_to(&self, method: &mut Method) -> Result<(), Rejection> {
        if let Some(provider) = &self.provider {
            method.provider.clone_from(provider);
        }
        if let Some(token) = &self.provider_method_id {
            // A new token has had no charge yet.
            if *token != method.provider_method_id {
                method.last_charge = LastCharge::default();
            }
            method.provider_method_id.clone_from(token);
        }
        method.kind = self.kind.unwrap_or(method.kind);
        for (old, change) in [
            (&mut method.provider_customer_id, &self.provider_customer_id),
            (&mut method.network_transaction_id, &self.network_transaction_id),
            (&mut method.brand, &self.brand),
            (&mut method.last4, &self.last4),
            (&mut method.fingerprint, &self.fingerprint),
            (&mut method.holder_name, &self.holder_name),
            (&mut method.postal_code, &self.postal_code),
        ] {
            changed(old, change);
        }
        method.expiry = self.expiry(method.expiry)?;
        Ok(())
    }

    fn expiry(&self, old: Option<Expiry>) -> Result<Option<Expiry>, Rejection> {
        let after = |change: &Change<u16>, old: Option<u16>| match change {
            Change::Keep => old,
            Change::Clear => None,
            Change::Set(value) => Some(*value),
        };
        let month = match &self.exp_month {
            Change::Keep => old.map(|old| old.month),
            Change::Clear => None,
            Change::Set(month) => Some(*month),
        };
        match (after(&self.exp_year, old.map(|old| old.year)), month) {
            (Some(year), Some(month)) => Ok(Some(Expiry { year, month })),
            (None, None) => Ok(None),
            (year, _) => {
                let name = if year.is_none() { "expYear" } else { "expMonth" };
                let message = "is required beside the other one of expMonth and expYear";
                Err(Rejection::Invalid(vec![Problem::field(&[name], "required", message)]))
            }
        }
    }

    /// Whether it writes what a token without `pii:read` does not see.
    pub fn writes_masked(&self) -> bool {
        let texts = [
            &self.provider_customer_id,
            &self.network_transaction_id,
            &self.fingerprint,
            &self.holder_name,
            &self.postal_code,
        ];
        self.provider_method_id.is_some() || texts.into_iter().any(|change| *change != Change::Keep)
    }

    /// The names of the fields that differ, as in a request.
    pub(super) fn names_of_changes(old: &Method, new: &Method) -> Vec<&'static str> {
        let differs = [
            old.provider != new.provider,
            old.provider_method_id != new.provider_method_id,
            old.provider_customer_id != new.provider_customer_id,
            old.network_transaction_id != new.network_transaction_id,
            old.kind != new.kind,
            old.brand != new.brand,
            old.last4 != new.last4,
            old.expiry.map(|expiry| expiry.month) != new.expiry.map(|expiry| expiry.month),
            old.expiry.map(|expiry| expiry.year) != new.expiry.map(|expiry| expiry.year),
            old.fingerprint != new.fingerprint,
            old.holder_name != new.holder_name,
            old.postal_code != new.postal_code,
            old.is_default != new.is_default,
        ];
        NAMES.into_iter().zip(differs).filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }
}

fn is_mask(given: &Given<'_>) -> bool {
    matches!(given, Given::Text(text) if text.trim() == MASK)
}

/// A text in its stored form. What looks like a mask is no value of a member that nobody sees masked.
fn read(given: &Given<'_>, chars_max: usize) -> Result<Change<String>, ValueError> {
    let text = match given {
        Given::Null => return Ok(Change::Clear),
        Given::Text(text) => clean(text, chars_max)?,
        other => return Err(("wrong_type", format!("must be a string, not {}", other.kind()))),
    };
    match text.as_str() {
        "" => Ok(Change::Clear),
        MASK => Err(("masked_value", MASKED_VALUE.into())),
        _ => Ok(Change::Set(text.into())),
    }
}

fn required(change: Change<String>) -> Result<Option<String>, ValueError> {
    match change {
        Change::Keep => Ok(None),
        Change::Clear => Err(("required", "must not be empty".into())),
        Change::Set(value) => Ok(Some(value)),
    }
}

fn provider(name: &str) -> Result<String, ValueError> {
    let name = name.to_ascii_lowercase();
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if is_plain {
        Ok(name)
    } else {
        Err(("invalid_value", format!("must be 1–{PROVIDER_CHARS_MAX} of a-z 0-9 _ -")))
    }
}

fn kind(word: &str) -> Result<Kind, ValueError> {
    let wanted = || ("invalid_value", format!("must be one of {}", Kind::VARIANTS.join(", ")));
    word.to_ascii_lowercase().parse().map_err(|_| wanted())
}

fn last4(change: Change<String>) -> Result<Change<String>, ValueError> {
    match &change {
        Change::Set(text) if text.len() != 4 || !text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(("invalid_value", "must be the last four digits of the account".into()))
        }
        _ => Ok(change),
    }
}

fn number<T: TryFrom<i64>>(given: &Given<'_>, min: i64, max: i64) -> Result<Change<T>, ValueError> {
    let wanted = || ("invalid_value", format!("must be an integer from {min} to {max}"));
    let text = match given {
        Given::Null => return Ok(Change::Clear),
        Given::Number(text) => *text,
        other => return Err(("wrong_type", format!("must be an integer, not {}", other.kind()))),
    };
    let number = text.parse::<i64>().ok().filter(|number| (min..=max).contains(number)).ok_or_else(wanted)?;
    T::try_from(number).map(Change::Set).map_err(|_| wanted())
}

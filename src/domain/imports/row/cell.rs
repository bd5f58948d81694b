//! Turns a cell into the JSON value that a create would send.

use serde_json::value::RawValue;

use crate::domain::customers::fields::TextField;
use crate::domain::customers::mask::is_mask_shaped;
use crate::domain::customers::record::{ADDITIONAL_MAX, TIME_ZONE_MAX, TIME_ZONE_MIN};
use crate::domain::exports::unneutralise;
use crate::domain::imports::options::DateFormat;
use crate::domain::imports::preset::Preset;
use crate::domain::imports::target::Target;
use crate::domain::kernel::members::Members;
use crate::domain::kernel::money::{Money, MoneyError};
use crate::domain::kernel::problem::ValueError;

/// The most names of a list; far more than any field allows.
const LIST_MAX: usize = 1000;

/// The value of a cell.
pub(super) enum Json {
    /// Nothing.
    Absent,
    /// The value of its target.
    Value(String),
    /// The value of an additional field.
    Field(String, String),
    /// Several additional fields.
    Additional(Vec<(String, String)>),
}

/// Reads a cell; `dates` is the date format, if the options or the header name one.
pub(super) fn json(
    target: &Target,
    dates: Option<DateFormat>,
    cell: &str,
    preset: Preset,
) -> Result<Json, ValueError> {
    // No export writes passwords, so a quote in one is part of the password.
    if *target == Target::Password {
        return Ok(Json::Value(string(cell)));
    }
    let text = unneutralise(cell);
    let is_number = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    let text =
        text.strip_prefix('\'').filter(|rest| preset.quotes_numbers() && is_number(rest)).unwrap_or(text);
    let text = text.trim();
    if text.is_empty() {
        return Ok(Json::Absent);
    }
    Ok(match target {
        Target::Text(field @ TextField::Birthday) if !is_mask_shaped(*field, text) => {
            Json::Value(string(&birthday(text, dates)?))
        }
        Target::Text(_) | Target::Password => Json::Value(string(text)),
        Target::Additional(key) => Json::Field(key.clone(), string(text)),
        Target::CreatedAt => Json::Value(string(&created_at(text, dates, preset))),
        Target::Status => Json::Value(integer(text, "must be 0 (inactive), 1 (active) or 85 (locked)")?),
        Target::TimeZone => {
            let wanted =
                format!("must be an integer from {TIME_ZONE_MIN} to {TIME_ZONE_MAX} (hours from UTC)");
            Json::Value(integer(text, &wanted)?)
        }
        Target::Balance => Json::Value(amount(text)?),
        Target::Labels | Target::IdentifierFields => Json::Value(list(text, preset)?),
        Target::AdditionalFields => {
            let members: Members<'_> = serde_json::from_str(text)
                .map_err(|_| ("invalid_json", "must be a JSON object of strings".to_owned()))?;
            if members.0.len() > ADDITIONAL_MAX {
                return Err(("too_many", format!("must have at most {ADDITIONAL_MAX} fields")));
            }
            let field =
                |(key, raw): (std::borrow::Cow<'_, str>, &RawValue)| (key.into_owned(), raw.get().to_owned());
            Json::Additional(members.0.into_iter().map(field).collect())
        }
    })
}

fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn birthday(text: &str, dates: Option<DateFormat>) -> Result<String, ValueError> {
    let read = match dates {
        Some(format) => format.to_iso(text),
        None => DateFormat::ISO.to_iso(text).or_else(|| DateFormat::DAY_FIRST.to_iso(text)),
    };
    read.ok_or_else(|| {
        let wanted = dates.map_or_else(|| "YYYY-MM-DD or DD-MM-YYYY".to_owned(), |format| format.to_string());
        ("invalid_birthday", format!("must be a date written as {wanted} (dateFormat names another form)"))
    })
}

/// If there is a date format, a date in it means its first moment in UTC. Stripe writes times without seconds.
fn created_at(text: &str, dates: Option<DateFormat>, preset: Preset) -> String {
    if let Some(day) = dates.and_then(|format| format.to_iso(text)) {
        return format!("{day} 00:00:00");
    }
    let has_no_seconds = text.len() == "2026-03-01 10:00".len() && !text.contains(['T', 't', 'Z', 'z', '+']);
    if preset == Preset::Stripe && has_no_seconds { format!("{text}:00") } else { text.to_owned() }
}

fn integer(text: &str, wanted: &str) -> Result<String, ValueError> {
    let number = text.parse::<i64>().map_err(|_| ("wrong_type", wanted.to_owned()))?;
    Ok(number.to_string())
}

fn amount(text: &str) -> Result<String, ValueError> {
    let refuse = |error: MoneyError| ("invalid_amount", error.to_string());
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    if !is_number {
        return Err(refuse(MoneyError::NotANumber));
    }
    Money::parse(text).map(|money| money.to_string()).map_err(refuse)
}

/// Names between `;` or `|`, or a JSON array of them.
fn list(text: &str, preset: Preset) -> Result<String, ValueError> {
    let too_many = || Err(("too_many", format!("must have at most {LIST_MAX} names")));
    if text.starts_with('[') {
        return match serde_json::from_str::<Vec<&RawValue>>(text) {
            Ok(items) if items.len() > LIST_MAX => too_many(),
            Ok(_) => Ok(text.to_owned()),
            Err(_) => Err(("invalid_json", "begins like a JSON array of strings but is none".to_owned())),
        };
    }
    let separates = |c: char| matches!(c, ';' | '|') || (c == ',' && preset.has_comma_lists());
    let names: Vec<&str> = text.split(separates).map(str::trim).filter(|name| !name.is_empty()).collect();
    if names.len() > LIST_MAX { too_many() } else { Ok(serde_json::Value::from(names).to_string()) }
}

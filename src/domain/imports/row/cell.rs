//! Turns a cell into the JSON value that a create would send.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::moment;
use crate::domain::addresses::column::{AddressColumn, Part};
use crate::domain::comments::clean_text;
use crate::domain::customers::fields::{Shape, TextField};
use crate::domain::customers::mask::is_mask_shaped;
use crate::domain::customers::record::{ADDITIONAL_MAX, TIME_ZONE_MAX, TIME_ZONE_MIN};
use crate::domain::exports::unmarked;
use crate::domain::imports::header::Reading;
use crate::domain::imports::preset::Preset;
use crate::domain::imports::target::Target;
use crate::domain::kernel::members::Members;
use crate::domain::kernel::money::{Money, MoneyError};
use crate::domain::kernel::problem::ValueError;
use crate::domain::methods::column::MethodColumn;

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

/// Reads a cell; `reading` says how, by the options and the header.
pub(super) fn json(
    target: &Target,
    reading: Reading,
    cell: &str,
    preset: Preset,
) -> Result<Json, ValueError> {
    // No export writes passwords, so a quote in one is part of the password.
    if *target == Target::Password {
        return Ok(Json::Value(string(cell)));
    }
    let text = unmarked(cell);
    if *target == Target::Comment {
        return match clean_text(&text) {
            Ok(text) => Ok(Json::Value(string(&text))),
            Err(("required", _)) => Ok(Json::Absent),
            Err(refusal) => Err(refusal),
        };
    }
    // Its texts have line breaks of their own, as JSON writes them.
    if *target == Target::Json {
        return Ok(Json::Value(text.trim().to_owned()));
    }
    let is_number = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    let text =
        text.strip_prefix('\'').filter(|rest| preset.quotes_numbers() && is_number(rest)).unwrap_or(&text);
    let text = on_one_line(target, text);
    let text = match target {
        Target::Text(TextField::Phone) if preset.has_phone_lists() => first_phone(&text),
        _ => text.trim(),
    };
    if text.is_empty() {
        return Ok(Json::Absent);
    }
    Ok(match target {
        Target::Text(field @ TextField::Birthday) if !is_mask_shaped(*field, text) => {
            Json::Value(string(&moment::birthday(text, reading.dates)?))
        }
        Target::Additional(key) => Json::Field(key.clone(), string(text)),
        Target::CreatedAt => Json::Value(string(&moment::created_at(text, reading.dates, reading.zone)?)),
        Target::Status => Json::Value(status(text)?),
        Target::TimeZone => {
            let wanted =
                format!("must be an integer from {TIME_ZONE_MIN} to {TIME_ZONE_MAX} (hours from UTC)");
            Json::Value(integer(text, &wanted)?)
        }
        Target::Balance => Json::Value(amount(text)?),
        Target::Labels | Target::IdentifierFields => Json::Value(list(text, reading.has_commas)?),
        Target::References | Target::Reference(_) => {
            Json::Value(references(text, *target == Target::References)?)
        }
        Target::Addresses => {
            let is_list = serde_json::from_str::<Vec<&RawValue>>(text).is_ok();
            if !is_list {
                return Err(("invalid_json", "must be a JSON array of addresses".to_owned()));
            }
            Json::Value(text.to_owned())
        }
        Target::Json => Json::Value(text.to_owned()),
        Target::Methods => match serde_json::from_str::<Vec<&RawValue>>(text) {
            Ok(_) => Json::Value(text.to_owned()),
            Err(_) => return Err(("invalid_json", "must be a JSON array of stored methods".to_owned())),
        },
        Target::Method(MethodColumn { part: "expMonth" | "expYear", .. }) => {
            Json::Value(integer(text, "must be an integer")?)
        }
        Target::Method(MethodColumn { part: "isDefault", .. })
        | Target::Address(AddressColumn { part: Part::Default(_), .. }) => Json::Value(yes_or_no(text)?),
        Target::Address(AddressColumn { part: Part::Kind, .. }) => {
            Json::Value(string(&text.to_ascii_lowercase()))
        }
        Target::Text(_) | Target::Password | Target::Comment | Target::Address(_) | Target::Method(_) => {
            Json::Value(string(text))
        }
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

fn yes_or_no(text: &str) -> Result<String, ValueError> {
    const WORDS: [(&str, bool); 6] =
        [("true", true), ("yes", true), ("1", true), ("false", false), ("no", false), ("0", false)];
    let found = WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
    found.map(|(_, is)| is.to_string()).ok_or_else(|| ("wrong_type", "must be true or false".to_owned()))
}

fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A text in which line breaks and tabs are white space: in an address line a break is `, `, elsewhere one blank (rules 9).
fn on_one_line<'a>(target: &Target, text: &'a str) -> Cow<'a, str> {
    use TextField::{Address, Address1, ShippingAddress, ShippingAddress1};
    let is_break =
        |c: char| matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    if !text.contains(|c: char| is_break(c) || c == '\t') {
        return Cow::Borrowed(text);
    }
    let is_address = match target {
        Target::Text(field) => matches!(field, Address | Address1 | ShippingAddress | ShippingAddress1),
        Target::Address(AddressColumn { part: Part::Text(field), .. }) => field.spec().shape == Shape::Street,
        _ => false,
    };
    let mut joined = String::with_capacity(text.len());
    for line in text.split(is_break).map(str::trim).filter(|line| !line.is_empty()) {
        if !joined.is_empty() {
            joined.push_str(if is_address && !joined.ends_with(',') { ", " } else { " " });
        }
        for (index, part) in line.split('\t').map(str::trim).filter(|part| !part.is_empty()).enumerate() {
            joined.push_str(if index > 0 { " " } else { "" });
            joined.push_str(part);
        }
    }
    joined.into()
}

/// The first number of a list such as `Phone: (555) 555-0117 Mobile: (555) 555-0118`; the whole text if it is none.
fn first_phone(text: &str) -> &str {
    const KINDS: [&str; 6] = ["phone:", "mobile:", "other:", "fax:", "pager:", "alt. phone:"];
    // ASCII letters have the same places in both cases.
    let lower = text.to_ascii_lowercase();
    let begins = |kind: &&str| lower.find(*kind).map(|at| at + kind.len());
    let Some(start) = KINDS.iter().take(3).find_map(begins) else {
        return if KINDS.iter().any(|kind| lower.contains(kind)) { "" } else { text.trim() };
    };
    let end = KINDS.iter().filter_map(|kind| lower.get(start..)?.find(kind)).min();
    let number = text.get(start..end.map_or(text.len(), |end| start + end)).unwrap_or_default();
    number.trim().trim_end_matches([',', ';']).trim_end()
}

/// A status by its number or its word.
fn status(text: &str) -> Result<String, ValueError> {
    const WORDS: [(&str, i64); 5] =
        [("active", 1), ("inactive", 0), ("not-active", 0), ("not active", 0), ("locked", 85)];
    match WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)) {
        Some((_, code)) => Ok(code.to_string()),
        None => integer(text, "must be 0 (inactive), 1 (active) or 85 (locked)"),
    }
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

/// Names between `;` or `|`, with `has_commas` also between `,`, each perhaps in quotes; or a JSON array of names.
fn list(text: &str, has_commas: bool) -> Result<String, ValueError> {
    let too_many = || Err(("too_many", format!("must have at most {LIST_MAX} names")));
    if text.starts_with('[') {
        return match serde_json::from_str::<Vec<&RawValue>>(text) {
            Ok(items) if items.len() > LIST_MAX => too_many(),
            Ok(_) => Ok(text.to_owned()),
            Err(_) => Err(("invalid_json", "begins like a JSON array of strings but is none".to_owned())),
        };
    }
    let separates = |c: char| matches!(c, ';' | '|') || (c == ',' && has_commas);
    let mut names: Vec<Cow<'_, str>> = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, after) = match quoted(rest) {
            Some((name, after)) => (Cow::Owned(name), after),
            None => match rest.split_once(separates) {
                Some((name, after)) => (Cow::Borrowed(name.trim()), after),
                None => (Cow::Borrowed(rest.trim()), ""),
            },
        };
        rest = after.trim_start();
        if !name.is_empty() {
            names.push(name);
        }
        if names.len() > LIST_MAX {
            return too_many();
        }
    }
    Ok(serde_json::Value::from(names).to_string())
}

/// References of a cell: ids, each after its system and `:` if the column is for all systems.
fn references(text: &str, have_systems: bool) -> Result<String, ValueError> {
    let json = list(text, false)?;
    let Ok(names) = serde_json::from_str::<Vec<String>>(&json) else {
        return Err(("wrong_type", "must be a JSON array of strings".to_owned()));
    };
    if have_systems && names.iter().any(|name| !name.contains(':')) {
        let message = "each must have the form system:externalId, such as shop:7001; the column reference-shop takes ids alone";
        return Err(("invalid_value", message.to_owned()));
    }
    Ok(json)
}

/// The name in quotes with which a text begins, and what follows the separator after it. Between names in quotes `,` is a
/// separator in every list: the quotes say where a name ends.
fn quoted(text: &str) -> Option<(String, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut end = 0;
    loop {
        end += inside.get(end..)?.find('"')?;
        // Two quotes are a quote of the name.
        match inside.get(end + 1..)?.strip_prefix('"') {
            Some(_) => end += 2,
            None => break,
        }
    }
    let after = inside.get(end + 1..)?.trim_start();
    let after = if after.is_empty() { after } else { after.strip_prefix([',', ';', '|'])? };
    Some((inside.get(..end)?.replace("\"\"", "\"").trim().to_owned(), after))
}

//! Raw card data: which texts look like a card number, and which names ask for one (rules 10).
//!
//! Every text that comes in passes here once: JSON bodies in [`in_json`], names and values of parameters in
//! [`in_parameter`], cells of files in [`holds`] and [`redact`].

mod json;

use std::ops::Range;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};

pub use self::json::{blanked_cell, in_cell, in_json};
use super::invisible::is_ignorable;
use super::plain::plain;
use super::problem::{Problem, ValueError};

/// The code of every refusal.
pub const CODE: &str = "raw_card_data";

/// The fewest and the most digits of a card number.
const DIGITS_MIN: usize = 14;
const DIGITS_MAX: usize = 19;
/// The most bytes at the end of a text that may belong to a number which goes on in the next piece of a file.
const TAIL_BYTES_MAX: usize = 256;
/// What stands in a stored file for a digit of a card number.
pub const REDACTED: char = '\u{1a}';

/// Names that ask for a card number or its security code, without case and signs.
const NAMES: [&str; 7] = ["cardnumber", "cvv", "cvc", "cvv2", "cvc2", "cardcvv", "cardcvc"];

/// What stands before the name of a member in the name of a column or a filter, perhaps with a number after it.
const PREFIXES: [&str; 5] = ["additionalfields", "additional", "reference", "method", "address"];

/// The parameters whose values are names of fields and columns.
const NAMING: [&str; 6] =
    ["columnsExport", "identifierFields", "identifiers", "map", "requiredFields", "sortBy"];

/// Names of fields with a platform's own ids.
const ID_NAMES: [&str; 9] = [
    "customerNumber",
    "externalId",
    "fingerprint",
    "networkTransactionId",
    "providerCustomerId",
    "providerMethodId",
    "refundOf",
    "storedMethodId",
    "tokenId",
];

/// What is wrong with a text that looks like a card number.
const LOOKS: &str = "looks like a card number, which this service never takes; send the token of your payment provider instead";
/// What is wrong with an id that looks like a card number.
const ID_LOOKS: &str = "looks like a card number, which this service never takes; send the token of your payment provider instead, \
                        or set cardGuard to texts in the settings of the entrypoint if your own ids look like this";
/// What is wrong with a name that asks for card data.
const ASKS: &str = "names a card number or its security code, which this service never takes; leave it out and send the token of \
                    your payment provider";

/// Where an entrypoint refuses what looks like a card number: its setting `cardGuard`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[derive(Serialize, Deserialize, EnumString, IntoStaticStr, VariantNames)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum CardGuard {
    /// Everywhere.
    #[default]
    All,
    /// Everywhere but in fields with the platform's own ids.
    Texts,
}

impl CardGuard {
    /// The word in settings.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether a field of this name may hold what looks like a card number.
    pub fn exempts(self, name: &str) -> bool {
        let is_additional = name.starts_with("additional-");
        !is_additional && (is_phone(name) || (self == CardGuard::Texts && is_id(name)))
    }
}

/// Card data in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardData {
    /// The refusal; it repeats nothing of the card.
    pub problem: Problem,
    /// Whether it stands in a field with a platform's own ids, which `cardGuard=texts` exempts.
    pub is_id: bool,
}

/// The refusal of a field that has card data, for a row of a file.
pub fn refusal(name: &str) -> ValueError {
    (CODE, if is_id(name) { ID_LOOKS } else { LOOKS }.to_owned())
}

/// Whether a name asks for a card number or its security code. It may be the name of a member, a field, a header, a column or a
/// filter: `cvv`, `additional-cvv`, `Method 2 CVC`, `cvv(eq)`. Every place that takes names asks here.
pub fn asks(name: &str) -> bool {
    // The longest prefix, a number, the longest name.
    const LETTERS_MAX: usize = 16 + 2 + 10;
    let name = name.split_once('(').map_or(name, |(name, _)| name);
    let letters = name.chars().filter(|c| c.is_alphanumeric()).take(LETTERS_MAX + 1);
    let bare: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    let is_name = |name: &str| NAMES.contains(&name);
    let after =
        |prefix: &&str| Some(bare.strip_prefix(*prefix)?.trim_start_matches(|c: char| c.is_ascii_digit()));
    is_name(&bare) || PREFIXES.iter().filter_map(after).any(is_name)
}

/// Whether a value that names fields has a name of card data.
fn names_card_data(value: &str) -> bool {
    value.split([',', ':', '+', '|', '(', ')']).any(asks)
}

/// Whether a text holds what looks like a card number, or what [`redact`] left of one.
pub fn holds(text: &str) -> bool {
    let redacted = || text.matches(REDACTED).count() >= DIGITS_MIN;
    (text.len() >= DIGITS_MIN
        && (redacted() || (may_hold(text.as_bytes()) && !is_uuid(text) && !numbers(text, true).is_empty())))
        || is_written_with_exponent(text)
}

/// Whether a whole text is a card number as spreadsheets write great numbers: `4.242424242424242E+15`.
fn is_written_with_exponent(text: &str) -> bool {
    let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '='));
    with_exponent(text).is_some_and(|place| place == (0..text.len()))
}

/// The place of the first card number with a decimal sign and an exponent in a text.
fn with_exponent(text: &str) -> Option<Range<usize>> {
    let is_of_number = |c: &char| c.is_ascii_digit() || matches!(c, '.' | ',');
    text.match_indices(['e', 'E']).find_map(|(at, _)| {
        let (before, after) = (text.get(..at)?, text.get(at + 1..)?);
        let exponent = after.strip_prefix('+').unwrap_or(after);
        let digits = exponent.bytes().take_while(u8::is_ascii_digit).count();
        let end = text.len() - exponent.len() + digits;
        // No part of a word, such as a hexadecimal number.
        if text.get(end..)?.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            return None;
        }
        let run = before.len() - before.chars().rev().take_while(is_of_number).count();
        let mut parts = before.get(run..)?.rsplitn(3, ['.', ',']);
        let (fraction, whole) = (parts.next()?, parts.next()?);
        let number = format!("{whole}.{fraction}e{}", exponent.get(..digits)?);
        let start = before.len() - fraction.len() - whole.len() - 1;
        holds_written_out(&number).then_some(start..end)
    })
}

/// What is wrong with the name or the value of a parameter of a query or a path, a form's field or a header.
pub fn in_parameter(name: &str, value: &str) -> Option<CardData> {
    if holds(name) {
        // The name itself must not be repeated.
        return Some(CardData { problem: Problem::parameter("query", CODE, LOOKS), is_id: false });
    }
    let (base, _) = name.split_once('(').unwrap_or((name, ""));
    if asks(base) {
        return Some(CardData { problem: Problem::parameter(name, CODE, ASKS), is_id: false });
    }
    let is_additional = base.starts_with("additional-");
    if NAMING.contains(&base) && names_card_data(value) {
        return Some(CardData { problem: Problem::parameter(name, CODE, ASKS), is_id: false });
    }
    if (is_phone(base) && !is_additional) || !holds(value) {
        return None;
    }
    // A platform whose ids look like cards also searches for them.
    let is_id = !is_additional && (is_id(base) || base == "search");
    let message = if is_id { ID_LOOKS } else { LOOKS };
    Some(CardData { problem: Problem::parameter(name, CODE, message), is_id })
}

/// What is wrong with a header whose value is an id of the sender.
pub fn in_header(name: &'static str, value: &str) -> Option<CardData> {
    holds(value).then(|| CardData { problem: Problem::header(name, CODE, ID_LOOKS), is_id: true })
}

/// Replaces the digits of every card number in a piece of a file, except at its end, where a number may go on: returns the
/// length of the part that is final. A line break or a tab ends a number here, because it ends a cell.
pub fn redact(text: &mut String, is_last: bool) -> usize {
    let end = if is_last { text.len() } else { text.len() - tail(text) };
    let part = text.get(..end).unwrap_or_default();
    if !may_hold(part.as_bytes()) {
        return end;
    }
    let mut found = numbers(part, false);
    let mut from = 0;
    while let Some(place) = part.get(from..).and_then(with_exponent) {
        let place = from + place.start..from + place.end;
        from = place.end;
        // One with fewer digits is none that a file could give away; its row is refused.
        let digits = part.get(place.clone()).into_iter().flat_map(str::bytes).filter(u8::is_ascii_digit);
        if digits.count() >= DIGITS_MIN {
            found.push(place);
        }
    }
    if found.is_empty() {
        return end;
    }
    let mut clean = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let is_of_card = found.iter().any(|number| number.contains(&at));
        clean.push(if is_of_card && digit(c).is_some() { REDACTED } else { c });
    }
    let rest = text.len() - end;
    *text = clean;
    text.len() - rest
}

/// How many bytes at the end of a text may belong to a number that goes on.
fn tail(text: &str) -> usize {
    let of_exponent = |c: &char| matches!(c, 'e' | 'E' | '+' | '.' | ',');
    let of_number =
        |c: &char| digit(*c).is_some() || is_between(*c, false) || is_ignorable(*c) || of_exponent(c);
    let bytes: usize = text.chars().rev().take_while(of_number).map(char::len_utf8).sum();
    if bytes > TAIL_BYTES_MAX { 0 } else { bytes }
}

/// Whether a JSON number is a card number, also with an exponent.
fn holds_written_out(number: &str) -> bool {
    let holds = |digits: &str| digits.len() >= DIGITS_MIN && !numbers(digits, false).is_empty();
    if holds(number) {
        return true;
    }
    let Some((mantissa, exponent)) = number.split_once(['e', 'E']) else { return false };
    let Ok(exponent @ 0..=30) = exponent.trim_start_matches('+').parse::<usize>() else { return false };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let moved: String = fraction.chars().chain(std::iter::repeat('0')).take(exponent).collect();
    let digits = format!("{whole}{moved}");
    holds(digits.trim_start_matches('-').trim_start_matches('0'))
}

fn is_phone(name: &str) -> bool {
    const PHONE: &str = "phone";
    let from = name.len().checked_sub(PHONE.len());
    from.and_then(|from| name.get(from..)).is_some_and(|end| end.eq_ignore_ascii_case(PHONE))
}

fn is_id(name: &str) -> bool {
    let name = name.strip_prefix("method-").unwrap_or(name);
    // `method-2-fingerprint`
    let name = name
        .split_once('-')
        .filter(|(number, _)| number.parse::<u8>().is_ok())
        .map_or(name, |(_, part)| part);
    name.starts_with("reference-") || ID_NAMES.iter().any(|id| id.eq_ignore_ascii_case(name))
}

/// Whether a whole text is a UUID: an id of random digits, of which some would pass for a card.
fn is_uuid(text: &str) -> bool {
    let text = text.trim();
    let is_one = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(is_one)
}

/// A quick look: whether a text or a JSON body may hold a card number. Bytes that are not ASCII may be digits or blanks, and
/// an escape may be anything.
fn may_hold(bytes: &[u8]) -> bool {
    let mut digits = 0_usize;
    let mut is_digit = false;
    for byte in bytes {
        match byte {
            b'0'..=b'9' | 0x80.. => digits += 1,
            b' ' | b'-' | b'\t'..=b'\r' => {}
            b'\\' => digits += 2,
            // A number with an exponent.
            b'e' | b'E' if is_digit => return true,
            _ => digits = 0,
        }
        if digits >= DIGITS_MIN {
            return true;
        }
        is_digit = byte.is_ascii_digit();
    }
    false
}

/// The value of a decimal digit of any script.
fn digit(c: char) -> Option<u8> {
    if c.is_ascii() {
        return c.to_digit(10).and_then(|digit| u8::try_from(digit).ok());
    }
    if !c.is_numeric() {
        return None;
    }
    let plain = plain(c.encode_utf8(&mut [0; 4]));
    let mut digits = plain.bytes();
    match (digits.next(), digits.next()) {
        (Some(only @ b'0'..=b'9'), None) => Some(only - b'0'),
        _ => None,
    }
}

/// Whether a character may stand between the digits of a card number.
fn is_between(c: char, also_breaks: bool) -> bool {
    match c {
        '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' => true,
        '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' => also_breaks,
        c => c.is_whitespace(),
    }
}

/// A run of digits without anything between them.
struct Group {
    digits: Vec<u8>,
    place: Range<usize>,
}

/// The places of all card numbers in a text. A number is made of whole groups of digits, with blanks and dashes between
/// them.
fn numbers(text: &str, also_breaks: bool) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut run: Vec<Group> = Vec::new();
    let mut is_open = false;
    for (at, c) in text.char_indices() {
        if let Some(digit) = digit(c) {
            let place = at..at + c.len_utf8();
            match run.last_mut().filter(|_| is_open) {
                Some(group) => {
                    group.digits.push(digit);
                    group.place.end = place.end;
                }
                None => run.push(Group { digits: vec![digit], place }),
            }
            is_open = true;
        } else if is_between(c, also_breaks) {
            is_open = false;
        } else if !is_ignorable(c) {
            of_run(&run, &mut found);
            run.clear();
            is_open = false;
        }
    }
    of_run(&run, &mut found);
    found
}

fn of_run(run: &[Group], found: &mut Vec<Range<usize>>) {
    let mut digits: Vec<u8> = Vec::with_capacity(DIGITS_MAX);
    for first in 0..run.len() {
        digits.clear();
        let groups = run.get(first..).unwrap_or_default();
        for group in groups {
            if digits.len() + group.digits.len() > DIGITS_MAX {
                break;
            }
            digits.extend(&group.digits);
            if is_card(&digits) {
                let start = groups.first().map_or(0, |group| group.place.start);
                found.push(start..group.place.end);
            }
        }
    }
}

fn is_card(digits: &[u8]) -> bool {
    digits.len() >= DIGITS_MIN && is_of_network(digits) && passes_luhn(digits)
}

/// Whether a number has the first digits and the length of a card network.
fn is_of_network(digits: &[u8]) -> bool {
    let first =
        |count: usize| digits.iter().take(count).fold(0_u32, |sum, digit| sum * 10 + u32::from(*digit));
    match digits.len() {
        // Diners Club.
        14 => matches!(first(3), 300..=305) || matches!(first(2), 36 | 38),
        // American Express.
        15 => matches!(first(2), 34 | 37),
        // Visa, Mastercard, Discover, JCB, UnionPay.
        16 => {
            first(1) == 4
                || matches!(first(2), 51..=55 | 65 | 62)
                || matches!(first(3), 644..=649)
                || matches!(first(4), 2221..=2720 | 6011 | 3528..=3589)
        }
        17 | 18 => first(2) == 62,
        19 => first(1) == 4 || first(2) == 62,
        _ => false,
    }
}

fn passes_luhn(digits: &[u8]) -> bool {
    let doubled = |(index, digit): (usize, &u8)| {
        let digit = u32::from(*digit);
        match (index % 2, digit * 2) {
            (1, twice @ 10..) => twice - 9,
            (1, twice) => twice,
            _ => digit,
        }
    };
    digits.iter().rev().enumerate().map(doubled).sum::<u32>().is_multiple_of(10)
}

#[cfg(test)]
mod tests;

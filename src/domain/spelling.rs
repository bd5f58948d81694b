//! How names of columns for what hangs on a customer may be spelt: `reference_shop`, `Address 2 City` (rules 9).

use super::addresses::column::AddressColumn;
use super::customers::fields::TextField;
use super::customers::identifier::is_additional_key;
use super::kernel::text::nearest;
use super::methods::column::MethodColumn;
use super::references::{REFERENCE_PREFIX, is_system};

/// The first words of these names.
const WORDS: [&str; 4] = ["additional", "address", "method", "reference"];
/// The most digits of a name that a hint repeats: a longer number may be a person's.
const DIGITS_MAX: usize = 3;

/// Whether a character of a header only separates words (rules 9).
pub fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '_' | '-' | '.')
}

/// The name after `additional` or `reference`, with any separators between; `None` if a name does not begin so.
pub fn after_word<'a>(name: &'a str, word: &str) -> Option<&'a str> {
    let (first, rest) = name.split_at_checked(word.len())?;
    let name = rest.trim_start_matches(is_separator);
    (first.eq_ignore_ascii_case(word) && name.len() < rest.len() && !name.is_empty()).then_some(name)
}

/// The name that a misspelt one is perhaps meant to be, if it looks like one of these.
pub fn near(name: &str) -> Option<String> {
    let mut words = name.split(is_separator).filter(|word| !word.is_empty());
    let first = nearest(words.next()?, WORDS.into_iter())?;
    let rest: Vec<&str> = words.collect();
    let joined = rest.join("-");
    if joined.is_empty() || joined.bytes().filter(u8::is_ascii_digit).count() > DIGITS_MAX {
        return None;
    }
    let (place, part) = match rest.split_first() {
        Some((place, part)) if !part.is_empty() => (*place, part.concat()),
        _ => ("", joined.replace('-', "")),
    };
    match first {
        "additional" => is_additional_key(&joined).then(|| format!("additional-{joined}")),
        "reference" => {
            let system = joined.to_lowercase();
            is_system(&system).then(|| format!("{REFERENCE_PREFIX}{system}"))
        }
        "method" => {
            let named = |part: &str| nearest(part, MethodColumn::parts());
            let found = match place.parse() {
                Ok(number) => MethodColumn { number, part: named(&part)? },
                Err(_) => MethodColumn { number: 1, part: named(&rest.concat())? },
            };
            MethodColumn::of_name(&found.to_string()).map(|column| column.to_string())
        }
        _ => {
            let part = nearest(&part, AddressColumn::parts())?;
            let slot = nearest(place, ["billing", "shipping"].into_iter()).unwrap_or(place);
            match AddressColumn::of_name(&format!("address-{slot}-{part}"))? {
                Ok(column) => Some(column.to_string()),
                Err(flat) => Some(flat.name().to_owned()),
            }
        }
    }
}

/// The column of a method or an address by a name without any separators, in lower case; the flat field if that is what it
/// names.
pub fn of_key(key: &str) -> Option<HungColumn> {
    method_of_key(key).map(HungColumn::Method).or_else(|| address_of_key(key))
}

/// A column for a part of what hangs on a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HungColumn {
    /// Of a stored method.
    Method(MethodColumn),
    /// Of an address.
    Address(Result<AddressColumn, TextField>),
}

fn method_of_key(key: &str) -> Option<MethodColumn> {
    let (number, part) = numbered(key.strip_prefix("method")?);
    let part = MethodColumn::parts().find(|known| known.eq_ignore_ascii_case(part))?;
    let name = if number.is_empty() { format!("method-{part}") } else { format!("method-{number}-{part}") };
    MethodColumn::of_name(&name)
}

fn address_of_key(key: &str) -> Option<HungColumn> {
    let rest = key.strip_prefix("address")?;
    let (slot, part) = match ["billing", "shipping"].into_iter().find(|word| rest.starts_with(word)) {
        Some(word) => rest.split_at(word.len()),
        None => numbered(rest),
    };
    AddressColumn::of_name(&format!("address-{slot}-{part}")).map(HungColumn::Address)
}

/// The number at the beginning, and what follows.
fn numbered(text: &str) -> (&str, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at_checked(digits).unwrap_or(("", text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_9_misspelt_names_lead_to_the_right_ones() {
        for (name, wanted) in [
            ("refrence-shop", "reference-shop"),
            ("Reference My Shop", "reference-my-shop"),
            ("adress_2_adress", "address-2-address"),
            ("Address 2 Sity", "address-2-city"),
            ("Address Biling Phone", "address-billing-phone"),
            ("address shiping zip", "shippingZip"),
            ("metod_provider", "method-provider"),
            ("Method 2 Last 4", "method-2-last4"),
            ("method provider method", "method-providerMethodId"),
            ("aditional.tier", "additional-tier"),
        ] {
            assert_eq!(near(name).as_deref(), Some(wanted), "{name}");
        }
        for name in [
            "reference",
            "Street Name",
            "method colour",
            "address city",
            "reference 20260301",
            "method-99-brand",
            "",
        ] {
            assert_eq!(near(name), None, "{name}");
        }
    }
}

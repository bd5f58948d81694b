//! Countries and postal codes (rules 2).

use crate::domain::kernel::problem::ValueError;
use crate::domain::kernel::text::fold_spaces;

/// Everyday English names of countries that ISO names differently.
const COUNTRY_ALIASES: [(&str, &str); 31] = [
    ("america", "US"),
    ("bolivia", "BO"),
    ("brunei", "BN"),
    ("cape verde", "CV"),
    ("czech republic", "CZ"),
    ("democratic republic of the congo", "CD"),
    ("england", "GB"),
    ("great britain", "GB"),
    ("holland", "NL"),
    ("iran", "IR"),
    ("ivory coast", "CI"),
    ("kosovo", "XK"),
    ("laos", "LA"),
    ("macedonia", "MK"),
    ("micronesia", "FM"),
    ("moldova", "MD"),
    ("netherlands", "NL"),
    ("north korea", "KP"),
    ("palestine", "PS"),
    ("russia", "RU"),
    ("scotland", "GB"),
    ("south korea", "KR"),
    ("swaziland", "SZ"),
    ("syria", "SY"),
    ("taiwan", "TW"),
    ("tanzania", "TZ"),
    ("turkey", "TR"),
    ("uk", "GB"),
    ("united kingdom", "GB"),
    ("united states", "US"),
    ("vatican", "VA"),
];

/// The ISO 3166-1 alpha-2 code of a country that is given by alpha-2, alpha-3 or English name, in any case.
///
/// # Errors
/// The text names no country.
pub fn country(text: &str) -> Result<String, ValueError> {
    let upper = text.to_uppercase();
    let found = match upper.len() {
        2 => rust_iso3166::from_alpha2(&upper),
        3 => rust_iso3166::from_alpha3(&upper),
        _ => None,
    };
    if let Some(code) = found {
        return Ok(code.alpha2.to_owned());
    }
    let name = plain_name(text);
    if let Some((_, code)) = COUNTRY_ALIASES.iter().find(|(alias, _)| *alias == name) {
        return Ok((*code).to_owned());
    }
    let mut named = rust_iso3166::ALL.iter().filter(|code| plain_name(code.name) == name);
    // "Gambia" means "Gambia (the)"; "Korea" is ambiguous, because there are two.
    let mut short = rust_iso3166::ALL.iter().filter(|code| short_name(code.name) == name);
    let found = named.next().or_else(|| short.next().filter(|_| short.next().is_none()));
    found.map(|code| code.alpha2.to_owned()).ok_or_else(|| {
        let message = "must be a country as ISO 3166-1 alpha-2 (US), alpha-3 (USA) or English name";
        ("invalid_country", message.to_owned())
    })
}

/// All countries by alpha-2 and English name.
pub fn countries() -> impl Iterator<Item = (&'static str, &'static str)> {
    rust_iso3166::ALL.iter().map(|code| (code.alpha2, code.name.trim_end_matches(" (the)")))
}

/// The English name of an alpha-2 code.
pub fn country_name(alpha2: &str) -> Option<&'static str> {
    countries().find(|(code, _)| *code == alpha2).map(|(_, name)| name)
}

/// A name folded to lower case, without accents, dots and a leading or trailing "the".
fn plain_name(name: &str) -> String {
    let folded: String = fold_spaces(name)
        .chars()
        .filter_map(|c| match c {
            '.' | '\'' | '’' | '(' | ')' | ',' => None,
            'ô' => Some('o'),
            'ç' => Some('c'),
            'é' => Some('e'),
            'å' | 'ã' => Some('a'),
            'ü' => Some('u'),
            'í' => Some('i'),
            '&' => Some('+'),
            other => Some(other),
        })
        .collect();
    let folded = folded.replace(" and ", " + ");
    folded.trim_start_matches("the ").trim_end_matches(" (the)").to_owned()
}

/// The part of ISO's name before a bracket or comma: "Gambia (the)", "Korea, Republic of".
fn short_name(name: &str) -> String {
    let short = name.split([',', '(']).next().unwrap_or(name);
    plain_name(short.trim())
}

/// A postal code where the shipping country is the US or Canada; any text elsewhere.
///
/// # Errors
/// The code has another form.
pub fn shipping_zip(text: &str, country: Option<&str>) -> Result<(), ValueError> {
    let refuse = |message: &str| Err(("invalid_zip", message.to_owned()));
    match country {
        Some("US") if !is_us_zip(text) => refuse("must be a US ZIP code: 12345 or 12345-6789"),
        Some("CA") if !is_canadian_code(text) => refuse("must be a Canadian postal code: A1A 1A1"),
        _ => Ok(()),
    }
}

fn is_us_zip(text: &str) -> bool {
    let digits = |part: &str, count: usize| part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
    match text.split_once(['-', ' ']) {
        Some((five, four)) => digits(five, 5) && digits(four, 4),
        None => digits(text, 5) || digits(text, 9),
    }
}

fn is_canadian_code(text: &str) -> bool {
    let code: Vec<char> = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    code.len() == 6
        && text.chars().count() <= 7
        && code
            .iter()
            .enumerate()
            .all(|(index, c)| if index % 2 == 0 { c.is_ascii_alphabetic() } else { c.is_ascii_digit() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_2_countries_by_code_or_name() {
        for (text, code) in [
            ("us", "US"),
            ("USA", "US"),
            ("United States", "US"),
            ("united states of america", "US"),
            ("Côte d'Ivoire", "CI"),
            ("Cote d'Ivoire", "CI"),
            ("The Netherlands", "NL"),
            ("Korea, Republic of", "KR"),
            ("Bosnia and Herzegovina", "BA"),
            ("Bangladesh", "BD"),
            ("Indonesia", "ID"),
            ("Turkey", "TR"),
            ("Türkiye", "TR"),
            ("GBR", "GB"),
            ("Australia", "AU"),
        ] {
            assert_eq!(country(text).as_deref(), Ok(code), "{text}");
        }
        for bad in ["XX", "ZZZ", "Atlantis", "U", "Korea"] {
            assert!(country(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rules_2_zip_where_the_country_has_a_form() {
        for (zip, country, good) in [
            ("22124", Some("US"), true),
            ("22124-1234", Some("US"), true),
            ("221241234", Some("US"), true),
            ("2212", Some("US"), false),
            ("K1A 0B1", Some("CA"), true),
            ("k1a0b1", Some("CA"), true),
            ("11A 0B1", Some("CA"), false),
            ("anything", Some("FR"), true),
            ("anything", None, true),
        ] {
            assert_eq!(shipping_zip(zip, country).is_ok(), good, "{zip} {country:?}");
        }
    }
}

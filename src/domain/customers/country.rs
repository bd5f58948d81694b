//! Countries and postal codes (rules 2).

use std::collections::HashMap;
use std::sync::LazyLock;

use rust_iso3166::CountryCode;

use crate::domain::entrypoints::theme::Language;
use crate::domain::kernel::plain::plain;
use crate::domain::kernel::problem::ValueError;

/// The English names of CLDR, one a line: alpha-2, a tab, the name. `scripts/country-names` writes the file.
const CLDR_NAMES: &str = include_str!("country_names.tsv");
/// The French names of CLDR, in the same form.
const CLDR_FRENCH: &str = include_str!("country_names_fr.tsv");
/// Kosovo has a code that ISO 3166-1 leaves to users, as CLDR and payment networks use it.
const KOSOVO: [&str; 3] = ["XK", "XKX", "XKK"];

/// Names and abbreviations that neither ISO nor CLDR has, in the form of [`key`].
const ALIASES: [(&str, &str); 42] = [
    ("america", "US"),
    ("argentine republic", "AR"),
    ("bosnia hercegovina", "BA"),
    ("britain", "GB"),
    ("burma", "MM"),
    ("dprk", "KP"),
    ("dr congo", "CD"),
    ("drc", "CD"),
    ("england", "GB"),
    ("french republic", "FR"),
    ("gabonese republic", "GA"),
    ("great britain", "GB"),
    ("hellenic republic", "GR"),
    ("holland", "NL"),
    ("italian republic", "IT"),
    ("kampuchea", "KH"),
    ("ksa", "SA"),
    ("kyrgyz republic", "KG"),
    ("lebanese republic", "LB"),
    ("macau", "MO"),
    ("macedonia", "MK"),
    ("northern ireland", "GB"),
    ("peoples republic of china", "CN"),
    ("portuguese republic", "PT"),
    ("prc", "CN"),
    ("republic of china", "TW"),
    ("republic of congo", "CG"),
    ("republic of ireland", "IE"),
    ("rok", "KR"),
    ("scotland", "GB"),
    ("slovak republic", "SK"),
    ("state of palestine", "PS"),
    ("swiss confederation", "CH"),
    ("togolese republic", "TG"),
    ("tunisian republic", "TN"),
    ("uae", "AE"),
    ("uk", "GB"),
    ("union of comoros", "KM"),
    ("united mexican states", "MX"),
    ("vatican", "VA"),
    ("wales", "GB"),
    ("west bank", "PS"),
];

/// How official names begin, in the form of [`key`], a longer beginning before a shorter one: what follows is a name.
const STATES: [&str; 32] = [
    "bolivarian republic",
    "co operative republic",
    "cooperative republic",
    "democratic peoples republic",
    "democratic republic",
    "democratic socialist republic",
    "federal democratic republic",
    "federal republic",
    "federated states",
    "federative republic",
    "hashemite kingdom",
    "independent state",
    "islamic republic",
    "oriental republic",
    "eastern republic",
    "peoples democratic republic",
    "peoples republic",
    "plurinational state",
    "socialist republic",
    "united republic",
    "arab republic",
    "commonwealth",
    "confederation",
    "grand duchy",
    "federation",
    "kingdom",
    "principality",
    "republic",
    "state",
    "sultanate",
    "union",
    "nation",
];

/// The codes of all names by their [`key`].
static NAMES: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let mut names: HashMap<String, &'static str> = HashMap::new();
    let iso = rust_iso3166::ALL.iter().map(|code| (code.alpha2, code.name));
    let aliases = ALIASES.into_iter().map(|(name, code)| (code, name));
    for (code, name) in aliases.chain(iso).chain(cldr(CLDR_NAMES)) {
        names.entry(key(name)).or_insert(code);
    }
    // Without what stands in brackets or before it: "Iran", "Islamic Republic of Iran". What two countries have names none:
    // "Korea".
    let mut short: HashMap<String, Option<&'static str>> = HashMap::new();
    for code in rust_iso3166::ALL {
        let Some((name, rest)) = code.name.split_once(" (") else { continue };
        for form in [name.to_owned(), format!("{rest} {name}")] {
            let known = short.entry(key(&form)).or_insert(Some(code.alpha2));
            *known = known.filter(|known| *known == code.alpha2);
        }
    }
    for (name, code) in short {
        if let Some(code) = code {
            names.entry(name).or_insert(code);
        }
    }
    names
});

/// The French names by their codes.
static FRENCH: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| cldr(CLDR_FRENCH).collect());

/// The codes and names in a file of CLDR's.
fn cldr(names: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    names.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('\t'))
}

/// The ISO 3166-1 alpha-2 code of a country that is given by alpha-2, alpha-3 or English name, in any case. Names are those
/// of CLDR and ISO, and official ones.
///
/// # Errors
/// The text names no country.
pub fn country(text: &str) -> Result<String, ValueError> {
    // "U.S.A."
    let upper = text.replace(['.', ' '], "").to_uppercase();
    let found = match upper.len() {
        2 => rust_iso3166::from_alpha2(&upper),
        3 => rust_iso3166::from_alpha3(&upper),
        _ => None,
    };
    if let Some(code) = found {
        return Ok(code.alpha2.to_owned());
    }
    if KOSOVO.contains(&upper.as_str()) {
        return Ok("XK".to_owned());
    }
    let name = key(text);
    let named = |name: &str| NAMES.get(name).copied();
    let found = named(&name).or_else(|| named(&key(&upper))).or_else(|| official(&name).and_then(named));
    found.map(str::to_owned).ok_or_else(|| {
        let message = "must be a country as ISO 3166-1 alpha-2 (US), alpha-3 (USA) or English name";
        ("invalid_country", message.to_owned())
    })
}

/// The everyday name in an official one: of "republic of france", "france".
fn official(name: &str) -> Option<&str> {
    STATES.iter().find_map(|state| name.strip_prefix(state)?.strip_prefix(" of "))
}

/// The words of a name by which names compare: without accents, signs, "the" and "and"; `saint` is `st`.
fn key(name: &str) -> String {
    let plain = plain(name).replace('\'', "");
    let words = plain.split(|c: char| !c.is_alphanumeric());
    let words = words.filter(|word| !matches!(*word, "" | "the" | "and")).map(|word| match word {
        "saint" => "st",
        word => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

/// All countries by alpha-2 and name in a language, in no order.
pub fn countries(language: Language) -> impl Iterator<Item = (&'static str, &'static str)> {
    let name = move |code: &'static CountryCode| {
        let french = || FRENCH.get(code.alpha2).copied();
        let own = if language == Language::French { french() } else { None };
        own.unwrap_or(code.name.trim_end_matches(" (the)"))
    };
    rust_iso3166::ALL.iter().map(move |code| (code.alpha2, name(code)))
}

/// The name of an alpha-2 code in a language.
pub fn country_name(alpha2: &str, language: Language) -> Option<&'static str> {
    countries(language).find(|(code, _)| *code == alpha2).map(|(_, name)| name)
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
        for bad in [
            "XX",
            "ZZZ",
            "Atlantis",
            "U",
            "Korea",
            "Virgin Islands",
            "Republic",
            "Republic of",
            "The",
            "European Union",
            "Unknown Region",
            "Kingdom of Atlantis",
        ] {
            assert!(country(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rules_2_every_name_of_cldr_and_iso_is_known() {
        let mut count = 0;
        for (code, name) in cldr(CLDR_NAMES) {
            for form in [
                name.to_owned(),
                name.to_uppercase(),
                format!("The {name}"),
                name.replace('&', "and"),
                name.replace('’', "'"),
            ] {
                assert_eq!(country(&form).as_deref(), Ok(code), "{form}");
            }
            count += 1;
        }
        assert!(count > 260, "{count}");
        for code in rust_iso3166::ALL {
            for form in [code.name, code.alpha2, code.alpha3, &format!("{} (the)", code.name)] {
                assert_eq!(country(form).as_deref(), Ok(code.alpha2), "{form}");
            }
        }
    }

    #[test]
    fn rules_2_countries_as_people_write_them() {
        for (text, code) in [
            ("Vietnam", "VN"),
            ("Viet Nam", "VN"),
            ("UAE", "AE"),
            ("u.a.e.", "AE"),
            ("Wales", "GB"),
            ("England", "GB"),
            ("Scotland", "GB"),
            ("Northern Ireland", "GB"),
            ("UK", "GB"),
            ("U.K.", "GB"),
            ("U.S.A.", "US"),
            ("U.S.", "US"),
            ("Hong Kong", "HK"),
            ("Ivory Coast", "CI"),
            ("Macau", "MO"),
            ("St Lucia", "LC"),
            ("Saint Lucia", "LC"),
            ("St. Kitts & Nevis", "KN"),
            ("Kosovo", "XK"),
            ("XK", "XK"),
            ("Reunion", "RE"),
            ("Curacao", "CW"),
            ("Aland Islands", "AX"),
            ("Iran, Islamic Republic of", "IR"),
            ("Korea (the Republic of)", "KR"),
            ("Republic of Korea", "KR"),
            ("South Korea", "KR"),
            ("North Korea", "KP"),
            ("Democratic People's Republic of Korea", "KP"),
            ("Democratic People’s Republic of Korea", "KP"),
            ("Congo, The Democratic Republic of the", "CD"),
            ("Republic of the Congo", "CG"),
            ("Republic of North Macedonia", "MK"),
            ("British Virgin Islands", "VG"),
            ("Virgin Islands, U.S.", "VI"),
            ("Tanzania", "TZ"),
            ("Canary Islands", "ES"),
            ("Federal Republic of Germany", "DE"),
            ("Kingdom of Spain", "ES"),
            ("French Republic", "FR"),
            ("Swiss Confederation", "CH"),
            ("People's Republic of China", "CN"),
            ("Republic of China", "TW"),
            ("Republic of Ireland", "IE"),
            ("Plurinational State of Bolivia", "BO"),
            ("Socialist Republic of Viet Nam", "VN"),
            ("The State of Qatar", "QA"),
            ("Sultanate of Oman", "OM"),
            ("Hashemite Kingdom of Jordan", "JO"),
            ("Commonwealth of Australia", "AU"),
            ("Co-operative Republic of Guyana", "GY"),
            ("Grand Duchy of Luxembourg", "LU"),
            ("Federative Republic of Brazil", "BR"),
            ("Dominican Republic", "DO"),
            ("Czech Republic", "CZ"),
            ("Slovak Republic", "SK"),
            ("Lao People's Democratic Republic", "LA"),
        ] {
            assert_eq!(country(text).as_deref(), Ok(code), "{text}");
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

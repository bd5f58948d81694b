//! Plain text: the form that search compares and trigrams are made of (rules 8).
//!
//! [`plain`] is [`fold`] followed by a map of single characters: each becomes its compatibility decomposition without
//! combining marks, folded again; every apostrophe becomes one. The map looks at one character at a time, so if one folded
//! text contains another, its plain form contains the other's. Trigrams of plain text may therefore narrow `ct`, which
//! compares folded text, as well as `search=`; `properties` of the filters tests it.

use compact_str::CompactString;
use icu_casemap::CaseMapper;
use icu_normalizer::DecomposingNormalizerBorrowed;
use icu_properties::props::CanonicalCombiningClass;
use icu_properties::{CodePointMapData, CodePointMapDataBorrowed};

use super::invisible::is_ignorable;
use super::text::{apostrophe, fold};

const NFKD: DecomposingNormalizerBorrowed<'static> = DecomposingNormalizerBorrowed::new_nfkd();
const COMBINING: CodePointMapDataBorrowed<'static, CanonicalCombiningClass> =
    CodePointMapData::<CanonicalCombiningClass>::new();

/// The zeros of decimal digits that NFKD does not change, in the scripts in which people write numbers.
const ZEROS: [char; 22] = [
    '\u{660}', '\u{6f0}', '\u{7c0}', '\u{966}', '\u{9e6}', '\u{a66}', '\u{ae6}', '\u{b66}', '\u{be6}',
    '\u{c66}', '\u{ce6}', '\u{d66}', '\u{de6}', '\u{e50}', '\u{ed0}', '\u{f20}', '\u{1040}', '\u{1090}',
    '\u{17e0}', '\u{1810}', '\u{1946}', '\u{19d0}',
];

/// A text without case, diacritics and invisible characters, with ASCII digits and one kind of apostrophe.
///
/// It drops characters with a combining class and those that Unicode calls ignorable (zero-width ones, variation
/// selectors). Indic vowel signs are letters and stay. The strokes of ø, ł, đ, ħ, ŧ, ð, the missing dot of ı and the
/// ligatures æ, œ count as diacritics, though Unicode does not decompose them.
pub fn plain(text: &str) -> CompactString {
    bare(fold(text))
}

/// The plain form of a folded text: the map of single characters.
pub fn bare(folded: CompactString) -> CompactString {
    if folded.is_ascii() {
        return super::text::one_apostrophe(folded);
    }
    // Some apostrophes decompose into a blank and a mark.
    let folded: String = folded.chars().map(apostrophe).collect();
    let mut bare = String::with_capacity(folded.len());
    for c in NFKD.normalize(&folded).chars() {
        if COMBINING.get(c) == CanonicalCombiningClass::NotReordered && !is_ignorable(c) {
            match letters(c) {
                Some(letters) => bare.push_str(letters),
                None => bare.push(ascii_digit(c)),
            }
        }
    }
    // This folds one character at a time. `fold` would compose the text again.
    CaseMapper::new().fold_string(&bare).into()
}

/// What people type who lack a letter on their keyboard.
const fn letters(c: char) -> Option<&'static str> {
    Some(match c {
        'ø' | 'Ø' => "o",
        'ł' | 'Ł' => "l",
        'đ' | 'Đ' | 'ð' | 'Ð' => "d",
        'ħ' | 'Ħ' => "h",
        'ŧ' | 'Ŧ' => "t",
        'ı' => "i",
        'æ' | 'Æ' => "ae",
        'œ' | 'Œ' => "oe",
        'þ' | 'Þ' => "th",
        // The full stop of some keyboards, also in addresses.
        '\u{3002}' => ".",
        _ => return None,
    })
}

/// The ASCII form of a digit; other characters stay.
fn ascii_digit(c: char) -> char {
    if c < '\u{660}' {
        return c;
    }
    ZEROS
        .iter()
        .filter_map(|zero| u32::from(c).checked_sub(u32::from(*zero)))
        .find(|digit| *digit < 10)
        .and_then(|digit| char::from_digit(digit, 10))
        .unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_8_search_ignores_case_and_diacritics() {
        for (text, wanted) in [
            ("José", "jose"),
            ("JOSE\u{301}", "jose"),
            ("Zoë", "zoe"),
            ("Łukasz Ørsted", "lukasz orsted"),
            ("Straße", "strasse"),
            ("Nguyễn", "nguyen"),
            ("İstanbul", "istanbul"),
            ("Yılmaz", "yilmaz"),
            ("Ａｄａ　１２", "ada 12"),
            ("ﬁsh", "fish"),
            ("℡", "tel"),
            ("Lætitia Œuvrard", "laetitia oeuvrard"),
            ("ǼGIR Þórður Guðrún", "aegir thordur gudrun"),
            ("O’Brien O`Brien O´Brien", "o'brien o'brien o'brien"),
            ("a@b。test｡", "a@b.test."),
            ("Ёлка", "елка"),
            ("Ὀδυσσεύς", "οδυσσευσ"),
            ("a\u{200b}d\u{ad}a", "ada"),
            ("❤\u{fe0f}", "❤"),
            ("১৭০০", "1700"),
            ("٠١٢", "012"),
            ("कुमार", "कुमार"),
            ("\u{301}", ""),
        ] {
            assert_eq!(plain(text), wanted, "{text}");
        }
    }

    /// The property that the module's documentation states, for every character that the map changes.
    #[test]
    fn plain_maps_single_characters() {
        // Unused planes and characters that the map does not change need no check.
        let planes = ('\0'..'\u{32000}').chain('\u{e0000}'..'\u{e1000}');
        let changes = |c: &char| {
            COMBINING.get(*c) != CanonicalCombiningClass::NotReordered
                || plain(&c.to_string()) != c.to_string()
        };
        for c in planes.filter(changes) {
            for text in [format!("{c}\u{301}か"), format!("I\u{345}{c}")] {
                let folded = fold(&text);
                let split: String =
                    folded.chars().map(|c| bare(CompactString::from(c.to_string()))).collect();
                assert_eq!(bare(folded), split, "{text:?}");
            }
        }
    }

    #[test]
    fn each_zero_is_followed_by_nine_digits() {
        use icu_properties::props::GeneralCategory;
        let category = CodePointMapData::<GeneralCategory>::new();
        for zero in ZEROS {
            let code = u32::from(zero);
            assert!(
                (code..code + 10).all(|c| category.get32(c) == GeneralCategory::DecimalNumber),
                "{code:x}"
            );
            assert_ne!(category.get32(code - 1), GeneralCategory::DecimalNumber, "{code:x}");
        }
    }
}

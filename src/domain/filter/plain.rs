//! Plain text: the form that search compares and trigrams are made of (rules 8).
//!
//! [`plain`] is [`fold`] followed by a map of single characters: each becomes its compatibility decomposition without
//! combining marks, folded again. The map looks at one character at a time, so if one folded text contains another, its
//! plain form contains the other's. Trigrams of plain text may therefore narrow `ct`, which compares folded text, as well
//! as `search=`; `properties` tests it.

use std::collections::BTreeSet;

use compact_str::CompactString;
use icu_casemap::CaseMapper;
use icu_normalizer::DecomposingNormalizerBorrowed;
use icu_properties::props::{CanonicalCombiningClass, DefaultIgnorableCodePoint};
use icu_properties::{
    CodePointMapData, CodePointMapDataBorrowed, CodePointSetData, CodePointSetDataBorrowed,
};

use crate::domain::kernel::text::fold;

const NFKD: DecomposingNormalizerBorrowed<'static> = DecomposingNormalizerBorrowed::new_nfkd();
const COMBINING: CodePointMapDataBorrowed<'static, CanonicalCombiningClass> =
    CodePointMapData::<CanonicalCombiningClass>::new();
const IGNORABLE: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<DefaultIgnorableCodePoint>();

/// How many characters a trigram has.
pub(super) const GRAM_CHARS: usize = 3;

/// The zeros of decimal digits that NFKD does not change, in the scripts in which people write numbers.
const ZEROS: [char; 22] = [
    '\u{660}', '\u{6f0}', '\u{7c0}', '\u{966}', '\u{9e6}', '\u{a66}', '\u{ae6}', '\u{b66}', '\u{be6}',
    '\u{c66}', '\u{ce6}', '\u{d66}', '\u{de6}', '\u{e50}', '\u{ed0}', '\u{f20}', '\u{1040}', '\u{1090}',
    '\u{17e0}', '\u{1810}', '\u{1946}', '\u{19d0}',
];

/// A text without case, diacritics and invisible characters, with ASCII digits.
///
/// It drops characters with a combining class and those that Unicode calls ignorable (zero-width ones, variation
/// selectors). Indic vowel signs are letters and stay. The strokes of ø, ł, đ, ħ, ŧ and the missing dot of ı count as
/// diacritics, though Unicode does not decompose them.
pub(super) fn plain(text: &str) -> CompactString {
    bare(fold(text))
}

/// The plain form of a folded text: the map of single characters.
pub(super) fn bare(folded: CompactString) -> CompactString {
    if folded.is_ascii() {
        return folded;
    }
    let bare: String = NFKD
        .normalize(&folded)
        .chars()
        .filter(|c| COMBINING.get(*c) == CanonicalCombiningClass::NotReordered && !IGNORABLE.contains(*c))
        .map(base)
        .collect();
    // This folds one character at a time. `fold` would compose the text again.
    CaseMapper::new().fold_string(&bare).into()
}

/// A letter without its stroke, or the ASCII form of a digit.
fn base(c: char) -> char {
    match c {
        'ø' | 'Ø' => 'o',
        'ł' | 'Ł' => 'l',
        'đ' | 'Đ' => 'd',
        'ħ' | 'Ħ' => 'h',
        'ŧ' | 'Ŧ' => 't',
        'ı' => 'i',
        _ if c < '\u{660}' => c,
        _ => ZEROS
            .iter()
            .filter_map(|zero| u32::from(c).checked_sub(u32::from(*zero)))
            .find(|digit| *digit < 10)
            .and_then(|digit| char::from_digit(digit, 10))
            .unwrap_or(c),
    }
}

/// The digits of a text, in their order; phones compare by them.
pub(super) fn digits(text: &str) -> String {
    digits_of_plain(&plain(text))
}

/// The digits of a plain text.
pub(super) fn digits_of_plain(plain: &str) -> String {
    plain.chars().filter(char::is_ascii_digit).collect()
}

/// The mark of a phone's extension.
pub(super) const EXTENSION: char = 'x';

/// The digits of a plain text and the marks of extensions, in their order; words with such a mark are searched in it.
pub(super) fn extended_of_plain(plain: &str) -> String {
    plain.chars().filter(|c| c.is_ascii_digit() || *c == EXTENSION).collect()
}

/// What people write between the digits of a phone, besides blanks; `x` is the mark of an extension.
const fn is_separator(c: char) -> bool {
    matches!(c, '+' | '-' | '(' | ')' | '.' | '/' | EXTENSION | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// Whether a plain word could be part of a telephone number: it has only digits and separators.
pub(super) fn is_phone_like(word: &str) -> bool {
    word.contains(|c: char| c.is_ascii_digit()) && word.chars().all(|c| c.is_ascii_digit() || is_separator(c))
}

/// Whether a plain word has only separators of a telephone number.
pub(super) fn is_separators(word: &str) -> bool {
    !word.is_empty() && word.chars().all(is_separator)
}

/// Calls `visit` with every three adjacent characters, in their order.
pub(super) fn each_gram<'a>(plain: &'a str, visit: &mut impl FnMut(&'a str)) {
    let starts = plain.char_indices().map(|(at, _)| at);
    let ends = plain.char_indices().map(|(at, c)| at + c.len_utf8()).skip(GRAM_CHARS - 1);
    for gram in starts.zip(ends).filter_map(|(start, end)| plain.get(start..end)) {
        visit(gram);
    }
}

/// Every three adjacent characters, in their order, without duplicates.
pub(super) fn grams(plain: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut grams = Vec::new();
    each_gram(plain, &mut |gram: &str| {
        if seen.insert(gram) {
            grams.push(gram.to_owned());
        }
    });
    grams
}

/// Calls `visit` with the trigrams of a phone: of its digits, and of its digits with the marks of extensions.
pub(super) fn each_phone_gram(plain: &str, visit: &mut impl FnMut(&str)) {
    each_gram(&digits_of_plain(plain), &mut |gram: &str| visit(gram));
    if plain.contains(EXTENSION) {
        each_gram(&extended_of_plain(plain), &mut |gram: &str| visit(gram));
    }
}

/// Calls `visit` with the trigrams that find a plain text: its own, and those of its digits if separators divide them,
/// since a word such as `555-0117` may be meant either way.
pub(super) fn each_index_gram(plain: &str, visit: &mut impl FnMut(&str)) {
    each_gram(plain, visit);
    if plain.contains(is_separator) {
        for run in plain.split(|c: char| !(c.is_ascii_digit() || is_separator(c))) {
            // A run of fewer than three digits adds no trigram.
            if run.len() >= GRAM_CHARS {
                each_phone_gram(run, visit);
            }
        }
    }
}

/// At most `most` items, spread evenly, with the first and the last among them.
pub(super) fn spread<T>(items: Vec<T>, most: usize) -> Vec<T> {
    let count = items.len();
    if count <= most {
        return items;
    }
    let steps = most.saturating_sub(1).max(1);
    let wanted: BTreeSet<usize> = (0..most).map(|step| step * (count - 1) / steps).collect();
    items.into_iter().enumerate().filter(|(place, _)| wanted.contains(place)).map(|(_, item)| item).collect()
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

    #[test]
    fn trigrams_are_spread_evenly() {
        assert_eq!(grams("ab"), Vec::<String>::new());
        assert_eq!(grams("aaaa"), ["aaa"]);
        assert_eq!(grams("zoë!"), ["zoë", "oë!"]);
        assert_eq!(spread((0..100).collect(), 4), [0, 33, 66, 99]);
        assert_eq!(spread(vec![1, 2], 4), [1, 2]);
        assert_eq!(spread((0..11).collect::<Vec<_>>(), 10).len(), 10);
        assert_eq!(spread(vec![1, 2, 3], 1), [1]);
        let mut index = BTreeSet::new();
        each_index_gram("a 12-34", &mut |gram: &str| {
            index.insert(gram.to_owned());
        });
        assert_eq!(index.into_iter().collect::<Vec<_>>(), [" 12", "-34", "12-", "123", "2-3", "234", "a 1"]);
    }

    #[test]
    fn which_words_may_be_part_of_a_phone() {
        for word in ["+1", "555-0117", "(555)", "x12", "555.0117", "5"] {
            assert!(is_phone_like(word), "{word}");
        }
        for word in ["", "+", "acc-1", "1a", "--"] {
            assert!(!is_phone_like(word), "{word}");
        }
        assert!(is_separators("--") && is_separators("x") && !is_separators("") && !is_separators("-1"));
    }
}

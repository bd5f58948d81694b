//! The parts of a plain text that search compares: trigrams, words, and the digits of phones (rules 8).

use std::collections::BTreeSet;

pub(super) use crate::domain::kernel::plain::{bare, plain};

/// How many characters a trigram has.
pub(super) const GRAM_CHARS: usize = 3;

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

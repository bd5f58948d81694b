//! Makes any text fit to be printed.

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

use super::fonts::{REPLACEMENT, face_for};

/// The last character of the blocks that the fonts have whole and that need no rules at all.
const PLAIN_LAST: char = '\u{17f}';

/// The most marks on one letter. No language has as many; hundreds of them would cover other texts of the page.
const MARKS_MAX: usize = 8;

/// A text of one paragraph as it is printed: composed, without line breaks and control characters. A character that no font has
/// becomes the plain characters that Unicode says it stands for, if fonts have those.
pub(super) fn clean(text: &str) -> String {
    let known: String = text.chars().filter_map(printed).collect();
    if known.chars().all(|character| character <= PLAIN_LAST) {
        return known;
    }
    let composed = ComposingNormalizerBorrowed::new_nfc().normalize(&known);
    let mut shown = String::with_capacity(composed.len());
    let mut marks = 0;
    for character in composed.chars() {
        match category(character) {
            GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark => marks += 1,
            GeneralCategory::Format => {}
            _ => marks = 0,
        }
        if marks > MARKS_MAX {
            continue;
        }
        if character <= PLAIN_LAST
            || is_ignorable(character)
            || face_for(&[character], false, false).is_some()
        {
            shown.push(character);
            continue;
        }
        let plain = DecomposingNormalizerBorrowed::new_nfkd().normalize_iter(std::iter::once(character));
        let plain: Vec<char> = plain.collect();
        if face_for(&plain, false, false).is_some() { shown.extend(plain) } else { shown.push(character) }
    }
    shown
}

/// Whether a character only steers how others are printed.
pub(super) fn is_ignorable(character: char) -> bool {
    character > PLAIN_LAST && CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character)
}

fn category(character: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(character)
}

/// What is printed for a character before fonts are asked.
fn printed(character: char) -> Option<char> {
    match character {
        ' '..='~' => Some(character),
        // The last four are the blanks of Korean letters, which no font draws.
        '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{115f}'
        | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => Some(' '),
        // Some are invisible, and no word is broken at them here. With the others a text could read other than it is, such as an
        // amount from its end. Scripts from right to left do without.
        '\u{ad}'
        | '\u{feff}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{206f}'
        | '\u{fff9}'..='\u{fffb}' => None,
        _ if character <= PLAIN_LAST && !character.is_control() => Some(character),
        _ => match category(character) {
            GeneralCategory::Control => None,
            // What these mean only their sender knows, and an archive file must not have them.
            GeneralCategory::PrivateUse | GeneralCategory::Unassigned => Some(REPLACEMENT),
            _ => Some(character),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_printed_is_taken_out() {
        for (text, shown) in [
            ("", ""),
            ("Zoë\r\n\tÅsa\u{7}\u{9f}", "Zoë   Åsa"),
            ("a\u{202e}b\u{2067}c\u{feff}\u{ad}", "abc"),
            ("\u{e000}\u{10ffff}\u{fdd0}", "\u{fffd}\u{fffd}\u{fffd}"),
            ("e\u{301}", "é"),
            ("\u{1112}\u{1161}\u{11ab}", "한"),
            ("𝓐𝔫𝗻", "Ann"),
            ("א\u{200f}", "א\u{200f}"),
            ("\u{3164}\u{1160}", "  "),
            ("שּׁ", "שּׁ"),
        ] {
            assert_eq!(clean(text), shown, "{text:?}");
        }
        assert_eq!(clean(&format!("b{}c", "\u{323}".repeat(4_000))).chars().count(), 2 + MARKS_MAX);
    }
}

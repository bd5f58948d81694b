//! Invisible characters: which of them a text keeps (rules 2).
//!
//! People paste zero-width characters, soft hyphens and directional marks without seeing them. A text loses every code point
//! that Unicode calls default-ignorable, except where a script or an emoji needs it.

use std::borrow::Cow;

use icu_properties::props::{
    CanonicalCombiningClass, DefaultIgnorableCodePoint, EmojiModifier, ExtendedPictographic, JoiningType,
};
use icu_properties::{
    CodePointMapData, CodePointMapDataBorrowed, CodePointSetData, CodePointSetDataBorrowed,
};

const IGNORABLE: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<DefaultIgnorableCodePoint>();
const PICTURE: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<ExtendedPictographic>();
const SKIN: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<EmojiModifier>();
const COMBINING: CodePointMapDataBorrowed<'static, CanonicalCombiningClass> =
    CodePointMapData::<CanonicalCombiningClass>::new();
const JOINING: CodePointMapDataBorrowed<'static, JoiningType> = CodePointMapData::<JoiningType>::new();

const ZWNJ: char = '\u{200c}';
const ZWJ: char = '\u{200d}';
/// Text style and emoji style of the character before.
const STYLES: [char; 2] = ['\u{fe0e}', '\u{fe0f}'];
const KEYCAP: char = '\u{20e3}';
/// A black flag begins the flags of England, Scotland and Wales; tag letters and the end tag follow.
const FLAG: char = '\u{1f3f4}';
const END_TAG: char = '\u{e007f}';
/// How many tag letters name a region: a country and a subdivision (UTS 51, ED-14a).
const REGION_TAGS: std::ops::RangeInclusive<usize> = 3..=6;

/// Whether Unicode calls the character default-ignorable.
pub(crate) fn is_ignorable(c: char) -> bool {
    !c.is_ascii() && IGNORABLE.contains(c)
}

/// A text without any ignorable character, as in e-mail addresses.
pub(crate) fn without_ignorable(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || !text.chars().any(is_ignorable) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter(|c| !is_ignorable(*c)).collect())
}

/// A text without ignorable characters, save those that it needs: joiners between letters of scripts that join, and the
/// parts of emoji sequences.
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || !text.chars().any(is_ignorable) {
        return Cow::Borrowed(text);
    }
    let mut kept: Vec<char> = Vec::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if !is_ignorable(c) || is_needed(&kept, c, rest.clone()) {
            kept.push(c);
        } else if is_tag(c) && kept.last() == Some(&FLAG) {
            let tags: Vec<char> = std::iter::once(c).chain(rest.clone()).take_while(|c| is_tag(*c)).collect();
            // The first tag is `c`.
            rest.by_ref().take(tags.len() - 1).for_each(drop);
            kept.extend(tags.iter().take(region_tags(&tags)));
        }
    }
    Cow::Owned(kept.into_iter().collect())
}

/// Whether a text needs an ignorable character between the kept characters and the rest.
fn is_needed(kept: &[char], c: char, rest: std::str::Chars<'_>) -> bool {
    let Some(&before) = kept.last() else { return false };
    let mut after = rest.filter(|c| !is_ignorable(*c));
    if STYLES.contains(&c) {
        let is_key = matches!(before, '0'..='9' | '#' | '*') && after.next() == Some(KEYCAP);
        return is_key || PICTURE.contains(before);
    }
    let is_virama = |c: char| COMBINING.get(c) == CanonicalCombiningClass::Virama;
    match c {
        ZWJ => {
            let next = after.next();
            let mut pictures = kept.iter().rev().skip_while(|c| STYLES.contains(c) || SKIN.contains(**c));
            let joins_pictures = pictures.next().is_some_and(|c| PICTURE.contains(*c))
                && next.is_some_and(|c| PICTURE.contains(c));
            // Indic scripts choose the form of a conjunct by it, also at the end of a word.
            joins_pictures || is_virama(before) || (before.is_alphabetic() && next.is_some_and(is_virama))
        }
        ZWNJ => {
            let is_passed = |c: char| JOINING.get(c) == JoiningType::Transparent;
            let left = kept.iter().rev().copied().find(|c| !is_passed(*c)).map(|c| JOINING.get(c));
            let mut after = after.peekable();
            let divides_conjunct = is_virama(before) && after.peek().is_some_and(|c| c.is_alphabetic());
            let right = after.find(|c| !is_passed(*c)).map(|c| JOINING.get(c));
            divides_conjunct
                || (matches!(left, Some(JoiningType::DualJoining | JoiningType::LeftJoining))
                    && matches!(right, Some(JoiningType::DualJoining | JoiningType::RightJoining)))
        }
        _ => false,
    }
}

fn is_tag(c: char) -> bool {
    ('\u{e0020}'..=END_TAG).contains(&c)
}

/// How many tags name a region, with the end tag; 0 if they name none.
fn region_tags(tags: &[char]) -> usize {
    let is_letter = |c: &char| matches!(c, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}');
    let letters = tags.iter().take_while(|c| is_letter(c)).count();
    if REGION_TAGS.contains(&letters) && tags.get(letters) == Some(&END_TAG) { letters + 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    #[test]
    fn rules_2_a_text_loses_what_nobody_sees() {
        for (text, wanted) in [
            ("Mo\u{2060} Va\u{ad}le\u{feff}", "Mo Vale"),
            ("\u{200b}a\u{200c}b\u{200d}c\u{200e}\u{200f}", "abc"),
            ("\u{202a}Ada\u{202c} \u{2066}Roe\u{2069}", "Ada Roe"),
            ("a\u{34f}\u{61c}\u{115f}\u{3164}\u{180e}\u{fe00}\u{e0100}b", "ab"),
            ("5\u{fe0f}5\u{fe0f}5", "555"),
            // Tags alone, or too many of them, could hide a text.
            ("a\u{e0061}\u{e0062}\u{e007f}", "a"),
            (
                "\u{1f3f4}\u{e0061}\u{e0062}\u{e0063}\u{e0064}\u{e0065}\u{e0066}\u{e0067}\u{e007f}",
                "\u{1f3f4}",
            ),
            ("\u{1f3f4}\u{e0067}\u{e0062}", "\u{1f3f4}"),
        ] {
            assert_eq!(visible(text), wanted, "{text:?}");
        }
        assert_eq!(without_ignorable("\u{645}\u{200c}\u{627}👩\u{200d}👧"), "\u{645}\u{627}👩👧");
    }

    #[test]
    fn rules_2_scripts_and_emoji_keep_what_they_need() {
        for text in [
            // Persian: a suffix that must not join. Marks do not stop the joining.
            "\u{646}\u{627}\u{645}\u{647}\u{200c}\u{627}\u{6cc}",
            "\u{645}\u{650}\u{200c}\u{64e}\u{646}",
            // Hindi half form and explicit virama, Bengali ya-phala, a Malayalam chillu at the end.
            "\u{915}\u{94d}\u{200d}\u{937}",
            "\u{915}\u{94d}\u{200c}\u{937}",
            "\u{9b0}\u{200d}\u{9cd}\u{9af}",
            "\u{d28}\u{d4d}\u{200d}",
            // A family, a red heart, a keycap, a flag, a skin tone, a text style.
            "👩\u{200d}👩\u{200d}👧",
            "❤\u{fe0f}\u{200d}🔥",
            "1\u{fe0f}\u{20e3}",
            "\u{1f3f4}\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}",
            "👩🏽\u{200d}🦰",
            "☎\u{fe0e}",
        ] {
            assert_eq!(visible(text), text, "{text:?}");
            // Another ignorable character beside each one changes nothing.
            for other in ["\u{200b}", "\u{2060}", "\u{ad}"] {
                let mixed: String = text
                    .chars()
                    .map(|c| if matches!(c, ZWJ | ZWNJ) { format!("{c}{other}") } else { c.into() })
                    .collect();
                assert_eq!(visible(&mixed), text, "{mixed:?}");
            }
        }
    }

    fn pieces() -> impl Strategy<Value = String> {
        let pieces = "a|1|#|\u{20e3}|é|\u{645}|\u{64e}|\u{627}|\u{915}|\u{94d}|\u{9b0}|\u{9cd}|👩|❤|🏽|\u{1f3f4}|\u{e0067}|\u{e0062}|\
            \u{e0077}|\u{e007f}|\u{200b}|\u{200c}|\u{200d}|\u{fe0f}|\u{fe0e}|\u{2060}|\u{ad}|\u{e0100}| ";
        vec(select(pieces.split('|').collect::<Vec<_>>()), 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        /// Only ignorable characters go, a second pass removes nothing more, and ASCII stays.
        #[test]
        fn removing_invisible_characters_is_idempotent(text in pieces()) {
            let once = visible(&text).into_owned();
            prop_assert_eq!(visible(&once), once.as_str());
            prop_assert_eq!(without_ignorable(&once), without_ignorable(&text));
        }
    }
}

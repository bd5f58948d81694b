//! Texts that people write: which are refused, and how they are stored and compared (rules 2, 3, 8).

use std::borrow::Cow;
use std::fmt::Display;

use compact_str::CompactString;
use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::props::GeneralCategory;
use icu_properties::{CodePointMapData, CodePointMapDataBorrowed};

use super::problem::ValueError;

const NFC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();
const CATEGORY: CodePointMapDataBorrowed<'static, GeneralCategory> =
    CodePointMapData::<GeneralCategory>::new();

/// The stored form of a text: trimmed, in NFC (rules 2). An empty text means absent.
///
/// # Errors
/// The text has a control character, or more characters than allowed.
pub fn clean(text: &str, chars_max: usize) -> Result<CompactString, ValueError> {
    let trimmed = text.trim();
    // A character of the normal form has at most four characters before, of at most four bytes. A text that must be too long
    // is not looked at further: it may have megabytes.
    if trimmed.len() > chars_max.saturating_mul(16) {
        return Err(("too_long", at_most(chars_max)));
    }
    if has_control(trimmed) {
        return Err(("control_character", NO_CONTROL.into()));
    }
    let normal = nfc(trimmed);
    if normal.len() > chars_max && normal.chars().count() > chars_max {
        return Err(("too_long", at_most(chars_max)));
    }
    Ok(normal.into())
}

/// The stored form of a text that a derived check looks at afterwards.
pub fn normal(text: &str) -> String {
    nfc(text.trim()).into_owned()
}

/// What is wrong with a text that has control characters.
pub(super) const NO_CONTROL: &str = "must not hold control characters";

/// What is wrong with a text that is too long.
pub(super) fn at_most(chars_max: impl Display) -> String {
    format!("must have at most {chars_max} characters")
}

/// Whether a text has a character that texts refuse.
pub(super) fn has_control(text: &str) -> bool {
    if text.is_ascii() {
        text.bytes().any(|byte| byte.is_ascii_control())
    } else {
        text.chars().any(is_refused)
    }
}

/// Whether texts refuse this character: controls, line and paragraph separators, and noncharacters.
fn is_refused(c: char) -> bool {
    let code = u32::from(c);
    (code & 0xfffe) == 0xfffe
        || (0xfdd0..=0xfdef).contains(&code)
        || matches!(
            CATEGORY.get(c),
            GeneralCategory::Control | GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator
        )
}

/// Unicode normal form C.
pub fn nfc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() { Cow::Borrowed(text) } else { NFC.normalize(text) }
}

/// The form in which filters compare: NFC with full default Unicode case folding (rules 8).
pub fn fold(text: &str) -> CompactString {
    if text.is_ascii() {
        let mut folded = CompactString::new(text);
        folded.make_ascii_lowercase();
        return folded;
    }
    // Folding may produce text that is not in NFC, so the result is normalised again (Unicode 3.13, D145).
    let folded = CaseMapper::new().fold_string(&nfc(text)).into_owned();
    nfc(&folded).into()
}

/// The form in which identities compare: [`fold`], with one blank for every run of white space (rules 3).
pub fn fold_spaces(text: &str) -> CompactString {
    one_blank(fold(text))
}

/// The words of a text with one blank between them.
pub fn one_blank(text: CompactString) -> CompactString {
    if has_single_blanks(&text) {
        return text;
    }
    let mut result = CompactString::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !result.is_empty() {
            result.push(' ');
        }
        result.push_str(word);
    }
    result
}

/// Whether a text is ASCII and has single blanks between its words and no other white space, as most texts have.
fn has_single_blanks(text: &str) -> bool {
    let mut after_blank = true;
    for byte in text.bytes() {
        match byte {
            b' ' if !after_blank => after_blank = true,
            b' ' | b'\t'..=b'\r' | 0x80.. => return false,
            _ => after_blank = false,
        }
    }
    !after_blank || text.is_empty()
}

/// The part of a name that errors repeat: ASCII letters, digits and these signs. A query that was encoded as a whole has
/// personal values in its "names", so the part ends at the first other character.
pub fn shown(name: &str, signs: &str) -> String {
    const CHARS_MAX: usize = 60;
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || signs.contains(*c);
    let kept: String = name.chars().take_while(is_plain).take(CHARS_MAX).collect();
    if kept.len() == name.len() { kept } else { kept + "…" }
}

/// The candidate that is most similar to a word, for "did you mean".
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const LIKENESS_MIN: f64 = 0.75;
    /// The work grows with the length of the word, and no name is longer.
    const WORD_BYTES_MAX: usize = 100;
    if word.len() > WORD_BYTES_MAX {
        return None;
    }
    let word = word.to_lowercase();
    candidates
        .map(|candidate| (strsim::jaro_winkler(&word, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// "; did you mean …?" with the [`nearest`] candidate; empty if none is near.
pub fn hint<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    nearest(word, candidates).map(|near| format!("; did you mean {near}?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_2_texts_are_trimmed_and_normal() {
        assert_eq!(clean("  Zoe\u{308} ", 10).unwrap(), "Zoë");
        assert_eq!(clean("\u{a0}x\u{3000}", 10).unwrap(), "x");
        assert_eq!(clean("ab", 1).unwrap_err().0, "too_long");
        assert_eq!(clean(&"a".repeat(1 << 20), 1).unwrap_err().0, "too_long");
        // One character, of four when sent.
        assert_eq!(clean(&"\u{3b1}\u{313}\u{300}\u{345}".repeat(250), 250).unwrap().chars().count(), 250);
        // Four characters, eight bytes: limits count characters.
        assert_eq!(clean("éééé", 4).unwrap(), "éééé");
        for bad in ["a\0b", "a\nb", "a\u{85}b", "a\u{2028}b", "a\u{fffe}b", "a\u{7f}"] {
            assert_eq!(clean(bad, 10).unwrap_err().0, "control_character", "{bad:?}");
        }
        assert_eq!(clean("👩‍👩‍👧", 10).unwrap(), "👩‍👩‍👧");
    }

    #[test]
    fn rules_3_names_compare_without_case_and_spacing() {
        assert_eq!(fold_spaces("ZOË   Roe"), fold_spaces("zoe\u{308} roe"));
        assert_eq!(fold("Straße"), "strasse");
        assert_ne!(fold("I"), fold("ı"));
        for (text, wanted) in [
            ("", ""),
            (" ", ""),
            ("  ", ""),
            ("a", "a"),
            ("a b c", "a b c"),
            (" a b", "a b"),
            ("a b ", "a b"),
            ("a  b", "a b"),
            ("a\tb", "a b"),
            ("a\u{b}b", "a b"),
            ("a \u{a0}b", "a b"),
            ("\u{3000}é\u{2009}b ", "é b"),
        ] {
            assert_eq!(one_blank(text.into()), wanted, "{text:?}");
        }
    }

    #[test]
    fn nearest_finds_typing_errors() {
        let names = ["firstname", "lastname", "email"];
        assert_eq!(nearest("first_name", names.into_iter()), Some("firstname"));
        assert_eq!(nearest("qqqq", names.into_iter()), None);
        assert_eq!(nearest(&"firstname".repeat(100), names.into_iter()), None);
    }
}

//! Texts that people write: which are refused, and how they are stored and compared (rules 2, 3, 8).

use std::borrow::Cow;
use std::fmt::Display;

use compact_str::CompactString;
use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::props::GeneralCategory;
use icu_properties::{CodePointMapData, CodePointMapDataBorrowed};

use super::invisible::visible;
use super::problem::ValueError;

const NFC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();
const CATEGORY: CodePointMapDataBorrowed<'static, GeneralCategory> =
    CodePointMapData::<GeneralCategory>::new();

/// What a line break of a street becomes; elsewhere it becomes one blank.
const BETWEEN_LINES: &str = ", ";

/// The stored form of a text: without invisible characters, on one line, trimmed, in NFC (rules 2). An empty text means
/// absent.
///
/// # Errors
/// The text has a control character, or more characters than allowed.
pub fn clean(text: &str, chars_max: usize) -> Result<CompactString, ValueError> {
    checked(&one_line(&seen(text, chars_max)?, " "), chars_max)
}

/// The stored form of a street: as [`clean`], but a comma stands between its lines.
///
/// # Errors
/// Same as [`clean`].
pub fn clean_lines(text: &str, chars_max: usize) -> Result<CompactString, ValueError> {
    checked(&one_line(&seen(text, chars_max)?, BETWEEN_LINES), chars_max)
}

/// The stored form of a text of several lines, such as a comment: without invisible characters, trimmed, in NFC. Every line
/// break becomes `\n`; tabs stay.
///
/// # Errors
/// Same as [`clean`].
pub fn clean_paragraphs(text: &str, chars_max: usize) -> Result<String, ValueError> {
    let seen = seen(text, chars_max)?;
    let lines = seen.trim().replace("\r\n", "\n").replace(is_break, "\n");
    if lines.chars().any(|c| !matches!(c, '\n' | '\t') && is_refused(c)) {
        return Err(("control_character", NO_CONTROL.into()));
    }
    let normal = nfc(&lines);
    if normal.chars().count() > chars_max {
        return Err(("too_long", at_most(chars_max)));
    }
    Ok(normal.into_owned())
}

/// The visible part of a text. A text that must be too long is not looked at: it may have megabytes. A character of the
/// normal form has at most four characters before, of at most four bytes.
fn seen(text: &str, chars_max: usize) -> Result<Cow<'_, str>, ValueError> {
    let trimmed = text.trim();
    if trimmed.len() > chars_max.saturating_mul(16) {
        return Err(("too_long", at_most(chars_max)));
    }
    Ok(visible(trimmed))
}

/// A text of one line without white space at its ends, in NFC.
///
/// # Errors
/// Same as [`clean`].
pub(crate) fn checked(trimmed: &str, chars_max: usize) -> Result<CompactString, ValueError> {
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
    nfc(&one_line(&visible(text), " ")).into_owned()
}

/// A typed text as a filter compares it: without invisible characters and line breaks. White space at the ends stays.
pub fn typed(text: &str) -> Cow<'_, str> {
    let text = visible(text);
    if text.contains(is_break_or_tab) { Cow::Owned(text.replace(is_break_or_tab, " ")) } else { text }
}

/// A trimmed text on one line: line breaks and tabs are white space. A tab, with the white space around it, becomes a
/// blank, and a line break, with the empty lines after it, becomes `between`.
fn one_line<'a>(text: &'a str, between: &str) -> Cow<'a, str> {
    let trimmed = text.trim();
    if !trimmed.contains(is_break_or_tab) {
        return Cow::Borrowed(trimmed);
    }
    let mut line = String::with_capacity(trimmed.len());
    for part in trimmed.split(is_break).map(str::trim).filter(|part| !part.is_empty()) {
        if !line.is_empty() {
            let has_comma = between != " " && (line.ends_with(',') || part.starts_with(','));
            line.push_str(if has_comma { between.trim_start_matches(',') } else { between });
        }
        for (index, cell) in part.split('\t').map(str::trim).filter(|cell| !cell.is_empty()).enumerate() {
            if index > 0 {
                line.push(' ');
            }
            line.push_str(cell);
        }
    }
    Cow::Owned(line)
}

/// The characters that begin a new line (Unicode 5.8).
fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_break_or_tab(c: char) -> bool {
    c == '\t' || is_break(c)
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

/// The apostrophe for every character that people type as one, and every other character as it is.
pub fn apostrophe(c: char) -> char {
    match c {
        '`' | '´' | '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2032}' | '\u{2035}' | '\u{ff07}'
        // Modifier letters, as in Hawaiʻi and in transliterations.
        | '\u{2b9}' | '\u{2bb}'..='\u{2bf}' | '\u{2c8}' | '\u{a78b}' | '\u{a78c}'
        // The Greek koronis, the Armenian apostrophe, the Hebrew geresh.
        | '\u{1fbd}' | '\u{55a}' | '\u{5f3}' => '\'',
        other => other,
    }
}

/// A text in which all apostrophes are one, as names compare (rules 3).
pub fn one_apostrophe(text: CompactString) -> CompactString {
    if text.contains(|c| apostrophe(c) != c) { text.chars().map(apostrophe).collect() } else { text }
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

/// The candidate that is nearest to a word, for "did you mean": one typing error away for each three letters of the word,
/// at most three. `None` if none is so near.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const ERRORS_MAX: usize = 3;
    const CHARS_MAX: usize = 60;
    let length = word.chars().count();
    // The distance takes the product of both lengths to compute.
    if length > CHARS_MAX {
        return None;
    }
    let errors_max = (length / 3).clamp(1, ERRORS_MAX);
    let word = word.to_lowercase();
    candidates
        .map(|candidate| (strsim::osa_distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(errors, _)| *errors <= errors_max)
        .min_by_key(|(errors, _)| *errors)
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
        for bad in ["a\0b", "a\u{1b}b", "a\u{8d}b", "a\u{fffe}b", "a\u{7f}"] {
            assert_eq!(clean(bad, 10).unwrap_err().0, "control_character", "{bad:?}");
        }
        assert_eq!(clean("👩‍👩‍👧", 10).unwrap(), "👩‍👩‍👧");
        // What looks empty is absent.
        assert_eq!(clean(" \u{200b}\u{3164}\n", 10).unwrap(), "");
    }

    #[test]
    fn rules_2_line_breaks_and_tabs_are_white_space() {
        for (text, line, street) in [
            ("12 High St\nFlat 3", "12 High St Flat 3", "12 High St, Flat 3"),
            ("12 High St,\r\nFlat 3", "12 High St, Flat 3", "12 High St, Flat 3"),
            ("12 High St \r\n\r\n , Flat 3\n", "12 High St , Flat 3", "12 High St , Flat 3"),
            ("a\u{85}b\u{2028}c\u{b}d\u{c}e\u{2029}f\rg", "a b c d e f g", "a, b, c, d, e, f, g"),
            ("\ta \t\t b\t", "a b", "a b"),
            ("a  b", "a  b", "a  b"),
            ("a\u{200b}\nb", "a b", "a, b"),
        ] {
            assert_eq!(clean(text, 99).unwrap(), line, "{text:?}");
            assert_eq!(clean_lines(text, 99).unwrap(), street, "{text:?}");
        }
        assert_eq!(normal(" Oakton\n Tools\t"), "Oakton Tools");
        assert_eq!(typed(" a\nb\u{ad} "), " a b ");
    }

    #[test]
    fn rules_3_apostrophes_are_one() {
        for name in
            ["O’Brien", "O\u{2bc}Brien", "O`Brien", "O´Brien", "O\u{ff07}Brien", "O‘Brien", "O\u{2032}Brien"]
        {
            assert_eq!(one_apostrophe(fold_spaces(name)), "o'brien", "{name}");
        }
        assert_eq!(one_apostrophe("rock \"n\" roll".into()), "rock \"n\" roll");
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
        assert_eq!(nearest("Emial", names.into_iter()), Some("email"));
        for far in ["", "qqqq", "name", "mall", "emial address", &"email".repeat(20)] {
            assert_eq!(nearest(far, names.into_iter()), None, "{far}");
        }
    }
}

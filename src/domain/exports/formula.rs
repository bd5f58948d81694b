//! Makes cells harmless that a spreadsheet would run as a formula, and reads them back (rules 9).

use std::borrow::Cow;

/// The text of a CSV cell, with a `'` before a text that a spreadsheet would run: one that starts with `=`, `+`, `-`, `@`,
/// a tab or a carriage return. A text that starts so, or is a number, after some `'` gets one more, so that
/// [`unneutralise`] always strips the right one.
pub fn neutralise(text: &str) -> Cow<'_, str> {
    let core = text.trim_start_matches('\'');
    if would_run(core) || (core.len() < text.len() && is_number(core)) {
        format!("'{text}").into()
    } else {
        text.into()
    }
}

/// The text that [`neutralise`] turned into this cell. Persons type the same `'` so that a spreadsheet keeps a number's
/// zeros; a `'` before other text is part of a name (rules 9).
pub fn unneutralise(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if is_marked(text.trim_start_matches('\'')) => text,
        _ => cell,
    }
}

/// The text of a cell without the marks of spreadsheets: one `'`, or `="…"` around a number or a text that would run.
pub fn unmarked(cell: &str) -> Cow<'_, str> {
    let formula = cell.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"'));
    if let Some(inner) = formula
        && is_marked(inner)
        && !inner.split("\"\"").any(|part| part.contains('"'))
    {
        return inner.replace("\"\"", "\"").into();
    }
    Cow::Borrowed(unneutralise(cell))
}

/// A cell that somebody else wrote, as no spreadsheet runs it, and as an import still reads it.
pub fn harmless(cell: &str) -> Cow<'_, str> {
    if !would_run(cell) {
        return Cow::Borrowed(cell);
    }
    match unmarked(cell) {
        Cow::Borrowed(text) => neutralise(text),
        Cow::Owned(text) => neutralise(&text).into_owned().into(),
    }
}

fn would_run(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// Whether spreadsheets mark such a text, so that it stays as it is.
fn is_marked(text: &str) -> bool {
    would_run(text) || is_number(text)
}

/// Digits, also with the separators of phones, postal codes and dates.
fn is_number(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-' | '.' | '/' | '(' | ')');
    text.starts_with(|c: char| c.is_ascii_digit()) && text.trim_end().chars().all(is_part)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rules_9_what_would_run_gets_one_apostrophe() {
        for (text, cell) in [
            ("=1+1", "'=1+1"),
            ("'=1+1", "''=1+1"),
            ("''@x", "'''@x"),
            ("-1", "'-1"),
            ("+49", "'+49"),
            ("@x", "'@x"),
            ("\tx", "'\tx"),
            ("\rx", "'\rx"),
            ("'", "'"),
            ("'x", "'x"),
            ("", ""),
            ("a=1", "a=1"),
            (" =1", " =1"),
        ] {
            assert_eq!(neutralise(text), cell);
            assert_eq!(unneutralise(cell), text);
        }
        // A cell that no export wrote stays, or loses the one apostrophe that a person typed for the same reason.
        assert_eq!(unneutralise("=1+1"), "=1+1");
        assert_eq!(unneutralise("'+1 555"), "+1 555");
    }

    #[test]
    fn rules_9_marks_of_spreadsheets_are_removed() {
        for (cell, text) in [
            ("'04101", "04101"),
            ("'0161 496 0123", "0161 496 0123"),
            ("'22124-1234", "22124-1234"),
            ("''04101", "'04101"),
            ("=\"04102\"", "04102"),
            ("=\"0049 30\"", "0049 30"),
            ("=\"+15555550117\"", "+15555550117"),
            ("=\"=1+1\"", "=1+1"),
            ("=\"-\"\"x\"\"\"", "-\"x\""),
            ("'=\"04102\"", "=\"04102\""),
            ("'t Hooft", "'t Hooft"),
            ("'90s Music", "'90s Music"),
            ("=\"Ada\"", "=\"Ada\""),
            ("=\"1\"&\"2\"", "=\"1\"&\"2\""),
            ("=\"", "=\""),
            ("'", "'"),
            ("04101", "04101"),
        ] {
            assert_eq!(unmarked(cell), text, "{cell}");
            assert_eq!(unmarked(&neutralise(text)), text, "{text}");
        }
    }

    proptest! {
        #[test]
        fn rules_9_import_strips_exactly_what_export_added(text in "['=+@a0\"\\-\t\r ]{0,8}|\\PC*") {
            let cell = neutralise(&text);
            prop_assert_eq!(unneutralise(&cell), &text);
            prop_assert!(!would_run(&cell));
            prop_assert_eq!(&*unmarked(&cell), &*text);
        }

        #[test]
        fn rules_9_a_harmless_cell_is_read_as_the_cell_itself(cell in "['=+@\\-\"0-9a\t\r ]{0,8}") {
            let safe = harmless(&cell);
            prop_assert!(!would_run(&safe));
            prop_assert_eq!(unmarked(&safe), unmarked(&cell));
        }
    }
}

//! Makes cells harmless that a spreadsheet would run as a formula, and reads them back (rules 9).

/// The text of a CSV cell, with a `'` before a text that a spreadsheet would run: one that starts with `=`, `+`, `-`, `@`,
/// a tab or a carriage return. A text that starts so after some `'` gets one more, so that [`unneutralise`] always
/// strips the right one.
pub fn neutralise(text: &str) -> std::borrow::Cow<'_, str> {
    if would_run(text.trim_start_matches('\'')) { format!("'{text}").into() } else { text.into() }
}

/// The text that [`neutralise`] turned into this cell.
pub fn unneutralise(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if would_run(text.trim_start_matches('\'')) => text,
        _ => cell,
    }
}

fn would_run(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
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

    proptest! {
        #[test]
        fn rules_9_import_strips_exactly_what_export_added(text in "['=+@a\\-\t\r ]{0,6}|\\PC*") {
            let cell = neutralise(&text);
            prop_assert_eq!(unneutralise(&cell), &text);
            prop_assert!(!would_run(&cell));
        }
    }
}

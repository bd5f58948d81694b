//! The code of a coupon: what people type in (rules 17).

use crate::domain::kernel::problem::ValueError;

/// The most characters of a code (rules 17).
pub const CODE_CHARS_MAX: usize = 64;

/// A code as it was written. Codes that differ in case alone are the same.
#[derive(Debug, Clone)]
pub struct CouponCode {
    /// As written, without blanks at the ends.
    written: String,
    /// The form by which codes compare.
    key: String,
}

impl CouponCode {
    /// Reads a code; blanks at its ends do not count.
    ///
    /// # Errors
    /// It is empty, too long, or has other characters than letters from A to Z, digits, `-`, `_` and `.`.
    pub fn parse(text: &str) -> Result<CouponCode, ValueError> {
        let written = text.trim();
        if written.is_empty() {
            return Err(("required", "must be the code of the coupon, such as SPRING-10".into()));
        }
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let has_word = written.bytes().any(|byte| byte.is_ascii_alphanumeric());
        if written.len() > CODE_CHARS_MAX || !written.bytes().all(is_allowed) || !has_word {
            let message = format!(
                "must have 1–{CODE_CHARS_MAX} letters from A to Z, digits, -, _ and ., and not only signs"
            );
            return Err(("invalid_code", message));
        }
        Ok(CouponCode { key: written.to_ascii_lowercase(), written: written.to_owned() })
    }

    /// As it was written.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The form by which codes compare.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl PartialEq for CouponCode {
    fn eq(&self, other: &CouponCode) -> bool {
        self.key == other.key
    }
}

impl Eq for CouponCode {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_17_codes_compare_without_case_and_blanks_around() {
        let code = CouponCode::parse(" Spring-10 ").unwrap();
        assert_eq!((code.written(), code.key()), ("Spring-10", "spring-10"));
        assert_eq!(code, CouponCode::parse("SPRING-10").unwrap());
        assert_ne!(code, CouponCode::parse("SPRING_10").unwrap());
        assert!(CouponCode::parse(&"x".repeat(CODE_CHARS_MAX)).is_ok());
        for (text, wrong) in [
            ("", "required"),
            (" \t", "required"),
            ("A B", "invalid_code"),
            ("été", "invalid_code"),
            ("A/B", "invalid_code"),
            ("..", "invalid_code"),
            (&"x".repeat(CODE_CHARS_MAX + 1), "invalid_code"),
        ] {
            assert_eq!(CouponCode::parse(text).unwrap_err().0, wrong, "{text:?}");
        }
    }
}

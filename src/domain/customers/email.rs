//! E-mail addresses (rules 2).

use validator::ValidateEmail;

use crate::domain::kernel::problem::ValueError;

/// The most characters of an e-mail address.
pub const EMAIL_CHARS_MAX: usize = 320;

/// Checks the form of an e-mail address, and keeps it as sent.
///
/// # Errors
/// The text has another form.
pub fn email(text: &str) -> Result<String, ValueError> {
    if text.len() <= EMAIL_CHARS_MAX * 4 && text.validate_email() {
        Ok(text.to_owned())
    } else {
        Err(("invalid_email", "must be an e-mail address such as ada.roe@example.test".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_2_emails_have_the_shape_of_one() {
        for good in ["ada.roe@example.test", "a+b@x.co", "ada@bücher.example"] {
            assert!(email(good).is_ok(), "{good}");
        }
        for bad in ["ada", "@x.test", "a@", "a b@x.test", "a@b@c.test", "a@-x.test"] {
            assert!(email(bad).is_err(), "{bad}");
        }
    }
}

//! Who moves the money of an entrypoint (rules 20).

use strum::{EnumString, FromRepr, IntoStaticStr, VariantNames};
use url::Url;

use crate::domain::kernel::problem::ValueError;

/// The setting `provider`. The number is the one in the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, EnumString, IntoStaticStr, VariantNames, FromRepr)]
#[strum(serialize_all = "lowercase")]
#[repr(i16)]
pub enum Provider {
    /// Nobody: money moves elsewhere, and its transactions come here.
    #[default]
    None = 0,
    /// A provider of play money within the service; only for entrypoints for tests.
    Sandbox = 1,
    /// The operator's payment provider, behind signed calls over HTTP.
    Http = 2,
}

impl Provider {
    /// The word on the wire.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The number in the database.
    #[expect(clippy::as_conversions, reason = "the number is the representation")]
    pub const fn number(self) -> i16 {
        self as i16
    }
}

/// The most characters of the setting `paymentUrl`.
const URL_CHARS_MAX: usize = 500;
/// What a payment URL may name in braces.
const PLACES: [&str; 3] = ["{requestId}", "{amount}", "{currency}"];

/// Checks the setting `paymentUrl`: where a payer goes at an entrypoint without a provider.
///
/// # Errors
/// It is no address that a browser reaches by an encrypted connection, or names something unknown in braces.
pub fn check_payment_url(text: &str) -> Result<String, ValueError> {
    let text = text.trim();
    let plain = PLACES.iter().fold(text.to_owned(), |text, place| text.replace(place, "0"));
    if plain.contains(['{', '}']) {
        return Err(("invalid_value", format!("may hold {} and nothing else in braces", PLACES.join(", "))));
    }
    if text.chars().count() > URL_CHARS_MAX {
        return Err(("too_long", format!("must have at most {URL_CHARS_MAX} characters")));
    }
    // The host is fixed: what a request says stands after it.
    let host = text.split('/').nth(2).unwrap_or_default();
    if is_open_to_payers(&plain) && !host.contains('{') && !text.contains(['"', '<', '>', ' ']) {
        Ok(text.to_owned())
    } else {
        Err(("invalid_value", "must be an https:// address".into()))
    }
}

/// The address, as browsers write it, if a payer may be sent there: it is encrypted, or on the same machine, and names no user.
pub fn payer_url(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let is_near = match url.host()? {
        url::Host::Domain(name) => name == "localhost",
        url::Host::Ipv4(address) => address.is_loopback(),
        url::Host::Ipv6(address) => address.is_loopback(),
    };
    let is_open = url.scheme() == "https" || (url.scheme() == "http" && is_near);
    let is_plain = url.username().is_empty() && url.password().is_none();
    (is_open && is_plain && !text.chars().any(char::is_control)).then(|| url.to_string())
}

/// Whether a payer's browser may be sent to an address.
pub fn is_open_to_payers(text: &str) -> bool {
    payer_url(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payers_are_sent_only_where_nobody_listens() {
        for good in [
            "https://pay.example/{requestId}?a={amount}&c={currency}",
            "http://127.0.0.1:80/x",
            "http://localhost/{requestId}",
        ] {
            assert_eq!(check_payment_url(good).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "http://pay.example/",
            "javascript:alert(1)",
            "https://pay.example/{token}",
            "https://",
            "pay.example",
        ] {
            assert!(check_payment_url(bad).is_err(), "{bad}");
        }
    }
}

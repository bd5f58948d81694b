//! Secrets that somebody carries and the service only recognises: links, sessions.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::key::{VaultError, random};

/// Bytes of a secret.
const SECRET_BYTES: usize = 32;

/// 256 random bits as base64url, fit for addresses and cookies.
///
/// # Errors
/// [`VaultError::NoRandomness`].
pub fn new_secret() -> Result<Zeroizing<String>, VaultError> {
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(random::<SECRET_BYTES>()?)))
}

/// What is kept of a secret. It needs no key: 256 random bits are found by nobody who has their hash.
pub fn secret_hash(secret: &str) -> [u8; 32] {
    blake3::derive_key("customary secret", secret.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_and_all_different() {
        let (one, other) = (new_secret().unwrap(), new_secret().unwrap());
        assert_eq!(one.len(), 43);
        assert!(one.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_ne!(one, other);
        assert_ne!(secret_hash(&one), secret_hash(&other));
        assert_eq!(secret_hash(&one), secret_hash(&one.clone()));
    }
}

//! Secrets in links and session cookies. The service stores only their hashes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::key::{VaultError, random};

const SECRET_BYTES: usize = 32;

/// A new secret: 256 random bits as base64url, suitable for URLs and cookies.
///
/// # Errors
/// [`VaultError::NoRandomness`].
pub fn new_secret() -> Result<Zeroizing<String>, VaultError> {
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(random::<SECRET_BYTES>()?)))
}

/// The hash of a secret, to be stored. It needs no key: nobody can guess 256 random bits from their hash.
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

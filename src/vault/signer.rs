//! Signs and verifies request tokens (rules 1): HS256, with the key that `kid` names.

use std::fmt;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Length of a signing key in bytes.
pub const SIGNING_KEY_BYTES: usize = 32;

/// Why a token is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The text is not a token, or its claims are not those of Customary.
    #[error("malformed")]
    Malformed,
    /// The key that the token names did not sign it.
    #[error("wrongly signed")]
    WrongSignature,
}

/// A key that signs tokens.
pub struct SigningKey {
    kid: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.kid)
    }
}

impl SigningKey {
    /// Makes a key from its name and bytes.
    pub fn new(kid: String, secret: &[u8]) -> SigningKey {
        SigningKey {
            kid,
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
        }
    }

    /// The name in the token's header.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Signs claims.
    ///
    /// # Errors
    /// [`TokenError::Malformed`] for claims that JSON cannot hold.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, TokenError> {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.encoding).map_err(|_| TokenError::Malformed)
    }

    /// Verifies the signature and reads the claims. Accepts only HS256, whatever the header says. Does not check the
    /// expiry: the caller does, with its own clock.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn verify<C: DeserializeOwned + Clone>(&self, token: &str) -> Result<C, TokenError> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        jsonwebtoken::decode::<C>(token, &self.decoding, &validation).map(|data| data.claims).map_err(
            |error| match error.kind() {
                jsonwebtoken::errors::ErrorKind::InvalidSignature
                | jsonwebtoken::errors::ErrorKind::InvalidAlgorithm => TokenError::WrongSignature,
                _ => TokenError::Malformed,
            },
        )
    }
}

/// The `kid` that a token names. Do not trust it before [`SigningKey::verify`] succeeds with that key.
pub fn unverified_key_id(token: &str) -> Option<String> {
    jsonwebtoken::decode_header(token).ok()?.kid
}

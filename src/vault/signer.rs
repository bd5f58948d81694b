//! Signing and verifying request tokens (rules 1): HS256, a key known by `kid`.

use std::fmt;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Bytes of a signing key.
pub const SIGNING_KEY_BYTES: usize = 32;

/// Why a token is worth nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is no token, or its claims are not ours.
    #[error("malformed")]
    Malformed,
    /// It was not signed by the key it names.
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
    /// From its name and bytes.
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
    /// [`TokenError::Malformed`] for claims that are no JSON.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, TokenError> {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.encoding).map_err(|_| TokenError::Malformed)
    }

    /// Verifies the signature and reads the claims. The algorithm is ours, whatever the header says;
    /// times are for the caller to check, by its own clock.
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

/// The `kid` a token names, not to be believed before the signature is checked with that key.
pub fn unverified_key_id(token: &str) -> Option<String> {
    jsonwebtoken::decode_header(token).ok()?.kid
}

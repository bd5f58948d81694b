//! Portal passwords: argon2id, hashed before the writer's queue (rules 2).

use argon2::Argon2;
use argon2::password_hash::PasswordHasher;

use super::key::{VaultError, random};

/// Hashes a password with argon2id and the crate's current OWASP parameters (19 MiB, 2 passes);
/// takes tens of milliseconds, so it never runs on a thread that answers requests.
///
/// # Errors
/// [`VaultError::NoRandomness`].
pub fn hash_password(password: &str) -> Result<String, VaultError> {
    let salt: [u8; 16] = random()?;
    Argon2::default()
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map(|hash| hash.to_string())
        .map_err(|_| VaultError::NoRandomness)
}

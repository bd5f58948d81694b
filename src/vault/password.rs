//! Portal passwords: argon2id, hashed before the writer's queue (rules 2).

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

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

/// Whether a password is the one of a hash, with the hash's own parameters; takes as long as hashing. False for a hash
/// that is none.
pub fn verify_password(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_2_passwords_are_argon2id_with_owasp_parameters() {
        let hash = hash_password("tulip-carbon-94").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash_password("tulip-carbon-94").unwrap(), hash, "each has its own salt");
        assert!(verify_password("tulip-carbon-94", &hash));
        assert!(!verify_password("tulip-carbon-95", &hash));
        assert!(!verify_password("", "") && !verify_password("x", "$argon2id$"));
    }
}

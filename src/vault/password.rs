//! Portal passwords: argon2id, hashed before a command enters the writer's queue (rules 2).

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

use super::key::{VaultError, random};

/// Hashes a password with argon2id and the OWASP parameters of the crate (19 MiB, 2 passes). This takes tens of
/// milliseconds, so never call it on a thread that answers requests.
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

/// A hash that no password matches. A check against it takes as long as against any other, but it is cheap to make.
///
/// # Errors
/// [`VaultError::NoRandomness`].
pub fn hash_of_nobody() -> Result<String, VaultError> {
    let (salt, output): ([u8; 16], [u8; Params::DEFAULT_OUTPUT_LEN]) = (random()?, random()?);
    let made = || -> Option<PasswordHash> {
        Some(PasswordHash {
            algorithm: Algorithm::default().ident(),
            version: Some(Version::default().into()),
            params: ParamsString::try_from(&Params::default()).ok()?,
            salt: Some(Salt::new(&salt).ok()?),
            hash: Some(Output::new(&output).ok()?),
        })
    };
    made().map(|hash| hash.to_string()).ok_or(VaultError::NoRandomness)
}

/// Whether a password matches a hash. Uses the parameters in the hash, and takes as long as hashing. A malformed hash
/// matches no password.
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

    #[test]
    fn nobodys_hash_costs_what_others_cost() {
        let (nobodys, own) = (hash_of_nobody().unwrap(), hash_password("x").unwrap());
        let cost = |hash: &str| {
            let hash = PasswordHash::new(hash).unwrap();
            (hash.algorithm, hash.version, hash.params.to_string(), hash.hash.unwrap().len())
        };
        assert_eq!(cost(&nobodys), cost(&own));
        assert_eq!(nobodys.len(), own.len());
        assert!(!verify_password("", &nobodys) && hash_of_nobody().unwrap() != nobodys);
    }
}

//! Sealing and opening, keys, and the keyed hashes that find sealed values (rules 7).
//!
//! ```text
//! master key ─wraps→ data key (one per entrypoint and epoch)
//!                      ├─ customer key = KDF(data key, the customer's random salt) → documents, history, idempotency records
//!                      ├─ identity key → digests of identifiers
//!                      ├─ term key     → blind search terms
//!                      └─ key-use key  → idempotency keys and fingerprints
//! ```
//!
//! This module does not know the database. [`Ad`] binds a sealed value to its place there.

mod ad;
mod hash;
mod key;
mod password;
mod plain;
mod secret;
mod signer;
mod webhook;

pub use self::ad::Ad;
pub use self::hash::{Hasher, IDENTITY_DIGEST_BYTES, IdentityDigest, TermHasher, TermHashing};
pub use self::key::{DataKey, MASTER_KEY_BYTES, MasterKey, SALT_BYTES, SealKey, VaultError, random};
pub use self::password::{hash_of_nobody, hash_password, verify_password};
pub use self::plain::Plain;
pub use self::secret::{new_secret, secret_hash};
pub use self::signer::{SIGNING_KEY_BYTES, SigningKey, TokenError, unverified_key_id};
pub use self::webhook::{is_same_secret, is_signed, signature};

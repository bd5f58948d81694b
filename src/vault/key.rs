//! Keys: the master key, the data keys that it wraps, and the keys derived from those.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::ad::Ad;
use super::hash::{Hasher, TermHasher};
use super::plain::Plain;

/// Length of a master key in bytes.
pub const MASTER_KEY_BYTES: usize = 32;
/// Length of a customer's salt in bytes.
pub const SALT_BYTES: usize = 16;
const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 16;

/// Why a key or a sealed value cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// Somebody changed or moved the value, or sealed it under another key.
    #[error("a sealed value does not open: it was changed, moved, or sealed under another key")]
    DoesNotOpen,
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes")]
    NoRandomness,
    /// The master key is not 32 bytes in base64 or hexadecimal, or is a placeholder.
    #[error(
        "a master key must be 32 random bytes, as base64 or as 64 hexadecimal digits; make one with: openssl rand -base64 32"
    )]
    BadMasterKey,
}

/// Random bytes from the operating system. The program has no other source of randomness.
///
/// # Errors
/// [`VaultError::NoRandomness`].
#[expect(clippy::disallowed_methods, reason = "only this function may draw random bytes")]
pub fn random<const N: usize>() -> Result<[u8; N], VaultError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| VaultError::NoRandomness)?;
    Ok(bytes)
}

/// An AES-256-GCM key.
pub struct SealKey(LessSafeKey);

impl SealKey {
    fn new(bytes: &[u8; KEY_BYTES]) -> Result<SealKey, VaultError> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| VaultError::DoesNotOpen)?;
        Ok(SealKey(LessSafeKey::new(key)))
    }

    /// Seals a value. The result is a random nonce, the ciphertext and the tag.
    ///
    /// # Errors
    /// [`VaultError::NoRandomness`].
    pub fn seal(&self, ad: &Ad, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let nonce: [u8; NONCE_LEN] = random()?;
        let mut sealed = Vec::with_capacity(NONCE_LEN + plain.len() + TAG_BYTES);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let (_, body) = sealed.split_at_mut(NONCE_LEN);
        let tag = self
            .0
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(ad.bytes()), body)
            .map_err(|_| VaultError::NoRandomness)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens a sealed value.
    ///
    /// # Errors
    /// [`VaultError::DoesNotOpen`].
    pub fn open(&self, ad: &Ad, sealed: &[u8]) -> Result<Plain, VaultError> {
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or(VaultError::DoesNotOpen)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| VaultError::DoesNotOpen)?;
        let mut plain = Plain::from(body.to_vec());
        let length = self
            .0
            .open_in_place(nonce, Aad::from(ad.bytes()), plain.bytes())
            .map_err(|_| VaultError::DoesNotOpen)?
            .len();
        plain.bytes().truncate(length);
        Ok(plain)
    }
}

/// The key that wraps all data keys. It has 32 bytes and is never in the database.
pub struct MasterKey {
    seal: SealKey,
    id: String,
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id)
    }
}

impl MasterKey {
    /// Reads a key from base64 or hexadecimal text, and ignores white space around it.
    ///
    /// # Errors
    /// [`VaultError::BadMasterKey`].
    pub fn parse(text: &str) -> Result<MasterKey, VaultError> {
        let text = text.trim();
        let bytes =
            if text.len() == MASTER_KEY_BYTES * 2 { from_hex(text) } else { STANDARD.decode(text).ok() };
        let bytes = Zeroizing::new(bytes.ok_or(VaultError::BadMasterKey)?);
        let bytes: &[u8; MASTER_KEY_BYTES] =
            bytes.as_slice().try_into().map_err(|_| VaultError::BadMasterKey)?;
        // The same byte 32 times is a placeholder, not a key.
        if bytes.iter().all(|byte| Some(byte) == bytes.first()) {
            return Err(VaultError::BadMasterKey);
        }
        let id = Hasher::new(bytes, "customary master key id").digest(&[]);
        Ok(MasterKey {
            seal: SealKey::new(bytes)?,
            id: URL_SAFE_NO_PAD.encode(id.first_chunk::<9>().unwrap_or(&[0; 9])),
        })
    }

    /// Generates a master key, as text for [`MasterKey::parse`].
    ///
    /// # Errors
    /// [`VaultError::NoRandomness`].
    pub fn generate() -> Result<Zeroizing<String>, VaultError> {
        Ok(Zeroizing::new(STANDARD.encode(random::<MASTER_KEY_BYTES>()?)))
    }

    /// An identifier that distinguishes master keys and reveals nothing about them.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Generates a data key and returns its wrapped form.
    ///
    /// # Errors
    /// [`VaultError::NoRandomness`].
    pub fn new_data_key(&self, ad: &Ad) -> Result<Vec<u8>, VaultError> {
        let root = Zeroizing::new(random::<KEY_BYTES>()?);
        self.seal.seal(ad, root.as_slice())
    }

    /// Opens a wrapped data key.
    ///
    /// # Errors
    /// [`VaultError::DoesNotOpen`].
    pub fn unwrap_data_key(&self, key_id: i64, ad: &Ad, wrapped: &[u8]) -> Result<DataKey, VaultError> {
        let root = self.seal.open(ad, wrapped)?;
        let root: &[u8; KEY_BYTES] = (&*root).try_into().map_err(|_| VaultError::DoesNotOpen)?;
        Ok(DataKey::new(key_id, root))
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() {
        return None;
    }
    let pairs = (0..text.len()).step_by(2);
    pairs.map(|at| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok())).collect()
}

/// The key of one entrypoint and epoch.
pub struct DataKey {
    /// Its number in the database. Every row that this key seals or hashes holds the number.
    pub id: i64,
    seals: Hasher,
    identities: Hasher,
    terms: TermHasher,
    key_uses: Hasher,
    portal: Hasher,
    labels: Hasher,
    transactions: Hasher,
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey({})", self.id)
    }
}

impl DataKey {
    fn new(id: i64, root: &[u8; KEY_BYTES]) -> DataKey {
        DataKey {
            id,
            seals: Hasher::new(root, "customary seal"),
            identities: Hasher::new(root, "customary identity digests"),
            terms: TermHasher::new(root, "customary search terms"),
            key_uses: Hasher::new(root, "customary idempotency keys"),
            portal: Hasher::new(root, "customary portal"),
            labels: Hasher::new(root, "customary labels"),
            transactions: Hasher::new(root, "customary transactions"),
        }
    }

    /// The key that seals everything of the customer with this salt. Each customer has a key of their own. So no key comes
    /// near the limit of random nonces, and erasing the salt erases the person.
    ///
    /// # Errors
    /// None in practice: [`VaultError::DoesNotOpen`] needs a key of the wrong length.
    pub fn seal_key(&self, salt: &[u8]) -> Result<SealKey, VaultError> {
        SealKey::new(&Zeroizing::new(self.seals.digest(salt)))
    }

    /// The hasher of identifiers.
    pub fn identities(&self) -> &Hasher {
        &self.identities
    }

    /// The hasher of search terms.
    pub fn terms(&self) -> &TermHasher {
        &self.terms
    }

    /// The hasher of idempotency keys and fingerprints.
    pub fn key_uses(&self) -> &Hasher {
        &self.key_uses
    }

    /// The hasher of login names and of the values in portal forms.
    pub fn portal(&self) -> &Hasher {
        &self.portal
    }

    /// The hasher of labels.
    pub fn labels(&self) -> &Hasher {
        &self.labels
    }

    /// The hasher of the ids that transactions have elsewhere.
    pub fn transactions(&self) -> &Hasher {
        &self.transactions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master() -> MasterKey {
        MasterKey::parse(&MasterKey::generate().unwrap()).unwrap()
    }

    #[test]
    fn rules_7_a_document_opens_only_where_it_was_sealed() {
        let master = master();
        let ad = Ad::new("key", &[1]);
        let wrapped = master.new_data_key(&ad).unwrap();
        let data = master.unwrap_data_key(1, &ad, &wrapped).unwrap();
        let key = data.seal_key(&[7; SALT_BYTES]).unwrap();
        let here = Ad::new("document", &[1, 2, 3]);
        let sealed = key.seal(&here, b"Ada").unwrap();
        assert_eq!(&*key.open(&here, &sealed).unwrap(), b"Ada");
        assert_ne!(key.seal(&here, b"Ada").unwrap(), sealed, "nonces are random");
        for other in
            [Ad::new("document", &[1, 3, 2]), Ad::new("other", &[1, 2, 3]), Ad::new("document", &[1, 2])]
        {
            assert!(key.open(&other, &sealed).is_err());
        }
        assert!(data.seal_key(&[8; SALT_BYTES]).unwrap().open(&here, &sealed).is_err());
        let mut changed = sealed.clone();
        changed[20] ^= 1;
        assert!(key.open(&here, &changed).is_err());
        assert!(key.open(&here, &sealed[..5]).is_err());
        assert!(master.unwrap_data_key(1, &Ad::new("key", &[2]), &wrapped).is_err());
        assert!(super::tests::master().unwrap_data_key(1, &ad, &wrapped).is_err());
    }

    #[test]
    fn master_keys_are_read_as_base64_or_hex() {
        let hex = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
        let base64 = "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=";
        assert_eq!(
            MasterKey::parse(hex).unwrap().id(),
            MasterKey::parse(&format!("{base64}\n")).unwrap().id()
        );
        for bad in [
            "",
            "short",
            &"00".repeat(32),
            "zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        ] {
            assert_eq!(MasterKey::parse(bad).unwrap_err(), VaultError::BadMasterKey);
        }
    }
}

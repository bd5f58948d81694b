//! Keyed hashes: they find a value without showing it (rules 7).

use std::fmt;

use siphasher::sip::SipHasher24;
use zeroize::Zeroizing;

/// Bytes of an identity digest: 128 bits, so that chance meetings do not happen.
pub const IDENTITY_DIGEST_BYTES: usize = 16;
/// The digest of an identifier's values.
pub type IdentityDigest = [u8; IDENTITY_DIGEST_BYTES];

/// BLAKE3 keyed for one purpose.
#[derive(Clone)]
pub struct Hasher {
    key: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher")
    }
}

impl Hasher {
    /// A hasher of its own for a purpose, from a root key.
    pub fn new(root: &[u8; 32], purpose: &'static str) -> Hasher {
        Hasher { key: Zeroizing::new(*blake3::keyed_hash(root, purpose.as_bytes()).as_bytes()) }
    }

    /// The full digest of some bytes.
    pub fn digest(&self, bytes: &[u8]) -> [u8; 32] {
        *blake3::keyed_hash(&self.key, bytes).as_bytes()
    }

    /// The full digest of some parts; where one ends counts.
    pub fn digest_parts<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for part in parts {
            hasher.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(part);
        }
        *hasher.finalize().as_bytes()
    }

    /// The digest of an identifier and its values.
    pub fn identity(&self, identifier: &str, values: &[impl AsRef<str>]) -> IdentityDigest {
        let parts = std::iter::once(identifier).chain(values.iter().map(AsRef::as_ref)).map(str::as_bytes);
        let full = self.digest_parts(parts);
        *full.first_chunk().unwrap_or(&[0; IDENTITY_DIGEST_BYTES])
    }
}

/// Bytes of the key of a [`TermHasher`].
const TERM_KEY_BYTES: usize = 16;

/// SipHash-2-4 keyed for search terms: made for short texts, of which a customer has some sixty. A tenth of what
/// BLAKE3 takes for them.
#[derive(Clone)]
pub struct TermHasher {
    key: Zeroizing<[u8; TERM_KEY_BYTES]>,
}

impl fmt::Debug for TermHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TermHasher")
    }
}

impl TermHasher {
    /// A hasher of its own for a purpose, from a root key.
    pub fn new(root: &[u8; 32], purpose: &'static str) -> TermHasher {
        let full = Hasher::new(root, purpose).key;
        TermHasher { key: Zeroizing::new(*full.first_chunk().unwrap_or(&[0; TERM_KEY_BYTES])) }
    }

    /// Begins to hash terms, with no group yet.
    pub fn begin(&self) -> TermHashing {
        TermHashing {
            hasher: SipHasher24::new_with_key(&self.key),
            bytes: Zeroizing::new(Vec::with_capacity(256)),
            value_at: 0,
        }
    }
}

/// Hashes the terms of one group after another: the group's name is written once for all of its terms.
pub struct TermHashing {
    hasher: SipHasher24,
    bytes: Zeroizing<Vec<u8>>,
    value_at: usize,
}

impl TermHashing {
    /// Goes on with a group of fields, whose name may come in parts and has no NUL.
    pub fn group(&mut self, name: [&str; 2]) {
        self.bytes.clear();
        for part in name {
            self.bytes.extend_from_slice(part.as_bytes());
        }
        self.bytes.push(0);
        self.value_at = self.bytes.len();
    }

    /// A search term: 64 bits of a value within the group. Meetings happen; what is found is compared after opening.
    pub fn term(&mut self, value: &str) -> u64 {
        self.bytes.truncate(self.value_at);
        self.bytes.extend_from_slice(value.as_bytes());
        self.hasher.hash(&self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_is_its_keys_its_groups_and_its_values_own() {
        let hasher = |root: u8, purpose| TermHasher::new(&[root; 32], purpose);
        let term = |hasher: &TermHasher, group, value| {
            let mut hashing = hasher.begin();
            hashing.group(group);
            hashing.term(value)
        };
        let one = hasher(1, "one");
        let it = term(&one, ["=", "city"], "oakton");
        assert_eq!(term(&hasher(1, "one"), ["=", "city"], "oakton"), it);
        let mut hashing = one.begin();
        hashing.group(["~longer", " and other"]);
        let _ = hashing.term("something longer before it");
        hashing.group(["=", "city"]);
        let _ = hashing.term("something longer before it");
        assert_eq!(hashing.term("oakton"), it, "what came before leaves nothing");
        assert_eq!(term(&one, ["=city", ""], "oakton"), it, "a name may come in any parts");
        for (other, group, value) in [
            (hasher(2, "one"), ["=", "city"], "oakton"),
            (hasher(1, "two"), ["=", "city"], "oakton"),
            (one.clone(), ["=", "state"], "oakton"),
            (one.clone(), ["~", "city"], "oakton"),
            (one.clone(), ["=", "city"], "oakto"),
            (one.clone(), ["=", "cityo"], "akton"),
            (one.clone(), ["=", "city"], ""),
        ] {
            assert_ne!(term(&other, group, value), it, "{group:?} {value:?}");
        }
    }
}

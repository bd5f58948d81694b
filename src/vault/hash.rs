//! Keyed hashes. They find a value without revealing it (rules 7).

use siphasher::sip::SipHasher24;
use zeroize::Zeroizing;

/// Length of an identity digest in bytes. At 128 bits, two values never share a digest by chance.
pub const IDENTITY_DIGEST_BYTES: usize = 16;
/// The digest of an identifier and its values.
pub type IdentityDigest = [u8; IDENTITY_DIGEST_BYTES];

/// BLAKE3, keyed for one purpose.
#[derive(Clone)]
pub struct Hasher {
    key: Zeroizing<[u8; 32]>,
}

impl Hasher {
    /// Derives the hasher of a purpose from a root key.
    pub fn new(root: &[u8; 32], purpose: &'static str) -> Hasher {
        Hasher { key: Zeroizing::new(*blake3::keyed_hash(root, purpose.as_bytes()).as_bytes()) }
    }

    /// The full digest of these bytes.
    pub fn digest(&self, bytes: &[u8]) -> [u8; 32] {
        *blake3::keyed_hash(&self.key, bytes).as_bytes()
    }

    /// The full digest of a list of parts. The same bytes split at other places give another digest.
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

const TERM_KEY_BYTES: usize = 16;

/// SipHash-2-4, keyed for search terms. A customer has about 60 of them, all short; BLAKE3 takes ten times as long.
#[derive(Clone)]
pub struct TermHasher {
    key: Zeroizing<[u8; TERM_KEY_BYTES]>,
}

impl TermHasher {
    /// Derives the hasher of a purpose from a root key.
    pub fn new(root: &[u8; 32], purpose: &'static str) -> TermHasher {
        let full = Hasher::new(root, purpose).key;
        TermHasher { key: Zeroizing::new(*full.first_chunk().unwrap_or(&[0; TERM_KEY_BYTES])) }
    }

    /// Starts hashing terms. Set a group before the first term.
    pub fn begin(&self) -> TermHashing {
        TermHashing {
            hasher: SipHasher24::new_with_key(&self.key),
            bytes: Zeroizing::new(Vec::with_capacity(256)),
            value_at: 0,
        }
    }
}

/// Hashes the terms of one group after another. It writes the name of a group once for all its terms.
pub struct TermHashing {
    hasher: SipHasher24,
    bytes: Zeroizing<Vec<u8>>,
    value_at: usize,
}

impl TermHashing {
    /// Sets the group of fields for the next terms. The name is the two parts joined, and contains no NUL.
    pub fn group(&mut self, name: [&str; 2]) {
        self.bytes.clear();
        for part in name {
            self.bytes.extend_from_slice(part.as_bytes());
        }
        self.bytes.push(0);
        self.value_at = self.bytes.len();
    }

    /// The search term of a value in the group: 64 bits. Two values can share a term, so a search opens each customer
    /// that it finds and compares the values.
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
        assert_eq!(hashing.term("oakton"), it, "earlier groups and terms leave no trace");
        assert_eq!(term(&one, ["=city", ""], "oakton"), it, "the split of a name does not matter");
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

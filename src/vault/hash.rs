//! Keyed hashes: they find a value without showing it (rules 7).

use std::fmt;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::FixedState;
use zeroize::Zeroizing;

/// Bytes of an identity digest: 128 bits, so that chance meetings do not happen.
pub const IDENTITY_DIGEST_BYTES: usize = 16;
/// The digest of an identifier's values.
pub type IdentityDigest = [u8; IDENTITY_DIGEST_BYTES];

/// BLAKE3 keyed for one purpose.
#[derive(Clone)]
pub struct Hasher {
    key: Zeroizing<[u8; 32]>,
    /// Another for each key, as long as this process runs; never 0.
    id: u64,
}

static HASHERS: AtomicU64 = AtomicU64::new(0);

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher")
    }
}

impl Hasher {
    /// A hasher of its own for a purpose, from a root key.
    pub fn new(root: &[u8; 32], purpose: &'static str) -> Hasher {
        let key = Zeroizing::new(*blake3::keyed_hash(root, purpose.as_bytes()).as_bytes());
        Hasher { key, id: HASHERS.fetch_add(1, Ordering::Relaxed) + 1 }
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
    pub fn identity(&self, identifier: &str, values: &[String]) -> IdentityDigest {
        let parts = std::iter::once(identifier).chain(values.iter().map(String::as_str)).map(str::as_bytes);
        let full = self.digest_parts(parts);
        *full.first_chunk().unwrap_or(&[0; IDENTITY_DIGEST_BYTES])
    }

    /// A search term: 64 bits of a value within a group of fields, whose name may come in parts and has no NUL.
    /// Meetings happen; what is found is compared after opening. `buffer` is for the hasher's use.
    pub fn term(&self, group: [&str; 2], value: &str, buffer: &mut Vec<u8>) -> u64 {
        buffer.clear();
        for part in group {
            buffer.extend_from_slice(part.as_bytes());
        }
        buffer.push(0);
        buffer.extend_from_slice(value.as_bytes());
        u64::from_be_bytes(*self.digest(buffer).first_chunk().unwrap_or(&[0; 8]))
    }
}

/// How many terms a memo holds: few enough to stay in a processor's cache.
const MEMO_SLOTS: usize = 2048;
/// Bytes of the longest trigram.
const MEMO_TEXT_BYTES: usize = 12;

#[derive(Clone, Default)]
struct Slot {
    hasher: u64,
    text: [u8; MEMO_TEXT_BYTES],
    length: usize,
    term: u64,
}

/// Remembers terms of trigrams: those of common names and of mail providers come again and again, and to hash each
/// was a twentieth of a create.
pub struct TermMemo {
    group: [&'static str; 2],
    slots: Vec<Slot>,
}

impl TermMemo {
    /// Remembers nothing yet; of one group.
    pub fn of(group: [&'static str; 2]) -> TermMemo {
        TermMemo { group, slots: vec![Slot::default(); MEMO_SLOTS] }
    }

    /// As [`Hasher::term`].
    pub fn term(&mut self, hasher: &Hasher, value: &str, buffer: &mut Vec<u8>) -> u64 {
        let mut text = [0; MEMO_TEXT_BYTES];
        let Some(room) = text.get_mut(..value.len()) else { return hasher.term(self.group, value, buffer) };
        room.copy_from_slice(value.as_bytes());
        let place = FixedState::default().hash_one((hasher.id, text));
        let Some(slot) = self.slots.get_mut(usize::try_from(place).unwrap_or(0) % MEMO_SLOTS) else {
            return hasher.term(self.group, value, buffer);
        };
        // With its length: zeros behind a text are another.
        if slot.hasher != hasher.id || slot.text != text || slot.length != value.len() {
            let term = hasher.term(self.group, value, buffer);
            *slot = Slot { hasher: hasher.id, text, length: value.len(), term };
        }
        slot.term
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memo_tells_what_the_hasher_does() {
        let group = ["~", "x"];
        let hashers = [Hasher::new(&[1; 32], "one"), Hasher::new(&[1; 32], "two")];
        let mut memo = TermMemo::of(group);
        let mut buffer = Vec::new();
        let mut rng = fastrand::Rng::with_seed(7);
        let mut texts: Vec<String> =
            ["", "a", "a\0", "\0", "\0\0", "éàü", "💶💶💶", "longer than a gram"].map(String::from).into();
        // More than it holds, some of them often.
        texts.extend((0..20_000).map(|_| (0..3).map(|_| rng.char('a'..='z')).collect::<String>()));
        for text in &texts {
            for hasher in &hashers {
                let term = hasher.term(group, text, &mut buffer);
                assert_eq!(memo.term(hasher, text, &mut buffer), term, "{text:?}");
                assert_eq!(memo.term(hasher, text, &mut buffer), term, "{text:?}, remembered");
            }
        }
        let one = hashers[0].clone();
        assert_eq!(memo.term(&one, "a", &mut buffer), hashers[0].term(group, "a", &mut buffer));
    }
}

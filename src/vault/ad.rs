//! Associated data (the AD of AEAD): where a sealed value belongs.

/// Bytes that are not sealed but must be the same when the value is opened. So a document that somebody moved to another
/// row or version does not open.
#[derive(Debug, Clone)]
pub struct Ad(Vec<u8>);

impl Ad {
    /// The associated data of a kind of value at a place. Each part of the place is a number of fixed width, so no two
    /// places give the same bytes.
    pub fn new(kind: &'static str, place: &[i64]) -> Ad {
        let mut bytes = Vec::with_capacity(kind.len() + 1 + place.len() * 8);
        bytes.extend_from_slice(kind.as_bytes());
        bytes.push(0);
        for part in place {
            bytes.extend_from_slice(&part.to_be_bytes());
        }
        Ad(bytes)
    }

    /// Appends some bytes, such as a digest.
    #[must_use]
    pub fn and(mut self, bytes: &[u8]) -> Ad {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

//! Associated data: what a sealed value belongs to.

/// Bytes that are not sealed but must be the same at opening: a document moved to another row, or
/// put under another version, does not open.
#[derive(Debug, Clone)]
pub struct Ad(Vec<u8>);

impl Ad {
    /// For a kind of value, at a place. Every part is a fixed-width number, so that no two places
    /// give the same bytes.
    pub fn new(kind: &'static str, place: &[i64]) -> Ad {
        let mut bytes = Vec::with_capacity(kind.len() + 1 + place.len() * 8);
        bytes.extend_from_slice(kind.as_bytes());
        bytes.push(0);
        for part in place {
            bytes.extend_from_slice(&part.to_be_bytes());
        }
        Ad(bytes)
    }

    /// With some more bytes at the end, such as a digest.
    #[must_use]
    pub fn and(mut self, bytes: &[u8]) -> Ad {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

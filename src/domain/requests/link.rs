//! The links of requests.

use crate::domain::customers::draft::Secret;

/// A new link of a request: its token, which only the answer and the mail hold, and the hash that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLink {
    /// 256 random bits, as they stand in the address.
    pub token: Secret,
    /// Its hash.
    pub hash: [u8; 32],
}

/// The address of the page of a request. `public_url` has no trailing slash.
pub fn pay_url(public_url: &str, entry: &str, token: &str) -> String {
    format!("{public_url}/pay/{entry}/{token}")
}

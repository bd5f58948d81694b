//! The address at which somebody pays, to copy and as a QR code. The service shows it once, as it keeps no more than its hash.

use serde_json::Value;

use crate::console::ask::{member, text};
use crate::web::qr::{Qr, qr};

/// An address to hand on.
#[derive(Debug, Clone)]
pub(in crate::console) struct PayLink {
    pub(in crate::console) url: String,
    pub(in crate::console) qr: Option<Qr>,
}

impl PayLink {
    /// The address in a member of what the API answered, if it is there.
    pub(in crate::console) fn of(answer: &Value, name: &str) -> Option<PayLink> {
        let url = text(member(answer, "responseData"), name);
        (!url.is_empty()).then(|| PayLink { url: url.to_owned(), qr: qr(url) })
    }
}

//! What senders of webhooks sign, and how they write it. The vault compares the signatures.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::domain::kernel::time::Micros;

/// How far the time of a signature may be from ours, in seconds: a body that somebody recorded is of no use later.
pub const TOLERANCE_SECS: i64 = 5 * 60;

/// How secrets for signatures begin.
pub const SECRET_PREFIX: &str = "whsec_";

/// The most signatures of a request that are compared.
const TAGS_MAX: usize = 16;

/// Signatures with what they cover beside the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    at_secs: i64,
    /// What stands before the body in the signed text.
    pub before: String,
    /// The signatures. While the sender changes its secret, there are several.
    pub tags: Vec<Vec<u8>>,
}

impl Claim {
    /// Reads the header `Stripe-Signature`: `t=<seconds>,v1=<hexadecimal>`.
    pub fn of_stripe(header: &str) -> Option<Claim> {
        let mut time = None;
        let mut tags = Vec::new();
        for (name, value) in header.split(',').filter_map(|part| part.trim().split_once('=')) {
            match name {
                "t" => time = Some(value),
                "v1" if tags.len() < TAGS_MAX => tags.extend(of_hex(value)),
                // Other schemes prove nothing.
                _ => {}
            }
        }
        let time = time?;
        Some(Claim { at_secs: seconds(time)?, before: format!("{time}."), tags })
    }

    /// Reads the headers of Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    pub fn of_standard(id: &str, time: &str, signatures: &str) -> Option<Claim> {
        let shared = signatures.split(' ').filter_map(|part| part.strip_prefix("v1,"));
        let tags = shared.take(TAGS_MAX).filter_map(|tag| STANDARD.decode(tag).ok()).collect();
        Some(Claim { at_secs: seconds(time)?, before: format!("{id}.{time}."), tags })
    }

    /// Whether its time is ours, within [`TOLERANCE_SECS`].
    pub fn is_timely(&self, now: Micros) -> bool {
        now.secs().abs_diff(self.at_secs) <= TOLERANCE_SECS.unsigned_abs()
    }
}

/// The key that a secret of Standard Webhooks stands for: base64 after `whsec_`.
pub fn standard_key(secret: &str) -> Option<Vec<u8>> {
    STANDARD.decode(secret.strip_prefix(SECRET_PREFIX).unwrap_or(secret)).ok()
}

fn seconds(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn of_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    let pairs = (0..text.len()).step_by(2);
    pairs.map(|at| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_their_senders_write_them() {
        let claim = Claim::of_stripe("t=1492774577,v1=5257,v0=6ffb,v1=a0b1").unwrap();
        assert_eq!(claim.before, "1492774577.");
        assert_eq!(claim.tags, [vec![0x52, 0x57], vec![0xa0, 0xb1]]);
        assert!(claim.is_timely(Micros(1_492_774_577_000_000)));
        assert!(claim.is_timely(Micros((1_492_774_577 + 300) * 1_000_000)));
        assert!(!claim.is_timely(Micros((1_492_774_577 + 301) * 1_000_000)));
        assert!(!claim.is_timely(Micros((1_492_774_577 - 301) * 1_000_000)));
        for bad in ["", "v1=5257", "t=x,v1=52", "t=-5,v1=52", "t=99999999999999999999,v1=52"] {
            assert_eq!(Claim::of_stripe(bad), None, "{bad}");
        }
        assert!(Claim::of_stripe("t=1,v1=é,v1=5").unwrap().tags.is_empty());

        let claim = Claim::of_standard("msg_1", "1614265330", "v1,aGk= v1a,x v1,!! v1,eW8=").unwrap();
        assert_eq!((claim.before.as_str(), claim.tags.len()), ("msg_1.1614265330.", 2));
        assert_eq!(Claim::of_standard("msg_1", "soon", "v1,aGk="), None);
        assert_eq!(standard_key("whsec_aGk=").unwrap(), b"hi");
        assert_eq!(standard_key("whsec_"), Some(Vec::new()));
        assert_eq!(standard_key("whsec_!"), None);
    }
}

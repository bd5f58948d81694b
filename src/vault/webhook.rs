//! Signatures of webhooks: HMAC-SHA256, compared in constant time.

use aws_lc_rs::{constant_time, hmac};

/// The signature (HMAC-SHA256) of the parts, one after the other.
pub fn signature(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut signed = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        signed.update(part);
    }
    signed.sign().as_ref().to_vec()
}

/// Whether one of the signatures is that of the parts, one after the other. The time that it takes does not tell which
/// signature is nearly right.
pub fn is_signed(key: &[u8], parts: &[&[u8]], tags: &[Vec<u8>]) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let mut signed = hmac::Context::with_key(&key);
    for part in parts {
        signed.update(part);
    }
    let own = signed.sign();
    let is_own = |tag: &Vec<u8>| constant_time::verify_slices_are_equal(own.as_ref(), tag).is_ok();
    tags.iter().fold(false, |known, tag| is_own(tag) | known)
}

/// Whether a secret that was sent is the known one. The time that it takes does not tell how much of it is right.
pub fn is_same_secret(sent: &[u8], known: &[u8]) -> bool {
    let digest = |secret: &[u8]| *blake3::hash(secret).as_bytes();
    constant_time::verify_slices_are_equal(&digest(sent), &digest(known)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    #[test]
    fn signatures_are_hmac_sha256() {
        let tag = [
            0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7,
            0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43,
        ];
        let parts: [&[u8]; 2] = [b"what do ya want ", b"for nothing?"];
        assert!(is_signed(b"Jefe", &parts, &[tag.to_vec()]));
        assert!(is_signed(b"Jefe", &parts, &[vec![0; 32], tag.to_vec(), Vec::new()]));
        assert!(!is_signed(b"jefe", &parts, &[tag.to_vec()]));
        assert!(!is_signed(b"Jefe", &parts, &[tag[..31].to_vec(), Vec::new()]));
        assert!(!is_signed(b"Jefe", &parts, &[]));
        assert!(is_same_secret(b"abc", b"abc"));
        assert!(!is_same_secret(b"abc", b"abcd") && !is_same_secret(b"", b"abc"));
    }
}

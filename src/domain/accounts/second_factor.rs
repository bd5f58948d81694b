//! The second factor of staff: codes by time (RFC 6238), and recovery codes for whoever lost the device.

use totp_rs::{Builder, Secret, Totp};

use crate::domain::kernel::time::Micros;

/// Length of a secret in bytes (RFC 4226, 4).
pub const TOTP_SECRET_BYTES: usize = 20;
/// How many recovery codes a member has.
pub const RECOVERY_CODES: usize = 10;
/// How many characters a recovery code has, without the hyphen. They carry 50 bits.
pub const RECOVERY_CHARS: usize = 10;
/// How many digits a code has.
const TOTP_DIGITS: usize = 6;
/// Seconds in a step.
const STEP_SECS: u64 = 30;
/// How many steps a clock may be wrong.
const SKEW_STEPS: u16 = 1;
/// Douglas Crockford's letters and digits: none looks like another.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The form in which an authenticator takes a secret: base32.
pub fn totp_secret(bytes: [u8; TOTP_SECRET_BYTES]) -> String {
    Secret::new(Box::new(bytes)).to_base32()
}

/// The steps of time by a secret; `None` for a text that is no secret.
fn totp(secret: &str) -> Option<Totp> {
    let secret = Secret::try_from_base32(secret).ok()?;
    let is_whole = secret.as_bytes().len() == TOTP_SECRET_BYTES;
    let builder = Builder::new().with_secret(secret).with_digits(6).with_skew(SKEW_STEPS);
    is_whole.then(|| builder.with_step_duration(STEP_SECS).build().ok())?
}

/// The step of time that a code belongs to; `None` if it is wrong, or its step is not after the last one that was used: no code
/// is accepted twice.
pub fn totp_step(secret: &str, code: &str, now: Micros, last_step: Option<i64>) -> Option<i64> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    if code.len() != TOTP_DIGITS || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let step = totp(secret)?.check(&code, u64::try_from(now.secs()).ok()?)?;
    i64::try_from(step).ok().filter(|step| last_step.is_none_or(|last| *step > last))
}

/// The code of a secret at a time, as an authenticator shows it; `None` for a text that is no secret.
pub fn totp_code(secret: &str, now: Micros) -> Option<String> {
    let time = u64::try_from(now.secs()).ok()?;
    totp(secret).map(|totp| totp.generate(time).to_string())
}

/// A recovery code of random bytes, in two groups: `k3m9x-0pq7t`.
pub fn recovery_code(bytes: [u8; RECOVERY_CHARS]) -> String {
    let mut code = String::with_capacity(RECOVERY_CHARS + 1);
    for (index, byte) in bytes.into_iter().enumerate() {
        if index == RECOVERY_CHARS / 2 {
            code.push('-');
        }
        let letter = ALPHABET.get(usize::from(byte) % ALPHABET.len()).copied().unwrap_or(b'0');
        code.push(char::from(letter));
    }
    code
}

/// The form in which recovery codes compare; `None` for a text that cannot be one. Somebody may type it in capitals, without the
/// hyphen, or with `o` for `0`.
pub fn typed_recovery_code(text: &str) -> Option<String> {
    let typed = |c: char| match c.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        c => c,
    };
    let is_between = |c: &char| c.is_whitespace() || *c == '-';
    let code: String = text.chars().filter(|c| !is_between(c)).map(typed).take(RECOVERY_CHARS + 1).collect();
    let is_known = |c: char| u8::try_from(c).is_ok_and(|byte| ALPHABET.contains(&byte));
    (code.len() == RECOVERY_CHARS && code.chars().all(is_known)).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::kernel::time::SECOND_US;

    #[test]
    fn codes_are_those_of_rfc_6238_and_count_once() {
        // The test secret of RFC 6238, appendix B; its codes have eight digits, of which these are the last six.
        let secret = totp_secret(*b"12345678901234567890");
        assert_eq!(secret, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let at = |secs: i64| Micros(secs * SECOND_US);
        assert_eq!(totp_code(&secret, at(59)).as_deref(), Some("287082"));
        assert_eq!(totp_code(&secret, at(1_111_111_109)).as_deref(), Some("081804"));
        assert_eq!(totp_step(&secret, "287 082", at(59), None), Some(1));
        for (secs, step) in [(29, Some(1)), (89, Some(1)), (90, None)] {
            assert_eq!(totp_step(&secret, "287082", at(secs), None), step, "{secs}");
        }
        assert_eq!(totp_step(&secret, "287082", at(59), Some(0)), Some(1));
        assert_eq!(totp_step(&secret, "287082", at(59), Some(1)), None, "used");
        for wrong in ["", "28708", "2870821", "28708a", "٢٨٧٠٨٢"] {
            assert_eq!(totp_step(&secret, wrong, at(59), None), None, "{wrong}");
        }
        for wrong in ["", "GEZDGNBV", "not base32!"] {
            assert_eq!(totp_code(wrong, at(59)), None, "{wrong}");
        }
    }

    #[test]
    fn recovery_codes_survive_typing() {
        let code = recovery_code([0, 1, 10, 31, 32, 33, 42, 63, 255, 16]);
        assert_eq!(code, "01az0-1azzg");
        for typed in ["01az0-1azzg", " O1AZO 1AZZG ", "olaz0iazzg"] {
            assert_eq!(typed_recovery_code(typed).as_deref(), Some("01az01azzg"), "{typed}");
        }
        for wrong in ["", "01az0-1azz", "01az0-1azzgg", "01az0-1azzu", "01az0-1azz\u{e9}"] {
            assert_eq!(typed_recovery_code(wrong), None, "{wrong}");
        }
    }
}

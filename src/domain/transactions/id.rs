//! `transId`: the id of a transaction, which says whose entrypoint it is of and is in the order of arrival (rules 10).

use serde::{Deserialize, Serialize};

use crate::domain::kernel::card;
use crate::domain::kernel::time::Micros;

/// The id of a transaction within its entrypoint: six bytes of the milliseconds of its arrival, then ten random ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TransId(pub [u8; 16]);

impl TransId {
    /// A new id. `random` are random bits; the time is that of the arrival.
    pub fn new(entrypoint_id: i64, now: Micros, random: u128) -> TransId {
        let millis = u128::from(now.0.max(0).unsigned_abs() / 1_000);
        let mut random = random;
        loop {
            let id = TransId((millis << 80 | random >> 48).to_be_bytes());
            // No route takes what looks like a card number.
            if !card::holds(&id.show(entrypoint_id)) {
                return id;
            }
            random = random.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(1 << 48 | 1);
        }
    }

    /// The form on the wire: `{entrypointId}-{32 hex digits}`, as Payabli's ids are.
    pub fn show(self, entrypoint_id: i64) -> String {
        format!("{entrypoint_id}-{:032x}", u128::from_be_bytes(self.0))
    }

    /// The entrypoint and the id; `None` for a text that is no such id.
    pub fn parse(text: &str) -> Option<(i64, TransId)> {
        let (entrypoint, hex) = text.split_once('-')?;
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if hex.len() != 32
            || !hex.bytes().all(is_hex)
            || !entrypoint.bytes().all(|byte| byte.is_ascii_digit())
        {
            return None;
        }
        let entrypoint_id: i64 = entrypoint.parse().ok()?;
        let id = TransId(u128::from_str_radix(hex, 16).ok()?.to_be_bytes());
        (entrypoint_id.to_string() == entrypoint).then_some((entrypoint_id, id))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ids_are_read_as_shown_and_in_the_order_of_arrival(
            place in 1_i64..100_000,
            at in 0_i64..4_000_000_000_000_000,
            later in 1_000_i64..1_000_000_000,
            random in any::<[u128; 2]>(),
        ) {
            let id = TransId::new(place, Micros(at), random[0]);
            let shown = id.show(place);
            prop_assert_eq!(TransId::parse(&shown), Some((place, id)));
            prop_assert!(!card::holds(&shown));
            prop_assert!(TransId::new(place, Micros(at + later), random[1]) > id);
        }

        #[test]
        fn other_texts_are_no_ids(text in "[0-9a-f-]{0,40}") {
            if let Some((place, id)) = TransId::parse(&text) {
                prop_assert_eq!(id.show(place), text);
            }
        }
    }
}

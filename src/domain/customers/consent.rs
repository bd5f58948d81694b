//! Consent to messages, by channel (contract 3 and 5.6).

use serde::{Deserialize, Serialize};

use crate::domain::kernel::time::Micros;

/// Where a customer stands with a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[repr(i32)]
pub enum ConsentStatus {
    /// Never opted in, or withdrew.
    NotOptedIn = 0,
    /// Asked, and not answered yet.
    Pending = -1,
    /// Opted in.
    OptedIn = 1,
}

impl ConsentStatus {
    /// The number on the wire.
    #[expect(clippy::as_conversions, reason = "the number is the representation")]
    pub const fn code(self) -> i32 {
        self as i32
    }
}

/// A way to send messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// E-mail.
    ECommunication,
    /// Text messages.
    Sms,
}

/// Consent to one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelConsent {
    /// Where the customer stands.
    pub status: ConsentStatus,
    /// Since when.
    pub updated_at: Micros,
}

/// Consent to all channels; a customer who was never asked has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// To e-mail.
    pub e_communication: ChannelConsent,
    /// To text messages.
    pub sms: ChannelConsent,
}

/// What happens to a customer's consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentChange {
    /// The merchant asks for consent to e-mail. A customer who gave it already is not asked again.
    Ask,
    /// The customer opts in.
    OptIn(Channel),
    /// The customer withdraws.
    Withdraw(Channel),
}

impl Consent {
    /// The customer has given no consent yet.
    fn none(now: Micros) -> Consent {
        let channel = ChannelConsent { status: ConsentStatus::NotOptedIn, updated_at: now };
        Consent { e_communication: channel, sms: channel }
    }

    /// The consent to a channel.
    pub const fn of(&self, channel: Channel) -> ChannelConsent {
        match channel {
            Channel::ECommunication => self.e_communication,
            Channel::Sms => self.sms,
        }
    }

    /// The consent after a change. A time moves only if its status changes, or if the customer is asked again.
    pub fn after(before: Option<Consent>, change: ConsentChange, now: Micros) -> Consent {
        let mut consent = before.unwrap_or_else(|| Consent::none(now));
        let (channel, status) = match change {
            ConsentChange::Ask => (Channel::ECommunication, ConsentStatus::Pending),
            ConsentChange::OptIn(channel) => (channel, ConsentStatus::OptedIn),
            ConsentChange::Withdraw(channel) => (channel, ConsentStatus::NotOptedIn),
        };
        let held = consent.of(channel).status;
        let stays = match change {
            ConsentChange::Ask => held == ConsentStatus::OptedIn,
            _ => held == status,
        };
        if !stays {
            let new = ChannelConsent { status, updated_at: now };
            match channel {
                Channel::ECommunication => consent.e_communication = new,
                Channel::Sms => consent.sms = new,
            }
        }
        consent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(consent: Consent) -> (i32, i32) {
        (consent.e_communication.status.code(), consent.sms.status.code())
    }

    #[test]
    fn consent_is_asked_given_and_withdrawn() {
        let at = Micros;
        let asked = Consent::after(None, ConsentChange::Ask, at(1));
        assert_eq!(statuses(asked), (-1, 0));
        assert_eq!(Consent::after(Some(asked), ConsentChange::Ask, at(2)).e_communication.updated_at, at(2));
        let given = Consent::after(Some(asked), ConsentChange::OptIn(Channel::ECommunication), at(3));
        assert_eq!(statuses(given), (1, 0));
        assert_eq!(Consent::after(Some(given), ConsentChange::Ask, at(4)), given, "given is not asked for");
        let both = Consent::after(Some(given), ConsentChange::OptIn(Channel::Sms), at(5));
        assert_eq!(statuses(both), (1, 1));
        let withdrawn = Consent::after(Some(both), ConsentChange::Withdraw(Channel::ECommunication), at(6));
        assert_eq!((statuses(withdrawn), withdrawn.e_communication.updated_at), ((0, 1), at(6)));
        let again = Consent::after(Some(withdrawn), ConsentChange::Withdraw(Channel::ECommunication), at(7));
        assert_eq!(again, withdrawn);
    }
}

//! The steps of a call (rules 20): what to do next, and what a report makes of it.
//!
//! The provider refuses to begin a call after its `validUntil`. So a call that the provider does not know some time after that
//! never happened, and before that it may be sent again under its id.

use super::answer::Report;
use super::{CallKind, CallState, ProviderCall};
use crate::domain::kernel::time::{Micros, SECOND_US};
use crate::domain::transactions::status::Status;

/// How long a provider may begin a call after it is written down.
pub const VALID_US: i64 = 10 * 60 * SECOND_US;
/// How long after that a call which the provider does not know counts as not done: clocks differ, and requests are under way.
pub const LATE_US: i64 = 15 * 60 * SECOND_US;
/// The first and the longest pause between questions about a call of which nothing is known.
const UNKNOWN_FIRST_US: i64 = SECOND_US;
const UNKNOWN_MAX_US: i64 = 60 * SECOND_US;
/// The first and the longest pause between questions about a call that the provider works on; it tells of changes itself.
const KNOWN_FIRST_US: i64 = 5 * SECOND_US;
const KNOWN_MAX_US: i64 = 3_600 * SECOND_US;
/// The pause is this part of the age of a call.
const PART_OF_AGE: i64 = 4;

/// What to do about a call that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Send it for the first time.
    Send,
    /// Ask what became of it.
    Ask,
}

impl ProviderCall {
    /// What to do when it is due. The attempt at hand counts already.
    pub fn next(&self) -> Next {
        if self.attempts <= 1 && self.state == CallState::Requested { Next::Send } else { Next::Ask }
    }

    /// Whether it may be sent once more, after the provider said that it never saw it.
    pub fn may_be_sent_again(&self, now: Micros) -> bool {
        self.state == CallState::Requested && now < self.valid_until
    }

    /// Whether the result of its last attempt is not known.
    pub fn is_unknown(&self) -> bool {
        self.state == CallState::Requested && self.attempts > 0
    }

    /// The call after a report. What is final stays as it is.
    #[must_use]
    pub fn after(&self, report: &Report, now: Micros) -> ProviderCall {
        let mut after = self.clone();
        if self.state.is_final() {
            return after;
        }
        match report {
            Report::Answer(answer) => {
                after.state = answer.state;
                if let Some(content) = &mut after.content {
                    answer.write_to(content);
                }
            }
            // What the provider began once, it knows; an answer that it does not is a fault of its own.
            Report::NeverSeen
                if self.state == CallState::Requested && now.0 > self.valid_until.0 + LATE_US =>
            {
                after.decline("never_arrived", Some("the request never arrived at the payment provider"));
            }
            Report::Refused { error, message } if self.state == CallState::Requested => {
                after.decline(error, message.as_deref());
            }
            Report::NeverSeen | Report::Refused { .. } | Report::Nothing => {}
        }
        if let Some(content) = after.content.as_mut().filter(|_| after.state.is_final()) {
            // They were needed to send it again.
            content.session = None;
            content.payer.clear();
        }
        after.due_at = (!after.state.is_final()).then(|| Micros(now.0.saturating_add(after.pause(now))));
        if after.state != self.state || after.content != self.content {
            after.version = self.version.saturating_add(1);
            after.updated_at = now.max(self.updated_at);
        }
        after
    }

    fn decline(&mut self, error: &str, message: Option<&str>) {
        self.state = CallState::Declined;
        if let Some(content) = &mut self.content {
            content.error = Some(error.to_owned());
            content.message = message.map(str::to_owned);
        }
    }

    /// How long until the provider is asked again: a part of the call's age, so that a young call is asked often and an old one
    /// costs little.
    fn pause(&self, now: Micros) -> i64 {
        let age = now.0.saturating_sub(self.created_at.0).max(0);
        let is_late = now.0 > self.valid_until.0.saturating_add(LATE_US);
        let (first, most) = match self.state {
            CallState::Requested if is_late => (UNKNOWN_MAX_US, KNOWN_MAX_US),
            CallState::Requested => (UNKNOWN_FIRST_US, UNKNOWN_MAX_US),
            _ => (KNOWN_FIRST_US, KNOWN_MAX_US),
        };
        (age / PART_OF_AGE).clamp(first, most)
    }

    /// The status of the transaction that it moves; `None` for one that moves none.
    pub fn status(&self) -> Option<Status> {
        match (self.kind, self.state) {
            (CallKind::Void, CallState::Succeeded) => Some(Status::Voided),
            (CallKind::Void | CallKind::Setup, _) => None,
            (_, CallState::Succeeded) => Some(Status::Approved),
            (_, CallState::Declined) => Some(Status::Declined),
            _ => Some(Status::Initiated),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::answer::Answer;
    use super::super::{CallContent, CallId};
    use super::*;
    use crate::domain::entrypoints::provider::Provider;
    use crate::domain::kernel::money::Money;
    use crate::domain::transactions::currency::Currency;

    fn call() -> ProviderCall {
        ProviderCall {
            id: CallId::default(),
            charge_id: CallId::default(),
            customer_id: Some(1),
            request_id: None,
            version: 1,
            provider: Provider::default(),
            kind: CallKind::Charge,
            state: CallState::Requested,
            currency: Currency::default(),
            amount: Money::default(),
            valid_until: Micros(VALID_US),
            created_at: Micros(0),
            updated_at: Micros(0),
            attempts: 0,
            due_at: Some(Micros(0)),
            content: Some(CallContent::default()),
        }
    }

    fn report(number: u8) -> Report {
        let state = match number {
            0 => CallState::Pending,
            1 => CallState::RequiresAction,
            2 => CallState::Succeeded,
            3 => CallState::Declined,
            4 => return Report::NeverSeen,
            5 => return Report::Refused { error: "declined".into(), message: None },
            _ => return Report::Nothing,
        };
        Report::Answer(Box::new(Answer { state, ..Answer::default() }))
    }

    proptest! {
        /// Rules 20: what is final stays; what the provider began is ended by its answer alone; what is open stays due.
        #[test]
        fn a_call_ends_by_an_answer_or_because_it_never_began(
            steps in prop::collection::vec((0_u8..7, 0_i64..600), 1..30),
        ) {
            let (mut call, mut now) = (call(), 0);
            for (number, secs) in steps {
                now += secs * SECOND_US;
                call.attempts += 1;
                let before = call.clone();
                let report = report(number);
                call = before.after(&report, Micros(now));
                if before.state.is_final() {
                    prop_assert_eq!(&call, &before);
                    continue;
                }
                prop_assert_eq!(call.due_at.is_none(), call.state.is_final());
                if let Some(due) = call.due_at {
                    prop_assert!(due.0 > now && due.0 <= now + KNOWN_MAX_US);
                }
                let has_begun = before.state != CallState::Requested;
                match &report {
                    Report::Answer(answer) => prop_assert_eq!(call.state, answer.state),
                    Report::NeverSeen if !has_begun && now > VALID_US + LATE_US => {
                        prop_assert_eq!(call.state, CallState::Declined);
                        prop_assert!(!before.may_be_sent_again(Micros(now)));
                    }
                    Report::Refused { .. } if !has_begun => prop_assert_eq!(call.state, CallState::Declined),
                    _ => prop_assert_eq!(call.state, before.state),
                }
            }
        }
    }
}

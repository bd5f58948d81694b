//! A provider of play money (rules 20). Its test methods are chosen from a list; nobody types a number.

use super::answer::{Answer, AnsweredMethod, Report};
use super::{CallKind, CallState, ProviderCall};
use crate::domain::kernel::time::{Micros, SECOND_US};
use crate::domain::methods::method::{Expiry, Kind};

/// How long the charge of `test-pending` takes.
const PENDING_US: i64 = 2 * SECOND_US;

/// A payment method of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TestMethod {
    /// Its token, which stands where a provider's token stands.
    pub id: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Such as `visa`.
    pub brand: Option<&'static str>,
    /// The last digits that it shows.
    pub last4: &'static str,
    /// Why charges of it are declined; `None` where they succeed.
    pub declined: Option<(&'static str, &'static str)>,
}

const fn method(
    id: &'static str,
    kind: Kind,
    brand: Option<&'static str>,
    last4: &'static str,
) -> TestMethod {
    TestMethod { id, kind, brand, last4, declined: None }
}

const fn declining(id: &'static str, last4: &'static str, why: (&'static str, &'static str)) -> TestMethod {
    TestMethod { id, kind: Kind::Card, brand: Some("visa"), last4, declined: Some(why) }
}

impl TestMethod {
    /// The method as a provider tells of one that a payer saved.
    fn answered(&self) -> AnsweredMethod {
        AnsweredMethod {
            provider_method_id: self.id.to_owned(),
            kind: self.kind,
            brand: self.brand.map(str::to_owned),
            last4: Some(self.last4.to_owned()),
            expiry: (self.kind == Kind::Card).then_some(Expiry { year: 2090, month: 12 }),
            ..AnsweredMethod::default()
        }
    }
}

/// All of them, in the order in which people are shown them.
pub const TEST_METHODS: [TestMethod; 8] = [
    method("test-visa", Kind::Card, Some("visa"), "0001"),
    method("test-mastercard", Kind::Card, Some("mastercard"), "0002"),
    method("test-ach", Kind::Ach, None, "0003"),
    method("test-wallet", Kind::Wallet, None, "0004"),
    method(PENDING, Kind::Card, Some("visa"), "0005"),
    declining("test-declined", "0006", ("declined", "the bank declined the payment")),
    declining("test-insufficient", "0007", ("insufficient_funds", "the account has too little money")),
    declining("test-expired", "0008", ("expired_card", "the card has expired")),
];

/// Its charge takes a moment.
const PENDING: &str = "test-pending";

/// The test method with a token.
pub fn test_method(id: &str) -> Option<&'static TestMethod> {
    TEST_METHODS.iter().find(|method| method.id == id)
}

/// What the sandbox makes of a call. The same call gets the same answer, but for one that takes a moment.
pub fn answer(call: &ProviderCall, now: Micros) -> Report {
    let mut answer = Answer {
        state: CallState::Succeeded,
        provider_id: Some(format!("sandbox-{:032x}", u128::from_be_bytes(call.id.0))),
        ..Answer::default()
    };
    let is_back = matches!(call.kind, CallKind::Refund | CallKind::Void);
    if call.content.is_none() && call.state == CallState::Requested && !is_back {
        // The person is erased, and nothing was begun.
        return Report::Refused { error: "erased".into(), message: None };
    }
    if call.content.is_some() && matches!(call.kind, CallKind::Charge | CallKind::Session | CallKind::Setup) {
        let charged = call.content.as_ref().and_then(|content| content.method.as_ref());
        let known = charged.and_then(|charged| test_method(&charged.provider_method_id));
        let unknown = ("invalid_card", "the sandbox takes its test methods only, such as test-visa");
        let declined = known.map_or(Some(unknown), |known| known.declined);
        // To save a method charges nothing.
        let declined = declined.filter(|_| call.kind != CallKind::Setup || known.is_none());
        if let Some((error, message)) = declined {
            answer.state = CallState::Declined;
            answer.error = Some(error.to_owned());
            answer.message = Some(message.to_owned());
        } else if let Some(known) = known.filter(|_| call.kind == CallKind::Setup) {
            answer.method = Some(known.answered());
        } else if known.is_some_and(|known| known.id == PENDING) && now.0 < call.created_at.0 + PENDING_US {
            answer.state = CallState::Pending;
        } else {
            answer.auth_code = Some("TEST".to_owned());
        }
    }
    Report::Answer(Box::new(answer))
}

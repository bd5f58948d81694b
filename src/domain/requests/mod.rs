//! Requests for money, and requests for a payment method (rules 13 and 20): each has a link to a page where its customer pays, or
//! stores a method. A reusable one has no customer: whoever has its link may pay.

pub mod draft;
pub mod filter;
mod link;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use strum::{EnumString, FromRepr, IntoStaticStr, VariantArray, VariantNames};

pub use self::link::{NewLink, pay_url};
use super::entrypoints::theme::Language;
use super::invoices::Invoice;
use super::kernel::money::Money;
use super::kernel::time::Micros;
use super::methods::method::Kind;
use super::orders::OrderId;
use super::transactions::currency::Currency;
use super::transactions::id::TransId;

/// The id of a request, in the form of a transaction's.
pub type RequestId = TransId;

/// How long a request can be answered unless it says so, in days (rules 13 and 20).
pub const DAYS_DEFAULT: i64 = 14;
/// The shortest time that a request can be answered, in seconds.
pub const SECS_MIN: i64 = 60;
/// The most payments of a reusable request that says how many there may be.
pub const USES_MAX: i64 = 1_000_000;

/// What a request asks for. The number is the one in the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(Serialize, Deserialize, EnumString, IntoStaticStr, VariantNames, FromRepr)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
#[repr(i16)]
pub enum RequestKind {
    /// Money.
    #[default]
    Payment = 0,
    /// A payment method, to be stored.
    Method = 1,
}

impl RequestKind {
    /// The number in the database.
    #[expect(clippy::as_conversions, reason = "the number is the representation")]
    pub const fn number(self) -> i16 {
        self as i16
    }

    /// The most days that a request can be answered.
    pub const fn days_max(self) -> i64 {
        match self {
            RequestKind::Payment => 365,
            RequestKind::Method => 30,
        }
    }
}

/// How a request stands. The number is the one in the database, which has no [`RequestState::Expired`]: that follows from the
/// time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[derive(Serialize, Deserialize, utoipa::ToSchema, EnumString, IntoStaticStr, VariantArray, FromRepr)]
#[strum(ascii_case_insensitive)]
#[repr(i16)]
pub enum RequestState {
    /// It waits to be answered.
    #[default]
    #[serde(rename = "NEW")]
    #[strum(serialize = "NEW")]
    New = 0,
    /// Somebody is paying.
    #[serde(rename = "INP")]
    #[strum(serialize = "INP")]
    InProgress = 1,
    /// It was answered as often as it can be.
    #[serde(rename = "DON")]
    #[strum(serialize = "DON")]
    Done = 2,
    /// Its time is over.
    #[serde(rename = "EXP")]
    #[strum(serialize = "EXP")]
    Expired = 3,
    /// The last payment was declined; another one may succeed.
    #[serde(rename = "DEC")]
    #[strum(serialize = "DEC")]
    Declined = 4,
    /// It was taken back.
    #[serde(rename = "CAN")]
    #[strum(serialize = "CAN")]
    Cancelled = 5,
}

impl RequestState {
    /// The word on the wire.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The number in the database.
    #[expect(clippy::as_conversions, reason = "the number is the representation")]
    pub const fn number(self) -> i16 {
        self as i16
    }

    /// Whether a request that stands so can be answered, if its time is not over.
    pub const fn is_open(self) -> bool {
        matches!(self, RequestState::New | RequestState::InProgress | RequestState::Declined)
    }
}

/// How a payer may pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[derive(Serialize, Deserialize, utoipa::ToSchema, EnumString, IntoStaticStr, VariantNames)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum MethodType {
    /// By card.
    Card,
    /// From a bank account.
    Ach,
    /// By a wallet of the payer's device.
    Wallet,
}

impl MethodType {
    /// Whether a payment method is one of this way.
    pub const fn takes(self, kind: Kind) -> bool {
        matches!(
            (self, kind),
            (MethodType::Card, Kind::Card)
                | (MethodType::Ach, Kind::Ach)
                | (MethodType::Wallet, Kind::Wallet)
        )
    }

    /// The word on the wire.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// What the page of a request asks the payer for, where the customer's record lacks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[derive(Serialize, Deserialize, utoipa::ToSchema, EnumString, IntoStaticStr, VariantNames)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum CollectField {
    /// The e-mail address.
    Email,
    /// The telephone number.
    Phone,
    /// The billing address.
    Address,
}

/// What a request says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RequestContent {
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How the payer may pay.
    pub method_types: Vec<MethodType>,
    /// What the page asks the payer for.
    pub collect: Vec<CollectField>,
    /// Where the payer goes afterwards: `successUrl`, or `completeUrl` of a request for a method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success_url: Option<String>,
    /// Where a payer goes who gives up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_url: Option<String>,
    /// The language of the page and of the mail, if somebody set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// What the sender calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<CompactString>,
    /// Of a request for a method: the stored method in whose place the new one comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// Whether its customer made it itself, in the portal.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_own: bool,
}

/// A request for money or for a payment method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// 1 at first; every change adds one.
    pub version: i64,
    /// What it asks for.
    pub kind: RequestKind,
    /// Whose it is; `None` for a reusable one.
    pub customer_id: Option<i64>,
    /// How it stands, apart from the time; see [`Request::state_at`].
    pub state: RequestState,
    /// The currency of its amounts.
    pub currency: Currency,
    /// How much is asked for; `None` if the payer says how much, and of a request for a method.
    pub amount: Option<Money>,
    /// The least that a payer may pay who says how much.
    pub min: Option<Money>,
    /// The most.
    pub max: Option<Money>,
    /// How often it was answered.
    pub uses: i64,
    /// How often it can be answered; `None` for any number.
    pub max_uses: Option<i64>,
    /// The invoice that it asks to be paid.
    pub invoice_id: Option<i64>,
    /// The order that made it.
    pub order_id: Option<OrderId>,
    /// The hash of the token in its link.
    pub link_hash: [u8; 32],
    /// From when on it cannot be answered.
    pub expires_at: Micros,
    /// When it was made.
    pub created_at: Micros,
    /// When it last changed.
    pub updated_at: Micros,
    /// The last transaction that answered it, or tried to.
    pub last_trans_id: Option<TransId>,
    /// What it says; `None` once the person is erased.
    pub content: Option<RequestContent>,
}

impl Request {
    /// How it stands at a time.
    pub fn state_at(&self, now: Micros) -> RequestState {
        if self.state.is_open() && self.expires_at <= now { RequestState::Expired } else { self.state }
    }

    /// Whether whoever has its link can answer it at a time.
    pub fn is_open_at(&self, now: Micros) -> bool {
        self.state_at(now).is_open()
    }

    /// Whether there is still something to pay at a time: its invoice may be paid, or taken back, meanwhile.
    pub fn is_payable_at(&self, invoice: Option<&Invoice>, now: Micros) -> bool {
        let is_due = self.invoice_id.is_none() || invoice.is_some_and(|invoice| invoice.state().is_open());
        self.kind == RequestKind::Payment && self.is_open_at(now) && is_due
    }

    /// Whether several payers can answer it.
    pub fn is_reusable(&self) -> bool {
        self.customer_id.is_none()
    }

    /// What it asks for at the moment: its amount, but no more than is open of its invoice. `None` if the payer says how much.
    pub fn asked(&self, invoice: Option<&Invoice>) -> Option<Money> {
        let open = invoice.map(Invoice::open_amount);
        self.amount.map(|amount| open.map_or(amount, |open| amount.min(open)))
    }

    /// Whether a payment from elsewhere answers it: it is not less than what is asked for, or than the least.
    pub fn is_paid_by(&self, amount: Money, invoice: Option<&Invoice>) -> bool {
        match self.asked(invoice) {
            Some(asked) => amount >= asked && amount > Money::default(),
            None => amount > Money::default() && self.min.is_none_or(|min| amount >= min),
        }
    }

    /// Whether an amount answers it: what it asks for, or what lies between its limits.
    pub fn takes(&self, amount: Money, invoice: Option<&Invoice>) -> bool {
        match self.asked(invoice) {
            Some(asked) => amount == asked && amount > Money::default(),
            None => {
                amount > Money::default()
                    && self.currency.check(amount).is_ok()
                    && self.min.is_none_or(|min| amount >= min)
                    && self.max.is_none_or(|max| amount <= max)
            }
        }
    }

    /// The next version.
    fn next(&self, now: Micros) -> Request {
        Request {
            version: self.version.saturating_add(1),
            updated_at: now.max(self.updated_at),
            ..self.clone()
        }
    }

    /// The request once somebody begins to pay; `None` if it cannot be answered any more. Several may begin one after the other:
    /// whoever pays first ends a request that can be answered once.
    #[must_use]
    pub fn begin(&self, now: Micros) -> Option<Request> {
        self.is_open_at(now).then(|| Request { state: RequestState::InProgress, ..self.next(now) })
    }

    /// The request once it is known what became of a payment. A payment that succeeded counts even where the request was taken
    /// back, or its time ended, meanwhile: the money came.
    #[must_use]
    pub fn settle(&self, paid: bool, trans_id: TransId, now: Micros) -> Request {
        let mut after = Request { last_trans_id: Some(trans_id), ..self.next(now) };
        if paid {
            after.uses = self.uses.saturating_add(1);
        }
        let is_done = self.max_uses.is_some_and(|most| after.uses >= most);
        after.state = match (paid, self.state) {
            (true, _) if is_done => RequestState::Done,
            (_, RequestState::Done) => RequestState::Done,
            (_, RequestState::Cancelled) => RequestState::Cancelled,
            (true, _) => RequestState::New,
            (false, _) => RequestState::Declined,
        };
        after
    }

    /// The request once it is taken back; `None` if it is done or taken back already.
    #[must_use]
    pub fn cancel(&self, now: Micros) -> Option<Request> {
        self.state.is_open().then(|| Request { state: RequestState::Cancelled, ..self.next(now) })
    }

    /// The request with another link; the one before ends.
    #[must_use]
    pub fn relink(&self, link_hash: [u8; 32], now: Micros) -> Request {
        Request { link_hash, ..self.next(now) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(max_uses: Option<i64>, expires_at: i64) -> Request {
        Request {
            id: TransId([1; 16]),
            version: 1,
            kind: RequestKind::Payment,
            customer_id: max_uses.map(|_| 1),
            state: RequestState::New,
            currency: Currency::default(),
            amount: Money::from_units(100_000),
            min: None,
            max: None,
            uses: 0,
            max_uses,
            invoice_id: None,
            order_id: None,
            link_hash: [0; 32],
            expires_at: Micros(expires_at),
            created_at: Micros(0),
            updated_at: Micros(0),
            last_trans_id: None,
            content: Some(RequestContent::default()),
        }
    }

    #[test]
    fn rules_20_a_request_expires_without_a_job_and_is_done_by_its_last_payment() {
        let one = request(Some(1), 100);
        assert_eq!(one.state_at(Micros(99)), RequestState::New);
        assert_eq!(one.state_at(Micros(100)), RequestState::Expired);
        assert_eq!(one.begin(Micros(100)), None);
        let begun = one.begin(Micros(50)).unwrap();
        assert_eq!((begun.state, begun.version), (RequestState::InProgress, 2));
        let declined = begun.settle(false, TransId([2; 16]), Micros(60));
        assert_eq!((declined.state, declined.uses), (RequestState::Declined, 0));
        let again = declined.begin(Micros(70)).unwrap();
        // It was begun in time.
        let done = again.settle(true, TransId([3; 16]), Micros(500));
        assert_eq!((done.state_at(Micros(500)), done.uses), (RequestState::Done, 1));
        assert_eq!(done.last_trans_id, Some(TransId([3; 16])));
        assert_eq!((done.begin(Micros(50)), done.cancel(Micros(50))), (None, None));
        let many = request(None, 100).begin(Micros(1)).unwrap().settle(true, TransId([2; 16]), Micros(2));
        assert_eq!((many.state, many.uses), (RequestState::New, 1));
    }

    #[test]
    fn rules_20_a_payment_fits_the_amount_or_the_limits() {
        let amount = |units| Money::from_units(units).unwrap();
        let fixed = request(Some(1), 100);
        assert!(fixed.takes(amount(100_000), None) && !fixed.takes(amount(90_000), None));
        let open = Request {
            amount: None,
            min: Some(amount(10_000)),
            max: Some(amount(50_000)),
            ..request(None, 100)
        };
        for (units, fits) in
            [(9_900, false), (10_000, true), (50_000, true), (50_100, false), (10_001, false)]
        {
            assert_eq!(open.takes(amount(units), None), fits, "{units}");
        }
        let free = Request { amount: None, ..request(None, 100) };
        assert!(free.takes(amount(100), None) && !free.takes(amount(0), None));
    }

    proptest! {
        /// Whatever happens to a request, its uses are the payments that succeeded, and nothing reopens one that is done.
        #[test]
        fn rules_20_uses_are_payments_and_done_stays_done(
            max_uses in prop_oneof![Just(None), (1_i64..4).prop_map(Some)],
            steps in prop::collection::vec((0_u8..4, 0_i64..200), 0..30),
        ) {
            let mut now = request(max_uses, 150);
            let mut paid = 0;
            for (step, at) in steps {
                let before = now.clone();
                let after = match step {
                    0 => now.begin(Micros(at)),
                    1 => { paid += 1; Some(now.settle(true, TransId([9; 16]), Micros(at))) }
                    2 => Some(now.settle(false, TransId([9; 16]), Micros(at))),
                    _ => now.cancel(Micros(at)),
                };
                if let Some(after) = after {
                    prop_assert_eq!(after.version, before.version + 1);
                    prop_assert!(after.updated_at >= before.updated_at);
                    prop_assert!(before.state != RequestState::Done || after.state == RequestState::Done);
                    prop_assert!(after.state != RequestState::Expired);
                    now = after;
                }
                prop_assert_eq!(now.uses, paid);
                prop_assert_eq!(
                    now.state == RequestState::Done,
                    max_uses.is_some_and(|most| paid >= most)
                );
            }
        }
    }
}

//! Mails to customers and to members of staff: their kinds and their states.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray, VariantNames};

use super::accounts::link::LinkKind;
use super::accounts::staff::StaffLinkKind;
use super::entrypoints::Entrypoint;
use super::entrypoints::theme::{Language, Theme};
use super::kernel::time::{Micros, SECOND_US};

/// What a mail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, utoipa::ToSchema, IntoStaticStr, EnumString, VariantArray)]
#[schema(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum MailKind {
    /// Set a password and have an account.
    Invitation,
    /// Set another password.
    Reset,
    /// The account was locked after failed sign-ins.
    Locked,
    /// The password was changed.
    PasswordChanged,
    /// The e-mail address was changed; it goes to the address before.
    EmailChanged,
    /// The username was changed.
    UsernameChanged,
    /// Confirm that you want messages.
    ConsentOptIn,
    /// What was paid.
    Receipt,
    /// An invoice or a credit note, as a PDF.
    Invoice,
    /// What was ordered.
    OrderConfirmation,
    /// The link to the page of a payment request.
    PaymentRequest,
    /// The link to the page where a customer stores a payment method.
    MethodLink,
    /// A member of staff sets the first password.
    StaffInvitation,
    /// A member of staff sets another password.
    StaffReset,
}

impl MailKind {
    /// The name on the wire, in the database and of its templates.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The kind of its link, if it has one.
    pub const fn link(self) -> Option<LinkKind> {
        match self {
            MailKind::Invitation => Some(LinkKind::Invitation),
            MailKind::Reset => Some(LinkKind::Reset),
            MailKind::ConsentOptIn => Some(LinkKind::Consent),
            MailKind::Locked
            | MailKind::PasswordChanged
            | MailKind::EmailChanged
            | MailKind::UsernameChanged
            | MailKind::Receipt
            | MailKind::Invoice
            | MailKind::OrderConfirmation
            | MailKind::PaymentRequest
            | MailKind::MethodLink
            | MailKind::StaffInvitation
            | MailKind::StaffReset => None,
        }
    }

    /// Whether it brings a request, with its link.
    pub const fn is_request(self) -> bool {
        matches!(self, MailKind::PaymentRequest | MailKind::MethodLink)
    }

    /// The kind of its link, if it goes to a member of staff.
    pub const fn staff_link(self) -> Option<StaffLinkKind> {
        match self {
            MailKind::StaffInvitation => Some(StaffLinkKind::Invitation),
            MailKind::StaffReset => Some(StaffLinkKind::Reset),
            _ => None,
        }
    }

    /// Whether it always carries a link.
    pub const fn has_link(self) -> bool {
        self.link().is_some() || self.is_request() || self.staff_link().is_some()
    }
}

/// A mail that is to be queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMail {
    /// The customer's entrypoint.
    pub entrypoint_id: i64,
    /// The recipient. The address is the one that the customer has when the mail is queued.
    pub customer_id: i64,
    /// What it is about.
    pub kind: MailKind,
    /// The token of its link.
    pub link: Option<String>,
    /// What was paid, for a receipt.
    pub receipt: Option<Receipt>,
    /// The invoice that it brings.
    pub invoice_id: Option<i64>,
    /// The order that it confirms.
    pub order: Option<Box<OrderEnclosed>>,
    /// The request that it brings.
    pub request: Option<Box<RequestEnclosed>>,
}

impl NewMail {
    /// A mail that carries nothing.
    pub fn of(entrypoint_id: i64, customer_id: i64, kind: MailKind) -> NewMail {
        NewMail {
            entrypoint_id,
            customer_id,
            kind,
            link: None,
            receipt: None,
            invoice_id: None,
            order: None,
            request: None,
        }
    }
}

/// What a receipt says of a transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The amount with its currency, such as `19.99 USD`.
    pub amount: String,
    /// The day, such as `2026-03-01`.
    pub day: String,
    /// The id of the transaction.
    pub number: String,
    /// What it was for; may be empty.
    pub description: String,
    /// How it was paid, such as `card •••• 4242`; may be empty.
    pub method: String,
}

/// What the confirmation of an order says. Each amount has its currency, such as `19.99 USD`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderEnclosed {
    /// The id of the order.
    pub number: String,
    /// The number of its invoice.
    pub invoice_number: String,
    /// The day, such as `2026-03-01`.
    pub day: String,
    /// What was ordered.
    pub lines: Vec<OrderedLine>,
    /// What a coupon takes off; empty without one.
    pub discount: String,
    /// The tax.
    pub tax: String,
    /// What it comes to.
    pub total: String,
    /// Whether it is paid.
    pub is_paid: bool,
    /// The language of the buyer.
    pub language: Language,
}

/// A line in the confirmation of an order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderedLine {
    /// What was ordered.
    pub what: String,
    /// How much.
    pub quantity: String,
    /// Without discount and tax.
    pub amount: String,
}

/// What the mail of a request says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestEnclosed {
    /// How much is asked for, such as `19.99 USD`; empty if the payer says how much, and if it asks for a payment method.
    pub amount: String,
    /// What it is for; may be empty.
    pub description: String,
    /// The last day on which it can be answered, such as `2026-03-01`.
    pub until: String,
    /// The language of the customer.
    pub language: Language,
}

/// What the mail to a member of staff says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StaffEnclosed {
    /// The name of the organisation.
    pub organisation: String,
    /// The language of the mail.
    pub language: Language,
}

/// Why nothing of an invoice is to be paid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Settled {
    /// It is paid.
    #[default]
    Paid,
    /// It was credited.
    Credited,
    /// It was taken back.
    Cancelled,
}

/// The invoice in a mail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InvoiceEnclosed {
    /// Whether it is a credit note.
    pub is_credit_note: bool,
    /// Its number.
    pub number: String,
    /// What it comes to, such as `19.99 USD`.
    pub amount: String,
    /// What is still to be paid, if a part is paid or credited; else empty.
    pub left: String,
    /// Whether something is still to be paid.
    pub is_open: bool,
    /// Why nothing is to be paid.
    pub settled: Settled,
    /// The day by which it is to be paid, such as `2026-03-01`.
    pub due_day: String,
    /// The language of the buyer.
    pub language: Language,
    /// The name of its file.
    pub file_name: String,
    /// The PDF.
    pub pdf: Vec<u8>,
}

/// A queued mail, decrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// What it is about.
    pub kind: MailKind,
    /// The recipient's number.
    pub customer_id: i64,
    /// The random part of its Message-ID, which is the same in every attempt.
    pub message_id: String,
    /// When it was queued.
    pub created_at: Micros,
    /// The recipient's address.
    pub address: String,
    /// The recipient's name; may be empty.
    pub name: String,
    /// The token of its link.
    pub link: Option<String>,
    /// What was paid, for a receipt.
    pub receipt: Option<Receipt>,
    /// The id of the invoice that it brings.
    pub invoice_id: Option<i64>,
    /// That invoice, once it is read.
    pub invoice: Option<InvoiceEnclosed>,
    /// The order that it confirms.
    pub order: Option<Box<OrderEnclosed>>,
    /// The request that it brings.
    pub request: Option<Box<RequestEnclosed>>,
    /// Of a mail to a member of staff: the organisation.
    pub staff: Option<StaffEnclosed>,
}

impl Letter {
    /// What stands for the store in the look of a mail to a member of staff.
    pub fn office(&self) -> Option<Entrypoint> {
        let StaffEnclosed { organisation, language } = self.staff.clone()?;
        let theme = Theme { store_name: Some(organisation), language, ..Theme::default() };
        Some(Entrypoint { entry: "console".into(), theme, ..Entrypoint::default() })
    }
}

/// What became of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, utoipa::ToSchema, IntoStaticStr, EnumString, VariantNames)]
#[schema(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum MailState {
    /// It waits for its first or next try.
    Queued,
    /// A worker has it; nothing has been handed over.
    Sending,
    /// A worker is handing it over to the mail server.
    HandingOver,
    /// The mail server took it.
    Sent,
    /// There is no mail server: a worker wrote it into a folder, where it is a file.
    Written,
    /// Given up; the problem says why.
    Failed,
    /// The process died while it handed the mail over, and nobody knows whether the server took it: it is not sent again
    /// unless somebody asks.
    Uncertain,
    /// The customer was deleted or erased before it could be sent.
    Dropped,
}

impl MailState {
    /// The name on the wire and in the database.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether somebody may ask for another attempt.
    pub const fn may_retry(self) -> bool {
        matches!(self, MailState::Failed | MailState::Uncertain | MailState::Written)
    }
}

/// After so many failed attempts the worker gives a mail up.
pub const ATTEMPTS_MAX: i64 = 12;
/// The worker gives a mail up at this age, in microseconds: five days, as RFC 5321 recommends.
pub const AGE_MAX_US: i64 = 5 * 24 * 3600 * SECOND_US;
/// The longest pause between two attempts, in microseconds.
const PAUSE_MAX_US: i64 = 2 * 3600 * SECOND_US;

/// The pause after the nth attempt, in microseconds. It doubles each time; `jitter` (any number) moves it by up to a
/// quarter.
pub fn pause_us(attempts: i64, first_us: i64, jitter: u32) -> i64 {
    let doublings = u32::try_from(attempts.clamp(1, 20) - 1).unwrap_or(0);
    let pause = first_us.saturating_mul(1 << doublings).min(PAUSE_MAX_US);
    let quarter = pause / 4;
    pause - quarter + i64::from(jitter % 1024) * 2 * quarter / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_again() {
        for kind in MailKind::VARIANTS {
            assert_eq!(kind.name().parse(), Ok(*kind));
        }
        for name in MailState::VARIANTS {
            assert_eq!(name.parse().map(MailState::name), Ok(*name));
        }
    }

    #[test]
    fn pauses_double_up_to_two_hours() {
        let middle = |attempts| pause_us(attempts, 30 * SECOND_US, 512) / SECOND_US;
        assert_eq!([1, 2, 3, 8, 20, 99].map(middle), [30, 60, 120, 3_840, 7_200, 7_200]);
        for jitter in [0, 1, 1023, u32::MAX] {
            let pause = pause_us(1, 1000, jitter);
            assert!((750..=1250).contains(&pause), "{pause}");
        }
    }
}

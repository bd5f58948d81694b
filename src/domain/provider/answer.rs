//! What comes back from a payment provider, checked (rules 20).

use super::{CallContent, CallState, ChargedMethod};
use crate::domain::kernel::money::Money;
use crate::domain::methods::method::{Expiry, Kind, masked_account};

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The provider's answer.
    Answer(Box<Answer>),
    /// The provider never saw it.
    NeverSeen,
    /// The provider refused to begin it, so no money moved.
    Refused {
        /// Why, as a word.
        error: String,
        /// Why, for people.
        message: Option<String>,
    },
    /// Nothing, or nothing that can be trusted.
    Nothing,
}

/// A payment method that a payer used or left on a page of the provider's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweredMethod {
    /// The provider's token.
    pub provider_method_id: String,
    /// The provider's id of the customer.
    pub provider_customer_id: Option<String>,
    /// The network's id of the first charge.
    pub network_transaction_id: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// Such as `visa`.
    pub brand: Option<String>,
    /// The last digits of the account.
    pub last4: Option<String>,
    /// Its last month.
    pub expiry: Option<Expiry>,
    /// The provider's name for the account behind it.
    pub fingerprint: Option<String>,
    /// Whose account it is.
    pub holder_name: Option<String>,
}

impl Default for AnsweredMethod {
    fn default() -> AnsweredMethod {
        AnsweredMethod {
            provider_method_id: String::new(),
            provider_customer_id: None,
            network_transaction_id: None,
            kind: Kind::Other,
            brand: None,
            last4: None,
            expiry: None,
            fingerprint: None,
            holder_name: None,
        }
    }
}

/// An answer of a provider, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// How the call stands.
    pub state: CallState,
    /// The provider's own id.
    pub provider_id: Option<String>,
    /// The bank's code.
    pub auth_code: Option<String>,
    /// What the provider keeps.
    pub fee: Option<Money>,
    /// Why it was declined, as a word.
    pub error: Option<String>,
    /// Why it was declined, for people.
    pub message: Option<String>,
    /// Where the payer has to go.
    pub url: Option<String>,
    /// The method that the payer used or left.
    pub method: Option<AnsweredMethod>,
}

impl Answer {
    /// Writes what it says into the content of its call. What it leaves out stays, but for reasons and addresses, which are of
    /// one answer.
    pub(super) fn write_to(&self, content: &mut CallContent) {
        for (slot, said) in
            [(&mut content.provider_id, &self.provider_id), (&mut content.auth_code, &self.auth_code)]
        {
            if said.is_some() {
                slot.clone_from(said);
            }
        }
        content.error.clone_from(&self.error);
        content.message.clone_from(&self.message);
        content.url.clone_from(&self.url);
        if let Some(method) = &self.method {
            content.method = Some(ChargedMethod {
                method_id: None,
                provider: None,
                provider_method_id: method.provider_method_id.clone(),
                provider_customer_id: method.provider_customer_id.clone(),
                network_transaction_id: method.network_transaction_id.clone(),
                kind: method.kind,
                masked_account: method.last4.as_deref().map(masked_account),
            });
        }
    }
}

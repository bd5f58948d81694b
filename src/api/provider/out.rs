//! A charge in an answer.

use serde::Serialize;

use crate::api::transactions::Amount;
use crate::domain::customers::mask::MASK;
use crate::domain::provider::{CallContent, CallKind, CallState, ProviderCall};
use crate::domain::view::View;
use crate::store::FoundCall;

/// A charge, a refund, or a void. What is not known is null.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChargeOut<'a> {
    /// Its id; a charge and a refund are transactions under it.
    trans_id: String,
    /// The charge that it is about; its own id for a charge.
    charge_id: String,
    /// `charge`, `refund`, `void` or `session`.
    kind: CallKind,
    /// Whose money it moves; null while that is not known.
    customer_id: Option<i64>,
    /// `requested` (the provider has not answered yet), `pending`, `requiresAction`, `succeeded` or `declined`.
    status: CallState,
    /// Whether the provider was asked, and what it made of that is not known. The service goes on to ask.
    is_unknown: bool,
    /// How much.
    #[schema(value_type = f64)]
    amount: Amount,
    /// Its currency by ISO 4217.
    currency: &'static str,
    /// The stored method that was charged.
    method_id: Option<&'a str>,
    /// The number of the invoice that it pays.
    invoice_number: Option<&'a str>,
    /// The order that it pays.
    order_id: Option<&'a str>,
    /// What it is for; masked without pii:read.
    description: Option<&'a str>,
    /// The name of the token that asked for it; null if a payer did.
    asked_by: Option<&'a str>,
    /// The provider's own id.
    provider_id: Option<&'a str>,
    /// The bank's code.
    auth_code: Option<&'a str>,
    /// Why it was declined, as a word.
    decline_code: Option<&'a str>,
    /// Why it was declined, for people.
    message: Option<&'a str>,
    /// Where the payer has to go, with `requiresAction`.
    action_url: Option<&'a str>,
    /// What was paid back of a charge.
    #[schema(value_type = f64)]
    refunded_amount: Amount,
    /// What of it can still be paid back.
    #[schema(value_type = f64)]
    refundable_amount: Amount,
    /// Whether it was taken back before its money moved.
    is_voided: bool,
    /// Whether the money is play money.
    is_test: bool,
    /// When it was written down.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    updated_at: String,
}

impl<'a> ChargeOut<'a> {
    pub(super) fn new(one: &'a FoundCall, view: View) -> ChargeOut<'a> {
        let call = &one.call;
        let content: Option<&CallContent> = call.content.as_ref();
        let text =
            |of: fn(&CallContent) -> &Option<String>| content.and_then(|content| of(content).as_deref());
        let description = text(|content| &content.description);
        let place = one.entrypoint.id;
        let sum = |is: &dyn Fn(&ProviderCall) -> bool| {
            let parts = one.about.iter().filter(|part| part.kind == CallKind::Refund && is(part));
            parts.map(|part| i128::from(part.amount.units())).sum::<i128>()
        };
        let refunded = i128::from(one.refunded.units());
        let going = sum(&|part| !part.state.is_final());
        let is_voided =
            one.about.iter().any(|part| part.kind == CallKind::Void && part.state == CallState::Succeeded);
        let is_charge = matches!(call.kind, CallKind::Charge | CallKind::Session);
        let is_refundable = is_charge && call.state == CallState::Succeeded && !is_voided;
        let left = if is_refundable { i128::from(call.amount.units()) - refunded - going } else { 0 };
        ChargeOut {
            trans_id: call.id.show(place),
            charge_id: call.charge_id.show(place),
            kind: call.kind,
            customer_id: call.customer_id,
            status: call.state,
            is_unknown: call.is_unknown(),
            amount: call.amount.into(),
            currency: call.currency.code(),
            method_id: content
                .and_then(|content| content.method.as_ref())
                .and_then(|method| method.method_id.as_deref()),
            invoice_number: text(|content| &content.invoice_number),
            order_id: text(|content| &content.order_id),
            description: if view == View::Full { description } else { description.map(|_| MASK) },
            asked_by: text(|content| &content.asked_by),
            provider_id: text(|content| &content.provider_id),
            auth_code: text(|content| &content.auth_code),
            decline_code: text(|content| &content.error),
            message: text(|content| &content.message),
            action_url: text(|content| &content.url),
            refunded_amount: Amount(if is_charge { refunded } else { 0 }),
            refundable_amount: Amount(left.max(0)),
            is_voided: is_charge && is_voided,
            is_test: one.entrypoint.is_test,
            created_at: call.created_at.to_rfc3339(),
            updated_at: call.updated_at.to_rfc3339(),
        }
    }
}

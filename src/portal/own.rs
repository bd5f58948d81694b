//! Requests that customers make for themselves in the portal: to pay an invoice, and to add or replace a payment method.

use super::pay::limits::Counted;
use super::visit::{SignedIn, Visit};
use crate::domain::decide::command::{Action, Outcome};
use crate::domain::decide::requesting::ChangeRequest;
use crate::domain::kernel::problem::Rejection;
use crate::domain::requests::draft::RequestDraft;
use crate::store::StoreError;
use crate::web::{PageError, PageResult};

/// Makes a request of the customer and goes to its page; to the page `back` if there is nothing to ask for any more.
pub(super) async fn ask(
    visit: &Visit<'_>,
    signed_in: &SignedIn,
    draft: RequestDraft,
    back: &str,
) -> PageResult {
    let (place, customer_id) = (visit.entrypoint.id, signed_in.found.record.stored.id);
    let hash = *blake3::hash(format!("{place} {customer_id}").as_bytes()).as_bytes();
    if !visit.portal.pay_limits.allows(&Counted::Send(hash, "the customer".to_owned())) {
        return Err(PageError::Busy);
    }
    let change = ChangeRequest::Make {
        customer_id: Some(customer_id),
        draft: Box::new(draft),
        link: visit.portal.store.requests().new_link()?,
        random: uuid::Uuid::new_v4().as_u128(),
    };
    match visit.act(Action::Request(Box::new(change))).await {
        Ok(Outcome::Requested(done)) => Ok(match done.token {
            Some(token) => visit.go_to_link(&token),
            // Somebody is paying: the page says how that stands.
            None => visit.go_to(&format!("/requests/{}", done.request_id.show(place))),
        }),
        Ok(_) => Err(PageError::Defect("a request became something else".into())),
        Err(StoreError::Rejected(Rejection::State(_))) => Ok(visit.go_to(back)),
        Err(error) => Err(error.into()),
    }
}

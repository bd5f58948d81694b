//! A request whose page somebody opened: by its link, or in the portal as its customer.

use crate::domain::accounts::sign_in::customer_actor;
use crate::domain::decide::command::Actor;
use crate::portal::visit::{SignedIn, Visit};
use crate::store::LookedRequest;

/// Where the page of a request lies.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    /// At the link with this token, for whoever has it.
    Link(&'a str),
    /// In the portal, for its customer.
    Portal(&'a SignedIn),
}

/// A request whose page somebody opened.
pub(super) struct Opened<'a> {
    pub(super) looked: LookedRequest,
    pub(super) place: Place<'a>,
}

impl Opened<'_> {
    /// The path of the page.
    pub(super) fn path(&self, visit: &Visit<'_>) -> String {
        format!("{}{}", visit.portal.settings.base_path, self.tail(visit))
    }

    /// The address of the page.
    pub(super) fn url(&self, visit: &Visit<'_>) -> String {
        format!("{}{}", visit.portal.settings.public_url, self.tail(visit))
    }

    fn tail(&self, visit: &Visit<'_>) -> String {
        let entry = &visit.entrypoint.entry;
        match self.place {
            Place::Link(token) => format!("/pay/{entry}/{token}"),
            Place::Portal(_) => {
                format!("/portal/{entry}/requests/{}", self.looked.request.id.show(visit.entrypoint.id))
            }
        }
    }

    /// The customer, if the page lies in the portal.
    pub(super) fn signed_in(&self) -> Option<&SignedIn> {
        match self.place {
            Place::Link(_) => None,
            Place::Portal(signed_in) => Some(signed_in),
        }
    }

    /// Whom the history names.
    pub(super) fn actor(&self) -> Actor {
        match self.place {
            Place::Link(_) => Actor { name: "payer".into(), jti: String::new() },
            Place::Portal(_) => customer_actor(),
        }
    }

    /// Whether the customer made the request itself.
    pub(super) fn is_own(&self) -> bool {
        self.looked.request.content.as_ref().is_some_and(|content| content.is_own)
    }

    /// Where a payer goes on who has answered, and the words of the link.
    pub(super) fn next(&self, visit: &Visit<'_>) -> Option<(String, &'static str)> {
        let texts = visit.texts();
        let success = self.looked.request.content.as_ref().and_then(|content| content.success_url.clone());
        match (success, self.place) {
            (Some(url), _) => Some((url, if self.is_own() { texts.pay_back_portal } else { texts.pay_back })),
            (None, Place::Portal(_)) => Some((format!("{}/record", visit.base), texts.back_to_record)),
            (None, Place::Link(_)) => None,
        }
    }

    /// Where a payer goes who gives up.
    pub(super) fn give_up(&self, visit: &Visit<'_>) -> Option<String> {
        match self.place {
            Place::Portal(_) => Some(format!("{}/record", visit.base)),
            Place::Link(_) => {
                self.looked.request.content.as_ref().and_then(|content| content.cancel_url.clone())
            }
        }
    }
}

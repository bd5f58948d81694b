//! The rights that pages need which show little by themselves, such as empty forms. The API refuses what a form sends anyway;
//! this keeps a member from filling one in, in vain.

use super::page::Refused;
use super::visit::{SignedIn, Visit};
use crate::domain::accounts::token::Scope;

/// Refuses a member who lacks the right for the page of this visit.
pub(super) fn check(visit: &Visit, signed_in: &SignedIn) -> Result<(), Refused> {
    match needed(visit.request.path()) {
        Some(scope) if !signed_in.may(scope) => Err(Refused::Forbidden(format!("the role lacks {scope}"))),
        _ => Ok(()),
    }
}

/// The right that the page at a path needs; none where the API decides by what the page asks.
fn needed(path: &str) -> Option<Scope> {
    let (_, tail) = path.split_once("/console/")?;
    let parts: Vec<&str> = tail.split('/').collect();
    match parts.as_slice() {
        ["tokens", ..] => Some(Scope::Tokens),
        ["staff", ..] => Some(Scope::Staff),
        ["at", _, rest @ ..] => of_place(rest),
        _ => None,
    }
}

fn of_place(parts: &[&str]) -> Option<Scope> {
    Some(match parts {
        ["settings", ..] | ["activity"] => Scope::Settings,
        ["imports", ..] => Scope::CustomersImport,
        ["customers", "jobs", ..] => return None,
        ["customers", "new"]
        | ["customers", _, "edit"]
        | ["customers", _, "addresses" | "comments" | "methods", _] => Scope::CustomersWrite,
        ["customers", _, "delete" | "erase"] => Scope::CustomersDelete,
        ["customers", _, "charge"] => Scope::MoneyCharge,
        ["customers", _, "request-payment"]
        | ["customers", _, "coupons" | "method-links" | "orders" | "payments", _]
        | ["coupons" | "invoices" | "orders" | "products" | "requests", "new"]
        | ["coupons" | "invoices", _, "credit" | "edit"] => Scope::MoneyWrite,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_need_the_right_for_what_they_send() {
        for (path, scope) in [
            ("/console/at/shop/customers", None),
            ("/console/at/shop/customers/7", None),
            ("/console/at/shop/customers/7/comments", None),
            ("/console/at/shop/customers/jobs/labels/7", None),
            ("/console/at/shop/customers/7/charge/tx-1", None),
            ("/console/at/shop/invoices/7", None),
            ("/console/account", None),
            ("/console/at/shop/customers/new", Some(Scope::CustomersWrite)),
            ("/console/at/shop/customers/7/edit", Some(Scope::CustomersWrite)),
            ("/console/at/shop/customers/7/addresses/new", Some(Scope::CustomersWrite)),
            ("/console/at/shop/customers/7/delete", Some(Scope::CustomersDelete)),
            ("/console/at/shop/customers/7/charge", Some(Scope::MoneyCharge)),
            ("/console/at/shop/customers/7/orders/new", Some(Scope::MoneyWrite)),
            ("/shop/console/at/shop/invoices/7/credit", Some(Scope::MoneyWrite)),
            ("/console/at/shop/imports/new", Some(Scope::CustomersImport)),
            ("/console/at/shop/settings/look", Some(Scope::Settings)),
            ("/console/staff/new", Some(Scope::Staff)),
            ("/console/tokens/new", Some(Scope::Tokens)),
        ] {
            assert_eq!(needed(path), scope, "{path}");
        }
    }
}

//! The customer in a body of Payabli's calls: `customerData`.

use std::collections::HashMap;

use serde_json::value::RawValue;

use crate::domain::customers::draft::{Context, Draft};
use crate::domain::customers::record::CUSTOMER_ID_MAX;
use crate::domain::decide::command::{CreateCustomer, Holder, Hung, OnMatch};
use crate::domain::kernel::members::{Given, Members};
use crate::domain::kernel::problem::{At, Problem};

/// The names of a payer with the names of a customer's fields.
const PAYER: [(&str, &str); 21] = [
    ("additionalData", "additionalFields"),
    ("billingAddress1", "address"),
    ("billingAddress2", "address1"),
    ("billingCity", "city"),
    ("billingCountry", "country"),
    ("billingEmail", "email"),
    ("billingPhone", "phone"),
    ("billingState", "state"),
    ("billingZip", "zip"),
    ("company", "company"),
    ("customerNumber", "customerNumber"),
    ("firstName", "firstname"),
    ("identifierFields", "identifierFields"),
    ("lastName", "lastname"),
    ("references", "references"),
    ("shippingAddress1", "shippingAddress"),
    ("shippingAddress2", "shippingAddress1"),
    ("shippingCity", "shippingCity"),
    ("shippingCountry", "shippingCountry"),
    ("shippingState", "shippingState"),
    ("shippingZip", "shippingZip"),
];

/// What `customerData` says.
pub(super) enum Payer {
    /// `customerId`.
    Known(i64),
    /// Fields of a customer.
    Described(Box<Draft>),
}

impl Payer {
    /// Whose something new is to be. `force` makes another customer, whoever matches.
    pub(super) fn holder(self, force: bool) -> Holder {
        match self {
            Payer::Known(id) => Holder::Customer(id),
            Payer::Described(draft) => {
                let on_match = if force { OnMatch::Force } else { OnMatch::Get };
                Holder::Found(Box::new(CreateCustomer {
                    draft: *draft,
                    on_match,
                    precomputed: None,
                    hung: Hung::default(),
                }))
            }
        }
    }
}

/// The payer by the names of a customer's fields.
pub(super) fn payer_of(members: &Members<'_>, context: Context<'_>) -> Result<Payer, Vec<Problem>> {
    const PLACE: &str = "customerData";
    let mut id = None;
    let mut fields: HashMap<&str, &RawValue> = HashMap::new();
    let mut problems = Vec::new();
    for (name, raw) in &members.0 {
        let known = PAYER.iter().find(|(own, _)| own == name);
        match (name.as_ref(), known, Given::of(raw)) {
            ("customerId", _, Given::Null) => {}
            ("customerId", _, Given::Number(number)) => {
                let number = number.parse().ok().filter(|number| (1..=CUSTOMER_ID_MAX).contains(number));
                id = Some(number.unwrap_or(0));
            }
            ("customerId", _, given) => {
                let message = format!("must be an integer, not {}", given.kind());
                problems.push(Problem::field(&[PLACE, name], "wrong_type", message));
            }
            (_, Some((_, field)), _) => {
                fields.insert(field, raw);
            }
            (_, None, _) => {
                problems.push(Problem::field(&[PLACE, name], "unknown_field", "is no field of a payer"));
            }
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    if let Some(id) = id {
        return Ok(Payer::Known(id));
    }
    let json = serde_json::to_string(&fields).unwrap_or_default();
    let parsed = serde_json::from_str::<Members<'_>>(&json)
        .map_err(|_| vec![Problem::field(&[PLACE], "required", "is required")])?;
    let draft = Draft::parse(&parsed, context);
    draft.map(|draft| Payer::Described(Box::new(draft))).map_err(|problems| {
        problems.into_iter().map(|problem| Problem { at: place_in(PLACE, &problem.at), ..problem }).collect()
    })
}

/// Where a problem of a customer's field stands in the body of this route.
fn place_in(place: &str, at: &At) -> At {
    let At::Pointer(pointer) = at else { return at.clone() };
    let (name, rest) = pointer.trim_start_matches('/').split_once('/').map_or_else(
        || (pointer.trim_start_matches('/'), String::new()),
        |(name, rest)| (name, format!("/{rest}")),
    );
    let own = PAYER.iter().find(|(_, field)| *field == name).map_or(name, |(own, _)| *own);
    At::Pointer(format!("/{place}/{own}{rest}"))
}

//! Deliveries of transactions as commands, and what becomes of them (rules 14).

use std::sync::Arc;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};

use crate::domain::customers::draft::Context;
use crate::domain::kernel::card::{self, CardGuard};
use crate::domain::kernel::members::{Given, LONE_SURROGATE, Members, is_lone_surrogate};
use crate::domain::kernel::problem::{At, Problem};
use crate::domain::kernel::text::clean;
use crate::domain::references::EXTERNAL_ID_CHARS_MAX;
use crate::domain::transactions::id::TransId;
use crate::domain::transactions::item::{Item, Whose};

/// The most deliveries of one command. A request with more is carried out in parts, between which other commands take their
/// turn.
pub const PART_MAX: usize = 100;
/// After so many changed transactions a command leaves the deliveries that are left to the next part. A delivery may change many:
/// all that waited for its customer, and all that pays those back.
pub(super) const CHANGES_MAX: usize = 500;

/// `POST /Transaction/{entry}`: deliveries of transactions, each of which succeeds or fails by itself.
#[derive(Debug, Clone)]
pub struct Ingest {
    /// The deliveries of the request, in the order sent.
    items: Arc<[Delivery]>,
    /// Where the part of this command begins.
    from: usize,
    /// What becomes of one whose customer is not known.
    pub on_unknown: OnUnknown,
    /// Random bits for the ids of new ones.
    pub random: u128,
}

impl Ingest {
    /// The first part of a request.
    pub fn new(items: Vec<Delivery>, on_unknown: OnUnknown, random: u128) -> Ingest {
        Ingest { items: items.into(), from: 0, on_unknown, random }
    }

    /// The part that begins with a delivery.
    #[must_use]
    pub fn part(&self, from: usize) -> Ingest {
        Ingest { from, ..self.clone() }
    }

    /// How many deliveries the whole request has.
    pub fn number(&self) -> usize {
        self.items.len()
    }

    /// The deliveries of this part, each with its place in the request.
    pub fn deliveries(&self) -> impl Iterator<Item = (usize, &Delivery)> {
        self.items.iter().enumerate().skip(self.from).take(PART_MAX)
    }

    /// Whether a delivery of this part has no time, so that its arrival counts.
    pub fn is_untimed(&self) -> bool {
        let is_untimed =
            |delivery: &Delivery| matches!(delivery, Delivery::Item(item) if item.occurred_at.is_none());
        self.deliveries().any(|(_, delivery)| is_untimed(delivery))
    }
}

/// A delivery of a transaction.
#[derive(Debug, Clone)]
pub enum Delivery {
    /// A checked one.
    Item(Box<Item>),
    /// One that is refused whatever is stored.
    Refused {
        /// Its `externalId`, where that could be read.
        external_id: Option<CompactString>,
        /// Why.
        reason: Reason,
    },
}

impl Delivery {
    /// Reads an item of a request. Ids may look like card numbers where `guard` says so.
    pub fn read(json: &[u8], context: Context<'_>, guard: CardGuard) -> Delivery {
        let broken = |code: &str, message: &str| Delivery::Refused {
            external_id: None,
            reason: Reason { code: code.into(), message: message.into(), field: String::new() },
        };
        let members: Members<'_> = match serde_json::from_slice(json) {
            Ok(members) => members,
            Err(error) if error.classify() == serde_json::error::Category::Data => {
                return broken("wrong_type", "must be a JSON object");
            }
            Err(error) => {
                let why = if is_lone_surrogate(&error) { LONE_SURROGATE } else { "" };
                return broken("invalid_json", &format!("is no JSON{why}"));
            }
        };
        let named = members.0.iter().find(|(name, _)| name == "externalId");
        let external_id = named.and_then(|(_, raw)| match Given::of(raw) {
            Given::Text(text) => clean(&text, EXTERNAL_ID_CHARS_MAX)
                .ok()
                .filter(|id| guard.exempts("externalId") || !card::holds(id)),
            _ => None,
        });
        let cards =
            card::in_json(json).into_iter().filter(|found| !(found.is_id && guard == CardGuard::Texts));
        let problems: Vec<Problem> = cards.map(|found| found.problem).collect();
        if let Some(problem) = problems.first() {
            return Delivery::Refused { external_id, reason: problem.into() };
        }
        let read = Item::parse(&members, context).and_then(|item| match &item.whose {
            Whose::Customer(draft) if draft.password.is_sent() => Err(vec![Problem::field(
                &["customer", "customerPsw"],
                "unknown_field",
                "a payment sets no password; invite the customer instead",
            )]),
            _ => Ok(item),
        });
        match read {
            Ok(item) => Delivery::Item(Box::new(item)),
            Err(problems) => Delivery::Refused { external_id, reason: Reason::first_of(&problems) },
        }
    }
}

/// `onUnknownCustomer`: what becomes of a transaction whose customer is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[derive(Serialize, Deserialize, EnumString, IntoStaticStr, VariantNames, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum OnUnknown {
    /// It is refused.
    Refuse,
    /// It is kept without a customer.
    #[default]
    Unlinked,
    /// A confirmed sale registers its customer.
    Create,
}

/// `GET` and `POST /Customer/link/{customerId}/{transId}`.
#[derive(Debug, Clone, Copy)]
pub struct LinkTransaction {
    /// `customerId`.
    pub id: i64,
    /// `transId` within the entrypoint.
    pub trans_id: TransId,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[derive(Serialize, Deserialize, utoipa::ToSchema, IntoStaticStr, EnumString)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum ItemResult {
    /// A new transaction.
    Created,
    /// A known one with other values.
    Moved,
    /// A known one that has its customer now.
    Linked,
    /// A known one, as it was.
    Unchanged,
    /// None, for the reason given.
    Refused,
}

/// Why a delivery was refused, or why its transaction has no customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// A stable code in snake case.
    pub code: CompactString,
    /// What is wrong and what would do; never a personal value.
    pub message: String,
    /// The member of the item that it is about, as a JSON pointer within it; empty for the whole item.
    pub field: String,
}

impl Reason {
    /// Whether it tells who is a customer.
    pub fn is_of_customers(&self) -> bool {
        matches!(
            self.code.as_str(),
            "unknown_customer" | "ambiguous_customer" | "erased_customer" | "linked_to_another"
        )
    }

    /// The first of some problems, as an item has one reason.
    pub fn first_of(problems: &[Problem]) -> Reason {
        let defect =
            || Reason { code: "invalid_value".into(), message: "is wrong".into(), field: String::new() };
        problems.first().map_or_else(defect, Reason::from)
    }
}

impl From<&Problem> for Reason {
    fn from(problem: &Problem) -> Reason {
        let field = match &problem.at {
            At::Pointer(pointer) => pointer.clone(),
            _ => String::new(),
        };
        Reason { code: problem.code.into(), message: problem.message.clone(), field }
    }
}

/// What became of one delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemAnswer {
    /// What became of it.
    pub result: ItemResult,
    /// Its `externalId`, where that could be read.
    pub external_id: Option<CompactString>,
    /// The `transId` of its transaction; `None` if it was refused.
    pub trans_id: Option<String>,
    /// Whose the transaction is; `None` while it is unlinked.
    pub customer_id: Option<i64>,
    /// The customers among whom an ambiguous match could not choose.
    pub candidates: Vec<i64>,
    /// Whether it pays back a sale that is not known yet.
    pub refund_of_unknown: bool,
    /// Why it was refused, or why it has no customer.
    pub reason: Option<Reason>,
    /// What became of it, were it not for whose it is: what a token that does not read customers is told.
    #[serde(default)]
    pub apart: Option<ItemResult>,
}

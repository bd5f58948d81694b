//! Makes, changes and deletes products (rules 18).

use std::sync::Arc;

use super::Undecided;
use super::catalogue::ProductEffect;
use super::command::{Actor, Outcome, Precondition};
use super::effects::Effects;
use super::events::{Event, EventKind};
use super::shop::{ChangeProduct, ProductOutcome};
use super::working_set::WorkingSet;
use crate::domain::kernel::problem::{Problem, Rejection};
use crate::domain::products::{PRODUCTS_MAX, Product, ProductId};
use crate::domain::transactions::id::TransId;

pub(super) fn decide_product(
    working_set: &WorkingSet,
    change: &ChangeProduct,
    actor: &Actor,
) -> Result<Effects, Undecided> {
    let (place, now) = (working_set.entrypoint.id, working_set.now);
    let kept = |product: Product, kind: EventKind, changed: Vec<&'static str>| {
        let outcome = ProductOutcome::Kept(product.clone());
        effects(outcome, ProductEffect::Kept(product.clone()), (kind, product.id.show(place), changed), actor)
    };
    match change {
        ChangeProduct::Create { draft, random } => {
            let id = TransId::new(place, now, *random);
            let product =
                draft.create(id, now, working_set.entrypoint.currency).map_err(Rejection::Invalid)?;
            if working_set.catalogue.count()? >= PRODUCTS_MAX {
                let message = format!(
                    "there are {PRODUCTS_MAX} products, as many as there may be; delete some of them"
                );
                let problem = Problem::field(&[], "too_many_products", message);
                return Err(Rejection::State(vec![problem]).into());
            }
            Ok(kept(product, EventKind::ProductCreated, Vec::new()))
        }
        ChangeProduct::Update { id, draft, precondition } => {
            let stored = named(working_set, *id, precondition)?;
            let (mut after, changed) = draft.change(stored).map_err(Rejection::Invalid)?;
            if changed.is_empty() {
                let outcome = Outcome::Product(Box::new(ProductOutcome::Kept(after)));
                return Ok(Effects::new(outcome, None));
            }
            after.version += 1;
            after.updated_at = now.max(stored.updated_at);
            Ok(kept(after, EventKind::ProductUpdated, changed))
        }
        ChangeProduct::Delete { id, precondition } => {
            named(working_set, *id, precondition)?;
            let event = (EventKind::ProductDeleted, id.show(place), Vec::new());
            Ok(effects(ProductOutcome::Deleted, ProductEffect::Removed(*id), event, actor))
        }
    }
}

/// The product that a path names, at a version of `If-Match`.
fn named<'a>(
    working_set: &'a WorkingSet,
    id: ProductId,
    precondition: &Precondition,
) -> Result<&'a Arc<Product>, Undecided> {
    let product = working_set.catalogue.get(id)?.ok_or(Rejection::NotFound)?;
    if precondition.holds(product.version) { Ok(product) } else { Err(Rejection::Stale.into()) }
}

fn effects(
    outcome: ProductOutcome,
    effect: ProductEffect,
    (kind, subject, changed): (EventKind, String, Vec<&'static str>),
    actor: &Actor,
) -> Effects {
    let mut effects = Effects::new(Outcome::Product(Box::new(outcome)), None);
    let (subject_id, actor) = (Some(subject), actor.clone());
    effects.events.push(Event { kind, customer_id: None, subject_id, changed, actor });
    effects.products.push(effect);
    effects
}

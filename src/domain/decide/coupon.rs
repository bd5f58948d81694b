//! Makes, changes, assigns, redeems and releases coupons (rules 17). Limits are checked here, under the entrypoint's lock.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::Undecided;
use super::command::{Actor, Outcome, Precondition};
use super::coupon_book::CouponEffect;
use super::effects::Effects;
use super::events::{Event, EventKind};
use super::ledger::Payer;
use super::shop::{ChangeCoupon, CouponOutcome, Redeem};
use super::working_set::WorkingSet;
use crate::domain::coupons::code::CouponCode;
use crate::domain::coupons::draft::{CouponDraft, RedemptionDraft};
use crate::domain::coupons::{
    ASSIGNED_MAX, Coupon, CouponId, CouponStatus, CouponUse, Redemption, RedemptionId, discount,
};
use crate::domain::kernel::problem::{Problem, Rejection};
use crate::domain::transactions::id::TransId;

/// A redemption or a release, with what it changes: [`Redeemed::onto`] adds that to the effects of a command.
#[derive(Debug)]
pub struct Redeemed {
    redemption: Redemption,
    effects: Vec<CouponEffect>,
    event: Option<Event>,
}

impl Redeemed {
    /// Adds the changes to those of a command; returns the redemption.
    pub fn onto(self, effects: &mut Effects) -> Redemption {
        effects.coupons.extend(self.effects);
        effects.events.extend(self.event);
        self.redemption
    }
}

pub(super) fn decide_coupon(
    working_set: &WorkingSet,
    change: &ChangeCoupon,
    actor: &Actor,
) -> Result<Effects, Undecided> {
    match change {
        ChangeCoupon::Create { draft, random } => {
            let coupon = new(working_set, draft, *random, false)?;
            Ok(kept(working_set, coupon, (EventKind::CouponCreated, Vec::new()), actor))
        }
        ChangeCoupon::Update { code, draft, precondition } => {
            let stored = named(working_set, code, precondition)?;
            update(working_set, stored, draft, actor)
        }
        ChangeCoupon::Delete { code, precondition } => {
            let stored = named(working_set, code, precondition)?;
            if stored.redemptions > 0 {
                let message =
                    "the coupon was redeemed, and its redemptions stay; set its status to offline instead";
                return Err(refused("coupon_redeemed", message));
            }
            let mut effects = Effects::new(outcome(CouponOutcome::Deleted), None);
            effects.coupons.push(CouponEffect::Removed(stored.id));
            let subject = shown(working_set, stored.id);
            effects.events.push(event(EventKind::CouponDeleted, None, subject, actor));
            Ok(effects)
        }
        ChangeCoupon::Give { customer_id, draft, random } => {
            give(working_set, *customer_id, draft, *random, actor)
        }
        ChangeCoupon::Redeem(wanted) => {
            let mut effects = Effects::new(outcome(CouponOutcome::Deleted), None);
            let redemption = redeem(working_set, wanted, actor)?.onto(&mut effects);
            effects.outcome = outcome(CouponOutcome::Redeemed(redemption));
            Ok(effects)
        }
        ChangeCoupon::Release { code, redemption_id } => {
            let coupon = working_set.coupons.with_code(code.key())?.ok_or(Rejection::NotFound)?;
            let mut effects = Effects::new(outcome(CouponOutcome::Deleted), None);
            let known = working_set.coupons.redemption(*redemption_id)?.ok_or(Rejection::NotFound)?;
            if known.coupon_id != coupon.id {
                return Err(Rejection::NotFound.into());
            }
            let redemption = release(working_set, *redemption_id, actor)?.onto(&mut effects);
            effects.outcome = outcome(CouponOutcome::Released(redemption));
            Ok(effects)
        }
    }
}

/// Redeems a coupon, for a command of its own or as a part of another one, such as an order. The same reference of the same
/// customer again is the same redemption.
///
/// # Errors
/// [`Rejection::NotFound`] for an unknown code; 409 `unknown_customer`, `reference_used`, `coupon_offline`,
/// `coupon_not_started`, `coupon_expired`, `coupon_not_assigned`, `currency_mismatch`, `coupon_used_up` and
/// `coupon_used_by_customer`; missing facts.
pub fn redeem(working_set: &WorkingSet, wanted: &Redeem, actor: &Actor) -> Result<Redeemed, Undecided> {
    let RedemptionDraft { customer_id, amount, currency, reference } = &wanted.draft;
    live(working_set, *customer_id)?;
    let coupon = working_set.coupons.with_code(wanted.code.key())?.ok_or(Rejection::NotFound)?;
    if let Some(reference) = reference
        && let Some(known) = working_set.coupons.under_reference(coupon.id, *customer_id, reference)?
    {
        if (known.amount, known.currency) != (*amount, *currency) {
            let message = "the customer has redeemed the coupon under this reference for another amount; release that \
                           redemption first, or send another reference";
            let problem = Problem::field(&["reference"], "reference_used", message);
            return Err(Rejection::State(vec![problem]).into());
        }
        return Ok(Redeemed { redemption: Redemption::clone(known), effects: Vec::new(), event: None });
    }
    let used = working_set.coupons.use_of(coupon.id, *customer_id)?;
    may_redeem(working_set, coupon, used)?;
    let off = discount(coupon.worth, *amount, *currency).map_err(|own| {
        let message = format!("the coupon takes off {own}, and holds only for amounts in that currency");
        Rejection::State(vec![Problem::field(&["currency"], "currency_mismatch", message)])
    })?;
    let now = working_set.now;
    let redemption = Redemption {
        id: TransId::new(working_set.entrypoint.id, now, wanted.random),
        coupon_id: coupon.id,
        customer_id: *customer_id,
        reference: reference.clone(),
        amount: *amount,
        discount: off,
        currency: *currency,
        redeemed_at: now,
        released_at: None,
    };
    Ok(counted(working_set, coupon, (used, redemption), EventKind::CouponRedeemed, actor))
}

/// Gives the place of a redemption back, for a command of its own or as a part of another one. Doing so twice is harmless.
///
/// # Errors
/// [`Rejection::NotFound`] for an unknown redemption; missing facts.
pub fn release(
    working_set: &WorkingSet,
    redemption_id: RedemptionId,
    actor: &Actor,
) -> Result<Redeemed, Undecided> {
    let known = working_set.coupons.redemption(redemption_id)?.ok_or(Rejection::NotFound)?;
    let coupon = working_set.coupons.get(known.coupon_id)?.ok_or(Rejection::Defect)?;
    // What seals the redemption is loaded with its customer.
    working_set.payer(known.customer_id)?;
    if known.released_at.is_some() {
        return Ok(Redeemed { redemption: Redemption::clone(known), effects: Vec::new(), event: None });
    }
    let used = working_set.coupons.use_of(coupon.id, known.customer_id)?;
    let released_at = Some(working_set.now.max(known.redeemed_at));
    let redemption = Redemption { released_at, ..Redemption::clone(known) };
    Ok(counted(working_set, coupon, (used, redemption), EventKind::CouponReleased, actor))
}

/// A redemption that takes its place, or gives it back.
fn counted(
    working_set: &WorkingSet,
    coupon: &Coupon,
    (used, redemption): (CouponUse, Redemption),
    kind: EventKind,
    actor: &Actor,
) -> Redeemed {
    let (places, ever) = if redemption.released_at.is_some() { (-1, 0) } else { (1, 1) };
    let coupon = Coupon {
        redeemed: coupon.redeemed + places,
        redemptions: coupon.redemptions + ever,
        ..coupon.clone()
    };
    let used = CouponUse { redeemed: used.redeemed + places, redemptions: used.redemptions + ever, ..used };
    let event = event(kind, Some(redemption.customer_id), shown(working_set, redemption.id), actor);
    let effects = vec![
        CouponEffect::Used(coupon.id, redemption.customer_id, used),
        CouponEffect::Kept(coupon),
        CouponEffect::Redeemed(redemption.clone()),
    ];
    Redeemed { redemption, effects, event: Some(event) }
}

/// Refuses a redemption for which there is no place, or not now, or not for this customer.
fn may_redeem(working_set: &WorkingSet, coupon: &Coupon, used: CouponUse) -> Result<(), Undecided> {
    let now = working_set.now;
    if coupon.status == CouponStatus::Offline {
        return Err(refused("coupon_offline", "the coupon is offline; set its status to online"));
    }
    if let Some(first) = coupon.starts_at.filter(|first| *first > now) {
        let message = format!("the coupon holds from {}; redeem it then", first.to_rfc3339());
        return Err(refused("coupon_not_started", &message));
    }
    if let Some(last) = coupon.redeem_by.filter(|last| *last < now) {
        let message = format!("the coupon held until {}; set redeemBy to a later time", last.to_rfc3339());
        return Err(refused("coupon_expired", &message));
    }
    if coupon.customers_only && used.assigned_at.is_none() {
        let message = "the coupon is only for customers whom it is assigned to; assign it with \
                       POST /Customer/{customerId}/coupons, or set customersOnly to false";
        return Err(refused("coupon_not_assigned", message));
    }
    if coupon.is_used_up() {
        let places = match coupon.redeemed {
            1 => "the one place of the coupon is taken".to_owned(),
            many => format!("all {many} places of the coupon are taken"),
        };
        let message = format!("{places}; release a redemption, or raise maxRedemptions");
        return Err(refused("coupon_used_up", &message));
    }
    if coupon.per_customer_limit.is_some_and(|most| used.redeemed >= most) {
        let times = match used.redeemed {
            1 => "once".to_owned(),
            many => format!("{many} times"),
        };
        let message = format!(
            "the customer has redeemed the coupon {times}, as often as one may; release a redemption, or raise \
             perCustomerLimit"
        );
        return Err(refused("coupon_used_by_customer", &message));
    }
    Ok(())
}

fn update(
    working_set: &WorkingSet,
    stored: &Coupon,
    draft: &CouponDraft,
    actor: &Actor,
) -> Result<Effects, Undecided> {
    let (mut after, changed) = draft.change(stored).map_err(Rejection::Invalid)?;
    if after.worth != stored.worth && stored.redemptions > 0 {
        let message = "the coupon was redeemed, so what it takes off stays; make another coupon, and set this one offline";
        return Err(refused("coupon_redeemed", message));
    }
    if changed.is_empty() {
        return Ok(Effects::new(outcome(CouponOutcome::Kept(after)), None));
    }
    after.version += 1;
    after.updated_at = working_set.now.max(stored.updated_at);
    Ok(kept(working_set, after, (EventKind::CouponUpdated, changed), actor))
}

/// Makes a coupon for a customer, or assigns one that there is.
fn give(
    working_set: &WorkingSet,
    customer_id: i64,
    draft: &CouponDraft,
    random: u128,
    actor: &Actor,
) -> Result<Effects, Undecided> {
    match working_set.payer(customer_id)? {
        Payer::Live => {}
        Payer::Deleted | Payer::Erased => return Err(Rejection::Deleted.into()),
        Payer::Nobody => return Err(Rejection::NotFound.into()),
    }
    let given = |coupon, used| outcome(CouponOutcome::Given(customer_id, coupon, used));
    let (mut effects, coupon, used) = if draft.is_code_alone() {
        let code = draft.code.as_ref().ok_or(Rejection::Defect)?;
        let Some(coupon) = working_set.coupons.with_code(code.key())? else {
            let message =
                "no coupon has this code; send percentOff, or amountOff with its currency, to make it";
            let problem = Problem::field(&["code"], "unknown_coupon", message);
            return Err(Rejection::State(vec![problem]).into());
        };
        let used = working_set.coupons.use_of(coupon.id, customer_id)?;
        if used.assigned_at.is_some() {
            return Ok(Effects::new(given(Coupon::clone(coupon), used), None));
        }
        (Effects::new(given(Coupon::clone(coupon), used), None), Coupon::clone(coupon), used)
    } else {
        let coupon = new(working_set, draft, random, true)?;
        let made = (EventKind::CouponCreated, Vec::new());
        (kept(working_set, coupon.clone(), made, actor), coupon, CouponUse::default())
    };
    if working_set.coupons.assigned(customer_id)? >= ASSIGNED_MAX {
        let message =
            format!("the customer has {ASSIGNED_MAX} coupons, as many as there may be; delete some of them");
        return Err(refused("too_many_coupons", &message));
    }
    let used = CouponUse { assigned_at: Some(working_set.now), ..used };
    effects.coupons.push(CouponEffect::Used(coupon.id, customer_id, used));
    let subject = shown(working_set, coupon.id);
    effects.events.push(event(EventKind::CouponAssigned, Some(customer_id), subject, actor));
    effects.outcome = given(coupon, used);
    Ok(effects)
}

/// A new coupon whose code no other one has.
fn new(
    working_set: &WorkingSet,
    draft: &CouponDraft,
    random: u128,
    customers_only: bool,
) -> Result<Coupon, Undecided> {
    let id = TransId::new(working_set.entrypoint.id, working_set.now, random);
    let coupon = draft.create(id, working_set.now, customers_only).map_err(Rejection::Invalid)?;
    let code = draft.code.as_ref().ok_or(Rejection::Defect)?;
    if working_set.coupons.with_code(code.key())?.is_some() {
        let message = "is the code of another coupon, and codes compare without case; choose another code, or change that \
                       coupon with PUT";
        return Err(Rejection::State(vec![Problem::field(&["code"], "coupon_exists", message)]).into());
    }
    Ok(coupon)
}

/// The coupon that a path names, at a version of `If-Match`.
fn named<'a>(
    working_set: &'a WorkingSet,
    code: &CouponCode,
    precondition: &Precondition,
) -> Result<&'a Arc<Coupon>, Undecided> {
    let coupon = working_set.coupons.with_code(code.key())?.ok_or(Rejection::NotFound)?;
    if precondition.holds(coupon.version) { Ok(coupon) } else { Err(Rejection::Stale.into()) }
}

/// Refuses a customer who is not there, or deleted.
fn live(working_set: &WorkingSet, customer_id: i64) -> Result<(), Undecided> {
    if working_set.payer(customer_id)? == Payer::Live {
        return Ok(());
    }
    let message = "is no customer of this entrypoint, or a deleted one; name another one";
    Err(Rejection::State(vec![Problem::field(&["customerId"], "unknown_customer", message)]).into())
}

fn kept(
    working_set: &WorkingSet,
    coupon: Coupon,
    (kind, changed): (EventKind, Vec<&'static str>),
    actor: &Actor,
) -> Effects {
    let mut effects = Effects::new(outcome(CouponOutcome::Kept(coupon.clone())), None);
    let subject = shown(working_set, coupon.id);
    effects.events.push(Event { changed, ..event(kind, None, subject, actor) });
    effects.coupons.push(CouponEffect::Kept(coupon));
    effects
}

fn outcome(outcome: CouponOutcome) -> Outcome {
    Outcome::Coupon(Box::new(outcome))
}

fn shown(working_set: &WorkingSet, id: CouponId) -> String {
    id.show(working_set.entrypoint.id)
}

fn event(kind: EventKind, customer_id: Option<i64>, subject: String, actor: &Actor) -> Event {
    Event { kind, customer_id, subject_id: Some(subject), changed: Vec::new(), actor: actor.clone() }
}

fn refused(code: &'static str, message: &str) -> Undecided {
    Rejection::State(vec![Problem::parameter("code", code, message)]).into()
}

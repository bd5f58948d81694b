//! Whatever is redeemed and released, in one batch or several, the limits hold and the counts are right.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::domain::coupons::{Worth, draft::CouponDraft};
use crate::domain::decide::missing::{CouponFact, Missing};
use crate::domain::entrypoints::Entrypoint;
use crate::domain::kernel::money::Money;
use crate::domain::kernel::percent::Percent;
use crate::domain::kernel::time::Micros;
use crate::domain::transactions::currency::Currency;

const CODE: &str = "ten";

/// What a database keeps between batches.
#[derive(Default)]
struct Kept {
    coupon: Option<Coupon>,
    uses: BTreeMap<i64, CouponUse>,
    redemptions: BTreeMap<RedemptionId, Redemption>,
}

impl Kept {
    /// Loads what a decision lacks, as the store does.
    fn load(&self, set: &mut WorkingSet, missing: Missing) {
        match missing {
            Missing::Payer(id) => set.ledger.add_payer(id, if id < 4 { Payer::Live } else { Payer::Nobody }),
            Missing::Coupon(CouponFact::Code(code)) => set.coupons.add_code(code, self.coupon.clone()),
            Missing::Coupon(CouponFact::Id(id)) => set.coupons.add(id, self.coupon.clone()),
            Missing::Coupon(CouponFact::Use(id, customer)) => {
                set.coupons.add_use(id, customer, self.uses.get(&customer).copied().unwrap_or_default());
            }
            Missing::Coupon(CouponFact::Reference(id, customer, reference)) => {
                let takes = |one: &&Redemption| {
                    one.customer_id == customer
                        && one.reference.as_deref() == Some(&*reference)
                        && one.released_at.is_none()
                };
                let found = self.redemptions.values().find(takes).cloned();
                set.coupons.add_reference((id, customer, reference.clone()), found);
            }
            Missing::Coupon(CouponFact::Assigned(customer)) => {
                set.coupons
                    .add_assigned(customer, if customer == 3 { ASSIGNED_MAX } else { ASSIGNED_MAX - 1 });
            }
            Missing::Coupon(CouponFact::Redemption(id)) => {
                set.coupons.add_redemption(id, self.redemptions.get(&id).cloned());
            }
            other => panic!("{other:?} is not asked for"),
        }
    }

    fn save(&mut self, set: &WorkingSet) {
        for (_, coupon) in set.coupons.changed() {
            self.coupon = coupon.map(|coupon| Coupon::clone(coupon));
        }
        self.uses.extend(set.coupons.uses_changed().map(|((_, customer), now)| (customer, now)));
        let changed = set.coupons.redemptions_changed();
        self.redemptions.extend(changed.map(|one| (one.id, Redemption::clone(one))));
    }
}

fn coupon(max: Option<i64>, each: Option<i64>) -> Coupon {
    let draft: CouponDraft =
        CouponDraft::parse(&serde_json::from_str(r#"{"code": "TEN", "percentOff": 10}"#).unwrap()).unwrap();
    let made = draft.create(CouponId::default(), Micros(0), false).unwrap();
    assert_eq!(made.worth, Worth::Percent(Percent::parse("10").unwrap()));
    Coupon { max_redemptions: max, per_customer_limit: each, ..made }
}

fn usage(customer_id: i64, reference: u8, random: u128) -> ChangeCoupon {
    let draft = RedemptionDraft {
        customer_id,
        amount: Money::parse("20").unwrap(),
        currency: Currency::default(),
        reference: (reference > 0).then(|| format!("order {reference}")),
    };
    ChangeCoupon::Redeem(Redeem { code: CouponCode::parse("Ten").unwrap(), draft, random })
}

fn decided(kept: &Kept, set: &mut WorkingSet, change: &ChangeCoupon) -> Result<CouponOutcome, Rejection> {
    let actor = Actor { name: "test".into(), jti: String::new() };
    loop {
        match decide_coupon(set, change, &actor) {
            Ok(effects) => match set.take(effects) {
                Outcome::Coupon(outcome) => return Ok(*outcome),
                other => panic!("{other:?}"),
            },
            Err(Undecided::Missing(missing)) => kept.load(set, missing),
            Err(Undecided::Rejected(rejection)) => return Err(rejection),
        }
    }
}

fn code_of(rejection: &Rejection) -> &'static str {
    match rejection {
        Rejection::State(problems) => problems.first().unwrap().code,
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// A step: whose, which reference, whether it releases the redemption of that number, whether a new batch begins.
    #[test]
    fn rules_17_limits_hold_whatever_is_redeemed_and_released(
        max in prop::option::of(1_i64..5),
        each in prop::option::of(1_i64..3),
        steps in prop::collection::vec((1_i64..4, 0_u8..4, prop::option::of(0_usize..8), any::<bool>()), 1..40),
    ) {
        let mut kept = Kept { coupon: Some(coupon(max, each)), ..Kept::default() };
        let entrypoint = Arc::new(Entrypoint::default());
        let mut set = WorkingSet::new(Arc::clone(&entrypoint), Micros(1), 0..0);
        let mut open: BTreeMap<RedemptionId, (i64, u8)> = BTreeMap::new();
        let mut made: Vec<RedemptionId> = Vec::new();
        for (number, (customer, reference, releases, begins)) in steps.into_iter().enumerate() {
            let now = Micros(i64::try_from(number).unwrap() * 5_000 + 10_000);
            if begins {
                kept.save(&set);
                set = WorkingSet::new(Arc::clone(&entrypoint), now, 0..0);
            }
            if let Some(id) = releases.and_then(|number| made.get(number)) {
                let change = ChangeCoupon::Release { code: CouponCode::parse(CODE).unwrap(), redemption_id: *id };
                let released = decided(&kept, &mut set, &change).unwrap();
                prop_assert!(matches!(released, CouponOutcome::Released(one) if one.released_at.is_some()));
                open.remove(id);
                continue;
            }
            let known = open.iter().find(|(_, of)| reference > 0 && **of == (customer, reference)).map(|(id, _)| *id);
            let of_customer = open.values().filter(|(of, _)| *of == customer).count();
            let is_full = max.is_some_and(|max| i64::try_from(open.len()).unwrap() >= max);
            let is_over = each.is_some_and(|each| i64::try_from(of_customer).unwrap() >= each);
            let random = u128::try_from(number).unwrap() << 48;
            match (known, decided(&kept, &mut set, &usage(customer, reference, random))) {
                (Some(id), Ok(CouponOutcome::Redeemed(one))) => prop_assert_eq!(one.id, id),
                (None, Ok(CouponOutcome::Redeemed(one))) => {
                    prop_assert!(!is_full && !is_over);
                    prop_assert_eq!((one.discount.to_string(), one.total().to_string()), ("2".into(), "18".into()));
                    open.insert(one.id, (customer, reference));
                    made.push(one.id);
                }
                (None, Err(refused)) => {
                    let wanted = if is_full { "coupon_used_up" } else { "coupon_used_by_customer" };
                    prop_assert!(is_full || is_over);
                    prop_assert_eq!(code_of(&refused), wanted);
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }
        kept.save(&set);
        let coupon = kept.coupon.unwrap();
        prop_assert_eq!(usize::try_from(coupon.redeemed).unwrap(), open.len());
        prop_assert_eq!(usize::try_from(coupon.redemptions).unwrap(), made.len());
        prop_assert_eq!(coupon.version, 1, "a redemption is no change");
        for (customer, used) in &kept.uses {
            let own = open.values().filter(|(of, _)| of == customer).count();
            prop_assert_eq!(usize::try_from(used.redeemed).unwrap(), own);
        }
        let sum: i64 = kept.uses.values().map(|used| used.redemptions).sum();
        prop_assert_eq!(sum, coupon.redemptions);
    }
}

#[test]
fn rules_17_a_redemption_is_a_part_of_another_command() {
    let mut kept = Kept { coupon: Some(coupon(Some(1), None)), ..Kept::default() };
    let mut set = WorkingSet::new(Arc::new(Entrypoint::default()), Micros(1), 0..0);
    let actor = Actor { name: "test".into(), jti: String::new() };
    let ChangeCoupon::Redeem(wanted) = usage(1, 0, 7) else { unreachable!() };
    let redeemed = loop {
        match redeem(&set, &wanted, &actor) {
            Ok(redeemed) => break redeemed,
            Err(Undecided::Missing(missing)) => kept.load(&mut set, missing),
            Err(other) => panic!("{other:?}"),
        }
    };
    let mut effects = Effects::new(Outcome::Linked { id: 1 }, None);
    let redemption = redeemed.onto(&mut effects);
    assert_eq!((effects.coupons.len(), effects.events.len()), (3, 1));
    set.take(effects);
    // The batch sees it, and so does the next one.
    assert_eq!(code_of(&decided(&kept, &mut set, &usage(2, 0, 8)).unwrap_err()), "coupon_used_up");
    kept.save(&set);
    let mut next = WorkingSet::new(Arc::new(Entrypoint::default()), Micros(2), 0..0);
    assert_eq!(code_of(&decided(&kept, &mut next, &usage(2, 0, 8)).unwrap_err()), "coupon_used_up");
    assert_eq!(code_of(&decided(&kept, &mut next, &usage(4, 0, 8)).unwrap_err()), "unknown_customer");
    let change =
        ChangeCoupon::Release { code: CouponCode::parse(CODE).unwrap(), redemption_id: redemption.id };
    decided(&kept, &mut next, &change).unwrap();
    assert!(decided(&kept, &mut next, &usage(2, 0, 8)).is_ok());
}

#[test]
fn rules_17_a_customer_has_at_most_so_many_coupons() {
    let kept = Kept { coupon: Some(coupon(None, None)), ..Kept::default() };
    let mut set = WorkingSet::new(Arc::new(Entrypoint::default()), Micros(1), 0..0);
    let give = |customer_id| {
        let draft = CouponDraft::parse(&serde_json::from_str(r#"{"code": "TEN"}"#).unwrap()).unwrap();
        ChangeCoupon::Give { customer_id, draft, random: 7 }
    };
    assert_eq!(code_of(&decided(&kept, &mut set, &give(3)).unwrap_err()), "too_many_coupons");
    for _ in 0..2 {
        let given = decided(&kept, &mut set, &give(1)).unwrap();
        assert!(matches!(given, CouponOutcome::Given(1, _, used) if used.assigned_at == Some(Micros(1))));
    }
    assert_eq!(set.coupons.assigned(1), Ok(ASSIGNED_MAX), "to assign twice is to assign once");
    assert_eq!(set.events().len(), 1);
    assert_eq!(decided(&kept, &mut set, &give(9)), Err(Rejection::NotFound));
}

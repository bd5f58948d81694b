//! Where a customer stands with the merchant, from the facts alone (rules 15). The order in which the facts came does not
//! matter.

use super::record::{Customer, Lifecycle};
use crate::domain::kernel::time::{Micros, SECOND_US};
use crate::domain::subscriptions::SubscriptionStatus;

/// How many days after its last paid sale a customer becomes idle (rules 15).
pub const IDLE_AFTER_DAYS: i64 = 60;

const IDLE_AFTER_US: i64 = IDLE_AFTER_DAYS * 24 * 3_600 * SECOND_US;

/// What the stage of a customer's life follows from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// When the last sale was paid that counts, by its own time.
    pub last_sale: Option<Micros>,
    /// Whether a subscription runs.
    pub subscribes: bool,
    /// When the last of its subscriptions ended, if there were some and all are over.
    pub left_at: Option<Micros>,
    /// Whether the customer can sign in to the portal.
    pub has_account: bool,
}

impl Facts {
    /// The facts of a customer, with the time of its last paid sale.
    pub fn of(customer: &Customer, last_sale: Option<Micros>) -> Facts {
        let all = &customer.subscriptions;
        let is_over = all.iter().all(|one| one.status == SubscriptionStatus::Ended);
        Facts {
            last_sale,
            subscribes: all.iter().any(|one| one.status.runs()),
            left_at: all.iter().filter_map(|one| one.ended_at).max().filter(|_| is_over),
            has_account: customer.password_hash.is_some(),
        }
    }
}

/// The stage that follows from the facts.
pub fn stage(facts: &Facts, now: Micros) -> Lifecycle {
    if facts.subscribes {
        return Lifecycle::Subscriber;
    }
    match (facts.last_sale, facts.left_at) {
        // Only a sale after the end brings the customer back.
        (sale, Some(left)) if sale.is_none_or(|sale| sale <= left) => Lifecycle::Churned,
        (Some(sale), _) if idle_at(sale) > now => Lifecycle::Active,
        (Some(_), _) => Lifecycle::Idle,
        (None, _) if facts.has_account => Lifecycle::Active,
        (None, _) => Lifecycle::Prospect,
    }
}

/// When a customer becomes idle whose last paid sale was at a time.
pub fn idle_at(sale: Micros) -> Micros {
    Micros(sale.0.saturating_add(IDLE_AFTER_US))
}

/// Whether a customer in a stage may leave it by a later sale, as far as the time of the last one tells.
pub fn may_leave(stage: Lifecycle, last_sale: Option<Micros>, now: Micros) -> bool {
    match stage {
        Lifecycle::Active => last_sale.is_none_or(|sale| idle_at(sale) <= now),
        Lifecycle::Idle => last_sale.is_none_or(|sale| idle_at(sale) > now),
        Lifecycle::Prospect | Lifecycle::Churned => last_sale.is_some(),
        Lifecycle::Subscriber | Lifecycle::Archived | Lifecycle::Deleted | Lifecycle::Anonymised => false,
    }
}

/// Whether a stage moves by itself. The others are set, and stay.
pub fn moves(stage: Lifecycle) -> bool {
    !matches!(stage, Lifecycle::Archived | Lifecycle::Deleted | Lifecycle::Anonymised)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY_US: i64 = 24 * 3_600 * SECOND_US;
    const NOW: Micros = Micros(1_000 * DAY_US);

    fn days_ago(days: i64) -> Micros {
        Micros(NOW.0 - days * DAY_US)
    }

    #[test]
    fn rules_15_the_stages_follow_from_sales_and_subscriptions() {
        let nothing = Facts::default();
        for (facts, wanted) in [
            (nothing, Lifecycle::Prospect),
            (Facts { has_account: true, ..nothing }, Lifecycle::Active),
            (Facts { last_sale: Some(days_ago(0)), ..nothing }, Lifecycle::Active),
            (Facts { last_sale: Some(days_ago(59)), ..nothing }, Lifecycle::Active),
            (Facts { last_sale: Some(days_ago(60)), ..nothing }, Lifecycle::Idle),
            (Facts { last_sale: Some(days_ago(60)), has_account: true, ..nothing }, Lifecycle::Idle),
            (Facts { subscribes: true, ..nothing }, Lifecycle::Subscriber),
            (Facts { subscribes: true, last_sale: Some(days_ago(90)), ..nothing }, Lifecycle::Subscriber),
            (Facts { left_at: Some(days_ago(1)), ..nothing }, Lifecycle::Churned),
            (
                Facts { left_at: Some(days_ago(1)), last_sale: Some(days_ago(2)), ..nothing },
                Lifecycle::Churned,
            ),
            (
                Facts { left_at: Some(days_ago(2)), last_sale: Some(days_ago(1)), ..nothing },
                Lifecycle::Active,
            ),
            (
                Facts { left_at: Some(days_ago(99)), last_sale: Some(days_ago(80)), ..nothing },
                Lifecycle::Idle,
            ),
        ] {
            assert_eq!(stage(&facts, NOW), wanted, "{facts:?}");
        }
    }

    /// What the rules say in words, said another way: a walk through the facts in the order of their times.
    fn walked(facts: &Facts) -> Lifecycle {
        let mut at = if facts.has_account { Lifecycle::Active } else { Lifecycle::Prospect };
        let mut marks: Vec<(Micros, u8)> = Vec::new();
        marks.extend(facts.last_sale.map(|sale| (sale, 0)));
        marks.extend(facts.left_at.map(|left| (left, 1)));
        marks.sort_unstable();
        for (time, kind) in marks {
            at = match kind {
                0 if NOW.0 - time.0 < 60 * DAY_US => Lifecycle::Active,
                0 => Lifecycle::Idle,
                _ => Lifecycle::Churned,
            };
        }
        if facts.subscribes { Lifecycle::Subscriber } else { at }
    }

    proptest! {
        #[test]
        fn rules_15_the_stage_is_that_of_the_latest_fact(
            sale in prop::option::of(0_i64..200 * DAY_US),
            left in prop::option::of(0_i64..200 * DAY_US),
            subscribes: bool,
            has_account: bool,
        ) {
            let ago = |us: Option<i64>| us.map(|us| Micros(NOW.0 - us));
            let facts = Facts { last_sale: ago(sale), subscribes, left_at: ago(left), has_account };
            let stage = stage(&facts, NOW);
            prop_assert_eq!(stage, walked(&facts));
            prop_assert!(moves(stage));
            // No later sale moves a customer whose stage is not looked at.
            for days in [0, 59, 60, 61, 99, 150] {
                let later = facts.last_sale.max(ago(Some(days * DAY_US)));
                let after = super::stage(&Facts { last_sale: later, ..facts }, NOW);
                prop_assert!(after == stage || may_leave(stage, later, NOW), "{stage:?} to {after:?} by {later:?}");
            }
            // Time alone makes an active customer idle, at the moment that is told in advance, and does nothing else.
            if let (Lifecycle::Active, Some(last)) = (stage, facts.last_sale) {
                prop_assert_eq!(super::stage(&facts, Micros(idle_at(last).0 - 1)), Lifecycle::Active);
                prop_assert_eq!(super::stage(&facts, idle_at(last)), Lifecycle::Idle);
            } else {
                prop_assert_eq!(super::stage(&facts, Micros(NOW.0 + 999 * DAY_US)), stage);
            }
        }
    }
}

//! Subscriptions as another system keeps and charges them: records that hang on a customer (rules 16).

mod draft;
pub mod filter;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};

pub use self::draft::{NAMES, SubscriptionDraft};
use super::kernel::money::Money;
use super::kernel::problem::{Problem, Rejection, ValueError};
use super::kernel::time::Micros;
use super::references::Reference;

/// The most subscriptions of a customer, those that ended included (rules 16).
pub const SUBSCRIPTIONS_MAX: usize = 100;

/// How a subscription stands. The number is the one in the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[derive(Serialize, Deserialize, utoipa::ToSchema, EnumString, IntoStaticStr, VariantNames)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
#[repr(i16)]
pub enum SubscriptionStatus {
    /// It is over, and never goes on.
    Ended = 0,
    /// It rests, and may go on.
    Paused = 1,
    /// It runs for free, before its first charge.
    Trial = 2,
    /// It runs.
    #[default]
    Running = 3,
}

impl SubscriptionStatus {
    /// Reads a word in any case, or one of Payabli's codes: 1 active, 0 paused.
    ///
    /// # Errors
    /// Lists the words.
    pub fn parse(text: &str) -> Result<SubscriptionStatus, ValueError> {
        match text.trim() {
            "1" => Ok(SubscriptionStatus::Running),
            "0" => Ok(SubscriptionStatus::Paused),
            word => word.to_ascii_lowercase().parse().map_err(|_| {
                ("invalid_value", format!("must be one of {}", SubscriptionStatus::VARIANTS.join(", ")))
            }),
        }
    }

    /// The word on the wire.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The number in the database.
    #[expect(clippy::as_conversions, reason = "the number is the representation")]
    pub const fn number(self) -> i16 {
        self as i16
    }

    /// Payabli's `SubStatus`: 1 active, 0 paused or over (contract 12.2).
    pub const fn code(self) -> i32 {
        if self.runs() { 1 } else { 0 }
    }

    /// Whether it makes its customer a subscriber.
    pub const fn runs(self) -> bool {
        matches!(self, SubscriptionStatus::Running | SubscriptionStatus::Trial)
    }

    /// Whether it may still cost its customer money, so that the customer is not deleted beside it (rules 24).
    pub const fn is_open(self) -> bool {
        !matches!(self, SubscriptionStatus::Ended)
    }
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// Its id, which no other subscription and no customer gets.
    pub id: i64,
    /// 1 at first; every change adds one.
    pub version: i64,
    /// The system that keeps it, and its id there.
    pub external: Reference,
    /// How it stands.
    pub status: SubscriptionStatus,
    /// The name of what is subscribed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// What a cycle costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// The currency of the amount, by its ISO 4217 code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// How often it is charged, such as `monthly`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency: Option<String>,
    /// When it began or begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_date: Option<Micros>,
    /// When it is charged next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_date: Option<Micros>,
    /// When it ends or ended, as its system says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_date: Option<Micros>,
    /// How many cycles it has in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_cycles: Option<u32>,
    /// How many are left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_cycles: Option<u32>,
    /// Since when it is over: `end_date` if that was over when the end was told, else the time when it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Micros>,
    /// When this service learnt of it.
    pub created_at: Micros,
    /// When it last changed.
    pub updated_at: Micros,
}

/// What becomes of a sent subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// The customer's subscriptions afterwards.
    pub all: Vec<Subscription>,
    /// The fields that changed; empty for a new one, and if nothing did.
    pub changed: Vec<&'static str>,
}

/// The customer's subscriptions with one more.
///
/// # Errors
/// 400 for an amount without a currency; 409 for one too many.
pub fn add(
    all: &[Subscription],
    draft: &SubscriptionDraft,
    id: i64,
    external: &Reference,
    now: Micros,
) -> Result<Put, Rejection> {
    if all.len() >= SUBSCRIPTIONS_MAX {
        let message = format!("the customer has {SUBSCRIPTIONS_MAX} subscriptions, as many as there may be");
        return Err(Rejection::State(vec![Problem::field(&[], "too_many_subscriptions", message)]));
    }
    let mut new = Subscription {
        id,
        version: 1,
        external: external.clone(),
        status: SubscriptionStatus::default(),
        plan: None,
        amount: None,
        currency: None,
        frequency: None,
        start_date: None,
        next_date: None,
        end_date: None,
        total_cycles: None,
        left_cycles: None,
        ended_at: None,
        created_at: now,
        updated_at: now,
    };
    draft.write_to(&mut new, now)?;
    let mut all = all.to_vec();
    all.push(new);
    Ok(Put { all, changed: Vec::new() })
}

/// The customer's subscriptions with one changed.
///
/// # Errors
/// 400 for an amount without a currency; 404 if there is no such subscription.
pub fn change(
    all: &[Subscription],
    id: i64,
    draft: &SubscriptionDraft,
    now: Micros,
) -> Result<Put, Rejection> {
    let mut all = all.to_vec();
    let place = all.iter_mut().find(|subscription| subscription.id == id).ok_or(Rejection::NotFound)?;
    let mut new = place.clone();
    draft.write_to(&mut new, now)?;
    let changed = draft::differences(place, &new);
    if !changed.is_empty() {
        new.version += 1;
        new.updated_at = now.max(place.updated_at);
        *place = new;
    }
    Ok(Put { all, changed })
}

/// The customer's subscriptions after all that are open ended now, and the ids of those.
pub fn end_all(all: &[Subscription], now: Micros) -> (Vec<Subscription>, Vec<i64>) {
    let mut all = all.to_vec();
    let mut ended = Vec::new();
    for subscription in all.iter_mut().filter(|subscription| subscription.status.is_open()) {
        subscription.status = SubscriptionStatus::Ended;
        subscription.next_date = None;
        subscription.ended_at = Some(now);
        subscription.version += 1;
        subscription.updated_at = now.max(subscription.updated_at);
        ended.push(subscription.id);
    }
    (all, ended)
}

/// How many of them are open.
pub fn open(all: &[Subscription]) -> usize {
    all.iter().filter(|subscription| subscription.status.is_open()).count()
}

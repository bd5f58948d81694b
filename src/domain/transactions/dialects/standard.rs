//! Webhooks in the form of Standard Webhooks 1.0.0, with our own item as `data`.

use super::{Reading, lacks, member};
use crate::domain::kernel::members::{Given, Members};
use crate::domain::kernel::problem::Problem;

/// How types of events about transactions begin.
const PREFIX: &str = "transaction";

pub(super) fn read(members: &Members<'_>) -> Result<Reading, Vec<Problem>> {
    let Some(Given::Text(kind)) = member(members, "type").map(Given::of) else {
        return Err(lacks(&["type"], "the type of the event"));
    };
    if kind != PREFIX && !kind.starts_with("transaction.") {
        return Ok(Reading::Ignored(kind.into_owned()));
    }
    match member(members, "data") {
        Some(raw) => match Given::of(raw) {
            Given::Object(item) => Ok(Reading::Items(vec![timed(raw.get(), &item, members)])),
            _ => Err(lacks(&["data"], ITEM)),
        },
        None => Err(lacks(&["data"], ITEM)),
    }
}

/// What `data` must be.
const ITEM: &str = "an item, as POST /api/Transaction/{entry} takes it";

/// The item with the time of the event, which is that of the item unless it has its own: a late webhook must not undo a newer
/// one.
fn timed(sent: &str, item: &Members<'_>, event: &Members<'_>) -> String {
    const TIME: &str = "occurredAt";
    let has_time = item.0.iter().any(|(name, _)| name == TIME);
    match (member(event, "timestamp"), sent.strip_prefix('{')) {
        (Some(time), Some(rest)) if !has_time && !item.0.is_empty() => {
            format!("{{\"{TIME}\":{},{rest}", time.get())
        }
        _ => sent.to_owned(),
    }
}

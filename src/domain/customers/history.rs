//! A customer's history: what changed from version to version (rules 5).

use std::collections::BTreeSet;

use strum::{IntoStaticStr, VariantArray};

use super::consent::Channel;
use super::fields::TextField;
use super::mask::MASK;
use super::record::Customer;

/// What a change was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "camelCase")]
pub enum Operation {
    /// A new record.
    Created,
    /// A second record beside a match.
    Forced,
    /// Replaced by a create with `replaceExisting=1`.
    Replaced,
    /// Merged by a create with `mergeExisting=1`.
    Merged,
    /// Changed by PUT.
    Updated,
    /// Deleted.
    Deleted,
    /// Erased.
    Erased,
    /// Invited to the portal.
    Invited,
    /// Asked for consent.
    ConsentAsked,
    /// Consent was given.
    ConsentGiven,
    /// Consent was withdrawn.
    ConsentWithdrawn,
    /// Archived.
    Archived,
    /// Taken out of the archive.
    Unarchived,
}

impl Operation {
    /// The word on the wire and in the database.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// One field that two versions differ in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    /// The field's name in requests; `additionalFields.<name>` for an additional field.
    pub field: String,
    /// The value before, as text.
    pub from: Option<String>,
    /// The value after, as text.
    pub to: Option<String>,
}

/// What differs between two versions. The password shows only that it changed.
pub fn difference(before: Option<&Customer>, after: &Customer) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    // Before its creation a record had no status, stage or balance either.
    let mut compare = |field: String, value: &dyn Fn(&Customer) -> Option<String>| {
        let (from, to) = (before.and_then(value), value(after));
        if from != to {
            changes.push(FieldChange { field, from, to });
        }
    };
    for field in TextField::all() {
        compare(field.name().into(), &|customer| customer.text(field).map(str::to_owned));
    }
    compare("customerStatus".into(), &|customer| Some(customer.status.code().to_string()));
    compare("lifecycle".into(), &|customer| Some(customer.lifecycle.name().into()));
    compare("balance".into(), &|customer| Some(customer.balance.to_string()));
    compare("timeZone".into(), &|customer| customer.time_zone.map(|zone| zone.to_string()));
    compare("labels".into(), &|customer| list(&customer.labels));
    compare("identifierFields".into(), &|customer| list(&customer.identifier_fields));
    let names: BTreeSet<&String> =
        before.into_iter().chain([after]).flat_map(|customer| customer.additional.keys()).collect();
    for name in names {
        let field = format!("additionalFields.{name}");
        compare(field, &|customer| customer.additional.get(name).cloned());
    }
    compare("invitation".into(), &|customer| Some(customer.invitation?.at.to_rfc3339()));
    for (name, channel) in [("eCommunication", Channel::ECommunication), ("sms", Channel::Sms)] {
        let field = format!("customerConsent.{name}");
        compare(field, &|customer| Some(customer.consent?.of(channel).status.code().to_string()));
    }
    let (old, new) = (before.and_then(|old| old.password_hash.as_ref()), after.password_hash.as_ref());
    if old != new {
        let shown = |hash: Option<&String>| hash.map(|_| MASK.to_owned());
        changes.push(FieldChange { field: "customerPsw".into(), from: shown(old), to: shown(new) });
    }
    changes
}

fn list(items: &[String]) -> Option<String> {
    (!items.is_empty()).then(|| items.join("; "))
}

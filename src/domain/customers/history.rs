//! A customer's history: what changed from version to version (rules 5).

use std::collections::BTreeSet;

use strum::{IntoStaticStr, VariantArray};

use super::consent::Channel;
use super::fields::TextField;
use super::mask::MASK;
use super::record::Customer;
use crate::domain::addresses::book::Address;
use crate::domain::addresses::fields::{AddressField, Role};
use crate::domain::addresses::view::addresses;

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
    /// The stage moved by itself: money came, a subscription began or ended, or time went by.
    LifecycleMoved,
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
    let systems: BTreeSet<&str> = before
        .into_iter()
        .chain([after])
        .flat_map(|customer| customer.references.iter().map(|reference| reference.system.as_str()))
        .collect();
    for system in systems {
        compare(format!("references.{system}"), &|customer| external_ids(customer, system));
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
    let is_listed = |customer: &Customer| !customer.addresses.entries.is_empty();
    if before.is_some_and(is_listed) || is_listed(after) {
        changes.extend(address_changes(before, after));
    }
    changes
}

/// What differs between the lists of addresses, each text by itself: `addresses.3.city`. The flat fields tell the changes of
/// addresses that only they hold.
fn address_changes(before: Option<&Customer>, after: &Customer) -> Vec<FieldChange> {
    let listed = |customer: &Customer| -> Vec<Address> {
        let entries = &customer.addresses.entries;
        let mut list = addresses(customer);
        list.retain(|address| entries.iter().any(|entry| entry.id == address.id));
        list
    };
    let old = before.map(listed).unwrap_or_default();
    let new = listed(after);
    let ids: BTreeSet<i64> = old.iter().chain(&new).map(|address| address.id).collect();
    let mut changes = Vec::new();
    for id in ids {
        let of = |list: &[Address]| list.iter().find(|address| address.id == id).cloned();
        let (old, new) = (of(&old), of(&new));
        let mut compare = |name: &str, value: &dyn Fn(&Address) -> Option<String>| {
            let (from, to) = (old.as_ref().and_then(value), new.as_ref().and_then(value));
            if from != to {
                changes.push(FieldChange { field: format!("addresses.{id}.{name}"), from, to });
            }
        };
        compare("kind", &|address| Some(address.kind.name().to_owned()));
        for field in AddressField::all() {
            compare(field.name(), &|address| address.texts.get(field).map(str::to_owned));
        }
        for role in Role::ALL {
            compare(role.member(), &|address| address.is_default(role).then(|| "true".to_owned()));
        }
    }
    changes
}

/// The ids of a customer in a system.
fn external_ids(customer: &Customer, system: &str) -> Option<String> {
    let of_system = customer.references.iter().filter(|reference| reference.system == system);
    let ids: Vec<String> = of_system.map(|reference| reference.external_id.to_string()).collect();
    list(&ids)
}

fn list(items: &[String]) -> Option<String> {
    (!items.is_empty()).then(|| items.join("; "))
}

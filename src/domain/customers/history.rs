//! A customer's history: what changed from version to version (rules 5).

use std::collections::BTreeSet;

use strum::IntoStaticStr;

use super::consent::Channel;
use super::fields::TextField;
use super::mask::MASK;
use super::record::Customer;

/// What a change was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
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
    let empty = Customer::default();
    let old = before.unwrap_or(&empty);
    let mut changes = Vec::new();
    let mut compare = |field: String, from: Option<String>, to: Option<String>| {
        if from != to {
            changes.push(FieldChange { field, from, to });
        }
    };
    for field in TextField::all() {
        compare(
            field.name().to_owned(),
            old.text(field).map(str::to_owned),
            after.text(field).map(str::to_owned),
        );
    }
    // Before its creation a record had no status, stage or balance either.
    let of_old = |text: String| before.map(|_| text);
    compare(
        "customerStatus".into(),
        of_old(old.status.code().to_string()),
        Some(after.status.code().to_string()),
    );
    compare("lifecycle".into(), of_old(old.lifecycle.name().into()), Some(after.lifecycle.name().into()));
    compare("balance".into(), of_old(old.balance.to_string()), Some(after.balance.to_string()));
    compare(
        "timeZone".into(),
        old.time_zone.map(|zone| zone.to_string()),
        after.time_zone.map(|zone| zone.to_string()),
    );
    compare("labels".into(), list(&old.labels), list(&after.labels));
    compare("identifierFields".into(), list(&old.identifier_fields), list(&after.identifier_fields));
    let names: BTreeSet<&String> = old.additional.keys().chain(after.additional.keys()).collect();
    for name in names {
        compare(
            format!("additionalFields.{name}"),
            old.additional.get(name).cloned(),
            after.additional.get(name).cloned(),
        );
    }
    let invited = |customer: &Customer| customer.invitation.map(|invitation| invitation.at.to_rfc3339());
    compare("invitation".into(), invited(old), invited(after));
    for (name, channel) in [("eCommunication", Channel::ECommunication), ("sms", Channel::Sms)] {
        let status = |customer: &Customer| {
            customer.consent.map(|consent| consent.of(channel).status.code().to_string())
        };
        compare(format!("customerConsent.{name}"), status(old), status(after));
    }
    if old.password_hash != after.password_hash {
        let shown = |hash: &Option<String>| hash.as_ref().map(|_| MASK.to_owned());
        changes.push(FieldChange {
            field: "customerPsw".into(),
            from: shown(&old.password_hash),
            to: shown(&after.password_hash),
        });
    }
    changes
}

fn list(items: &[String]) -> Option<String> {
    (!items.is_empty()).then(|| items.join("; "))
}

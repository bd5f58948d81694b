//! What members of staff do to settings, tokens and each other, which is in no history of a customer (rules 25).

use strum::{EnumString, IntoStaticStr, VariantArray, VariantNames};

use super::token::{Claims, Entries, STAFF_PREFIX, Scope};
use crate::domain::decide::command::Actor;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumString, VariantArray)]
pub enum ActKind {
    /// Settings of an entrypoint or of the organisation were changed.
    #[strum(serialize = "settings.updated")]
    SettingsUpdated,
    /// An entrypoint was made.
    #[strum(serialize = "entrypoint.created")]
    EntrypointCreated,
    /// The rotation of an entrypoint's data key was begun.
    #[strum(serialize = "keys.rotated")]
    KeysRotated,
    /// A secret of webhooks was made.
    #[strum(serialize = "webhook.created")]
    WebhookCreated,
    /// A secret of webhooks was deleted.
    #[strum(serialize = "webhook.deleted")]
    WebhookDeleted,
    /// A token was made.
    #[strum(serialize = "token.created")]
    TokenCreated,
    /// A token was revoked.
    #[strum(serialize = "token.revoked")]
    TokenRevoked,
    /// A member was invited.
    #[strum(serialize = "member.invited")]
    MemberInvited,
    /// A member got another link.
    #[strum(serialize = "member.linked")]
    MemberLinked,
    /// A member was changed.
    #[strum(serialize = "member.updated")]
    MemberUpdated,
    /// A member was removed.
    #[strum(serialize = "member.removed")]
    MemberRemoved,
    /// A member set an own password.
    #[strum(serialize = "member.passwordSet")]
    PasswordSet,
    /// A member turned the own second factor on.
    #[strum(serialize = "member.secondFactorOn")]
    SecondFactorOn,
    /// A member turned the own second factor off.
    #[strum(serialize = "member.secondFactorOff")]
    SecondFactorOff,
    /// A member made new recovery codes.
    #[strum(serialize = "member.codesRenewed")]
    CodesRenewed,
}

impl ActKind {
    /// The name on the wire and in the database.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The subject by which activity is filtered.
    pub fn subject(self) -> Subject {
        match self {
            ActKind::SettingsUpdated
            | ActKind::EntrypointCreated
            | ActKind::KeysRotated
            | ActKind::WebhookCreated
            | ActKind::WebhookDeleted => Subject::Settings,
            ActKind::TokenCreated | ActKind::TokenRevoked => Subject::Tokens,
            ActKind::MemberInvited
            | ActKind::MemberLinked
            | ActKind::MemberUpdated
            | ActKind::MemberRemoved
            | ActKind::PasswordSet
            | ActKind::SecondFactorOn
            | ActKind::SecondFactorOff
            | ActKind::CodesRenewed => Subject::Staff,
        }
    }

    /// Whether a token learns of it at all.
    fn is_for(self, claims: &Claims) -> bool {
        match self.subject() {
            Subject::Tokens => claims.allows(Scope::Tokens),
            Subject::Staff => claims.allows(Scope::Staff),
            _ => claims.allows(Scope::Settings),
        }
    }
}

/// What activity is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "camelCase")]
pub enum Subject {
    /// Records of customers and their payment methods.
    Customers,
    /// Comments.
    Comments,
    /// Payments, invoices, orders, payment requests, coupons, products, subscriptions.
    Money,
    /// Settings, entrypoints, data keys, secrets of webhooks.
    Settings,
    /// Tokens.
    Tokens,
    /// Members of staff.
    Staff,
}

/// Something that a member of staff did. It names ids, fields and settings, never a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// What was done.
    pub kind: ActKind,
    /// The organisation.
    pub org_id: i64,
    /// The entrypoints that it concerns: where settings hold, or what the token or the member sees, before and after.
    pub entries: Entries,
    /// The id of the token, the member or the secret.
    pub subject_id: Option<String>,
    /// The names of what changed; empty where the kind says all.
    pub changed: Vec<String>,
    /// Who did it.
    pub actor: Actor,
}

impl Act {
    /// Something that concerns some entrypoints of an organisation.
    pub fn new(kind: ActKind, org_id: i64, entries: Entries, actor: &Actor) -> Act {
        Act { kind, org_id, entries, subject_id: None, changed: Vec::new(), actor: actor.clone() }
    }

    /// With the id of what it was done to.
    #[must_use]
    pub fn of(self, subject_id: impl Into<String>) -> Act {
        Act { subject_id: Some(subject_id.into()), ..self }
    }

    /// With the names of what changed.
    #[must_use]
    pub fn changing(self, names: Vec<&'static str>) -> Act {
        Act { changed: names.into_iter().map(str::to_owned).collect(), ..self }
    }

    /// Whether a member of staff did it.
    pub fn is_by_staff(&self) -> bool {
        self.actor.jti.starts_with(STAFF_PREFIX)
    }

    /// Whether a token sees it in the activity of one of its entrypoints. Settings of the organisation hold at each of them; of a
    /// token or a member it learns only if it sees every entrypoint that these see.
    pub fn is_shown(&self, claims: &Claims, entry: &str) -> bool {
        let is_of_nothing = matches!(&self.entries, Entries::Listed(entries) if entries.is_empty());
        let is_covered = self.kind.subject() == Subject::Settings || claims.entries.covers(&self.entries);
        self.kind.is_for(claims)
            && claims.org == self.org_id
            && claims.entries.contains(entry)
            && (self.entries.contains(entry) || is_of_nothing)
            && is_covered
    }
}

/// The entrypoints of both.
pub fn both(one: &Entries, other: &Entries) -> Entries {
    match (one, other) {
        (Entries::Listed(one), Entries::Listed(other)) => {
            let more = other.iter().filter(|entry| !one.contains(entry));
            Entries::Listed(one.iter().chain(more).cloned().collect())
        }
        _ => Entries::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::accounts::staff::{Member, Role};
    use crate::domain::kernel::time::Micros;

    fn claims(scopes: &[Scope], entries: Entries) -> Claims {
        let member = Member {
            id: "staff-1".into(),
            org_id: 1,
            name: "Ada Roe".into(),
            email: "ada.roe@example.test".into(),
            role: Role::Owner,
            entries,
            has_password: true,
            has_totp: false,
            created_at: Micros(0),
            signed_in_at: None,
            is_disabled: false,
            version: 1,
        };
        Claims { scopes: scopes.to_vec(), ..member.claims(Micros(0)) }
    }

    #[test]
    fn rules_25_acts_are_shown_to_those_who_may_do_the_like() {
        let by = Actor { name: "Ada Roe".into(), jti: "staff-1".into() };
        let listed = |names: &[&str]| Entries::Listed(names.iter().map(|name| (*name).to_owned()).collect());
        let act = |kind, entries| Act::new(kind, 1, entries, &by);
        let all = [Scope::Settings, Scope::Tokens, Scope::Staff];
        for kind in ActKind::VARIANTS {
            let of_both = act(*kind, listed(&["a", "b"]));
            let is_setting = kind.subject() == Subject::Settings;
            assert!(of_both.is_shown(&claims(&all, Entries::All), "a"), "{kind:?}");
            assert!(!of_both.is_shown(&claims(&all, Entries::All), "c"), "{kind:?}");
            assert_eq!(of_both.is_shown(&claims(&all, listed(&["a"])), "a"), is_setting, "{kind:?}");
            assert!(!of_both.is_shown(&claims(&[Scope::CustomersRead], Entries::All), "a"), "{kind:?}");
            let settings_alone = claims(&[Scope::Settings], Entries::All);
            assert_eq!(of_both.is_shown(&settings_alone, "a"), is_setting, "{kind:?}");
            let elsewhere = Act { org_id: 2, ..of_both };
            assert!(!elsewhere.is_shown(&claims(&all, Entries::All), "a"), "{kind:?}");
            assert_eq!(kind.name().parse(), Ok(*kind));
        }
        assert_eq!(both(&listed(&["a"]), &listed(&["b", "a"])), listed(&["a", "b"]));
        assert_eq!(both(&listed(&["a"]), &Entries::All), Entries::All);
    }
}

//! Members of staff: who looks after an organisation's customers in the console, and what they may do (rules 25).

use serde::Serialize;
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::token::{Claims, Entries, STAFF_PREFIX, Scope};
use crate::domain::customers::email;
use crate::domain::customers::fields::TextField;
use crate::domain::customers::mask::mask;
use crate::domain::kernel::problem::ValueError;
use crate::domain::kernel::time::Micros;

/// The most members of an organisation.
pub const MEMBERS_MAX: usize = 1_000;
/// How long an invitation is valid, in seconds.
pub const INVITATION_SECS: i64 = 7 * 24 * 3600;
/// How long the link that makes the first owner is valid, in seconds.
pub const OWNER_LINK_SECS: i64 = 7 * 24 * 3600;
/// How long a session waits for the second factor, in seconds.
pub const HALF_SECS: i64 = 10 * 60;
/// How long the claims of a member are valid, in seconds; each request makes them anew.
const CLAIMS_SECS: i64 = 3600;

/// What a member may do: each role may also do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(Serialize, utoipa::ToSchema, IntoStaticStr, EnumString, VariantArray)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum Role {
    /// Sees customers and money, with masks.
    Viewer,
    /// Sees all, and writes customers and money.
    Agent,
    /// Also deletes, imports, exports and charges.
    Manager,
    /// Also settings, tokens and staff.
    Owner,
}

impl Role {
    /// The name on the wire, in the database and on the command line.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// What it adds to the roles before it.
    fn added(self) -> &'static [Scope] {
        match self {
            Role::Viewer => &[Scope::CustomersRead, Scope::MoneyRead],
            Role::Agent => &[Scope::CustomersWrite, Scope::PiiRead, Scope::MoneyWrite],
            Role::Manager => {
                &[Scope::CustomersDelete, Scope::CustomersImport, Scope::CustomersExport, Scope::MoneyCharge]
            }
            Role::Owner => &[Scope::MoneyLegal, Scope::Settings, Scope::Tokens, Scope::Staff],
        }
    }

    /// Its scopes.
    pub fn scopes(self) -> Vec<Scope> {
        let roles = Role::VARIANTS.iter().filter(|role| **role <= self);
        let mut scopes: Vec<Scope> = roles.flat_map(|role| role.added()).copied().collect();
        scopes.sort_unstable();
        scopes
    }
}

/// The purpose of a link for staff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "camelCase")]
pub enum StaffLinkKind {
    /// Making the first owner.
    Owner,
    /// Setting the first password.
    Invitation,
    /// Setting another password.
    Reset,
}

impl StaffLinkKind {
    /// The name in the database.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The address of a link for staff. `public_url` has no trailing slash.
pub fn staff_link_url(public_url: &str, kind: StaffLinkKind, token: &str) -> String {
    let page = match kind {
        StaffLinkKind::Owner => "begin",
        StaffLinkKind::Invitation | StaffLinkKind::Reset => "welcome",
    };
    format!("{public_url}/console/{page}/{token}")
}

/// A member of staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The id, by which history knows the member.
    pub id: String,
    /// The organisation.
    pub org_id: i64,
    /// The name, as history and comments show it.
    pub name: String,
    /// The e-mail address, by which the member signs in.
    pub email: String,
    /// What the member may do.
    pub role: Role,
    /// The entrypoints that the member sees.
    pub entries: Entries,
    /// Whether the member has set a password, and so can sign in.
    pub has_password: bool,
    /// Whether the member signs in with a second factor.
    pub has_totp: bool,
    /// When the member was invited.
    pub created_at: Micros,
    /// When the member last signed in.
    pub signed_in_at: Option<Micros>,
    /// Whether the member may not sign in.
    pub is_disabled: bool,
    /// Grows with every change.
    pub version: i64,
}

impl Member {
    /// A new id from a random UUID.
    pub fn new_id(uuid: uuid::Uuid) -> String {
        format!("{STAFF_PREFIX}{uuid}")
    }

    /// What the member may do, as a token would say it.
    pub fn claims(&self, now: Micros) -> Claims {
        let iat = now.secs();
        Claims {
            sub: self.name.clone(),
            jti: self.id.clone(),
            org: self.org_id,
            entries: self.entries.clone(),
            scopes: self.role.scopes(),
            iat,
            exp: iat.saturating_add(CLAIMS_SECS),
            parent: None,
            rpm: None,
            makers: Vec::new(),
        }
    }

    /// The mask of the e-mail address.
    pub fn masked_email(&self) -> String {
        mask(TextField::Email, &self.email)
    }

    /// Whether the member rules the whole organisation.
    fn is_full_owner(&self) -> bool {
        self.role == Role::Owner && self.entries == Entries::All && !self.is_disabled
    }
}

/// A member to be invited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMember {
    /// The organisation.
    pub org_id: i64,
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// What the member may do.
    pub role: Role,
    /// The entrypoints that the member sees.
    pub entries: Entries,
}

/// What of a member is to change; `None` keeps a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberChanges {
    /// The name.
    pub name: Option<String>,
    /// What the member may do.
    pub role: Option<Role>,
    /// The entrypoints that the member sees.
    pub entries: Option<Entries>,
    /// Whether the member may not sign in.
    pub is_disabled: Option<bool>,
}

impl MemberChanges {
    /// The member after the change.
    #[must_use]
    pub fn onto(self, member: &Member) -> Member {
        let mut changed = member.clone();
        changed.name = self.name.unwrap_or(changed.name);
        changed.role = self.role.unwrap_or(changed.role);
        changed.entries = self.entries.unwrap_or(changed.entries);
        changed.is_disabled = self.is_disabled.unwrap_or(changed.is_disabled);
        changed
    }
}

/// The names of what differs between two states of a member, as the API names them.
pub fn changed_members(before: &Member, after: &Member) -> Vec<&'static str> {
    let changed = [
        ("name", before.name != after.name),
        ("role", before.role != after.role),
        ("entries", before.entries != after.entries),
        ("isDisabled", before.is_disabled != after.is_disabled),
    ];
    changed.into_iter().filter_map(|(name, is_other)| is_other.then_some(name)).collect()
}

/// Whether a change ends the member's sessions: it may do something else than before.
pub fn ends_sessions(before: &Member, after: &Member) -> bool {
    before.role != after.role || before.entries != after.entries || before.is_disabled != after.is_disabled
}

/// Whether an organisation without somebody who rules all of it would come of a change of one of its members; `after` is `None`
/// if the member is to be removed. Owners who never set a password count only if the member did not either.
pub fn is_last_owner(members: &[Member], before: &Member, after: Option<&Member>) -> bool {
    if !before.is_full_owner() || after.is_some_and(Member::is_full_owner) {
        return false;
    }
    let stays = |other: &Member| {
        other.id != before.id && other.is_full_owner() && (other.has_password || !before.has_password)
    };
    !members.iter().any(stays)
}

/// The stored form of a member's e-mail address.
///
/// # Errors
/// The text is no address.
pub fn member_email(text: &str) -> Result<String, ValueError> {
    email::email(text).map(String::from)
}

/// The form in which e-mail addresses of staff compare.
pub fn comparable_email(text: &str) -> String {
    email::comparable(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str, role: Role) -> Member {
        Member {
            id: id.into(),
            org_id: 1,
            name: "Ada Roe".into(),
            email: "ada.roe@example.test".into(),
            role,
            entries: Entries::All,
            has_password: true,
            has_totp: false,
            created_at: Micros(0),
            signed_in_at: None,
            is_disabled: false,
            version: 1,
        }
    }

    #[test]
    fn rules_25_each_role_may_do_what_those_before_it_may() {
        let names = |role: Role| role.scopes().into_iter().map(Scope::name).collect::<Vec<_>>().join(" ");
        assert_eq!(names(Role::Viewer), "customers:read money:read");
        assert_eq!(names(Role::Agent), "customers:read customers:write pii:read money:read money:write");
        assert_eq!(
            names(Role::Manager),
            "customers:read customers:write customers:delete customers:import customers:export pii:read money:read \
             money:write money:charge"
        );
        let owner = Role::Owner.scopes();
        for scope in Scope::VARIANTS {
            assert_eq!(owner.contains(scope), *scope != Scope::Service, "{scope}");
        }
        for role in Role::VARIANTS {
            assert_eq!(role.name().parse(), Ok(*role));
        }
    }

    #[test]
    fn rules_25_an_organisation_keeps_an_owner() {
        let (ada, bea) = (member("a", Role::Owner), member("b", Role::Owner));
        let agent = member("c", Role::Agent);
        let alone = [ada.clone(), agent.clone()];
        assert!(is_last_owner(&alone, &ada, None));
        let lower = MemberChanges { role: Some(Role::Manager), ..MemberChanges::default() };
        let disable = MemberChanges { is_disabled: Some(true), ..MemberChanges::default() };
        let narrow = MemberChanges { entries: Some(Entries::Listed(vec![])), ..MemberChanges::default() };
        let rename = MemberChanges { name: Some("Ada".into()), ..MemberChanges::default() };
        for (changes, refused) in [(lower, true), (disable, true), (narrow, true), (rename, false)] {
            let after = changes.onto(&ada);
            assert_eq!(is_last_owner(&alone, &ada, Some(&after)), refused);
            assert_eq!(ends_sessions(&ada, &after), refused);
        }
        assert!(!is_last_owner(&alone, &agent, None));
        assert!(!is_last_owner(&[ada.clone(), bea.clone()], &ada, None));
        let invited = Member { has_password: false, ..bea };
        assert!(is_last_owner(&[ada.clone(), invited.clone()], &ada, None));
        assert!(!is_last_owner(&[ada.clone(), invited.clone()], &invited, None));
    }

    #[test]
    fn members_have_claims_like_tokens() {
        let ada = member("staff-1", Role::Viewer);
        let claims = ada.claims(Micros(5_000_000));
        assert_eq!((claims.sub.as_str(), claims.jti.as_str(), claims.org), ("Ada Roe", "staff-1", 1));
        assert_eq!((claims.iat, claims.exp), (5, 3605));
        assert_eq!(ada.masked_email(), "a***@e***.test");
        let url = |kind| staff_link_url("https://pay.example", kind, "t");
        assert_eq!(url(StaffLinkKind::Owner), "https://pay.example/console/begin/t");
        assert_eq!(url(StaffLinkKind::Reset), "https://pay.example/console/welcome/t");
    }
}

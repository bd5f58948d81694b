//! What people do with links: an operator's first owner, invitations, and passwords that are forgotten.

use super::links::{self, issue, issue_to, revoke};
use super::rows::{self, Opened};
use super::{members, sessions};
use crate::clock;
use crate::domain::accounts::acts::ActKind;
use crate::domain::accounts::sign_in::{MAILS_MAX, login_name};
use crate::domain::accounts::staff::{
    INVITATION_SECS, Member, NewMember, OWNER_LINK_SECS, Role, StaffLinkKind,
};
use crate::domain::accounts::token::Entries;
use crate::domain::entrypoints::theme::Language;
use crate::domain::kernel::problem::Rejection;
use crate::domain::kernel::time::Micros;
use crate::store::Staff;
use crate::store::accounts::attempts::{self, Attempt};
use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;
use crate::store::keys::keyring::{KeyRing, SERVICE_ENTRYPOINT};

/// A valid link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundLink {
    /// Its purpose.
    pub kind: StaffLinkKind,
    /// The organisation.
    pub org_id: i64,
    /// Who got it; `None` for the link that makes the first owner.
    pub member: Option<Member>,
}

/// Makes the first owner of an organisation, whose row is locked.
fn first_owner(
    conn: &mut Conn,
    ring: &KeyRing,
    org_id: i64,
    (name, email): (String, String),
    now: Micros,
) -> Result<Opened, StoreError> {
    let new = NewMember { org_id, name, email, role: Role::Owner, entries: Entries::All };
    members::create(conn, ring, new, now)
}

/// Uses a link: writes the password, ends earlier sessions and begins one.
fn use_link(
    conn: &mut Conn,
    ring: &KeyRing,
    token: &str,
    owner: Option<(String, String)>,
    password_hash: String,
) -> Result<Option<String>, StoreError> {
    let now = clock::now();
    let Some(link) = links::find(conn, token, now)? else { return Ok(None) };
    rows::lock_organisation(conn, link.org_id)?;
    // Another request may have used the link while this one waited for the lock.
    if !links::consume(conn, token, now)? {
        return Ok(None);
    }
    let opened = match (link.kind()?, link.member_id.as_deref()) {
        (StaffLinkKind::Owner, _) => {
            if !rows::of_organisation(conn, ring, link.org_id)?.is_empty() {
                return Ok(None);
            }
            let owner = owner.ok_or_else(|| StoreError::Bug("the first owner has no name".into()))?;
            Some(first_owner(conn, ring, link.org_id, owner, now)?)
        }
        (_, Some(id)) => rows::lock(conn, ring, id)?.filter(|opened| !opened.member.is_disabled),
        (_, None) => None,
    };
    let Some(mut opened) = opened else { return Ok(None) };
    opened.secrets.password_hash = Some(password_hash);
    opened.epoch += 1;
    let is_half = opened.secrets.totp.is_some();
    if !is_half {
        opened.member.signed_in_at = Some(now);
    }
    opened.update(conn, ring, now)?;
    let member = &opened.member;
    members::note_own(conn, ActKind::PasswordSet, member, now)?;
    sessions::end_before(conn, &member.id, opened.epoch)?;
    revoke(conn, member.org_id, Some(&member.id))?;
    attempts::clear(conn, ring, SERVICE_ENTRYPOINT, Attempt::StaffSignIn, &login_name(&member.email))?;
    sessions::begin(conn, &member.id, opened.epoch, is_half, now).map(Some)
}

impl Staff<'_> {
    /// A valid link with its member.
    ///
    /// # Errors
    /// Database errors.
    pub async fn look_link(self, token: String) -> Result<Option<FoundLink>, StoreError> {
        self.0
            .look_up(move |conn, ring| {
                let Some(link) = links::find(conn, &token, clock::now())? else { return Ok(None) };
                let kind = link.kind()?;
                let member = match &link.member_id {
                    Some(id) => rows::find(conn, ring, id)?.map(|opened| opened.member),
                    None => None,
                };
                let is_for = match &member {
                    Some(member) => !member.is_disabled,
                    None => {
                        kind == StaffLinkKind::Owner
                            && rows::of_organisation(conn, ring, link.org_id)?.is_empty()
                    }
                };
                Ok(is_for.then_some(FoundLink { kind, org_id: link.org_id, member }))
            })
            .await
    }

    /// Uses a link once: sets the password, ends all sessions of the member, and begins one. A link that makes the first owner
    /// takes the name and the e-mail address. Returns the token of the session, which waits for the second factor if the
    /// member has one; `None` if the link is not valid any more.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if the e-mail address is none, or is taken, and the link stays valid; database errors.
    pub async fn use_link(
        self,
        token: String,
        owner: Option<(String, String)>,
        password_hash: String,
    ) -> Result<Option<String>, StoreError> {
        self.0.administer(move |conn, ring| use_link(conn, ring, &token, owner, password_hash)).await
    }

    /// A link that makes the first owner of an organisation, and ends the one before; `None` if the organisation has a member,
    /// or there is no such organisation.
    ///
    /// # Errors
    /// Database errors.
    pub async fn first_owner_link(self, org_id: i64) -> Result<Option<String>, StoreError> {
        self.0
            .administer(move |conn, ring| {
                let is_there = rows::lock_organisation(conn, org_id)?;
                if !is_there || !rows::of_organisation(conn, ring, org_id)?.is_empty() {
                    return Ok(None);
                }
                let (kind, now) = (StaffLinkKind::Owner, clock::now());
                issue(conn, org_id, None, kind, now, OWNER_LINK_SECS).map(Some)
            })
            .await
    }

    /// A link by which the member with an e-mail address sets another password, or the first one, and the mail that brings it, in
    /// this language; `None` if nobody has the
    /// address, the member is disabled, or there were too many such links lately.
    ///
    /// # Errors
    /// Database errors.
    pub async fn reset_link(
        self,
        email: String,
        language: Option<Language>,
    ) -> Result<Option<(Member, String)>, StoreError> {
        let made = self
            .0
            .administer(move |conn, ring| {
                let (name, now) = (login_name(&email), clock::now());
                let (place, attempt) = (SERVICE_ENTRYPOINT, Attempt::StaffMail);
                if attempts::count_alone(conn, ring, place, attempt, &name, MAILS_MAX, now)? >= MAILS_MAX {
                    return Ok(None);
                }
                let Some(id) = rows::id_of(conn, ring, &email)? else { return Ok(None) };
                let Some(member) = locked(conn, ring, &id)?.filter(|member| !member.is_disabled) else {
                    return Ok(None);
                };
                let token = issue_to(conn, ring, &member, now, INVITATION_SECS, language)?;
                Ok(Some((member, token)))
            })
            .await;
        self.0.mail_queued.notify_one();
        made
    }

    /// A link by which a member sets another password, or the first one, for an operator.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if there is no such member, or the member is disabled; database errors.
    pub async fn link_of(self, id: String) -> Result<(Member, String), StoreError> {
        self.0
            .administer(move |conn, ring| {
                let member = locked(conn, ring, &id)?.ok_or(Rejection::NotFound)?;
                let token = issue_to(conn, ring, &member, clock::now(), INVITATION_SECS, None)?;
                Ok((member, token))
            })
            .await
    }
}

/// A member, with the locks of the organisation and of the own row.
fn locked(conn: &mut Conn, ring: &KeyRing, id: &str) -> Result<Option<Member>, StoreError> {
    let Some(found) = rows::find(conn, ring, id)? else { return Ok(None) };
    rows::lock_organisation(conn, found.member.org_id)?;
    Ok(rows::lock(conn, ring, id)?.map(|opened| opened.member))
}

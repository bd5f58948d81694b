//! The members of an organisation: invite, list, change, remove.

use diesel::prelude::*;

use super::links;
use super::rows::{self, Opened};
use super::sessions;
use super::views;
use crate::clock;
use crate::domain::accounts::acts::{Act, ActKind, both};
use crate::domain::accounts::staff::{
    MEMBERS_MAX, Member, MemberChanges, NewMember, changed_members, ends_sessions, is_last_owner,
    member_email,
};
use crate::domain::accounts::token::{Claims, Entries};
use crate::domain::decide::command::{Actor, KeyUse, Precondition};
use crate::domain::kernel::problem::{Problem, Rejection};
use crate::domain::kernel::time::Micros;
use crate::store::accounts::sessions::SessionLimits;
use crate::store::accounts::tokens::{self, TokenRecord, check_entries};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{organisation, staff_member};
use crate::store::keys::keyring::KeyRing;
use crate::store::{Staff, acts};
use crate::vault::{SALT_BYTES, random};

/// A refusal because of the present state.
fn refused(place: &[&str], code: &'static str, message: &str) -> StoreError {
    Rejection::State(vec![Problem::field(place, code, message)]).into()
}

/// Writes a new member of an organisation, which is locked.
///
/// # Errors
/// [`StoreError::Rejected`] if the e-mail address is none or has a member, an entrypoint is unknown, or there are too many
/// members; database errors.
pub(super) fn create(
    conn: &mut Conn,
    ring: &KeyRing,
    new: NewMember,
    now: Micros,
) -> Result<Opened, StoreError> {
    let NewMember { org_id, name, email, role, entries } = new;
    let email = member_email(&email).map_err(|(code, message)| {
        StoreError::from(Rejection::Invalid(vec![Problem::field(&["email"], code, message)]))
    })?;
    if let Entries::Listed(entries) = &entries {
        check_entries(conn, org_id, entries)?;
    }
    let count: i64 =
        on!(conn, |c| staff_member::table.filter(staff_member::org_id.eq(org_id)).count().get_result(c))?;
    if usize::try_from(count).is_ok_and(|count| count >= MEMBERS_MAX) {
        return Err(refused(&[], "too_many", "the organisation has 1,000 members; remove one"));
    }
    let member = Member {
        id: Member::new_id(uuid::Uuid::new_v4()),
        org_id,
        name,
        email,
        role,
        entries,
        has_password: false,
        has_totp: false,
        created_at: now,
        signed_in_at: None,
        is_disabled: false,
        version: 1,
    };
    let mut opened = Opened::new(member, random::<SALT_BYTES>()?.to_vec());
    if !opened.insert(conn, ring, now)? {
        let message = "somebody has this e-mail address already; an address belongs to one member";
        return Err(refused(&["email"], "email_taken", message));
    }
    Ok(opened)
}

fn invite(
    conn: &mut Conn,
    ring: &KeyRing,
    new: NewMember,
    by: &Actor,
    ttl_secs: i64,
) -> Result<(Member, String), StoreError> {
    let now = clock::now();
    if !rows::lock_organisation(conn, new.org_id)? {
        return Err(Rejection::NotFound.into());
    }
    let member = create(conn, ring, new, now)?.member;
    let token = links::issue_to(conn, ring, &member, now, ttl_secs, None)?;
    note(conn, ActKind::MemberInvited, &member, by, now)?;
    tracing::info!(
        member = member.id,
        role = member.role.name(),
        by = by.jti,
        "a member of staff is invited"
    );
    Ok((member, token))
}

/// Writes down what was done to a member.
pub(super) fn note(
    conn: &mut Conn,
    kind: ActKind,
    member: &Member,
    by: &Actor,
    now: Micros,
) -> Result<(), StoreError> {
    acts::note(conn, Act::new(kind, member.org_id, member.entries.clone(), by).of(&member.id), now)
}

/// Writes down what a member did with the own account.
pub(super) fn note_own(
    conn: &mut Conn,
    kind: ActKind,
    member: &Member,
    now: Micros,
) -> Result<(), StoreError> {
    let by = Actor { name: member.name.clone(), jti: member.id.clone() };
    note(conn, kind, member, &by, now)
}

/// A member of an organisation, with the locks of both rows; [`Rejection::NotFound`] for another organisation's.
fn locked(conn: &mut Conn, ring: &KeyRing, org_id: i64, id: &str) -> Result<Opened, StoreError> {
    rows::lock_organisation(conn, org_id)?;
    let opened = rows::lock(conn, ring, id)?.filter(|opened| opened.member.org_id == org_id);
    Ok(opened.ok_or(Rejection::NotFound)?)
}

fn keep_an_owner(
    conn: &mut Conn,
    ring: &KeyRing,
    before: &Member,
    after: Option<&Member>,
) -> Result<(), StoreError> {
    if is_last_owner(&rows::of_organisation(conn, ring, before.org_id)?, before, after) {
        let message = "the organisation needs an owner who sees all of it; make another member one first";
        return Err(refused(&[], "last_owner", message));
    }
    Ok(())
}

fn change(
    conn: &mut Conn,
    ring: &KeyRing,
    (org_id, id): (i64, &str),
    changes: MemberChanges,
    expected: &Precondition,
    by: &Actor,
) -> Result<Member, StoreError> {
    let mut opened = locked(conn, ring, org_id, id)?;
    let before = opened.member.clone();
    if !expected.holds(before.version) {
        return Err(Rejection::Stale.into());
    }
    if let Some(Entries::Listed(entries)) = &changes.entries {
        check_entries(conn, org_id, entries)?;
    }
    let after = changes.onto(&before);
    if after == before {
        return Ok(before);
    }
    keep_an_owner(conn, ring, &before, Some(&after))?;
    if ends_sessions(&before, &after) {
        opened.epoch += 1;
        sessions::end_before(conn, id, opened.epoch)?;
    }
    if after.is_disabled {
        links::revoke(conn, org_id, Some(id))?;
    }
    opened.member = after;
    let now = clock::now();
    opened.update(conn, ring, now)?;
    let after = opened.member;
    let entries = both(&before.entries, &after.entries);
    let act = Act::new(ActKind::MemberUpdated, org_id, entries, by).of(id);
    acts::note(conn, act.changing(changed_members(&before, &after)), now)?;
    Ok(after)
}

/// What becomes of the tokens that a member made, when it is removed.
#[derive(Debug, Clone, Default)]
pub struct TheirTokens {
    /// Who asks, where it must see a token to learn of it and to revoke it.
    pub claims: Option<Claims>,
    /// Whether they are revoked with the member.
    pub revoked: bool,
}

fn remove(
    conn: &mut Conn,
    ring: &KeyRing,
    (org_id, id): (i64, &str),
    theirs: &TheirTokens,
    by: &Actor,
) -> Result<Vec<Claims>, StoreError> {
    let opened = locked(conn, ring, org_id, id)?;
    keep_an_owner(conn, ring, &opened.member, None)?;
    sessions::end_before(conn, id, i64::MAX)?;
    links::revoke(conn, org_id, Some(id))?;
    views::forget(conn, id)?;
    on!(conn, |c| diesel::delete(staff_member::table.find(id)).execute(c))?;
    note(conn, ActKind::MemberRemoved, &opened.member, by, clock::now())?;
    let mut made = tokens::made_by(conn, org_id, id)?;
    made.retain(|made| theirs.claims.as_ref().is_none_or(|claims| claims.sees_token(made)));
    if theirs.revoked {
        for token in &made {
            tokens::revoke(conn, token, by)?;
        }
    }
    Ok(made)
}

fn set_requires_totp(conn: &mut Conn, org_id: i64, requires: bool) -> Result<(), StoreError> {
    let place = organisation::table.find(org_id);
    match on!(conn, |c| diesel::update(place).set(organisation::requires_totp.eq(requires)).execute(c))? {
        0 => Err(Rejection::NotFound.into()),
        _ => Ok(()),
    }
}

impl Staff<'_> {
    /// Invites a member; returns it with the token of the link by which it sets a password.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if the e-mail address is none or taken, or an entrypoint or the organisation unknown; database
    /// errors.
    pub async fn invite(
        self,
        new: NewMember,
        by: Actor,
        ttl_secs: i64,
    ) -> Result<(Member, String), StoreError> {
        self.0.administer(move |conn, ring| invite(conn, ring, new, &by, ttl_secs)).await
    }

    /// As [`Staff::invite`], once per idempotency key. `render` makes the answer; the idempotency record keeps it.
    ///
    /// # Errors
    /// As [`Staff::invite`]; that another request used the key.
    pub async fn invite_once(
        self,
        new: NewMember,
        by: Actor,
        ttl_secs: i64,
        key_use: Option<KeyUse>,
        render: impl FnOnce(&Member, &str) -> String + Send + 'static,
    ) -> Result<(String, bool), StoreError> {
        let invited = self.0.administer_once(key_use, move |conn, ring| {
            let (member, token) = invite(conn, ring, new, &by, ttl_secs)?;
            Ok(render(&member, &token))
        });
        let invited = invited.await;
        self.0.mail_queued.notify_one();
        invited
    }

    /// Issues another link to a member, and ends the one before: by it the member sets the first password, or another one.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if the organisation has no such member, or it is disabled; database errors.
    pub async fn reinvite(
        self,
        org_id: i64,
        id: String,
        ttl_secs: i64,
    ) -> Result<(Member, String), StoreError> {
        self.0
            .administer(move |conn, ring| {
                let member = locked(conn, ring, org_id, &id)?.member;
                let token = links::issue_to(conn, ring, &member, clock::now(), ttl_secs, None)?;
                Ok((member, token))
            })
            .await
    }

    /// As [`Staff::reinvite`], once per idempotency key.
    ///
    /// # Errors
    /// As [`Staff::reinvite`]; that another request used the key.
    pub async fn reinvite_once(
        self,
        org_id: i64,
        id: String,
        ttl_secs: i64,
        by: Actor,
        key_use: Option<KeyUse>,
        render: impl FnOnce(&Member, &str) -> String + Send + 'static,
    ) -> Result<(String, bool), StoreError> {
        let linked = self.0.administer_once(key_use, move |conn, ring| {
            let member = locked(conn, ring, org_id, &id)?.member;
            let now = clock::now();
            let token = links::issue_to(conn, ring, &member, now, ttl_secs, None)?;
            note(conn, ActKind::MemberLinked, &member, &by, now)?;
            Ok(render(&member, &token))
        });
        let linked = linked.await;
        self.0.mail_queued.notify_one();
        linked
    }

    /// The members of an organisation, oldest first.
    ///
    /// # Errors
    /// Database errors.
    pub async fn members(self, org_id: i64) -> Result<Vec<Member>, StoreError> {
        self.0.read(move |conn, ring| rows::of_organisation(conn, ring, org_id)).await
    }

    /// A member of an organisation.
    ///
    /// # Errors
    /// Database errors.
    pub async fn member(self, org_id: i64, id: String) -> Result<Option<Member>, StoreError> {
        let found = self.find(id).await?;
        Ok(found.filter(|member| member.org_id == org_id))
    }

    /// A member of any organisation.
    ///
    /// # Errors
    /// Database errors.
    pub async fn find(self, id: String) -> Result<Option<Member>, StoreError> {
        let found = self.0.look_up(move |conn, ring| rows::find(conn, ring, &id)).await?;
        Ok(found.map(|opened| opened.member))
    }

    /// Changes a member, and ends its sessions if it may do something else than before.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if the organisation has no such member, it has another version, an entrypoint is unknown, or no
    /// owner would be left; database errors.
    pub async fn change(
        self,
        org_id: i64,
        id: String,
        changes: MemberChanges,
        expected_version: Option<i64>,
    ) -> Result<Member, StoreError> {
        let expected =
            expected_version.map_or(Precondition::None, |version| Precondition::Versions(vec![version]));
        let by = Actor::service();
        self.0.administer(move |conn, ring| change(conn, ring, (org_id, &id), changes, &expected, &by)).await
    }

    /// As [`Staff::change`], once per idempotency key.
    ///
    /// # Errors
    /// As [`Staff::change`]; that another request used the key.
    pub async fn change_once(
        self,
        (org_id, id): (i64, String),
        changes: MemberChanges,
        expected: Precondition,
        by: Actor,
        key_use: Option<KeyUse>,
        render: impl FnOnce(&Member) -> String + Send + 'static,
    ) -> Result<(String, bool), StoreError> {
        self.0
            .administer_once(key_use, move |conn, ring| {
                Ok(render(&change(conn, ring, (org_id, &id), changes, &expected, &by)?))
            })
            .await
    }

    /// Removes a member, and ends its sessions and links. Returns the tokens in force that it made, which are revoked if that is
    /// wanted.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if the organisation has no such member, or no owner would be left; database errors.
    pub async fn remove(
        self,
        org_id: i64,
        id: String,
        theirs: TheirTokens,
    ) -> Result<Vec<Claims>, StoreError> {
        self.0
            .administer(move |conn, ring| remove(conn, ring, (org_id, &id), &theirs, &Actor::service()))
            .await
    }

    /// As [`Staff::remove`], once per idempotency key. `render` makes the answer from the number of tokens.
    ///
    /// # Errors
    /// As [`Staff::remove`]; that another request used the key.
    pub async fn remove_once(
        self,
        (org_id, id): (i64, String),
        theirs: TheirTokens,
        by: Actor,
        key_use: Option<KeyUse>,
        render: impl FnOnce(usize) -> String + Send + 'static,
    ) -> Result<(String, bool), StoreError> {
        self.0
            .administer_once(key_use, move |conn, ring| {
                Ok(render(remove(conn, ring, (org_id, &id), &theirs, &by)?.len()))
            })
            .await
    }

    /// The ids of the revoked tokens that a member made.
    ///
    /// # Errors
    /// Database errors.
    pub async fn revoked_tokens(self, org_id: i64, id: String) -> Result<Vec<String>, StoreError> {
        let all = self.0.tokens().list(Some(org_id)).await?;
        let is_theirs = |token: &TokenRecord| {
            token.claims.makers.last().is_some_and(|maker| maker.jti == id) && token.revoked_at.is_some()
        };
        Ok(all.into_iter().filter(is_theirs).map(|token| token.claims.jti).collect())
    }

    /// Whether an organisation's staff must have a second factor.
    ///
    /// # Errors
    /// Database errors.
    pub async fn requires_totp(self, org_id: i64) -> Result<bool, StoreError> {
        self.0.look_up(move |conn, _| rows::requires_totp(conn, org_id)).await
    }

    /// Sets whether an organisation's staff must have a second factor.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if there is no such organisation; database errors.
    pub async fn set_requires_totp(self, org_id: i64, requires: bool) -> Result<(), StoreError> {
        self.0.administer(move |conn, _| set_requires_totp(conn, org_id, requires)).await
    }

    /// Removes expired links and sessions.
    ///
    /// # Errors
    /// Database errors.
    pub async fn purge(self, limits: SessionLimits) -> Result<usize, StoreError> {
        self.0
            .administer(move |conn, _| {
                let now = clock::now();
                Ok(links::purge(conn, now)? + sessions::purge(conn, limits, now)?)
            })
            .await
    }
}

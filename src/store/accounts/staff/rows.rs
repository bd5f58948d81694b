//! Rows of members, with their sealed documents.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::domain::accounts::staff::{Member, comparable_email};
use crate::domain::kernel::time::Micros;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{organisation, staff_member};
use crate::store::keys::keyring::KeyRing;
use crate::vault::{Ad, DataKey, Plain};

/// A row of `staff_member`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = staff_member, treat_none_as_default_value = false, treat_none_as_null = true)]
pub(super) struct MemberRow {
    pub(super) member_id: String,
    org_id: i64,
    name: String,
    role: String,
    entries: String,
    email_digest: Vec<u8>,
    key_id: i64,
    salt: Vec<u8>,
    document: Vec<u8>,
    epoch: i64,
    version: i64,
    has_password: bool,
    has_totp: bool,
    created_at_us: i64,
    updated_at_us: i64,
    signed_in_at_us: Option<i64>,
    disabled_at_us: Option<i64>,
}

/// What is sealed of a member.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Secrets {
    email: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) password_hash: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) totp: Option<StoredTotp>,
    /// Keyed hashes of the recovery codes that are left, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) recovery: Vec<String>,
}

/// The second factor of a member.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredTotp {
    pub(super) secret: String,
    /// The step of the last code that was accepted.
    pub(super) last_step: i64,
}

/// A member with what is sealed.
pub(super) struct Opened {
    pub(super) member: Member,
    pub(super) secrets: Secrets,
    /// Sessions of an earlier epoch have ended.
    pub(super) epoch: i64,
    salt: Vec<u8>,
    disabled_at_us: Option<i64>,
}

impl MemberRow {
    /// Binds the document to its place and to what the member may do.
    fn ad(&self) -> Ad {
        let flags =
            [i64::from(self.has_password), i64::from(self.has_totp), self.disabled_at_us.unwrap_or(0)];
        let place = [[self.org_id, self.key_id, self.version, self.epoch].as_slice(), &flags].concat();
        let texts = [&*self.member_id, &*self.role, &*self.entries, &*self.name].join("\0");
        Ad::new("staff member", &place).and(texts.as_bytes())
    }

    /// Opens the document.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it does not open or fit its columns; the database's.
    pub(super) fn open(self, conn: &mut Conn, ring: &KeyRing) -> Result<Opened, StoreError> {
        let corrupt = |id: &str| StoreError::Corrupt(format!("the row of member {id} does not open"));
        let key = ring.data_key(conn, self.key_id)?;
        let plain = key.seal_key(&self.salt)?.open(&self.ad(), &self.document);
        let secrets: Secrets = serde_json::from_slice(&plain.map_err(|_| corrupt(&self.member_id))?)?;
        if self.email_digest != digest(&key, &secrets.email) {
            let id = &self.member_id;
            return Err(StoreError::Corrupt(format!("member {id} is not found by the own e-mail address")));
        }
        let member = Member {
            role: self.role.parse().map_err(|_| corrupt(&self.member_id))?,
            entries: serde_json::from_str(&self.entries)?,
            id: self.member_id,
            org_id: self.org_id,
            name: self.name,
            email: secrets.email.clone(),
            has_password: self.has_password,
            has_totp: self.has_totp,
            created_at: Micros(self.created_at_us),
            signed_in_at: self.signed_in_at_us.map(Micros),
            is_disabled: self.disabled_at_us.is_some(),
            version: self.version,
        };
        let (epoch, salt, disabled_at_us) = (self.epoch, self.salt, self.disabled_at_us);
        Ok(Opened { member, secrets, epoch, salt, disabled_at_us })
    }
}

impl Opened {
    /// A new member, who has no password yet.
    pub(super) fn new(member: Member, salt: Vec<u8>) -> Opened {
        let secrets = Secrets { email: member.email.clone(), ..Secrets::default() };
        Opened { member, secrets, epoch: 1, salt, disabled_at_us: None }
    }

    fn seal(&mut self, key: &DataKey, now: Micros) -> Result<MemberRow, StoreError> {
        let Opened { member, secrets, epoch, salt, disabled_at_us } = self;
        member.has_password = secrets.password_hash.is_some();
        member.has_totp = secrets.totp.is_some();
        *disabled_at_us = member.is_disabled.then(|| disabled_at_us.unwrap_or(now.0));
        let mut row = MemberRow {
            member_id: member.id.clone(),
            org_id: member.org_id,
            name: member.name.clone(),
            role: member.role.name().to_owned(),
            entries: serde_json::to_string(&member.entries)?,
            email_digest: digest(key, &secrets.email),
            key_id: key.id,
            salt: salt.clone(),
            document: Vec::new(),
            epoch: *epoch,
            version: member.version,
            has_password: member.has_password,
            has_totp: member.has_totp,
            created_at_us: member.created_at.0,
            updated_at_us: now.0,
            signed_in_at_us: member.signed_in_at.map(|at| at.0),
            disabled_at_us: *disabled_at_us,
        };
        let plain = Plain::from(serde_json::to_vec(secrets)?);
        row.document = key.seal_key(salt)?.seal(&row.ad(), &plain)?;
        Ok(row)
    }

    /// Writes a new member; false if the e-mail address has a member.
    ///
    /// # Errors
    /// Database errors.
    pub(super) fn insert(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        now: Micros,
    ) -> Result<bool, StoreError> {
        let row = self.seal(&*ring.service_key(conn)?, now)?;
        let made = on!(conn, |c| diesel::insert_into(staff_member::table)
            .values(&row)
            .on_conflict(staff_member::email_digest)
            .do_nothing()
            .execute(c))?;
        Ok(made == 1)
    }

    /// Writes when the member signed in last. The version stays: nothing of the member changes.
    ///
    /// # Errors
    /// Database errors.
    pub(super) fn note_sign_in(&self, conn: &mut Conn, now: Micros) -> Result<(), StoreError> {
        on!(conn, |c| diesel::update(staff_member::table.find(&self.member.id))
            .set(staff_member::signed_in_at_us.eq(Some(now.0)))
            .execute(c))?;
        Ok(())
    }

    /// Writes a changed member, whose row is locked, as the next version.
    ///
    /// # Errors
    /// Database errors.
    pub(super) fn update(&mut self, conn: &mut Conn, ring: &KeyRing, now: Micros) -> Result<(), StoreError> {
        self.member.version += 1;
        let row = self.seal(&*ring.service_key(conn)?, now)?;
        on!(conn, |c| diesel::update(staff_member::table.find(&row.member_id)).set(&row).execute(c))?;
        Ok(())
    }
}

/// The keyed hash by which an e-mail address finds its member.
fn digest(key: &DataKey, email: &str) -> Vec<u8> {
    let comparable = comparable_email(email);
    key.portal().digest_parts([b"staff email".as_slice(), comparable.as_bytes()]).to_vec()
}

/// Locks an organisation; false if there is none.
///
/// # Errors
/// Database errors.
pub(super) fn lock_organisation(conn: &mut Conn, org_id: i64) -> Result<bool, StoreError> {
    let place = organisation::table.find(org_id).select(organisation::org_id);
    let found: Option<i64> = match conn {
        // BEGIN IMMEDIATE has locked the whole database.
        Conn::Sqlite(c, ..) => place.first(c).optional()?,
        Conn::Postgres(c) => place.for_no_key_update().first(c).optional()?,
    };
    Ok(found.is_some())
}

/// A member, whose row stays locked until the transaction ends.
///
/// # Errors
/// Database errors; [`StoreError::Corrupt`].
pub(super) fn lock(conn: &mut Conn, ring: &KeyRing, id: &str) -> Result<Option<Opened>, StoreError> {
    if let (Conn::Postgres(c), true) = (&mut *conn, may_be_id(id)) {
        let row = staff_member::table.find(id).select(staff_member::member_id);
        row.for_update().first::<String>(c).optional()?;
    }
    find(conn, ring, id)
}

/// Whether a text can be an id; PostgreSQL accepts no NUL in a text.
fn may_be_id(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A member.
///
/// # Errors
/// Database errors; [`StoreError::Corrupt`].
pub(super) fn find(conn: &mut Conn, ring: &KeyRing, id: &str) -> Result<Option<Opened>, StoreError> {
    if !may_be_id(id) {
        return Ok(None);
    }
    let row: Option<MemberRow> =
        on!(conn, |c| staff_member::table.find(id).select(MemberRow::as_select()).first(c).optional())?;
    row.map(|row| row.open(conn, ring)).transpose()
}

/// The id of the member with an e-mail address.
///
/// # Errors
/// Database errors.
pub(super) fn id_of(conn: &mut Conn, ring: &KeyRing, email: &str) -> Result<Option<String>, StoreError> {
    let digest = digest(&*ring.service_key(conn)?, email);
    Ok(on!(conn, |c| staff_member::table
        .filter(staff_member::email_digest.eq(&digest))
        .select(staff_member::member_id)
        .first(c)
        .optional())?)
}

/// The members of an organisation, oldest first.
///
/// # Errors
/// Database errors; [`StoreError::Corrupt`].
pub(super) fn of_organisation(
    conn: &mut Conn,
    ring: &KeyRing,
    org_id: i64,
) -> Result<Vec<Member>, StoreError> {
    let rows: Vec<MemberRow> = on!(conn, |c| staff_member::table
        .filter(staff_member::org_id.eq(org_id))
        .order((staff_member::created_at_us, staff_member::member_id))
        .select(MemberRow::as_select())
        .load(c))?;
    rows.into_iter().map(|row| Ok(row.open(conn, ring)?.member)).collect()
}

/// Whether an organisation's staff must have a second factor.
///
/// # Errors
/// Database errors.
pub(super) fn requires_totp(conn: &mut Conn, org_id: i64) -> Result<bool, StoreError> {
    let found: Option<bool> = on!(conn, |c| organisation::table
        .find(org_id)
        .select(organisation::requires_totp)
        .first(c)
        .optional())?;
    Ok(found.unwrap_or_default())
}

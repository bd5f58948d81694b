//! The outbox: the transaction of a change commits its mail, and any instance sends the mail later.
//!
//! The content is sealed under the key of the service and a salt per mail, so that key rotation of entrypoints does not
//! touch it. It is wiped when the mail is sent or given up.

mod handle;
pub(crate) mod sealed;
mod work;

pub use self::work::{MailLease, Mark};

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use strum::VariantArray as _;

use super::accounts::links;
use super::customers::find::find;
use super::engine::conn::{Conn, on};
use super::engine::error::StoreError;
use super::engine::schema::mail_outbox;
use super::entrypoints::lock_row::lock_entrypoints;
use super::keys::keyring::{KeyRing, SERVICE_ENTRYPOINT};
use crate::domain::accounts::link::LinkKind;
use crate::domain::accounts::sign_in::RESET_SECS;
use crate::domain::accounts::staff::Member;
use crate::domain::customers::fields::TextField;
use crate::domain::customers::record::{Customer, Stored};
use crate::domain::kernel::problem::{Problem, Rejection};
use crate::domain::kernel::time::Micros;
use crate::domain::mail::{
    MailKind, MailState, NewMail, OrderEnclosed, Receipt, RequestEnclosed, StaffEnclosed,
};
use crate::vault::{Ad, Plain, SALT_BYTES, random};

/// The sealed content of a mail.
#[derive(Debug, Serialize, Deserialize)]
struct Content {
    address: String,
    name: String,
    link: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    receipt: Option<Receipt>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    invoice_id: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<Box<OrderEnclosed>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<Box<RequestEnclosed>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    staff: Option<StaffEnclosed>,
}

fn content_ad(entrypoint_id: i64, customer_id: i64, message_id: &str) -> Ad {
    Ad::new("mail", &[entrypoint_id, customer_id]).and(message_id.as_bytes())
}

/// A row of `mail_outbox`.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = mail_outbox)]
struct MailRow {
    mail_id: i64,
    entrypoint_id: i64,
    customer_id: i64,
    kind: String,
    state: String,
    message_id: String,
    key_id: i64,
    salt: Option<Vec<u8>>,
    content: Option<Vec<u8>>,
    attempts: i64,
    next_try_us: i64,
    lease_no: i64,
    problem: Option<String>,
    folder: Option<String>,
    created_at_us: i64,
    ended_at_us: Option<i64>,
}

impl MailRow {
    fn id(&self) -> MailId {
        (self.entrypoint_id, self.mail_id)
    }

    fn kind(&self) -> Result<MailKind, StoreError> {
        self.kind.parse().map_err(|_| self.corrupt("kind"))
    }

    fn state(&self) -> Result<MailState, StoreError> {
        self.state.parse().map_err(|_| self.corrupt("state"))
    }

    fn corrupt(&self, what: &str) -> StoreError {
        StoreError::Corrupt(format!("mail {}: unknown {what}", self.mail_id))
    }

    /// The content of the mail; `None` once it is wiped.
    fn content(&self, conn: &mut Conn, ring: &KeyRing) -> Result<Option<Content>, StoreError> {
        let (Some(salt), Some(sealed)) = (&self.salt, &self.content) else { return Ok(None) };
        let seal = ring.data_key(conn, self.key_id)?.seal_key(salt)?;
        let ad = content_ad(self.entrypoint_id, self.customer_id, &self.message_id);
        Ok(Some(serde_json::from_slice(&seal.open(&ad, sealed)?)?))
    }
}

/// The columns of a mail that begin anew when it is queued.
#[derive(Insertable, AsChangeset)]
#[diesel(table_name = mail_outbox, treat_none_as_default_value = false, treat_none_as_null = true)]
struct QueuedMail {
    state: &'static str,
    message_id: String,
    key_id: i64,
    salt: Option<Vec<u8>>,
    content: Option<Vec<u8>>,
    attempts: i64,
    next_try_us: i64,
    problem: Option<String>,
    folder: Option<String>,
    created_at_us: i64,
    ended_at_us: Option<i64>,
}

/// Seals a mail; `None` if the customer is deleted or has no address.
fn seal(
    conn: &mut Conn,
    ring: &KeyRing,
    mail: &NewMail,
    customer: &Customer,
    now: Micros,
) -> Result<Option<QueuedMail>, StoreError> {
    let Some(address) = customer.text(TextField::Email).filter(|_| !customer.is_deleted()) else {
        return Ok(None);
    };
    let content = Content {
        address: address.to_owned(),
        name: customer.name(),
        link: mail.link.clone(),
        receipt: mail.receipt.clone(),
        invoice_id: mail.invoice_id,
        order: mail.order.clone(),
        request: mail.request.clone(),
        staff: None,
    };
    sealed_as(conn, ring, (mail.entrypoint_id, mail.customer_id), &content, now).map(Some)
}

/// The columns of a mail with this content.
fn sealed_as(
    conn: &mut Conn,
    ring: &KeyRing,
    (entrypoint_id, customer_id): (i64, i64),
    content: &Content,
    now: Micros,
) -> Result<QueuedMail, StoreError> {
    let message_id = uuid::Uuid::new_v4().to_string();
    let key = ring.service_key(conn)?;
    let salt = random::<SALT_BYTES>()?.to_vec();
    let ad = content_ad(entrypoint_id, customer_id, &message_id);
    let plain = Plain::from(serde_json::to_vec(content)?);
    Ok(QueuedMail {
        state: MailState::Queued.name(),
        message_id,
        key_id: key.id,
        content: Some(key.seal_key(&salt)?.seal(&ad, &plain)?),
        salt: Some(salt),
        attempts: 0,
        next_try_us: now.0,
        problem: None,
        folder: None,
        created_at_us: now.0,
        ended_at_us: None,
    })
}

/// Takes back those of some mails that are unsent. A mail that is being handed over cannot be taken back.
macro_rules! drop_where {
    ($conn:expr, $theirs:expr, $now:expr) => {{
        let nothing: Option<Vec<u8>> = None;
        let states = [MailState::Queued.name(), MailState::Sending.name()];
        let dropped =
            (mail_outbox::state.eq(MailState::Dropped.name()), mail_outbox::ended_at_us.eq(Some($now.0)));
        on!($conn, |c| {
            diesel::update($theirs.filter(mail_outbox::ended_at_us.is_null()))
                .set((mail_outbox::salt.eq(&nothing), mail_outbox::content.eq(&nothing)))
                .execute(c)?;
            diesel::update($theirs.filter(mail_outbox::state.eq_any(states))).set(dropped).execute(c)
        })?;
        Ok(())
    }};
}

/// Queues a mail within a write transaction, to the current address of the customer. A customer who is deleted or has
/// no address gets no mail.
///
/// # Errors
/// Database errors; [`StoreError::Corrupt`].
pub(crate) fn enqueue(
    conn: &mut Conn,
    ring: &KeyRing,
    mail: &NewMail,
    now: Micros,
) -> Result<(), StoreError> {
    let Some(found) = find(conn, ring, mail.entrypoint_id, mail.customer_id)? else { return Ok(()) };
    enqueue_to(conn, ring, mail, &found.record.stored.customer, now)
}

/// Same as [`enqueue`], for a customer that is already opened.
///
/// # Errors
/// Database errors.
pub(crate) fn enqueue_to(
    conn: &mut Conn,
    ring: &KeyRing,
    mail: &NewMail,
    customer: &Customer,
    now: Micros,
) -> Result<(), StoreError> {
    let Some(queued) = seal(conn, ring, mail, customer, now)? else { return Ok(()) };
    on!(conn, |c| diesel::insert_into(mail_outbox::table)
        .values((
            mail_outbox::entrypoint_id.eq(mail.entrypoint_id),
            mail_outbox::customer_id.eq(mail.customer_id),
            mail_outbox::kind.eq(mail.kind.name()),
            mail_outbox::lease_no.eq(0),
            mail_outbox::lease_until_us.eq(0),
            queued,
        ))
        .execute(c))?;
    Ok(())
}

/// Queues the mail that brings a link to a member of staff.
///
/// # Errors
/// Database errors.
pub(crate) fn enqueue_to_member(
    conn: &mut Conn,
    ring: &KeyRing,
    member: &Member,
    kind: MailKind,
    token: &str,
    staff: StaffEnclosed,
    now: Micros,
) -> Result<(), StoreError> {
    let content = Content {
        address: member.email.clone(),
        name: member.name.clone(),
        link: Some(token.to_owned()),
        receipt: None,
        invoice_id: None,
        order: None,
        request: None,
        staff: Some(staff),
    };
    let queued = sealed_as(conn, ring, (SERVICE_ENTRYPOINT, 0), &content, now)?;
    on!(conn, |c| diesel::insert_into(mail_outbox::table)
        .values((
            mail_outbox::entrypoint_id.eq(SERVICE_ENTRYPOINT),
            mail_outbox::customer_id.eq(0),
            mail_outbox::member_id.eq(&member.id),
            mail_outbox::kind.eq(kind.name()),
            mail_outbox::lease_no.eq(0),
            mail_outbox::lease_until_us.eq(0),
            queued,
        ))
        .execute(c))?;
    Ok(())
}

/// Takes back unsent mails to a member of staff, as their links are no longer valid.
///
/// # Errors
/// Database errors.
pub(crate) fn drop_of_member(conn: &mut Conn, member_id: &str, now: Micros) -> Result<(), StoreError> {
    drop_where!(
        conn,
        mail_outbox::table
            .filter(mail_outbox::entrypoint_id.eq(SERVICE_ENTRYPOINT))
            .filter(mail_outbox::customer_id.eq(0))
            .filter(mail_outbox::member_id.eq(member_id)),
        now
    )
}

/// Takes back all unsent mails, in any state, to a deleted or erased customer.
///
/// # Errors
/// Database errors.
pub(crate) fn drop_all(
    conn: &mut Conn,
    entrypoint_id: i64,
    customer_id: i64,
    now: Micros,
) -> Result<(), StoreError> {
    drop_kinds(conn, entrypoint_id, customer_id, MailKind::VARIANTS, now)
}

/// Takes back unsent mails of some kinds, as their links are no longer valid.
fn drop_kinds(
    conn: &mut Conn,
    entrypoint_id: i64,
    customer_id: i64,
    kinds: &[MailKind],
    now: Micros,
) -> Result<(), StoreError> {
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
    drop_where!(
        conn,
        mail_outbox::table
            .filter(mail_outbox::entrypoint_id.eq(entrypoint_id))
            .filter(mail_outbox::customer_id.eq(customer_id))
            .filter(mail_outbox::kind.eq_any(&kinds)),
        now
    )
}

/// Issues a link and queues the mail that carries it. Takes back an earlier unsent mail of the same kind, as its link
/// is no longer valid.
///
/// # Errors
/// Database errors.
pub(crate) fn send_link(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    stored: &Stored,
    kind: MailKind,
    now: Micros,
    link_ttl_secs: i64,
) -> Result<(), StoreError> {
    let customer_id = stored.id;
    drop_kinds(conn, entrypoint_id, customer_id, &[kind], now)?;
    let issue = |link| links::issue(conn, entrypoint_id, customer_id, link, now, link_ttl_secs);
    let link = kind.link().map(issue).transpose()?;
    let mail = NewMail { link, ..NewMail::of(entrypoint_id, customer_id, kind) };
    enqueue_to(conn, ring, &mail, &stored.customer, now)
}

/// Ends links of some kinds, and takes back the unsent mails that carry them.
///
/// # Errors
/// Database errors.
pub(crate) fn end_links(
    conn: &mut Conn,
    entrypoint_id: i64,
    customer_id: i64,
    links: &[LinkKind],
    now: Micros,
) -> Result<(), StoreError> {
    let carries = |kind: &MailKind| kind.link().is_some_and(|link| links.contains(&link));
    let kinds: Vec<MailKind> = MailKind::VARIANTS.iter().copied().filter(carries).collect();
    drop_kinds(conn, entrypoint_id, customer_id, &kinds, now)?;
    links::revoke(conn, entrypoint_id, customer_id, links)
}

/// A mail without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxMail {
    /// Its id.
    pub id: i64,
    /// The entrypoint of the customer.
    pub entrypoint_id: i64,
    /// The recipient.
    pub customer_id: i64,
    /// The subject.
    pub kind: MailKind,
    /// The state of the mail.
    pub state: MailState,
    /// The random part of its Message-ID.
    pub message_id: String,
    /// The address of the recipient; `None` once the mail is sent or given up.
    pub address: Option<String>,
    /// The number of failed tries.
    pub attempts: i64,
    /// When the next try is due; `None` if no more is planned.
    pub next_try_at: Option<Micros>,
    /// Why the last try failed.
    pub problem: Option<String>,
    /// The folder into which it was written; `None` in other states.
    pub folder: Option<String>,
    /// When it was queued.
    pub created_at: Micros,
    /// When it was sent or given up.
    pub ended_at: Option<Micros>,
}

fn told(conn: &mut Conn, ring: &KeyRing, row: MailRow) -> Result<OutboxMail, StoreError> {
    let state = row.state()?;
    Ok(OutboxMail {
        id: row.mail_id,
        entrypoint_id: row.entrypoint_id,
        customer_id: row.customer_id,
        kind: row.kind()?,
        state,
        address: row.content(conn, ring)?.map(|content| content.address),
        message_id: row.message_id,
        attempts: row.attempts,
        next_try_at: (state == MailState::Queued).then_some(Micros(row.next_try_us)),
        problem: row.problem,
        folder: row.folder,
        created_at: Micros(row.created_at_us),
        ended_at: row.ended_at_us.map(Micros),
    })
}

/// Which mails to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct OutboxRequest {
    /// Only mails in this state.
    pub state: Option<MailState>,
    /// Only mails to this customer.
    pub customer_id: Option<i64>,
    /// How many to skip.
    pub skip: i64,
    /// How many to answer.
    pub limit: i64,
}

fn list(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    request: OutboxRequest,
) -> Result<(Vec<OutboxMail>, i64), StoreError> {
    macro_rules! wanted {
        () => {{
            let mut query =
                mail_outbox::table.filter(mail_outbox::entrypoint_id.eq(entrypoint_id)).into_boxed();
            if let Some(state) = request.state {
                query = query.filter(mail_outbox::state.eq(state.name()));
            }
            if let Some(id) = request.customer_id {
                query = query.filter(mail_outbox::customer_id.eq(id));
            }
            query
        }};
    }
    let (rows, total): (Vec<MailRow>, i64) = on!(conn, |c| {
        let rows = wanted!()
            .order(mail_outbox::mail_id.desc())
            .offset(request.skip)
            .limit(request.limit)
            .select(MailRow::as_select())
            .load(c)?;
        let total = wanted!().count().get_result(c)?;
        Ok::<_, diesel::result::Error>((rows, total))
    })?;
    let mails = rows.into_iter().map(|row| told(conn, ring, row)).collect::<Result<_, _>>()?;
    Ok((mails, total))
}

/// The entrypoint and number of a mail.
pub type MailId = (i64, i64);

fn row(conn: &mut Conn, id: MailId) -> Result<Option<MailRow>, StoreError> {
    Ok(on!(conn, |c| mail_outbox::table.find(id).select(MailRow::as_select()).first(c).optional())?)
}

/// Queues a mail again that nobody may have got, to the current address of the customer and with a new link.
fn retry(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    mail_id: i64,
    now: Micros,
    link_ttl_secs: i64,
) -> Result<(), StoreError> {
    lock_entrypoints(conn, &[entrypoint_id])?;
    let row = row(conn, (entrypoint_id, mail_id))?.ok_or(Rejection::NotFound)?;
    if !row.state()?.may_retry() {
        return Err(refused(
            "not_given_up",
            "only a mail that is failed, uncertain or written to the folder can be sent again",
        ));
    }
    let (kind, customer_id) = (row.kind()?, row.customer_id);
    let found = find(conn, ring, entrypoint_id, customer_id)?.ok_or(Rejection::NotFound)?;
    let customer = &found.record.stored.customer;
    if kind == MailKind::EmailChanged {
        return Err(refused(
            "not_repeatable",
            "it went to the address before the change, which is no longer known",
        ));
    }
    if kind == MailKind::Receipt {
        return Err(refused("not_repeatable", "its content is no longer known; send the receipt anew"));
    }
    if kind == MailKind::Invoice {
        return Err(refused("not_repeatable", "its content is no longer known; send the invoice anew"));
    }
    if kind == MailKind::OrderConfirmation {
        return Err(refused(
            "not_repeatable",
            "its content is no longer known; send the mails of the order anew",
        ));
    }
    if kind.is_request() {
        return Err(refused("not_repeatable", "its link is no longer known; send the request anew"));
    }
    // The mail must not revive a link that was used or replaced.
    if kind == MailKind::Invitation && customer.password_hash.is_some() {
        return Err(refused("active", "the customer has an account by now"));
    }
    let ttl_secs = if kind == MailKind::Reset { link_ttl_secs.min(RESET_SECS) } else { link_ttl_secs };
    let issue = |link| links::issue(conn, entrypoint_id, customer_id, link, now, ttl_secs);
    let link = kind.link().map(issue).transpose()?;
    // The content is new, so the mail has a new Message-ID: receivers must not take it for the earlier one.
    let mail = NewMail { link, ..NewMail::of(entrypoint_id, customer_id, kind) };
    let Some(queued) = seal(conn, ring, &mail, customer, now)? else {
        return Err(refused("no_email", "the customer is deleted or has no e-mail address"));
    };
    on!(conn, |c| diesel::update(mail_outbox::table.find((entrypoint_id, mail_id))).set(queued).execute(c))?;
    Ok(())
}

fn refused(code: &'static str, message: &str) -> StoreError {
    Rejection::State(vec![Problem::parameter("mailId", code, message)]).into()
}

//! The interface to requests: new links, reads by id and by link, and lists. `customers` writes them.

use diesel::prelude::*;

use super::RequestRow;
use crate::domain::customers::draft::Secret;
use crate::domain::filter::ListOrder;
use crate::domain::invoices::Invoice;
use crate::domain::kernel::time::Micros;
use crate::domain::provider::CallId;
use crate::domain::requests::filter::{RequestField, RequestFilter};
use crate::domain::requests::{NewLink, Request, RequestId, RequestKind, RequestState};
use crate::store::Requests;
use crate::store::customers::find::{Found, find};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::ordered::ordered;
use crate::store::engine::schema::payment_request;
use crate::store::invoices;
use crate::store::keys::keyring::KeyRing;
use crate::store::provider;
use crate::vault::{new_secret, secret_hash};

/// A page of a list of requests.
#[derive(Debug, Clone)]
pub struct RequestRequest {
    /// The entrypoint.
    pub entrypoint_id: i64,
    /// What they ask for.
    pub kind: RequestKind,
    /// Which ones.
    pub filter: RequestFilter,
    /// The time, which says whose time is over.
    pub now: Micros,
    /// Their order.
    pub order: ListOrder<RequestField>,
    /// Only those after this place: the value that they are sorted by, and the id.
    pub after: Option<(i64, RequestId)>,
    /// How many to skip.
    pub skip: i64,
    /// How many to read at most.
    pub limit: i64,
    /// Whether to count them.
    pub counts: bool,
}

impl RequestRequest {
    /// The newest ones of a customer. They are not counted.
    pub fn newest_of(entrypoint_id: i64, customer_id: i64, kind: RequestKind, limit: i64) -> RequestRequest {
        RequestRequest {
            entrypoint_id,
            kind,
            filter: RequestFilter { customers: Some([customer_id].into()), ..RequestFilter::default() },
            now: Micros::default(),
            order: ListOrder::default(),
            after: None,
            skip: 0,
            limit,
            counts: false,
        }
    }

    /// The place of a request of the list.
    pub fn place(&self, request: &Request) -> (i64, RequestId) {
        (self.order.by.map_or(0, |field| field.of(request)), request.id)
    }
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct RequestPage {
    /// The requests.
    pub records: Vec<Request>,
    /// How many there are on all pages, if they were counted.
    pub total: Option<i64>,
    /// Whether there are more.
    pub has_more: bool,
}

/// A request as whoever has its link sees it.
#[derive(Debug, Clone)]
pub struct LookedRequest {
    /// The request.
    pub request: Request,
    /// Its customer; `None` for a reusable one.
    pub found: Option<Found>,
    /// The invoice that it asks to be paid.
    pub invoice: Option<Invoice>,
}

/// The rows that a request asks for.
macro_rules! asked {
    ($request:expr) => {{
        let filter = &$request.filter;
        let mut rows = payment_request::table
            .filter(payment_request::entrypoint_id.eq($request.entrypoint_id))
            .filter(payment_request::kind.eq($request.kind.number()))
            .into_boxed();
        if let Some(states) = &filter.states {
            let now = $request.now.0;
            let number = |state: &RequestState| state.number();
            // One whose time is over is stored as open.
            let open: Vec<i16> = states.iter().filter(|state| state.is_open()).map(number).collect();
            let closed: Vec<i16> = states.iter().filter(|state| !state.is_open()).map(number).collect();
            let all_open = [RequestState::New, RequestState::InProgress, RequestState::Declined];
            let over: Vec<i16> = if states.contains(&RequestState::Expired) {
                all_open.iter().map(number).collect()
            } else {
                Vec::new()
            };
            rows = rows.filter(
                payment_request::state
                    .eq_any(closed)
                    .or(payment_request::state.eq_any(open).and(payment_request::expires_at_us.gt(now)))
                    .or(payment_request::state.eq_any(over).and(payment_request::expires_at_us.le(now))),
            );
        }
        if let Some(customers) = &filter.customers {
            rows = rows.filter(payment_request::customer_id.eq_any(customers));
        }
        if let Some(from) = filter.created.from {
            rows = rows.filter(payment_request::created_at_us.ge(from));
        }
        if let Some(before) = filter.created.before {
            rows = rows.filter(payment_request::created_at_us.lt(before));
        }
        rows
    }};
}

/// The rows of a page in the order of the request.
macro_rules! sorted {
    ($rows:expr, $request:expr) => {{
        let after = $request.after.map(|(value, last)| (value, last.0.to_vec()));
        ordered!($rows, $request, id: payment_request::request_id, key: $request.order.by.map(column), after: after)
    }};
}

/// What [`RequestField::of`] is in SQL.
const fn column(field: RequestField) -> &'static str {
    match field {
        RequestField::CreatedAt => "payment_request.created_at_us",
        RequestField::ExpiresAt => "payment_request.expires_at_us",
    }
}

fn page(conn: &mut Conn, ring: &KeyRing, request: &RequestRequest) -> Result<RequestPage, StoreError> {
    let mut rows: Vec<RequestRow> =
        on!(conn, |c| sorted!(asked!(request), request).select(RequestRow::as_select()).load(c))?;
    let total =
        if request.counts { Some(on!(conn, |c| asked!(request).count().get_result(c))?) } else { None };
    let limit = usize::try_from(request.limit).unwrap_or(0);
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let records = rows.iter().map(|row| row.open(conn, ring)).collect::<Result<_, StoreError>>()?;
    Ok(RequestPage { records, total, has_more })
}

/// A request with its customer and its invoice.
fn looked(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    id: RequestId,
) -> Result<Option<LookedRequest>, StoreError> {
    let Some(request) = super::one(conn, ring, entrypoint_id, id)? else { return Ok(None) };
    let found = match request.customer_id {
        Some(customer_id) => find(conn, ring, entrypoint_id, customer_id)?,
        None => None,
    };
    let invoice = match request.invoice_id {
        Some(invoice_id) => invoices::one(conn, ring, entrypoint_id, invoice_id)?,
        None => None,
    };
    Ok(Some(LookedRequest { request, found, invoice }))
}

/// The newest requests of a customer, and how many there are.
///
/// # Errors
/// The database's; [`StoreError::Corrupt`].
pub(crate) fn of_customer(
    conn: &mut Conn,
    ring: &KeyRing,
    found: &Found,
    kind: RequestKind,
    limit: i64,
) -> Result<(Vec<Request>, i64), StoreError> {
    let newest = RequestRequest::newest_of(found.entrypoint.id, found.record.stored.id, kind, limit);
    let page = page(conn, ring, &RequestRequest { counts: true, ..newest })?;
    Ok((page.records, page.total.unwrap_or(0)))
}

impl Requests<'_> {
    /// A link that no request has yet.
    ///
    /// # Errors
    /// The random generator's.
    pub fn new_link(self) -> Result<NewLink, StoreError> {
        let token = new_secret()?;
        Ok(NewLink { hash: secret_hash(&token), token: Secret::new(token.to_string()) })
    }

    /// A request of an entrypoint.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn find(self, entrypoint_id: i64, id: RequestId) -> Result<Option<Request>, StoreError> {
        self.0.look_up(move |conn, ring| super::one(conn, ring, entrypoint_id, id)).await
    }

    /// The request whose link has a token, with its customer and its invoice. It changes nothing.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn look(self, entrypoint_id: i64, token: String) -> Result<Option<LookedRequest>, StoreError> {
        self.0
            .look_up(move |conn, ring| {
                let id = super::with_link(conn, entrypoint_id, &secret_hash(&token))?;
                id.map_or(Ok(None), |id| looked(conn, ring, entrypoint_id, id))
            })
            .await
    }

    /// The request that a call answers, for a payer who came by the link with this token and comes back after the request got another
    /// link. It changes nothing.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn look_back(
        self,
        entrypoint_id: i64,
        token: String,
        call_id: CallId,
    ) -> Result<Option<LookedRequest>, StoreError> {
        self.0
            .look_up(move |conn, ring| {
                let Some(call) = provider::one(conn, ring, entrypoint_id, call_id)? else { return Ok(None) };
                let hash = call.content.and_then(|content| content.link_hash);
                let came_by_it = hash == Some(secret_hash(&token));
                let id = call.request_id.filter(|_| came_by_it);
                id.map_or(Ok(None), |id| looked(conn, ring, entrypoint_id, id))
            })
            .await
    }

    /// A request of a customer, with its customer and its invoice. It changes nothing.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn look_own(
        self,
        entrypoint_id: i64,
        customer_id: i64,
        id: RequestId,
    ) -> Result<Option<LookedRequest>, StoreError> {
        self.0
            .look_up(move |conn, ring| {
                let looked = looked(conn, ring, entrypoint_id, id)?;
                Ok(looked.filter(|looked| looked.request.customer_id == Some(customer_id)))
            })
            .await
    }

    /// The payments that a customer was asked for and that wait for it, each with its invoice: the newest `most` at a time, without
    /// those that the customer asked for itself.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn payable(
        self,
        entrypoint_id: i64,
        customer_id: i64,
        now: Micros,
        most: i64,
    ) -> Result<Vec<(Request, Option<Invoice>)>, StoreError> {
        let newest = RequestRequest::newest_of(entrypoint_id, customer_id, RequestKind::Payment, most);
        let mut request = RequestRequest { now, ..newest };
        let open = [RequestState::New, RequestState::InProgress, RequestState::Declined];
        request.filter.states = Some(open.into());
        self.0
            .read(move |conn, ring| {
                let mut payable = Vec::new();
                for one in page(conn, ring, &request)?.records {
                    if one.content.as_ref().is_some_and(|content| content.is_own) {
                        continue;
                    }
                    let invoice = match one.invoice_id {
                        Some(id) => invoices::one(conn, ring, entrypoint_id, id)?,
                        None => None,
                    };
                    if one.is_payable_at(invoice.as_ref(), now) {
                        payable.push((one, invoice));
                    }
                }
                Ok(payable)
            })
            .await
    }

    /// A page of a list, read from one state of the database.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn page(self, request: RequestRequest) -> Result<RequestPage, StoreError> {
        self.0.read(move |conn, ring| page(conn, ring, &request)).await
    }
}

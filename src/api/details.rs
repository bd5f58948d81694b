//! What a page about a customer shows, in one answer: `/Customer/{customerId}/details` (rules 10).

use actix_web::{HttpResponse, get};
use serde::Serialize;

use super::comments::{CommentOut, CommentsOut};
use super::coupons::{CustomerCouponsOut, Seeing};
use super::customers::{CustomerOut, Paid};
use super::http::call::Call;
use super::http::error::Error;
use super::http::json;
use super::http::params::CustomerPath;
use super::invoices::InvoiceRowsOut;
use super::lists::SummaryOut;
use super::methods::MethodOut;
use super::orders::OrdersOut;
use super::requests::{MethodLinksOut, PaymentRequestsOut};
use crate::clock;
use crate::domain::accounts::token::Scope;
use crate::domain::kernel::time::Micros;
use crate::domain::methods::method::Method;
use crate::domain::methods::{status_of, status_word};
use crate::domain::view::View;
use crate::store::{Details, Found};

/// How many entries of each list the details show.
const SHOWN: i64 = 5;
/// The size of most answers, in bytes, at most.
const ROOM: usize = 8_192;

/// A customer with what hangs on it, all of one moment.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DetailsOut<'a> {
    /// The record, with addresses, references and labels, as `GET /Customer/{customerId}` answers it.
    record: CustomerOut<'a>,
    /// How the default method stands today: `Active`, `Insufficient funds`, `Invalid`, `Expiring soon`, `Expired`, `Manual`, or
    /// `None` without methods.
    payment_method_status: &'static str,
    /// The default stored method; null without methods.
    default_method: Option<MethodOut>,
    /// The other stored methods, oldest first.
    other_methods: Vec<MethodOut>,
    /// The first comments of the list: those that are pinned, then the newest, at most 5. Null without pii:read.
    comments: Option<CommentsOut>,
    /// The newest coupons that are assigned to the customer or that it used, at most 5. Null without money:read.
    coupons: Option<CustomerCouponsOut>,
    /// The newest invoices and credit notes, at most 5. Null without money:read.
    invoices: Option<InvoiceRowsOut<'a>>,
    /// The newest orders, at most 5. Null without money:read.
    orders: Option<OrdersOut<'a>>,
    /// The newest payment requests, at most 5. Null without money:read.
    payment_requests: Option<PaymentRequestsOut<'a>>,
    /// The newest links for payment methods, at most 5. Null without money:read.
    method_links: Option<MethodLinksOut<'a>>,
}

impl<'a> DetailsOut<'a> {
    fn new(
        found: &'a Found,
        details: &'a Details,
        (sees_pii, sees_money): (bool, bool),
        now: Micros,
    ) -> DetailsOut<'a> {
        let view = if sees_pii { View::Full } else { View::Masked };
        let paid = Paid::seen(sees_money, details.money.as_ref());
        let shop = details.shop.as_ref().filter(|_| sees_money);
        let stored = &found.record.stored;
        let methods = &stored.customer.methods;
        let shown = |method: &Method| MethodOut::new(stored.id, method, view, now);
        let (default, others): (Vec<_>, Vec<_>) = methods.iter().partition(|method| method.is_default);
        DetailsOut {
            record: CustomerOut::new(stored, &found.entrypoint, view).with_money(
                paid,
                &found.entrypoint,
                view,
            ),
            payment_method_status: status_word(status_of(methods, now)),
            default_method: default.first().copied().map(shown),
            other_methods: others.into_iter().map(shown).collect(),
            comments: sees_pii.then(|| {
                let page = &details.comments;
                let records = page.comments.iter().cloned().map(CommentOut::new).collect();
                CommentsOut::new(SummaryOut::new(SHOWN, page.total), records)
            }),
            coupons: shop.map(|shop| {
                // Whoever reads details reads customers.
                let seen = Seeing { entrypoint_id: found.entrypoint.id, reads: true, now };
                CustomerCouponsOut::new(SummaryOut::new(SHOWN, shop.coupons.total), &shop.coupons, seen)
            }),
            invoices: shop.map(|shop| {
                let (rows, total) = &shop.invoices;
                InvoiceRowsOut::new(SummaryOut::new(SHOWN, *total), rows, now)
            }),
            orders: shop.map(|shop| {
                let (orders, total) = &shop.orders;
                OrdersOut::new(SummaryOut::new(SHOWN, *total), orders, view)
            }),
            payment_requests: shop.map(|shop| {
                let (requests, total) = &shop.requests;
                let shown = (found.entrypoint.id, requests.as_slice());
                PaymentRequestsOut::new(SummaryOut::new(SHOWN, *total), shown, view, now)
            }),
            method_links: shop.map(|shop| {
                let (links, total) = &shop.links;
                let shown = (found.entrypoint.id, links.as_slice());
                MethodLinksOut::new(SummaryOut::new(SHOWN, *total), shown, view, now)
            }),
        }
    }

    /// The answer and its strong ETag. It begins with the version of the record, so it also works as `If-Match`.
    fn written(&self, version: i64) -> Result<(String, Vec<u8>), serde_json::Error> {
        let text = json::written(self, ROOM)?;
        Ok((json::tag(version, &text), text))
    }
}

/// Read a customer with everything that hangs on it
///
/// The record with the totals and the last transactions, the stored methods, and the newest comments, coupons, invoices, orders,
/// payment requests and links for payment methods: what a page about a customer shows. Comments need `pii:read`; what the shop
/// sells or asks for needs `money:read`. The `ETag` changes with every part of the answer; as `If-Match` it holds for the record.
#[utoipa::path(
    tag = "Customers",
    params(
        CustomerPath,
        ("If-None-Match" = Option<String>, Header, description = "An ETag; 304 without a body where all is still the same"),
    ),
    responses(
        (status = 200, description = "The details", body = DetailsOut<'_>),
        (status = 304, description = "The details are still those of If-None-Match"),
    ),
)]
#[get("/api/Customer/{customerId}/details")]
pub(crate) async fn get_customer_details(call: Call) -> Result<HttpResponse, Error> {
    let now = clock::now();
    let sees = (call.caller.sees_pii(), call.caller.sees_money());
    let write = move |found: &Found, details: &Details| {
        DetailsOut::new(found, details, sees, now).written(found.record.stored.version)
    };
    let (etag, text) = call.details_as(Scope::CustomersRead, SHOWN, write).await??;
    call.params().done()?;
    Ok(json::tagged(&call.request, &etag, text))
}

//! Short lists, the newest first unless they are sorted, each page of which begins after a place: those of subscriptions, of
//! invoices and of orders.

use std::future::Future;
use std::str::FromStr;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, LINK};
use actix_web::web::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use strum::VariantNames;

use super::params::next_link;
use super::{SLICE, SummaryOut, any_page_of};
use crate::api::http::body::Params;
use crate::api::http::call::Call;
use crate::api::http::error::Error;
use crate::api::http::json;
use crate::api::http::state::App;
use crate::domain::filter::ListOrder;
use crate::domain::kernel::problem::Problem;

/// Query parameters of such lists that are no filters.
pub(crate) const NO_FILTERS: [&str; 3] = ["fromRecord", "limitRecord", "pageIdentifier"];
/// The same of lists that can be sorted.
pub(crate) const NO_FILTERS_SORTED: [&str; 4] =
    ["fromRecord", "limitRecord", "pageIdentifier", SORT_PARAMETER];
const SORT_PARAMETER: &str = "sortBy";

/// Which part of a list to answer.
#[derive(Debug)]
pub(crate) struct Wanted {
    skip: i64,
    limit: i64,
    page: Option<String>,
}

impl Wanted {
    /// Reads the parameters that are no filters.
    pub(crate) fn read(params: &mut Params) -> Wanted {
        let (skip, limit) = any_page_of(params);
        let page = params.text("pageIdentifier").filter(|token| !token.is_empty());
        if page.is_some() && skip > 0 {
            params.refuse("fromRecord", "exclusive_parameters", "cannot stand beside pageIdentifier");
        }
        Wanted { skip, limit, page }
    }
}

/// The order that `sortBy` asks for; the newest first without it.
pub(crate) fn order_of<F: FromStr + VariantNames>(params: &mut Params) -> ListOrder<F> {
    let Some(text) = params.text(SORT_PARAMETER).filter(|text| !text.is_empty()) else {
        return ListOrder::default();
    };
    ListOrder::parse(&text).unwrap_or_else(|(code, message)| {
        params.refuse(SORT_PARAMETER, code, message);
        ListOrder::default()
    })
}

/// A part of a list, to be read from one state of the database.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<I> {
    /// Only those after this place.
    pub(crate) after: Option<I>,
    /// How many to skip.
    pub(crate) skip: i64,
    /// How many to read at most.
    pub(crate) limit: i64,
    /// Whether to count all.
    pub(crate) counts: bool,
}

/// What was read of a list.
#[derive(Debug)]
pub(crate) struct Fetched<I> {
    /// The records as JSON, with their places.
    pub(crate) records: Vec<(I, Vec<u8>)>,
    /// How many there are on all pages, if they were counted.
    pub(crate) total: Option<i64>,
    /// Whether there are more.
    pub(crate) has_more: bool,
}

/// The place of the next page, and the size of the list.
#[derive(Serialize, Deserialize)]
struct Cursor<I> {
    after: I,
    total: i64,
}

/// Answers a list of a kind. `name` tells apart all lists of the kind, with their filters: the token of a page is good for one
/// of them. A long answer is read in slices without a common transaction, each from where the one before it ended, with the
/// summary last.
///
/// # Errors
/// 400 for a token of another list; errors before the first byte.
pub(crate) async fn answer<I, F>(
    call: &Call,
    kind: &'static str,
    name: &str,
    wanted: Wanted,
    fetch: impl Fn(Part<I>) -> F + 'static,
) -> Result<HttpResponse, Error>
where
    I: Copy + Serialize + DeserializeOwned + 'static,
    F: Future<Output = Result<Fetched<I>, Error>>,
{
    let context = *blake3::hash(name.as_bytes()).as_bytes();
    let after = match wanted.page {
        None => None,
        Some(token) => {
            let refused = || {
                let message = "is no token of this list; send it with the filters it came from";
                Error::invalid(Problem::parameter("pageIdentifier", "invalid_page", message))
            };
            let sealed = URL_SAFE_NO_PAD.decode(token).map_err(|_| refused())?;
            let text = call.app.store.keys().open_note(kind, context, sealed).await?.ok_or_else(refused)?;
            Some(serde_json::from_slice::<Cursor<I>>(&text).map_err(|_| refused())?)
        }
    };
    let known = after.as_ref().map(|cursor| cursor.total);
    let slice = i64::try_from(SLICE).unwrap_or(i64::MAX);
    let (skip, limit) = (wanted.skip, wanted.limit);
    let mut left = if limit > 0 { limit } else { i64::MAX };
    let after = after.map(|cursor| cursor.after);
    let mut part = Part { after, skip, limit: left.min(slice), counts: known.is_none() };
    let mut page = fetch(part).await?;
    let total = known.or(page.total).unwrap_or(0);
    let app = call.app.clone();
    if left <= slice {
        let last = page.records.last().map(|(id, _)| *id).filter(|_| page.has_more);
        let next = sealed(&app, kind, context, last, total).await?;
        let link = next.as_deref().map(|token| next_link(&call.request, token));
        let mut records = Vec::new();
        write(&mut records, &page.records, &mut true);
        // Not of the token, which is another one each time.
        let tag = json::tag(total, &records);
        let mut text = b"{\"Summary\":".to_vec();
        serde_json::to_writer(&mut text, &SummaryOut::new(limit, total).with_next(next))?;
        text.extend_from_slice(b",\"Records\":[");
        text.append(&mut records);
        text.extend_from_slice(b"]}");
        let mut response = json::tagged(&call.request, &tag, text);
        if let Some(value) = link.and_then(|link| link.parse().ok()) {
            response.headers_mut().insert(LINK, value);
        }
        return Ok(response);
    }
    let stream = async_stream::try_stream! {
        let mut text: Vec<u8> = b"{\"Records\":[".to_vec();
        let mut is_first = true;
        let last = loop {
            write(&mut text, &page.records, &mut is_first);
            left -= part.limit;
            let last = page.records.last().map(|(id, _)| *id).filter(|_| page.has_more);
            if left <= 0 || last.is_none() {
                break last;
            }
            yield Bytes::from(std::mem::take(&mut text));
            tokio::task::yield_now().await;
            part = Part { after: last, skip: 0, limit: left.min(slice), counts: false };
            page = fetch(part).await?;
        };
        let next = sealed(&app, kind, context, last, total).await?;
        text.extend_from_slice(b"],\"Summary\":");
        serde_json::to_writer(&mut text, &SummaryOut::new(limit, total).with_next(next))
            .map_err(actix_web::Error::from)?;
        text.push(b'}');
        yield Bytes::from(text);
    };
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "private, no-cache"))
        .insert_header((CONTENT_TYPE, "application/json"))
        .streaming::<_, actix_web::Error>(stream))
}

fn write<I>(text: &mut Vec<u8>, records: &[(I, Vec<u8>)], is_first: &mut bool) {
    for (_, record) in records {
        if !std::mem::take(is_first) {
            text.push(b',');
        }
        text.extend_from_slice(record);
    }
}

/// The token of the page after this record, if there is one.
async fn sealed<I: Serialize>(
    app: &App,
    kind: &'static str,
    context: [u8; 32],
    last: Option<I>,
    total: i64,
) -> Result<Option<String>, Error> {
    let Some(after) = last else { return Ok(None) };
    let text = serde_json::to_vec(&Cursor { after, total })?;
    Ok(Some(URL_SAFE_NO_PAD.encode(app.store.keys().seal_note(kind, context, text).await?)))
}

//! Lists whose pages follow each other by the time-ordered ids of their records, the newest first.

use actix_web::http::header::LINK;
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::params::next_link;
use super::{SummaryOut, page_of};
use crate::api::http::body::Params;
use crate::api::http::error::Error;
use crate::api::http::state::App;
use crate::domain::kernel::problem::Problem;
use crate::domain::transactions::id::TransId;
use crate::store::Slice;

/// What page tokens are sealed as.
const KIND: &str = "newest first";

/// The page that a request asks for.
#[derive(Debug)]
pub(crate) struct Paged {
    skip: i64,
    limit: i64,
    token: Option<String>,
    context: [u8; 32],
}

/// The place of the next page.
#[derive(Serialize, Deserialize)]
struct Cursor {
    before: TransId,
}

impl Paged {
    /// Reads `fromRecord`, `limitRecord` and `pageIdentifier`. `list` names the list and its filters: a token holds for no
    /// other one.
    pub(crate) fn read(params: &mut Params, list: &str) -> Paged {
        let (skip, limit) = page_of(params);
        let token = params.text("pageIdentifier").filter(|token| !token.is_empty());
        if token.is_some() && skip > 0 {
            params.refuse("fromRecord", "exclusive_parameters", "cannot stand beside pageIdentifier");
        }
        Paged { skip, limit, token, context: *blake3::hash(list.as_bytes()).as_bytes() }
    }

    /// Which part of the list to read.
    ///
    /// # Errors
    /// 400 for a token of another list, or an invalid one.
    pub(crate) async fn slice(&self, app: &App) -> Result<Slice, Error> {
        let before = match &self.token {
            None => None,
            Some(token) => {
                let refused = || {
                    let message = "is no token of this list; send it with the filters it came from";
                    Error::invalid(Problem::parameter("pageIdentifier", "invalid_page", message))
                };
                let sealed = URL_SAFE_NO_PAD.decode(token).map_err(|_| refused())?;
                let text =
                    app.store.keys().open_note(KIND, self.context, sealed).await?.ok_or_else(refused)?;
                Some(serde_json::from_slice::<Cursor>(&text).map_err(|_| refused())?.before)
            }
        };
        Ok(Slice { before, skip: self.skip, limit: self.limit })
    }

    /// The summary of the page. `last` is the last record if there are more after it.
    ///
    /// # Errors
    /// 503 without the database.
    pub(crate) async fn summary(
        &self,
        app: &App,
        total: i64,
        last: Option<TransId>,
    ) -> Result<SummaryOut, Error> {
        let next = match last {
            None => None,
            Some(before) => {
                let text = serde_json::to_vec(&Cursor { before })?;
                Some(URL_SAFE_NO_PAD.encode(app.store.keys().seal_note(KIND, self.context, text).await?))
            }
        };
        Ok(SummaryOut::new(self.limit, total).with_next(next))
    }

    /// The size of a page.
    pub(crate) fn limit(&self) -> i64 {
        self.limit
    }
}

/// Adds the `Link` header to the next page, if there is one.
pub(crate) fn linked(
    request: &HttpRequest,
    mut response: HttpResponse,
    summary: &SummaryOut,
) -> HttpResponse {
    let link = summary.page_identifier.as_ref().map(|token| next_link(request, token));
    if let Some(value) = link.and_then(|link| link.parse().ok()) {
        response.headers_mut().insert(LINK, value);
    }
    response
}

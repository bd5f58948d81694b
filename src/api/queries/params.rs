//! What the query of a list or export says.

use actix_web::HttpRequest;

use super::LIMIT_DEFAULT;
use crate::api::auth::Caller;
use crate::api::body::Params;
use crate::api::customers::View;
use crate::api::error::Error;
use crate::domain::filter::{Filter, Search, Sort};
use crate::store::ListRequest;

/// Whose customers are listed.
#[derive(Debug)]
pub(crate) struct Place {
    /// A name that tells places apart.
    pub(crate) name: String,
    /// The entrypoints, all of which the token sees.
    pub(crate) entrypoints: Vec<i64>,
}

/// A checked query.
#[derive(Debug)]
pub(crate) struct ListParams {
    filter: Filter,
    search: Search,
    sort: Sort,
    skip: usize,
    /// As sent; 0 or less for everything.
    pub(crate) limit: i64,
    /// The token of a page.
    pub(crate) page: Option<String>,
}

impl ListParams {
    /// Reads the query; all problems at once.
    ///
    /// # Errors
    /// 400.
    pub(crate) fn read(request: &HttpRequest, caller: &Caller) -> Result<ListParams, Error> {
        let mut params = Params::of(request);
        let skip = params.integer("fromRecord", 0, i64::MAX).unwrap_or(0);
        let limit = params.integer("limitRecord", i64::MIN, i64::MAX).unwrap_or(LIMIT_DEFAULT);
        let page = params.text("pageIdentifier").filter(|token| !token.is_empty());
        if page.is_some() && skip > 0 {
            params.refuse("fromRecord", "exclusive_parameters", "cannot stand beside pageIdentifier");
        }
        let sort_by = params.text("sortBy").filter(|text| !text.is_empty());
        let search = params.text("search").unwrap_or_default();
        // Reserved for exports, which this release does not have: refused, never ignored.
        for name in ["exportFormat", "columnsExport"] {
            if params.text(name).is_some() {
                params.refuse(name, "unknown_parameter", "is not available yet");
            }
        }
        // A repeated filter is another condition; only the parameters above may stand once.
        let (pairs, mut problems) = params.rest();
        let filter = Filter::parse(&pairs).unwrap_or_else(|found| {
            problems.extend(found);
            Filter::default()
        });
        let search = Search::parse(&search).unwrap_or_else(|problem| {
            problems.push(problem);
            Search::default()
        });
        let sort = sort_by.map_or_else(|| Ok(Sort::default()), |text| Sort::parse(&text));
        let sort = sort.unwrap_or_else(|problem| {
            problems.push(problem);
            Sort::default()
        });
        if !caller.sees_pii() {
            problems.extend(filter.masked_fields());
            problems.extend(sort.masked_field());
        }
        if !problems.is_empty() {
            return Err(Error::Invalid(problems));
        }
        Ok(ListParams {
            filter,
            search,
            sort,
            skip: usize::try_from(skip).unwrap_or(usize::MAX),
            limit,
            page,
        })
    }

    /// As the store is asked.
    pub(crate) fn request(&self, place: &Place, view: View) -> ListRequest {
        ListRequest {
            entrypoints: place.entrypoints.clone(),
            filter: self.filter.clone(),
            search: self.search.clone(),
            masked: view == View::Masked,
            sort: self.sort.clone(),
            after: None,
            skip: self.skip,
            limit: usize::MAX,
            counts: false,
        }
    }

    /// What a page's token is bound to.
    pub(crate) fn context(&self, place: &Place, view: View) -> [u8; 32] {
        let parts = [
            place.name.as_str(),
            &self.filter.canonical(),
            &self.search.canonical(),
            &self.sort.canonical(),
            if view == View::Masked { "masked" } else { "full" },
        ];
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        *hasher.finalize().as_bytes()
    }
}

/// The `Link` header that leads to the next page.
pub(super) fn next_link(request: &HttpRequest, token: &str) -> String {
    let kept = request.query_string().split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !name.is_empty() && name != "pageIdentifier" && name != "fromRecord"
    });
    let mut query: Vec<&str> = kept.collect();
    let own = format!("pageIdentifier={token}");
    query.push(&own);
    format!("<{}?{}>; rel=\"next\"", request.path(), query.join("&"))
}

//! The query parameters of lists and exports.

use std::time::Duration;

use actix_web::HttpRequest;

use super::LIMIT_DEFAULT;
use crate::api::http::auth::Caller;
use crate::api::http::body::Params;
use crate::api::http::call::Call;
use crate::api::http::error::{Error, unless_any};
use crate::clock;
use crate::domain::accounts::token::Scope;
use crate::domain::entrypoints::Entrypoint;
use crate::domain::exports::{COLUMNS_PARAMETER, Column, Format, parse_columns};
use crate::domain::filter::{Filter, Search, Sort};
use crate::domain::kernel::problem::noted;
use crate::domain::view::View;
use crate::store::ListRequest;

/// How long a page of a list may take.
pub(crate) const PAGE_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a file or a long answer may look for its customers.
const LONG_TIME_MAX: Duration = Duration::from_mins(1);

/// The query parameter that requests a file instead of a page.
const FORMAT_PARAMETER: &str = "exportFormat";
/// The query parameter that limits how many matches are counted.
const COUNT_PARAMETER: &str = "totalUpTo";

/// The target of a list: one entrypoint or an organisation.
#[derive(Debug)]
pub(crate) struct ListTarget {
    /// A unique name of the target.
    pub(crate) name: String,
    /// The name in file names: `demo`, `org-1`.
    pub(crate) file_name: String,
    /// Whether the target is an organisation, with records from several entrypoints.
    pub(crate) is_organisation: bool,
    /// The entrypoints; the token sees all of them.
    pub(crate) entrypoints: Vec<i64>,
}

impl ListTarget {
    /// The entrypoint in the path.
    ///
    /// # Errors
    /// 403 without the scope; 404 for an entrypoint that the token may not see.
    pub(crate) async fn of_entrypoint(call: &Call, scope: Scope) -> Result<ListTarget, Error> {
        let entrypoints = vec![call.entry(scope).await?];
        let entry = call.path("entry");
        let name = format!("entry {entry}");
        Ok(ListTarget { name, file_name: entry.to_owned(), is_organisation: false, entrypoints })
    }

    /// A part of an entrypoint that the token sees.
    pub(crate) fn of(entrypoint: &Entrypoint, part: &str) -> ListTarget {
        let name = format!("entry {}/{part}", entrypoint.entry);
        let file_name = entrypoint.entry.clone();
        ListTarget { name, file_name, is_organisation: false, entrypoints: vec![entrypoint.id] }
    }

    /// The entrypoints of an organisation that the token sees.
    ///
    /// # Errors
    /// 403 without the scope; 404 for another organisation.
    pub(crate) async fn of_organisation(call: &Call, scope: Scope) -> Result<ListTarget, Error> {
        let org_id = call.organisation(scope)?;
        let mut all = call.app.store.entrypoints().names(org_id).await?;
        all.retain(|(_, entry)| call.caller.claims().entries.contains(entry));
        Ok(ListTarget {
            name: format!("organisation {org_id}"),
            file_name: format!("org-{org_id}"),
            is_organisation: true,
            entrypoints: all.into_iter().map(|(id, _)| id).collect(),
        })
    }

    /// As [`ListTarget::of_organisation`], without the entrypoints for tests: play money is in no total beside money (rules 20).
    ///
    /// # Errors
    /// As [`ListTarget::of_organisation`].
    pub(crate) async fn of_live_money(call: &Call, scope: Scope) -> Result<ListTarget, Error> {
        let mut target = ListTarget::of_organisation(call, scope).await?;
        let tests = call.app.store.entrypoints().for_tests(call.caller.claims().org).await?;
        target.entrypoints.retain(|id| !tests.contains(id));
        Ok(target)
    }
}

/// A requested file.
#[derive(Debug)]
pub(crate) struct FileParams {
    /// The kind of file.
    pub(crate) format: Format,
    /// The parameter that named the format.
    pub(crate) parameter: &'static str,
    /// The columns, if named.
    pub(crate) columns: Option<Vec<Column>>,
}

/// A checked query.
#[derive(Debug)]
pub(crate) struct ListParams {
    filter: Filter,
    search: Search,
    sort: Sort,
    skip: usize,
    /// How many matches to count at most, if the query says.
    counts_max: Option<usize>,
    /// The limit as sent; 0 or less means no limit.
    pub(crate) limit: i64,
    /// The page token.
    pub(crate) page: Option<String>,
    /// The file to answer instead of a page.
    pub(crate) file: Option<FileParams>,
    /// The caller's organisation, which takes turns with others.
    owner: i64,
}

/// Whether the query of a list requests a file, which needs one more scope.
pub(in crate::api) fn asks_for_file(call: &Call) -> bool {
    call.params().text(FORMAT_PARAMETER).is_some_and(|text| !text.is_empty())
}

/// Refuses a query on what transactions come to without the scope that shows it; before anything else is looked up.
///
/// # Errors
/// 403.
pub(crate) fn require_for_totals(call: &Call) -> Result<(), Error> {
    let mut params = Params::of(&call.request);
    let sort = params.text("sortBy").and_then(|text| Sort::parse(&text).ok());
    let columns = params.text(COLUMNS_PARAMETER).and_then(|text| parse_columns(&text).ok());
    let filter = Filter::parse(&params.rest().0).ok();
    let shows = |column: &Column| column.source.standing().is_some();
    let is_asked = filter.is_some_and(|filter| filter.needs_standing())
        || sort.is_some_and(|sort| sort.standing().is_some())
        || columns.is_some_and(|columns| columns.iter().any(shows));
    if is_asked { call.require(Scope::MoneyRead) } else { Ok(()) }
}

impl ListParams {
    /// Reads the query of a list; reports all problems together.
    ///
    /// # Errors
    /// 400.
    pub(crate) fn read(call: &Call) -> Result<ListParams, Error> {
        let mut params = call.params();
        let format = params.text(FORMAT_PARAMETER).filter(|text| !text.is_empty());
        Self::of(params, &call.caller, format.map(|format| (format, FORMAT_PARAMETER)))
    }

    /// Reads the query of an export with the format in its path; reports all problems together.
    ///
    /// # Errors
    /// 400.
    pub(crate) fn of_export(call: &Call) -> Result<ListParams, Error> {
        let mut params = call.params();
        if params.text(FORMAT_PARAMETER).is_some() {
            params.refuse(
                FORMAT_PARAMETER,
                "unknown_parameter",
                "is not for exports: the address names the format",
            );
        }
        Self::of(params, &call.caller, Some((call.path("format").to_owned(), "format")))
    }

    /// Reads the query; `format` is the file format as sent, and the parameter that named it.
    fn of(
        mut params: Params,
        caller: &Caller,
        format: Option<(String, &'static str)>,
    ) -> Result<ListParams, Error> {
        let is_file = format.is_some();
        let skip = params.integer("fromRecord", 0, i64::MAX).unwrap_or(0);
        let limit_default = if is_file { 0 } else { LIMIT_DEFAULT };
        let limit = params.integer("limitRecord", i64::MIN, i64::MAX).unwrap_or(limit_default);
        let page = params.text("pageIdentifier").filter(|token| !token.is_empty());
        if page.is_some() && is_file {
            params.refuse("pageIdentifier", "exclusive_parameters", "is not for files, which have no pages");
        } else if page.is_some() && skip > 0 {
            params.refuse("fromRecord", "exclusive_parameters", "cannot stand beside pageIdentifier");
        }
        if is_file && params.text(COUNT_PARAMETER).is_some() {
            params.refuse(COUNT_PARAMETER, "unknown_parameter", "is not for files, which have all matches");
        }
        let counts_max = if is_file { None } else { params.integer(COUNT_PARAMETER, 1, i64::MAX) };
        let sort_by = params.text("sortBy").filter(|text| !text.is_empty());
        let search = params.text("search").unwrap_or_default();
        let columns = params.text(COLUMNS_PARAMETER).filter(|text| !text.is_empty());
        if columns.is_some() && !is_file {
            let message = "is for files; send exportFormat=csv or exportFormat=xlsx beside it";
            params.refuse(COLUMNS_PARAMETER, "missing_parameter", message);
        }
        let format = format.and_then(|(text, parameter)| match text.parse::<Format>() {
            Ok(format) => Some((format, parameter)),
            Err(why) => {
                params.refuse(parameter, "invalid_value", why);
                None
            }
        });
        // A filter may occur repeatedly, as further conditions; the parameters above may occur once.
        let (pairs, mut problems) = params.rest();
        let filter = noted(Filter::parse(&pairs), &mut problems).at(clock::now());
        let search = noted(Search::parse(&search).map_err(|problem| vec![problem]), &mut problems);
        let columns = columns.filter(|_| is_file).map(|text| noted(parse_columns(&text), &mut problems));
        // A file starts with the oldest customer, so that its import restores the same order.
        let sort_default = if is_file { Sort::oldest_first() } else { Sort::default() };
        let sort =
            sort_by.map_or(Ok(sort_default), |text| Sort::parse(&text).map_err(|problem| vec![problem]));
        let sort = noted(sort, &mut problems);
        if !caller.sees_pii() {
            problems.extend(filter.masked_fields());
            problems.extend(sort.masked_field());
        }
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let file = format.map(|(format, parameter)| FileParams { format, parameter, columns });
        let owner = caller.claims().org;
        let counts_max = counts_max.and_then(|number| usize::try_from(number).ok());
        unless_any(
            problems,
            Ok(ListParams { filter, search, sort, skip, counts_max, limit, page, file, owner }),
        )
    }

    /// The request to the store.
    pub(crate) fn request(&self, target: &ListTarget, view: View) -> ListRequest {
        ListRequest {
            entrypoints: target.entrypoints.clone(),
            filter: self.filter.clone(),
            search: self.search.clone(),
            masked: view == View::Masked,
            sort: self.sort.clone(),
            after: None,
            skip: self.skip,
            limit: usize::MAX,
            counts: false,
            counts_max: self.counts_max,
            owner: self.owner,
            time_max: LONG_TIME_MAX,
            shows_money: false,
        }
    }

    /// The hash of the query that binds a page token to it.
    pub(crate) fn context(&self, target: &ListTarget, view: View) -> [u8; 32] {
        let parts = [
            target.name.as_str(),
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

/// The `Link` header to the next page.
pub(crate) fn next_link(request: &HttpRequest, token: &str) -> String {
    let kept = request.query_string().split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !name.is_empty() && name != "pageIdentifier" && name != "fromRecord"
    });
    let mut query: Vec<&str> = kept.collect();
    let own = format!("pageIdentifier={token}");
    query.push(&own);
    format!("<{}?{}>; rel=\"next\"", request.path(), query.join("&"))
}

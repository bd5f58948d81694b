//! `/console/at/{place}/customers`: the list with search, filters, columns, order and views.

use actix_web::http::StatusCode;
use askama::Template;
use serde_json::Value;

use super::columns::{self, COLUMNS, Cell, NAME, cell};
use super::query::{COLUMNS_NARROW, COUNTED_MAX, OPENED_MAX, Query, ROWS_WIDE, SIZES, target};
use super::shown::{self, METHOD_STATUSES, STAGES, STATUSES, name_of};
use super::texts::{Texts, texts};
use crate::console::ask::{Ask, list, member, part, text};
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::page::{Refused, Shown, html};
use crate::console::states::{Badge, Of, badge};
use crate::console::visit::{SignedIn, Store, Visit};
use crate::console::written::count;
use crate::domain::customers::country::countries;
use crate::store::StaffView;
use crate::web::form::Form;

/// The most labels to choose from.
const LABELS_SHOWN: &str = "200";
/// The most bytes of a page token.
const TOKEN_MAX: usize = 4_096;

/// A head of a column.
struct Head {
    label: &'static str,
    /// The order of a click; empty if there is none.
    sort: String,
    /// How the list is sorted by it; empty if it is not.
    direction: &'static str,
    is_number: bool,
}

/// A customer in the list.
struct Row {
    id: String,
    name: String,
    address: String,
    cells: Vec<Cell>,
}

/// A column to choose.
struct Choice {
    name: &'static str,
    label: &'static str,
    is_chosen: bool,
}

/// A view as a tab.
struct Tab {
    address: String,
    name: String,
    is_here: bool,
}

/// A store to add a customer to.
struct Target {
    name: String,
    address: String,
}

#[derive(Template)]
#[template(path = "console/customers/list.html")]
#[expect(clippy::struct_excessive_bools, reason = "a template asks for each by itself")]
struct ListPage {
    frame: Frame,
    texts: &'static Texts,
    form: Fields,
    tabs: Vec<Tab>,
    view: String,
    stages: Vec<(String, String)>,
    statuses: Vec<(String, String)>,
    methods: Vec<(String, String)>,
    countries: Vec<(String, String)>,
    labels: Vec<String>,
    sizes: Vec<(String, String)>,
    sorts: Vec<(String, String)>,
    choices: Vec<Choice>,
    targets: Vec<Target>,
    heads: Vec<Head>,
    rows: Vec<Row>,
    hidden: Vec<(&'static str, String)>,
    /// How many there are, in words.
    total: String,
    is_narrow: bool,
    has_more: bool,
    /// The token of the next page; empty on the last.
    next: String,
    is_first: bool,
    /// Why there is no list, or what the member should know.
    notes: Vec<String>,
    may_choose: bool,
}

/// `GET /console/at/{place}/customers`, also of a view.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let views = views_of(visit, signed_in).await?;
    let asked = visit.asked("view");
    let query = match views.iter().find(|view| view.id == asked) {
        Some(view) => Query::of_view(&view.id, &view.query),
        None => Query::of_address(visit),
    };
    page(visit, signed_in, views, Request { query, ..Request::default() }).await
}

/// `POST /console/at/{place}/customers`: a search stands in no address, as it may name a person.
pub(super) async fn search(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let views = views_of(visit, signed_in).await?;
    let token = Some(sent.get("page")).filter(|token| !token.is_empty() && token.len() <= TOKEN_MAX);
    let request = Request { query: Query::of_form(sent), page: token.map(str::to_owned), note: None };
    page(visit, signed_in, views, request).await
}

async fn views_of(visit: &Visit, signed_in: &SignedIn) -> Result<Vec<StaffView>, Refused> {
    Ok(visit.console.store.staff().views(signed_in.member.id.clone()).await?)
}

/// The list again with a note on what could not be done.
pub(super) async fn with_note(visit: &Visit, signed_in: &SignedIn, query: Query, note: String) -> Shown {
    let views = views_of(visit, signed_in).await?;
    page(visit, signed_in, views, Request { query, page: None, note: Some(note) }).await
}

/// What to show.
#[derive(Default)]
struct Request {
    query: Query,
    /// The token of a page.
    page: Option<String>,
    note: Option<String>,
}

/// A page of customers from the API.
#[derive(Default)]
struct Found {
    records: Vec<Value>,
    total: i64,
    /// Whether there are more than `total`.
    has_uncounted: bool,
    next: String,
    is_first: bool,
    notes: Vec<String>,
}

async fn page(visit: &Visit, signed_in: &SignedIn, views: Vec<StaffView>, request: Request) -> Shown {
    let (language, place) = (visit.language, visit.place(signed_in)?);
    let texts = texts(language);
    let frame = visit.frame(signed_in, "customers", frame_title(visit))?;
    let is_wrong = request.note.is_some();
    let query = request.query.allowed(&frame);
    let (asked, mut found) = find(visit, signed_in, place, &query, request.page).await?;
    found.notes.extend(request.note);
    // The store is a column wherever there may be several.
    let shows_store = |name: &str| name != "store" || place.is_none();
    let mut shown_query = asked.clone();
    shown_query.columns.retain(|name| shows_store(name));
    if place.is_none() && !shown_query.columns.contains(&"store") {
        shown_query.columns.insert(0, "store");
    }
    let rows = found.records.iter().map(|record| row(visit, signed_in, &shown_query, record)).collect();
    let option = |(value, badge): (&str, Badge)| (value.to_owned(), badge.text);
    let any = |name: &'static str| (String::new(), name.to_owned());
    let labels = if visit.is_part() { Vec::new() } else { labels(visit, signed_in, place).await? };
    let page = ListPage {
        texts,
        form: query.fields(),
        tabs: tabs(&frame, texts, &views, &query),
        stages: std::iter::once(any(texts.any_stage))
            .chain(STAGES.map(|word| (word, badge(language, Of::Stage, word))).map(option))
            .collect(),
        statuses: std::iter::once(any(texts.any_status))
            .chain(STATUSES.map(|word| (word, badge(language, Of::Status, word))).map(option))
            .collect(),
        methods: std::iter::once(any(texts.any))
            .chain(METHOD_STATUSES.map(|word| (word, badge(language, Of::Method, word))).map(option))
            .collect(),
        countries: country_options(visit, texts.any),
        labels,
        sizes: SIZES.map(|size| (size.to_owned(), size.to_owned())).into(),
        sorts: sorts(&frame, texts),
        choices: COLUMNS
            .iter()
            .filter(|spec| spec.is_for(&frame) && spec.name != "store")
            .map(|spec| Choice {
                name: spec.name,
                label: (spec.label)(texts),
                is_chosen: query.columns.contains(&spec.name),
            })
            .collect(),
        targets: if place.is_none() { targets(visit, signed_in) } else { Vec::new() },
        heads: heads(&frame, texts, &shown_query),
        rows,
        hidden: asked.hidden(),
        total: total(visit, found.total, found.has_uncounted),
        is_narrow: query.is_narrow(),
        has_more: query.has_more(),
        next: found.next,
        is_first: found.is_first,
        notes: found.notes,
        view: query.view,
        may_choose: frame.may("customers:write") || frame.may("customers:export"),
        frame,
    };
    html(if is_wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &page)
}

fn frame_title(visit: &Visit) -> &'static str {
    visit.texts().menu_customers
}

/// `1,234 customers`, or `more than 1,000 customers`.
pub(super) fn total(visit: &Visit, number: i64, has_uncounted: bool) -> String {
    let texts = texts(visit.language);
    let number = match number {
        1 if !has_uncounted => return texts.one_customer.to_owned(),
        _ => format!("{} {}", count(visit.language, number), texts.customers),
    };
    if has_uncounted { format!("{} {number}", texts.more_than) } else { number }
}

/// What there is, and the query that it answers: in a long list neither an order that needs every customer nor, while somebody
/// types, a search that looks at every one. A note says so.
async fn find(
    visit: &Visit,
    signed_in: &SignedIn,
    place: Option<&Store>,
    query: &Query,
    page: Option<String>,
) -> Result<(Query, Found), Refused> {
    let (texts, list) = (texts(visit.language), List { visit, signed_in, place });
    let mut asked = query.clone();
    let mut notes = Vec::new();
    if visit.is_part() && asked.is_short() {
        let all = list.size(&asked.clone().without_search()).await?;
        if all.is_none_or(|number| number > OPENED_MAX) {
            asked = asked.without_search();
            notes.push(texts.press_enter.to_owned());
        }
    }
    if asked.is_cut() {
        let note = texts.wide_has_fewer.replace("{}", ROWS_WIDE);
        notes.push(note.replace("{columns}", &COLUMNS_NARROW.to_string()));
    }
    if asked.has_slow_order() {
        let number = list.size(&asked).await?;
        if number.is_none_or(|number| number > OPENED_MAX) {
            asked = asked.in_default_order();
            let most = count(visit.language, OPENED_MAX);
            notes.push(texts.order_needs_few.replace("{}", &most));
        }
    }
    let mut found = list.find(&asked, page).await?;
    found.notes.extend(notes);
    Ok((asked, found))
}

/// The list of a place.
#[derive(Clone, Copy)]
struct List<'a> {
    visit: &'a Visit,
    signed_in: &'a SignedIn,
    place: Option<&'a Store>,
}

impl<'a> List<'a> {
    fn ask(self, query: &Query) -> Ask<'a> {
        let address = format!("/Query/customers/{}", target(self.signed_in, self.place));
        query.narrow(self.visit.get(self.signed_in, &address))
    }

    /// How many customers a query finds; nothing if they are too many to count, or the query is wrong.
    async fn size(self, query: &Query) -> Result<Option<i64>, Refused> {
        let ask = self.ask(query).with("limitRecord", "1").with("totalUpTo", OPENED_MAX.to_string());
        match ask.tried().await {
            Ok(Ok(body)) if !has_uncounted(&body) => Ok(Some(shown::total_of(&body))),
            Ok(_) | Err(Refused::Unavailable) => Ok(None),
            Err(refused) => Err(refused),
        }
    }

    /// Asks the API. What is wrong with the filters, and that the list takes too long, becomes a note.
    async fn find(self, query: &Query, page: Option<String>) -> Result<Found, Refused> {
        let ask = |page: Option<&str>| {
            let ask = self.ask(query).with("limitRecord", query.rows()).with("sortBy", &query.sort);
            ask.with("totalUpTo", COUNTED_MAX.to_string()).with_if("pageIdentifier", page.unwrap_or_default())
        };
        let mut is_first = page.is_none();
        let mut answer = ask(page.as_deref()).tried().await;
        if !is_first && matches!(answer, Ok(Err(_))) {
            // The token is that of another list.
            answer = ask(None).tried().await;
            is_first = true;
        }
        match answer {
            Ok(Ok(body)) => Ok(Found {
                records: list(&body, "Records").to_vec(),
                total: shown::total_of(&body),
                has_uncounted: has_uncounted(&body),
                next: text(member(&body, "Summary"), "pageIdentifier").to_owned(),
                is_first,
                notes: Vec::new(),
            }),
            Ok(Err(no)) => {
                let fields = Fields::default().refused(&no).in_language(self.visit.language);
                let notes = fields.problems.into_iter().map(|problem| problem.message).collect();
                Ok(Found { notes, is_first: true, ..Found::default() })
            }
            Err(Refused::Unavailable) => {
                let note = texts(self.visit.language).too_slow.to_owned();
                Ok(Found { notes: vec![note], is_first: true, ..Found::default() })
            }
            Err(refused) => Err(refused),
        }
    }
}

/// Whether a list has more records than were counted.
fn has_uncounted(body: &Value) -> bool {
    member(member(body, "Summary"), "totalIsExact") == false
}

/// The store of a record: its name in addresses, its name, its currency.
fn store_of<'s>(signed_in: &'s SignedIn, record: &'s Value) -> (&'s str, &'s str, &'s str) {
    let entry = text(record, "PaypointEntryname");
    signed_in.store(entry).map_or((entry, entry, ""), |store| (entry, &store.name, &store.currency))
}

fn row(visit: &Visit, signed_in: &SignedIn, query: &Query, record: &Value) -> Row {
    let (entry, store, currency) = store_of(signed_in, record);
    let id = member(record, "customerId").as_i64().unwrap_or_default().to_string();
    let words = (visit.language, texts(visit.language));
    Row {
        name: name_of(record),
        address: format!("{}/at/{}/customers/{id}", visit.root, part(entry)),
        cells: query.specs().map(|spec| cell(spec, record, words, (currency, store))).collect(),
        id,
    }
}

fn heads(frame: &Frame, texts: &Texts, query: &Query) -> Vec<Head> {
    let head = |spec: &'static columns::Spec| Head {
        label: (spec.label)(texts),
        sort: if spec.is_sorted_for(frame) { spec.next_sort(&query.sort) } else { String::new() },
        direction: spec.direction(&query.sort).unwrap_or_default(),
        is_number: spec.is_number,
    };
    std::iter::once(&NAME).chain(query.specs()).map(head).collect()
}

fn sorts(frame: &Frame, texts: &Texts) -> Vec<(String, String)> {
    let all = std::iter::once(&NAME).chain(&COLUMNS).filter(|spec| spec.is_sorted_for(frame));
    all.flat_map(|spec| spec.sorts().map(|(sort, arrow)| (sort, format!("{} {arrow}", (spec.label)(texts)))))
        .collect()
}

fn tabs(frame: &Frame, texts: &Texts, views: &[StaffView], query: &Query) -> Vec<Tab> {
    let list = format!("{}/customers", frame.base);
    let everybody =
        Tab { address: list.clone(), name: texts.everybody.to_owned(), is_here: query.view.is_empty() };
    let own = views.iter().map(|view| Tab {
        address: format!("{list}?view={}", view.id),
        name: view.name.clone(),
        is_here: view.id == query.view,
    });
    std::iter::once(everybody).chain(own).collect()
}

/// The countries by name, after the choice of none.
pub(super) fn country_options(visit: &Visit, none: &str) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> =
        countries(visit.language).map(|(code, name)| (code.to_owned(), name.to_owned())).collect();
    all.sort_by_cached_key(|(_, name)| crate::domain::kernel::text::fold(name));
    all.insert(0, (String::new(), none.to_owned()));
    all
}

/// The labels of a store, the most frequent first.
pub(super) async fn labels(
    visit: &Visit,
    signed_in: &SignedIn,
    place: Option<&Store>,
) -> Result<Vec<String>, Refused> {
    let Some(store) = place else { return Ok(Vec::new()) };
    let address = format!("/Paypoint/labels/{}", part(&store.entry));
    let found = visit.get(signed_in, &address).with("limitRecord", LABELS_SHOWN).if_any().await?;
    let found = found.unwrap_or_default();
    Ok(list(&found, "Records").iter().map(|label| text(label, "label").to_owned()).collect())
}

fn targets(visit: &Visit, signed_in: &SignedIn) -> Vec<Target> {
    let target = |store: &Store| Target {
        name: store.name.clone(),
        address: format!("{}/at/{}/customers/new", visit.root, part(&store.entry)),
    };
    signed_in.stores.iter().map(target).collect()
}

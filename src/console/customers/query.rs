//! What a list of customers shows: search, filters, columns, order. A view keeps all of it but the search.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::columns::{self, Spec};
use crate::console::ask::{Ask, list, member, text};
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::visit::{SignedIn, Store, Visit};
use crate::web::form::Form;

/// The filters: their names in forms and in the API.
const FILTERS: [(&str, &str); 10] = [
    ("stage", "lifecycle"),
    ("status", "status"),
    ("label", "label"),
    ("payment", "paymentMethodStatus"),
    ("country", "country"),
    ("createdFrom", "createdDate(ge)"),
    ("createdTo", "createdDate(le)"),
    ("updatedFrom", "lastUpdated(ge)"),
    ("updatedTo", "lastUpdated(le)"),
    ("spentFrom", "totalSpent(ge)"),
];
/// The filters that an address may hold: words only.
const IN_ADDRESS: [&str; 3] = ["stage", "status", "payment"];
/// The sizes of a page.
pub(super) const SIZES: [&str; 3] = ["20", "50", "100"];
/// With more columns than this a page has at most [`ROWS_WIDE`] customers, so that it stays short enough to be fast.
pub(super) const COLUMNS_NARROW: usize = 7;
/// The size of a page with many columns.
pub(super) const ROWS_WIDE: &str = SIZES[1];
/// The order where none is chosen.
const SORT_DEFAULT: &str = "desc(createdDate)";
/// The fewest letters that find parts of words without a look at every record.
const PART_CHARS_MIN: usize = 3;
/// The most customers who are counted one by one.
pub(super) const COUNTED_MAX: i64 = 1_000;
/// The most customers whom an order needs, or who are looked at for each letter.
pub(super) const OPENED_MAX: i64 = 3_000;

/// What a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) search: String,
    /// Filters that say something, by their names in forms.
    filters: BTreeMap<&'static str, String>,
    /// The names of the columns.
    pub(super) columns: Vec<&'static str>,
    pub(super) sort: String,
    pub(super) size: String,
    /// The id of the view that the list began with.
    pub(super) view: String,
}

impl Query {
    fn with_defaults(mut self) -> Query {
        if !SIZES.contains(&self.size.as_str()) {
            SIZES[0].clone_into(&mut self.size);
        }
        if columns::of_sort(&self.sort).is_none() {
            SORT_DEFAULT.clone_into(&mut self.sort);
        }
        self
    }

    /// The list of an address.
    pub(super) fn of_address(visit: &Visit) -> Query {
        let filters = FILTERS.iter().filter(|(name, _)| IN_ADDRESS.contains(name));
        let filters = filters.map(|(name, _)| (*name, visit.asked(name)));
        Query {
            filters: filters.filter(|(_, value)| !value.is_empty()).collect(),
            columns: columns::default_names(),
            sort: visit.asked("sort"),
            ..Query::default()
        }
        .with_defaults()
    }

    /// The list of a form. A form without columns, such as that of the bar, has the default ones.
    pub(super) fn of_form(form: &Form) -> Query {
        let filters = FILTERS.iter().map(|(name, _)| (*name, form.get(name).trim().to_owned()));
        let chosen: Vec<&str> = form.all("column").collect();
        let chosen_sort = if form.has("to") { form.get("to") } else { form.get("sort") };
        Query {
            search: form.get("search").trim().to_owned(),
            filters: filters.filter(|(_, value)| !value.is_empty()).collect(),
            columns: if form.has("columned") { columns::names(&chosen) } else { columns::default_names() },
            sort: chosen_sort.to_owned(),
            size: form.get("size").to_owned(),
            view: form.get("view").to_owned(),
        }
        .with_defaults()
    }

    /// The list of a view.
    pub(super) fn of_view(id: &str, kept: &str) -> Query {
        let kept: Value = serde_json::from_str(kept).unwrap_or_default();
        let filters =
            FILTERS.iter().map(|(name, _)| (*name, text(member(&kept, "filters"), name).to_owned()));
        let chosen: Vec<&str> = list(&kept, "columns").iter().filter_map(Value::as_str).collect();
        Query {
            search: String::new(),
            filters: filters.filter(|(_, value)| !value.is_empty()).collect(),
            columns: columns::names(&chosen),
            sort: text(&kept, "sort").to_owned(),
            size: text(&kept, "size").to_owned(),
            view: id.to_owned(),
        }
        .with_defaults()
    }

    /// What a view keeps.
    pub(super) fn kept(&self) -> String {
        let Query { filters, columns, sort, size, .. } = self;
        json!({"filters": filters, "columns": columns, "sort": sort, "size": size}).to_string()
    }

    /// The values of the form.
    pub(super) fn fields(&self) -> Fields {
        let Query { search, sort, size, view, .. } = self;
        let own = [("search", search), ("sort", sort), ("size", size), ("view", view)];
        let all = own.into_iter().chain(self.filters.iter().map(|(name, value)| (*name, value)));
        Fields::of(all.map(|(name, value)| (name, value.clone())))
    }

    /// Names and values by which another form means the same customers.
    pub(super) fn hidden(&self) -> Vec<(&'static str, String)> {
        let own =
            [("search", &self.search), ("sort", &self.sort), ("size", &self.size), ("view", &self.view)];
        let all = own.into_iter().chain(self.filters.iter().map(|(name, value)| (*name, value)));
        let all = all.map(|(name, value)| (name, value.clone()));
        let columns = self.columns.iter().map(|name| ("column", (*name).to_owned()));
        all.chain(columns).chain([("columned", "true".to_owned())]).collect()
    }

    /// Whether it shows less than all customers.
    pub(super) fn is_narrow(&self) -> bool {
        !self.search.is_empty() || !self.filters.is_empty()
    }

    /// Whether a filter says something that is shown behind "more filters".
    pub(super) fn has_more(&self) -> bool {
        self.filters.keys().any(|name| !["stage", "status", "label"].contains(name))
    }

    /// Whether the search has only words so short that every record must be looked at. Beside a longer one they cost nothing.
    pub(super) fn is_short(&self) -> bool {
        let mut words = self.search.split_whitespace();
        !self.search.is_empty() && words.all(|word| word.chars().count() < PART_CHARS_MIN)
    }

    /// How many customers a page has: as many as chosen, or as many columns leave room for.
    pub(super) fn rows(&self) -> &str {
        if self.is_cut() { ROWS_WIDE } else { &self.size }
    }

    /// Whether a page has fewer customers than chosen.
    pub(super) fn is_cut(&self) -> bool {
        self.columns.len() > COLUMNS_NARROW && self.size == SIZES[2]
    }

    /// Whether no index gives its order.
    pub(super) fn has_slow_order(&self) -> bool {
        columns::of_sort(&self.sort).is_some_and(Spec::is_slow)
    }

    /// The list in the default order.
    pub(super) fn in_default_order(mut self) -> Query {
        SORT_DEFAULT.clone_into(&mut self.sort);
        self
    }

    /// The list without a search.
    pub(super) fn without_search(mut self) -> Query {
        self.search.clear();
        self
    }

    /// Without filters and order that the member may not use.
    pub(super) fn allowed(mut self, frame: &Frame) -> Query {
        self.columns.retain(|name| columns::of_name(name).is_some_and(|spec| spec.is_for(frame)));
        if !columns::of_sort(&self.sort).is_some_and(|spec| spec.is_sorted_for(frame)) {
            SORT_DEFAULT.clone_into(&mut self.sort);
        }
        if !frame.may("money:read") {
            self.filters.remove("spentFrom");
        }
        self
    }

    /// Adds the filters and the search to a request.
    pub(super) fn narrow<'a>(&self, ask: Ask<'a>) -> Ask<'a> {
        let of_name = |name: &str| self.filters.get(name).map_or("", String::as_str);
        let ask = FILTERS.iter().fold(ask, |ask, (name, parameter)| ask.with_if(parameter, of_name(name)));
        ask.with_if("search", &self.search)
    }

    /// The columns that it shows.
    pub(super) fn specs(&self) -> impl Iterator<Item = &'static Spec> {
        self.columns.iter().filter_map(|name| columns::of_name(name))
    }
}

/// The end of the API's addresses for a place: an entrypoint, or the organisation.
pub(super) fn target(signed_in: &SignedIn, place: Option<&Store>) -> String {
    match place {
        Some(store) => crate::console::ask::part(&store.entry),
        None => format!("org/{}", signed_in.member.org_id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_keeps_everything_but_the_search() {
        let query = Query {
            search: "ada".into(),
            filters: BTreeMap::from([("stage", "Prospect".to_owned()), ("label", "vip".to_owned())]),
            columns: vec!["email", "balance"],
            sort: "asc(balance)".into(),
            size: "50".into(),
            view: String::new(),
        };
        let kept = query.kept();
        assert!(!kept.contains("ada"));
        let again = Query::of_view("view-1", &kept);
        assert_eq!(again, Query { search: String::new(), view: "view-1".into(), ..query });
        // Another release may have kept what this one does not know.
        let odd = Query::of_view("v", r#"{"columns": ["email", "gone"], "sort": "asc(gone)", "size": "7"}"#);
        assert_eq!((odd.columns, odd.sort.as_str(), odd.size.as_str()), (vec!["email"], SORT_DEFAULT, "20"));
        assert_eq!(Query::of_view("v", "").size, "20");
    }

    #[test]
    fn short_words_alone_are_a_short_search() {
        let is_short = |text: &str| Query { search: text.into(), ..Query::default() }.is_short();
        assert!(is_short("an") && is_short("a n") && is_short("é"));
        assert!(!is_short("anna s") && !is_short("s anna") && !is_short("anna") && !is_short(""));
    }

    #[test]
    fn many_columns_leave_room_for_fewer_customers() {
        let of = |number: usize, size: &str| {
            let columns = columns::COLUMNS.iter().map(|spec| spec.name).take(number).collect();
            Query { columns, size: size.into(), ..Query::default() }.rows().to_owned()
        };
        assert_eq!([of(7, "100"), of(8, "100"), of(16, "50"), of(16, "20")], ["100", "50", "50", "20"]);
    }

    #[test]
    fn a_long_list_has_an_order_that_an_index_gives() {
        let by = |sort: &str| Query { sort: sort.into(), ..Query::default() }.has_slow_order();
        assert!(by("asc(name)") && by("desc(balance)"));
        assert!(!by(SORT_DEFAULT) && !by("desc(totalSpent)"));
        assert_eq!(
            Query { sort: "asc(name)".into(), ..Query::default() }.in_default_order().sort,
            SORT_DEFAULT
        );
    }
}

//! The columns of the list of customers: what each shows, and by what it sorts.

use serde_json::Value;

use super::texts::Texts;
use crate::console::ask::{list, member, shown as value_of, text};
use crate::console::frame::Frame;
use crate::console::states::{Badge, Of, badge};
use crate::console::written::{amount, count, day};
use crate::domain::customers::country::country_name;
use crate::domain::entrypoints::theme::Language;

/// A column.
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own")]
pub(super) struct Spec {
    pub(super) name: &'static str,
    pub(super) label: fn(&Texts) -> &'static str,
    /// What the API sorts by; empty if it does not.
    sort: &'static str,
    /// What an export calls it.
    pub(super) export: &'static str,
    /// The scope without which the member sees nothing in it; empty for none.
    scope: &'static str,
    /// Whether who sees masks cannot sort by it.
    is_masked: bool,
    /// Whether the API needs every match to sort by it: no index gives the order.
    is_slow: bool,
    pub(super) is_number: bool,
    is_default: bool,
}

const fn column(
    name: &'static str,
    label: fn(&Texts) -> &'static str,
    sort: &'static str,
    export: &'static str,
) -> Spec {
    let is_slow = !sort.is_empty();
    Spec {
        name,
        label,
        sort,
        export,
        scope: "",
        is_masked: false,
        is_slow,
        is_number: false,
        is_default: false,
    }
}

impl Spec {
    const fn default(self) -> Spec {
        Spec { is_default: true, ..self }
    }

    const fn masked(self) -> Spec {
        Spec { is_masked: true, ..self }
    }

    const fn indexed(self) -> Spec {
        Spec { is_slow: false, ..self }
    }

    const fn number(self) -> Spec {
        Spec { is_number: true, ..self }
    }

    const fn money(self) -> Spec {
        Spec { scope: "money:read", ..self }
    }

    /// Whether a member sees something in it.
    pub(super) fn is_for(&self, frame: &Frame) -> bool {
        self.scope.is_empty() || frame.may(self.scope)
    }

    /// Whether a member can sort by it.
    pub(super) fn is_sorted_for(&self, frame: &Frame) -> bool {
        !self.sort.is_empty() && self.is_for(frame) && (!self.is_masked || frame.may("pii:read"))
    }

    /// Whether a long list cannot be sorted by it.
    pub(super) fn is_slow(&self) -> bool {
        self.is_slow
    }

    /// The order by it, in the other direction than `present` if that is by it.
    pub(super) fn next_sort(&self, present: &str) -> String {
        let first =
            if self.is_number || self.name == "created" || self.name == "updated" || self.name == "last" {
                "desc"
            } else {
                "asc"
            };
        let turned = match self.direction(present) {
            Some("ascending") => "desc",
            Some(_) => "asc",
            None => first,
        };
        format!("{turned}({})", self.sort)
    }

    /// How a list with this order is sorted by it, in the words of HTML.
    pub(super) fn direction(&self, present: &str) -> Option<&'static str> {
        let (direction, field) = parts(present)?;
        (field == self.sort && !field.is_empty()).then_some(if direction == "asc" {
            "ascending"
        } else {
            "descending"
        })
    }

    /// Both orders by it.
    pub(super) fn sorts(&self) -> [(String, &'static str); 2] {
        [(format!("asc({})", self.sort), "↑"), (format!("desc({})", self.sort), "↓")]
    }
}

/// The column with the name, which is always there.
pub(super) static NAME: Spec = column("name", |texts| texts.name, "name", "name");

/// The other columns in their order.
pub(super) static COLUMNS: [Spec; 16] = [
    column("company", |texts| texts.company, "company", "Company"),
    column("email", |texts| texts.email, "email", "Email").masked().default(),
    column("phone", |texts| texts.phone, "phone", "Phone").masked().default(),
    column("number", |texts| texts.number, "customernumber", "customerNumber"),
    column("transactions", |texts| texts.transactions, "transactionCount", "transactionCount")
        .money()
        .number()
        .indexed()
        .default(),
    column("spent", |texts| texts.spent, "totalSpent", "totalSpent").money().number().indexed().default(),
    column("last", |texts| texts.last, "lastTransaction", "lastTransaction").money().indexed(),
    column("balance", |texts| texts.balance, "balance", "Balance").number(),
    column("stage", |texts| texts.stage, "lifecycle", "Lifecycle"),
    column("status", |texts| texts.status, "status", "customerStatus"),
    column("labels", |texts| texts.labels, "", "Labels"),
    column("city", |texts| texts.city, "city", "City"),
    column("country", |texts| texts.country, "country", "Country"),
    column("store", |texts| texts.store, "", "entry"),
    column("updated", |texts| texts.updated, "lastUpdated", "LastUpdated"),
    column("created", |texts| texts.created, "createdDate", "Created").indexed().default(),
];

/// The column of a name.
pub(super) fn of_name(name: &str) -> Option<&'static Spec> {
    COLUMNS.iter().find(|spec| spec.name == name)
}

/// The names of columns that there are, in their order.
pub(super) fn names(chosen: &[&str]) -> Vec<&'static str> {
    COLUMNS.iter().map(|spec| spec.name).filter(|name| chosen.contains(name)).collect()
}

/// The columns of OwnPay's list.
pub(super) fn default_names() -> Vec<&'static str> {
    COLUMNS.iter().filter(|spec| spec.is_default).map(|spec| spec.name).collect()
}

fn parts(sort: &str) -> Option<(&str, &str)> {
    let (direction, rest) = sort.split_once('(')?;
    matches!(direction, "asc" | "desc").then_some((direction, rest.strip_suffix(')')?))
}

/// The column that an order is by.
pub(super) fn of_sort(sort: &str) -> Option<&'static Spec> {
    let (_, field) = parts(sort)?;
    let all = std::iter::once(&NAME).chain(&COLUMNS);
    all.into_iter().find(|spec| spec.sort == field && !field.is_empty())
}

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) label: &'static str,
    pub(super) text: String,
    pub(super) badges: Vec<Badge>,
    /// How it is set.
    pub(super) class: &'static str,
}

/// What a customer paid: in the store's currency, or in each where nobody said what one is in the other.
fn spent(language: Language, currency: &str, summary: &Value) -> String {
    let totals = list(summary, "totalsByCurrency");
    if member(summary, "incomplete") != true || totals.is_empty() {
        return amount(language, member(summary, "TotalAmountTransactions"), currency);
    }
    let each = totals.iter().map(|sum| amount(language, member(sum, "totalAmount"), text(sum, "currency")));
    each.collect::<Vec<_>>().join(" + ")
}

/// The cell of a record in a column.
pub(super) fn cell(
    spec: &Spec,
    record: &Value,
    (language, texts): (Language, &Texts),
    (currency, store): (&str, &str),
) -> Cell {
    let summary = member(record, "customerSummary");
    let mut badges = Vec::new();
    let shown = match spec.name {
        "company" => text(record, "Company").to_owned(),
        "email" => text(record, "Email").to_owned(),
        "phone" => text(record, "Phone").to_owned(),
        "number" => text(record, "customerNumber").to_owned(),
        "transactions" => member(summary, "NumberofTransactions")
            .as_i64()
            .map(|number| count(language, number))
            .unwrap_or_default(),
        "spent" => spent(language, currency, summary),
        "last" => {
            let times =
                list(summary, "totalsByCurrency").iter().map(|totals| text(totals, "lastTransaction"));
            day(language, times.max().unwrap_or_default())
        }
        "balance" => amount(language, member(record, "Balance"), currency),
        "stage" => {
            badges.push(badge(language, Of::Stage, text(record, "Lifecycle")));
            String::new()
        }
        "status" => {
            badges.push(badge(language, Of::Status, &value_of(record, "customerStatus")));
            String::new()
        }
        "labels" => {
            let labels = list(record, "Labels").iter().filter_map(Value::as_str);
            badges.extend(labels.map(|label| Badge { kind: "", text: label.to_owned() }));
            String::new()
        }
        "city" => text(record, "City").to_owned(),
        "country" => {
            let code = text(record, "Country");
            country_name(code, language).unwrap_or(code).to_owned()
        }
        "store" => store.to_owned(),
        "updated" => day(language, text(record, "LastUpdated")),
        "created" => day(language, text(record, "Created")),
        _ => String::new(),
    };
    let class = match spec.name {
        _ if spec.is_number => "number",
        "created" | "updated" | "last" | "phone" => "nowrap",
        _ => "",
    };
    Cell { label: (spec.label)(texts), text: shown, badges, class }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::exports::ExportColumn;
    use crate::domain::filter::Sort;

    #[test]
    fn the_api_knows_every_column_and_order() {
        for spec in std::iter::once(&NAME).chain(&COLUMNS) {
            assert!(ExportColumn::of_name(spec.export).is_some(), "{}", spec.name);
            if !spec.sort.is_empty() {
                for (sort, _) in spec.sorts() {
                    let parsed = Sort::parse(&sort).unwrap();
                    assert_eq!(parsed.masked_field().is_some(), spec.is_masked, "{sort}");
                    assert_eq!(of_sort(&sort).map(|found| found.name), Some(spec.name));
                }
            }
        }
    }

    #[test]
    fn long_lists_are_sorted_by_what_an_index_gives() {
        let fast: Vec<&str> = std::iter::once(&NAME)
            .chain(&COLUMNS)
            .filter(|spec| !spec.sort.is_empty() && !spec.is_slow())
            .map(|spec| spec.name)
            .collect();
        assert_eq!(fast, ["transactions", "spent", "last", "created"]);
        assert!(NAME.is_slow());
    }

    #[test]
    fn an_order_turns_around() {
        let created = of_name("created").unwrap();
        assert_eq!(created.next_sort("asc(email)"), "desc(createdDate)");
        assert_eq!(created.next_sort("desc(createdDate)"), "asc(createdDate)");
        assert_eq!(created.direction("desc(createdDate)"), Some("descending"));
        assert!(of_sort("asc()").is_none());
    }
}

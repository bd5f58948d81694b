//! The lines of a form of an invoice: rows of inputs, of which the empty ones are left out.

use serde_json::{Value, json};

use crate::console::ask::{list, member, set, text};
use crate::console::fields::Fields;
use crate::console::money::{number_of, text_of};
use crate::console::written::input;
use crate::domain::kernel::card;
use crate::web::form::Form;

/// The most lines of a form. The API takes more.
const LINES_MAX: usize = 200;
/// What a line consists of, by the names of the API.
const NAMES: [&str; 5] = ["itemProductName", "itemDescription", "itemQty", "itemCost", "itemTaxRate"];
/// What a line keeps that the form does not show.
const KEPT: [&str; 5] =
    ["itemProductCode", "itemCommodityCode", "itemUnitOfMeasure", "itemCategories", "itemMode"];

/// A line as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Typed {
    values: [String; 5],
    /// The place of the stored line that this one was.
    of: Option<usize>,
}

impl Typed {
    fn is_empty(&self) -> bool {
        self.values.iter().all(|value| value.trim().is_empty())
    }
}

/// The lines of a form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lines(Vec<Typed>);

/// The names of the inputs of a line.
pub(super) struct LineFields {
    pub(super) number: usize,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) quantity: String,
    pub(super) price: String,
    pub(super) tax: String,
    pub(super) of: String,
}

fn name_of(row: usize, name: &str) -> String {
    format!("items/{row}/{name}")
}

impl Lines {
    /// The lines that were sent.
    pub(super) fn sent(form: &Form) -> Lines {
        let count = form.get("lines").parse::<usize>().unwrap_or_default().min(LINES_MAX);
        let row = |row| Typed {
            values: NAMES.map(|name| form.get(&name_of(row, name)).to_owned()),
            of: form.get(&name_of(row, "of")).parse().ok(),
        };
        Lines((0..count).map(row).collect())
    }

    /// The lines of a stored draft.
    pub(super) fn of(invoice: &Value) -> Lines {
        let row = |(place, item): (usize, &Value)| {
            let [name, description] =
                ["itemProductName", "itemDescription"].map(|name| text(item, name).to_owned());
            let [quantity, cost, tax] =
                ["itemQty", "itemCost", "itemTaxRate"].map(|name| input(member(item, name)));
            Typed { values: [name, description, quantity, cost, tax], of: Some(place) }
        };
        Lines(list(invoice, "items").iter().enumerate().map(row).collect())
    }

    /// Adds empty lines.
    pub(super) fn add(&mut self, count: usize) {
        let room = LINES_MAX.saturating_sub(self.0.len()).min(count);
        self.0.extend(std::iter::repeat_with(Typed::default).take(room));
    }

    /// Puts a product of the catalogue into the first empty line.
    pub(super) fn add_product(&mut self, product: &Value) {
        let line = Typed {
            values: [
                text(product, "name").to_owned(),
                String::new(),
                "1".to_owned(),
                input(member(product, "unitPrice")),
                input(member(product, "taxRate")),
            ],
            of: None,
        };
        match self.0.iter_mut().find(|line| line.is_empty()) {
            Some(empty) => *empty = line,
            None => self.0.push(line),
        }
    }

    /// The lines for the API, of which the empty ones are left out, and the row of each.
    pub(super) fn body(&self, stored: &Value) -> (Vec<Value>, Vec<usize>) {
        let rows = self.0.iter().enumerate().filter(|(_, line)| !line.is_empty());
        let item = |(row, line): (usize, &Typed)| {
            let mut item = json!({});
            if let Some(before) = line.of.and_then(|place| list(stored, "items").get(place)) {
                for name in KEPT.into_iter().filter(|name| !before[*name].is_null() && before[*name] != "") {
                    set(&mut item, name, member(before, name).clone());
                }
            }
            for (name, value) in NAMES.into_iter().zip(&line.values) {
                let is_text = matches!(name, "itemProductName" | "itemDescription");
                let value = if is_text { text_of(value) } else { number_of(value) };
                if !value.is_null() {
                    set(&mut item, name, value);
                }
            }
            (item, row)
        };
        rows.map(item).unzip()
    }

    /// Writes the lines into a form, and returns the names of their inputs.
    pub(super) fn write(&self, form: &mut Fields) -> Vec<LineFields> {
        let mut shown = Vec::with_capacity(self.0.len());
        for (row, line) in self.0.iter().enumerate() {
            for (name, value) in NAMES.into_iter().zip(&line.values) {
                form.set(&name_of(row, name), if card::holds(value) { "" } else { value });
            }
            form.set(&name_of(row, "of"), line.of.map(|place| place.to_string()).unwrap_or_default());
            let [name, description, quantity, price, tax] = NAMES.map(|name| name_of(row, name));
            let of = name_of(row, "of");
            shown.push(LineFields { number: row + 1, name, description, quantity, price, tax, of });
        }
        shown
    }
}

/// Says problems of items at the rows that they were typed into.
pub(super) fn placed(form: &mut Fields, rows: &[usize]) {
    for problem in &mut form.problems {
        let field = problem.field.strip_prefix("invoiceData/").unwrap_or(&problem.field).to_owned();
        problem.field = match field.strip_prefix("items/").and_then(|rest| rest.split_once('/')) {
            Some((place, name)) => {
                let row = place.parse::<usize>().ok().and_then(|place| rows.get(place));
                row.map_or_else(|| field.clone(), |row| name_of(*row, name))
            }
            None => field,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::ask::{No, Problem};

    #[test]
    fn empty_lines_are_left_out_and_problems_stand_at_their_rows() {
        let stored = json!({"items": [{"itemProductName": "Tea", "itemProductCode": "T-1", "itemQty": 2, "itemCost": 3.5,
            "itemTaxRate": 5.5, "itemMode": 0}]});
        let mut lines = Lines::of(&stored);
        lines.add(1);
        lines.add_product(&json!({"name": "Cup", "unitPrice": 4, "taxRate": null}));
        lines.add(2);
        let (items, rows) = lines.body(&stored);
        assert_eq!(items.len(), 2);
        assert_eq!(items[0]["itemProductCode"], "T-1");
        assert_eq!(items[0]["itemTaxRate"], "5.5");
        assert_eq!(items[1], json!({"itemProductName": "Cup", "itemQty": "1", "itemCost": "4"}));
        assert_eq!(rows, [0, 1]);

        let problem = Problem { field: "invoiceData/items/1/itemCost".into(), ..Problem::default() };
        let mut form = Fields::default().refused(&No { problems: vec![problem], ..No::default() });
        placed(&mut form, &[0, 4]);
        assert_eq!(form.problems[0].field, "items/4/itemCost");
    }
}

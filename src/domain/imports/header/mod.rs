//! Which column fills which field (rules 9).

#[cfg(test)]
mod tests;

use std::fmt;

use super::options::{DateFormat, ImportOptions, UnknownColumns};
use super::preset::{Preset, is_server_assigned};
use super::records::RecordItem;
use super::target::{Meaning, Target, header_key};
use crate::domain::customers::fields::TextField;
use crate::domain::customers::identifier::is_additional_key;
use crate::domain::exports::unneutralise;

/// The most columns of a file.
const COLUMNS_MAX: usize = 2000;
/// The most characters of a header that an error repeats.
const SHOWN_CHARS_MAX: usize = 60;

/// Something wrong with the header. It refuses the whole file before its first row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderProblem {
    /// The column, from 1; `None` if it is about all of them.
    pub column: Option<usize>,
    /// A stable, machine-readable code in snake case.
    pub code: &'static str,
    /// What is wrong and what would do. A header that looks like a value is named only by its number: the file may have
    /// no header line.
    pub message: String,
}

impl fmt::Display for HeaderProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// A column of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its trimmed header.
    pub header: String,
    /// What becomes of its cells.
    pub usage: ColumnUse,
}

/// What becomes of a column's cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnUse {
    /// They fill a field.
    Fills {
        /// The field.
        target: Target,
        /// The date format, if the header names one: `Birthday (DD-MM-YYYY)`.
        dates: Option<DateFormat>,
        /// Whether they fill it only if the field's own column is empty.
        if_empty: bool,
    },
    /// Nothing, because `map` or `unknownColumns` says so or the [`Preset`] has no field for it.
    LeftOut,
    /// The column has no name, so its cells must be empty.
    Nameless,
}

/// What each column of a file means. The same header and options always give the same mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    preset: Preset,
    columns: Vec<Column>,
}

impl Mapping {
    /// Reads the header from the first record of a file.
    ///
    /// # Errors
    /// There is no first record, it is no header, or [`Mapping::of`] refuses it.
    pub fn of_first(
        first: Option<&RecordItem>,
        options: &ImportOptions,
    ) -> Result<Mapping, Vec<HeaderProblem>> {
        let refuse = |code, message: String| Err(vec![HeaderProblem { column: None, code, message }]);
        match first {
            Some(RecordItem::Record(record)) if !record.is_open => Mapping::of(record.cells(), options),
            Some(RecordItem::Record(_)) => {
                refuse("unclosed_quote", "a quote that opens in the header line is never closed".into())
            }
            Some(RecordItem::TooLong(long)) => refuse("too_long", long.message()),
            None => refuse("empty_file", "no line of the file has a value".into()),
        }
    }

    /// Reads the header's cells.
    ///
    /// # Errors
    /// All problems at once.
    pub fn of<'a>(
        header: impl IntoIterator<Item = &'a str>,
        options: &ImportOptions,
    ) -> Result<Mapping, Vec<HeaderProblem>> {
        let clean = |cell: &str| unneutralise(cell).trim().trim_start_matches('\u{feff}').to_owned();
        let header: Vec<String> = header.into_iter().map(clean).collect();
        if header.len() > COLUMNS_MAX {
            let message = format!("the first line has more than {COLUMNS_MAX} columns");
            return Err(vec![HeaderProblem { column: None, code: "too_many", message }]);
        }
        let mut reader =
            HeaderParser { preset: Preset::of(&header), header: &header, options, problems: Vec::new() };
        let columns = reader.columns();
        if reader.problems.is_empty() { Ok(columns) } else { Err(reader.problems) }
    }

    /// The system that the file seems to come from.
    pub const fn preset(&self) -> Preset {
        self.preset
    }

    /// The columns in the file's order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The headers of the columns that are left out, for the report.
    pub fn left_out(&self) -> impl Iterator<Item = &str> {
        let left = self.columns.iter().filter(|column| column.usage == ColumnUse::LeftOut);
        left.map(|column| column.header.as_str())
    }
}

struct HeaderParser<'a> {
    preset: Preset,
    header: &'a [String],
    options: &'a ImportOptions,
    problems: Vec<HeaderProblem>,
}

/// The first interpretation of a header.
enum Found {
    Meaning(Meaning),
    Unknown,
}

impl HeaderParser<'_> {
    fn columns(&mut self) -> Mapping {
        let mut found: Vec<Found> = self.header.iter().map(|header| self.find(header)).collect();
        self.take_numbered_streets(&mut found, TextField::Address, ["address1", "address2"]);
        self.take_numbered_streets(
            &mut found,
            TextField::ShippingAddress,
            ["shippingaddress1", "shippingaddress2"],
        );
        self.refuse_unless_header(&found);
        if self.problems.is_empty() {
            self.refuse_doubled(&found);
            self.refuse_unused_maps();
        }
        let filled: Vec<Target> = found
            .iter()
            .filter_map(|it| match it {
                Found::Meaning(Meaning::Fills(target)) => Some(target.clone()),
                _ => None,
            })
            .collect();
        let header = self.header;
        let usages = header.iter().zip(found).enumerate().map(|(index, (header, found))| {
            let usage = self.usage(index, header, found, &filled);
            Column { header: header.clone(), usage }
        });
        let columns: Vec<Column> = usages.collect();
        self.refuse_doubled_additional(&columns);
        Mapping { preset: self.preset, columns }
    }

    fn find(&self, header: &str) -> Found {
        if header.is_empty() {
            return Found::Meaning(Meaning::LeftOut);
        }
        if let Some(mapped) = self.options.mapped(header) {
            return Found::Meaning(mapped);
        }
        let (name, _) = split_format(header);
        let target = || Target::of_header(header).or_else(|| Target::of_header(name));
        match self.preset.meaning(&header_key(header)).or_else(|| target().map(Meaning::Fills)) {
            Some(meaning) => Found::Meaning(meaning),
            None => Found::Unknown,
        }
    }

    /// "Address 1" and "Address 2" are the two lines of a street, if there is no "Address" (rules 9).
    fn take_numbered_streets(&self, found: &mut [Found], first: TextField, names: [&str; 2]) {
        let is_taken =
            |it: &Found| matches!(it, Found::Meaning(Meaning::Fills(Target::Text(field))) if *field == first);
        if found.iter().any(is_taken) {
            return;
        }
        let place = |name: &str| {
            self.header.iter().position(|it| header_key(it) == name && self.options.mapped(it).is_none())
        };
        let [Some(one), Some(two)] = names.map(place) else { return };
        let second =
            if first == TextField::Address { TextField::Address1 } else { TextField::ShippingAddress1 };
        for (index, field) in [(one, first), (two, second)] {
            if let Some(slot) = found.get_mut(index) {
                *slot = Found::Meaning(Meaning::Fills(Target::Text(field)));
            }
        }
    }

    fn refuse(&mut self, column: Option<usize>, code: &'static str, message: String) {
        self.problems.push(HeaderProblem { column, code, message });
    }

    /// Refuses a file whose first line is no header. The first line may be a customer, so the message does not repeat it.
    fn refuse_unless_header(&mut self, found: &[Found]) {
        let is_known = |(it, header): (&Found, &String)| match it {
            Found::Meaning(Meaning::LeftOut) => !header.is_empty(),
            Found::Meaning(_) => true,
            Found::Unknown => false,
        };
        if found.iter().zip(self.header).any(is_known) {
            return;
        }
        let takes_any = self.options.unknown_columns == UnknownColumns::Additional;
        if takes_any
            && self.header.iter().any(|header| !header.is_empty())
            && self.header.iter().all(|it| is_name(it))
        {
            return;
        }
        let mut near = String::new();
        for (index, header) in self.header.iter().enumerate() {
            if let Some(name) = Target::nearest(header) {
                near.push_str("; column ");
                near.push_str(&(index + 1).to_string());
                near.push_str(" may be ");
                near.push_str(name);
            }
        }
        let message = format!(
            "no column of the first line is known; it must name the columns, such as firstname,lastname,email (map=Header:field says what others fill){near}"
        );
        self.refuse(None, "no_header", message);
    }

    fn refuse_doubled(&mut self, found: &[Found]) {
        let meanings = found.iter().enumerate().filter_map(|(index, it)| match it {
            Found::Meaning(Meaning::Fills(target)) => Some((index, target)),
            _ => None,
        });
        let filled: Vec<(usize, &Target)> = meanings.collect();
        for (place, (index, target)) in filled.iter().enumerate() {
            let Some((first, _)) = filled.iter().take(place).find(|(_, other)| other == target) else {
                continue;
            };
            self.refuse_double(*first, *index, target);
        }
    }

    fn refuse_double(&mut self, first: usize, second: usize, target: &Target) {
        let (one, two) = (self.shown(first), self.shown(second));
        let message = format!("{one} and {two} both mean {target}; leave one out with map=Header:-");
        self.refuse(Some(second + 1), "duplicate_column", message);
    }

    /// Unknown columns that became additional fields can still collide.
    fn refuse_doubled_additional(&mut self, columns: &[Column]) {
        if self.problems.iter().any(|problem| problem.code == "duplicate_column") {
            return;
        }
        let target = |column: &Column| match &column.usage {
            ColumnUse::Fills { target: target @ Target::Additional(_), .. } => Some(target.clone()),
            _ => None,
        };
        for (index, column) in columns.iter().enumerate() {
            let Some(own) = target(column) else { continue };
            let earlier = columns.iter().take(index).position(|other| target(other).as_ref() == Some(&own));
            if let Some(first) = earlier {
                self.refuse_double(first, index, &own);
            }
        }
    }

    fn refuse_unused_maps(&mut self) {
        for (name, _) in &self.options.map {
            let key = header_key(name);
            if !self.header.iter().any(|header| header_key(header) == key) {
                let message = "map names a column that the file does not have";
                let message = match name_shown(name) {
                    Some(name) => format!("{message}: {name}"),
                    None => message.to_owned(),
                };
                self.refuse(None, "missing_column", message);
            }
        }
    }

    fn usage(&mut self, index: usize, header: &str, found: Found, filled: &[Target]) -> ColumnUse {
        let dates = split_format(header).1;
        let fills = |target: Target, if_empty| ColumnUse::Fills { target, dates, if_empty };
        match found {
            Found::Meaning(_) if header.is_empty() => ColumnUse::Nameless,
            Found::Meaning(Meaning::Fills(target)) => fills(target, false),
            Found::Meaning(Meaning::FillsEmpty(target)) => fills(target, true),
            Found::Meaning(Meaning::FillsElse(target)) if !filled.contains(&target) => fills(target, false),
            Found::Meaning(Meaning::FillsElse(_) | Meaning::LeftOut) => ColumnUse::LeftOut,
            Found::Unknown => match self.options.unknown_columns {
                UnknownColumns::Ignore => ColumnUse::LeftOut,
                UnknownColumns::Additional => match additional_key(header) {
                    Some(key) => fills(Target::Additional(key), false),
                    None => {
                        let message = format!(
                            "{} cannot be the name of an additional field (1–40 of A-Z a-z 0-9 _ - and blank); name one with map=Header:additional-name",
                            self.shown(index)
                        );
                        self.refuse(Some(index + 1), "invalid_name", message);
                        ColumnUse::LeftOut
                    }
                },
                UnknownColumns::Refuse => {
                    if !self.problems.iter().any(|problem| problem.code == "no_header") {
                        self.refuse_unknown(index, header);
                    }
                    ColumnUse::LeftOut
                }
            },
        }
    }

    fn refuse_unknown(&mut self, index: usize, header: &str) {
        let column = self.shown(index);
        let message = if is_server_assigned(&header_key(header)) {
            format!(
                "{column} is given by this service; keep it with map=Header:customerNumber or another field, or leave it out with map=Header:-"
            )
        } else {
            let near = Target::nearest(header).map(|near| format!("; did you mean {near}?"));
            let near = near.unwrap_or_default();
            format!(
                "{column} is no field of a customer{near} (map=Header:field says what it fills, map=Header:- leaves it out)"
            )
        };
        self.refuse(Some(index + 1), "unknown_column", message);
    }

    /// The name of a column in an error.
    fn shown(&self, index: usize) -> String {
        let name = self.header.get(index).and_then(|header| name_shown(header));
        match name {
            Some(name) => format!("column {} ({name})", index + 1),
            None => format!("column {}", index + 1),
        }
    }
}

/// A header's name, and the date format in brackets after it, if there is one.
fn split_format(header: &str) -> (&str, Option<DateFormat>) {
    let brackets = header.strip_suffix(')').and_then(|rest| rest.rsplit_once('('));
    match brackets.map(|(name, format)| (name, DateFormat::parse(format))) {
        Some((name, Some(format))) => (name.trim_end(), Some(format)),
        _ => (header, None),
    }
}

/// The name of the additional field that an unknown column fills. Other systems write the kind of a custom field in
/// brackets after it: `tier (metadata)`.
fn additional_key(header: &str) -> Option<String> {
    let name = match header.strip_suffix(')').and_then(|rest| rest.rsplit_once('(')) {
        Some((name, _)) if !name.trim().is_empty() => name.trim(),
        _ => header,
    };
    is_additional_key(name).then(|| name.to_owned())
}

/// Whether a header looks like the name of a column, not like a person's value.
fn is_name(header: &str) -> bool {
    let digits = header.chars().filter(char::is_ascii_digit).count();
    digits < 4 && !header.contains('@') && header.chars().count() <= SHOWN_CHARS_MAX
}

fn name_shown(header: &str) -> Option<&str> {
    (is_name(header) && !header.is_empty() && !header.contains(char::is_control)).then_some(header)
}

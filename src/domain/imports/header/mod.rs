//! Which column fills which field (rules 9).

#[cfg(test)]
mod tests;

use super::options::{DateFormat, ImportOptions, UnknownColumns, zone_minutes};
use super::payments::PaymentMapping;
use super::preset::{Preset, is_server_assigned};
use super::records::RecordItem;
use super::target::{Meaning, Target, header_key};
use crate::domain::customers::fields::TextField;
use crate::domain::customers::identifier::is_additional_key;
use crate::domain::exports::unmarked;
use crate::domain::kernel::invisible::visible;

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
        /// How they are read.
        reading: Reading,
        /// When they fill it.
        rule: FillRule,
    },
    /// Nothing, because `map` or `unknownColumns` says so or the [`Preset`] has no field for it.
    LeftOut,
    /// The column has no name, so its cells must be empty.
    Nameless,
}

/// How the cells of a column are read, as far as its header says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reading {
    /// The date format, if the header names one: `Birthday (DD-MM-YYYY)`.
    pub dates: Option<DateFormat>,
    /// The zone of times without one, in minutes east of UTC, if the header names it: `Create Date (EST)`.
    pub zone: Option<i32>,
    /// Whether `,` separates the names of a list: the column is known as tags.
    pub has_commas: bool,
}

/// When the cells of a column fill a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FillRule {
    /// Always.
    Always,
    /// In rows in which no other column fills it.
    IfEmpty,
    /// Together with the cells of other such columns.
    Joined,
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
        let header = cleaned(header);
        if header.len() > COLUMNS_MAX {
            let message = format!("the first line has more than {COLUMNS_MAX} columns");
            return Err(vec![HeaderProblem { column: None, code: "too_many", message }]);
        }
        if options.payments.is_some() {
            return Mapping::of_payments(&header, options);
        }
        let mut reader =
            HeaderParser { preset: Preset::of(&header), header: &header, options, problems: Vec::new() };
        let columns = reader.columns();
        if reader.problems.is_empty() { Ok(columns) } else { Err(reader.problems) }
    }

    /// The columns of a file of transactions, which fill no field of a customer; [`PaymentMapping`] says what they fill.
    fn of_payments(header: &[String], options: &ImportOptions) -> Result<Mapping, Vec<HeaderProblem>> {
        let mapping = PaymentMapping::of(header.iter().map(String::as_str), options)?;
        let column = |(header, is_filled): (&str, bool)| Column {
            header: header.to_owned(),
            usage: if is_filled { ColumnUse::Nameless } else { ColumnUse::LeftOut },
        };
        Ok(Mapping { preset: Preset::None, columns: mapping.headers().map(column).collect() })
    }

    /// The system that the file seems to come from.
    pub const fn preset(&self) -> Preset {
        self.preset
    }

    /// The columns in the file's order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// How many cells of a record are names of columns; none of a record with more cells than a header may have.
    pub(super) fn names_in<'a>(
        record: impl IntoIterator<Item = &'a str>,
        options: &ImportOptions,
    ) -> NamesFound {
        let header = cleaned(record);
        let filled = header.iter().filter(|cell| !cell.is_empty());
        let cells = filled.clone().count();
        if header.len() > COLUMNS_MAX {
            return NamesFound { cells, known: 0 };
        }
        let parser =
            HeaderParser { preset: Preset::of(&header), header: &header, options, problems: Vec::new() };
        let known = filled.filter(|cell| parser.find(cell).is_some()).count();
        NamesFound { cells, known }
    }

    /// The headers of the columns that are left out, for the report.
    pub fn left_out(&self) -> impl Iterator<Item = &str> {
        let left = self.columns.iter().filter(|column| column.usage == ColumnUse::LeftOut);
        left.map(|column| column.header.as_str())
    }
}

/// The cells of a header without the marks of spreadsheets.
fn cleaned<'a>(header: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let clean = |cell: &str| unmarked(cell).trim().trim_start_matches('\u{feff}').to_owned();
    header.into_iter().map(clean).collect()
}

/// How many cells of a record have a value, and how many are names of columns.
pub(super) struct NamesFound {
    pub(super) cells: usize,
    pub(super) known: usize,
}

struct HeaderParser<'a> {
    preset: Preset,
    header: &'a [String],
    options: &'a ImportOptions,
    problems: Vec<HeaderProblem>,
}

impl HeaderParser<'_> {
    fn columns(&mut self) -> Mapping {
        let mut found: Vec<Option<Meaning>> = self.header.iter().map(|header| self.find(header)).collect();
        self.take_numbered_streets(&mut found, TextField::Address, ["address1", "address2"]);
        self.take_numbered_streets(
            &mut found,
            TextField::ShippingAddress,
            ["shippingaddress1", "shippingaddress2"],
        );
        self.refuse_unless_header(&found);
        let filled: Vec<Option<Target>> = found
            .iter()
            .map(|meaning| match meaning {
                Some(Meaning::Fills(target)) => Some(target.clone()),
                _ => None,
            })
            .collect();
        if self.problems.is_empty() {
            self.refuse_doubled(&filled);
            self.refuse_unused_maps();
        }
        let header = self.header;
        let usages = header.iter().zip(found).enumerate().map(|(index, (header, found))| {
            let usage = self.usage(index, header, found, &filled);
            Column { header: header.clone(), usage }
        });
        let columns: Vec<Column> = usages.collect();
        // Unknown columns that became additional fields can still collide.
        if !self.problems.iter().any(|problem| problem.code == "duplicate_column") {
            let additional = columns.iter().map(|column| match &column.usage {
                ColumnUse::Fills { target: target @ Target::Additional(_), .. } => Some(target.clone()),
                _ => None,
            });
            self.refuse_doubled(&additional.collect::<Vec<_>>());
        }
        Mapping { preset: self.preset, columns }
    }

    /// The first interpretation of a header; `None` if it is unknown.
    fn find(&self, header: &str) -> Option<Meaning> {
        if header.is_empty() {
            return Some(Meaning::LeftOut);
        }
        if let Some(mapped) = self.options.mapped(header) {
            return Some(mapped);
        }
        let (name, _) = split_format(header);
        let special = || [header, name].into_iter().find_map(|name| self.preset.meaning(&header_key(name)));
        let usual = || [header, name].into_iter().find_map(Target::of_header).map(Meaning::Fills);
        special().or_else(usual)
    }

    /// "Address 1" and "Address 2" are the two lines of a street, if there is no "Address" (rules 9).
    fn take_numbered_streets(&self, found: &mut [Option<Meaning>], first: TextField, names: [&str; 2]) {
        let fills = |field| Some(Meaning::Fills(Target::Text(field)));
        if found.contains(&fills(first)) {
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
                *slot = fills(field);
            }
        }
    }

    fn refuse(&mut self, column: Option<usize>, code: &'static str, message: String) {
        self.problems.push(HeaderProblem { column, code, message });
    }

    /// Refuses a file whose first line is no header. The first line may be a customer, so the message does not repeat it.
    fn refuse_unless_header(&mut self, found: &[Option<Meaning>]) {
        let is_known =
            |(meaning, header): (&Option<Meaning>, &String)| meaning.is_some() && !header.is_empty();
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
        let may_be = |(index, header): (usize, &String)| {
            Target::nearest(header).map(|name| format!("; column {} may be {name}", index + 1))
        };
        let near: String = self.header.iter().enumerate().filter_map(may_be).collect();
        let message = format!(
            "no column of the first line is known; it must name the columns, such as firstname,lastname,email (map=Header:field says what others fill){near}"
        );
        self.refuse(None, "no_header", message);
    }

    /// Refuses columns that fill the same field.
    fn refuse_doubled(&mut self, filled: &[Option<Target>]) {
        for (second, target) in filled.iter().enumerate() {
            let Some(target) = target else { continue };
            let earlier = filled.iter().take(second).position(|other| other.as_ref() == Some(target));
            if let Some(first) = earlier {
                let (one, two) = (self.shown(first), self.shown(second));
                let message = format!("{one} and {two} both mean {target}; leave one out with map=Header:-");
                self.refuse(Some(second + 1), "duplicate_column", message);
            }
        }
    }

    fn refuse_unused_maps(&mut self) {
        for (name, _) in &self.options.map {
            let key = header_key(name);
            if !self.header.iter().any(|header| header_key(header) == key) {
                let name = name_shown(name).map(|name| format!(": {name}")).unwrap_or_default();
                let message = format!("map names a column that the file does not have{name}");
                self.refuse(None, "missing_column", message);
            }
        }
    }

    fn usage(
        &mut self,
        index: usize,
        header: &str,
        found: Option<Meaning>,
        filled: &[Option<Target>],
    ) -> ColumnUse {
        let reading = Reading {
            has_commas: header_key(header).starts_with("tag") || self.preset.has_comma_lists(),
            ..split_format(header).1
        };
        let fills = |target: Target, rule| ColumnUse::Fills { target, reading, rule };
        match found {
            Some(_) if header.is_empty() => ColumnUse::Nameless,
            Some(Meaning::Fills(target)) => fills(target, FillRule::Always),
            Some(Meaning::FillsEmpty(target)) => fills(target, FillRule::IfEmpty),
            Some(Meaning::Joins(target)) => fills(target, FillRule::Joined),
            Some(Meaning::FillsElse(target)) if filled.iter().flatten().all(|other| *other != target) => {
                fills(target, FillRule::Always)
            }
            Some(Meaning::FillsElse(_) | Meaning::LeftOut) => ColumnUse::LeftOut,
            None => match self.options.unknown_columns {
                UnknownColumns::Ignore => ColumnUse::LeftOut,
                UnknownColumns::Additional => match additional_key(header) {
                    Some(key) => fills(Target::Additional(key), FillRule::Always),
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
            let near = Target::hint(header);
            format!(
                "{column} is no field of a customer{near} (map=Header:field says what it fills, map=Header:- leaves it out)"
            )
        };
        self.refuse(Some(index + 1), "unknown_column", message);
    }

    fn shown(&self, index: usize) -> String {
        let name = self.header.get(index).and_then(|header| name_shown(header));
        format!("column {}{}", index + 1, name.map(|name| format!(" ({name})")).unwrap_or_default())
    }
}

/// A header's name, and how to read its cells if the brackets after it say so: by a date format or a zone.
fn split_format(header: &str) -> (&str, Reading) {
    let brackets = header.strip_suffix(')').and_then(|rest| rest.rsplit_once('('));
    let Some((name, inside)) = brackets else { return (header, Reading::default()) };
    let reading = match (DateFormat::parse(inside), zone_minutes(inside)) {
        (None, None) => return (header, Reading::default()),
        (dates, zone) => Reading { dates, zone, has_commas: false },
    };
    (name.trim_end(), reading)
}

/// The name of the additional field that an unknown column fills. Other systems write the kind of a custom field in
/// brackets after it: `tier (metadata)`.
fn additional_key(header: &str) -> Option<String> {
    let header = &*visible(header);
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

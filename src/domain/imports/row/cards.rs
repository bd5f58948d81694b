//! Raw card data in the cells of a row (rules 10).

use super::Row;
use crate::domain::imports::header::{ColumnUse, Mapping};
use crate::domain::imports::options::ImportOptions;
use crate::domain::imports::records::CsvRecord;
use crate::domain::imports::report::RowNote;
use crate::domain::imports::target::Target;
use crate::domain::kernel::card::{self, CardGuard};
use crate::domain::kernel::problem::{At, Problem};

impl Row<'_> {
    /// Refuses a cell with raw card data, also one that fills nothing.
    pub(super) fn has_card(&mut self, index: usize, cell: &str) -> bool {
        let usage = self.mapping.columns().get(index).map(|column| &column.usage);
        if !is_card(usage, self.options, cell) {
            return false;
        }
        match usage {
            Some(ColumnUse::Fills { target, .. }) => {
                let notes = places(target, self.options, cell);
                self.bad.extend(notes.into_iter().map(|note| (target.clone(), note)));
            }
            _ => {
                let (code, message) = card::refusal("");
                self.broken.push(RowNote::new("", code, format!("column {} {message}", index + 1)));
            }
        }
        true
    }
}

/// What is wrong with a cell, by the members of its JSON if it has some.
fn places(target: &Target, options: &ImportOptions, cell: &str) -> Vec<RowNote> {
    let found = if is_json(target) { card::in_cell(cell) } else { Vec::new() };
    let is_refused = |found: &card::CardData| !found.is_id || !exempts_ids(target, options);
    let notes: Vec<RowNote> = found
        .into_iter()
        .filter(is_refused)
        .map(|found| {
            let at = match found.problem.at {
                // A line is the whole customer; another column is a member of it.
                At::Pointer(pointer) if *target != Target::Json => {
                    At::Pointer(format!("/{}{pointer}", target.name()))
                }
                at => at,
            };
            let note = RowNote::from(&Problem { at, ..found.problem });
            if note.field.is_empty() { RowNote { field: target.name(), ..note } } else { note }
        })
        .collect();
    if !notes.is_empty() {
        return notes;
    }
    let (code, message) = card::refusal(&target.name());
    vec![RowNote::new(target.name(), code, message)]
}

/// The cells of a record, without raw card data.
pub fn cells_without_cards(record: &CsvRecord, mapping: &Mapping, options: &ImportOptions) -> Vec<String> {
    let kept = |(index, cell): (usize, &str)| {
        let usage = mapping.columns().get(index).map(|column| &column.usage);
        if !is_card(usage, options, cell) {
            return cell.replace(card::REDACTED, "");
        }
        match usage {
            Some(ColumnUse::Fills { target, .. }) if is_json(target) => {
                card::blanked_cell(cell, exempts_ids(target, options)).unwrap_or_default()
            }
            _ => String::new(),
        }
    };
    record.cells().enumerate().map(kept).collect()
}

/// Whether the cells of a target are JSON with members.
fn is_json(target: &Target) -> bool {
    matches!(target, Target::Json | Target::Methods | Target::Addresses | Target::AdditionalFields)
}

/// Whether ids of the platform in a cell may look like cards.
fn exempts_ids(target: &Target, options: &ImportOptions) -> bool {
    *target != Target::AdditionalFields && options.card_guard == CardGuard::Texts
}

fn is_card(usage: Option<&ColumnUse>, options: &ImportOptions, cell: &str) -> bool {
    match usage {
        Some(ColumnUse::Fills { target: target @ Target::AdditionalFields, .. }) => {
            card::holds(cell) || places_in(target, options, cell)
        }
        Some(ColumnUse::Fills { target, .. }) if is_json(target) => {
            cell.contains(card::REDACTED) || places_in(target, options, cell)
        }
        Some(ColumnUse::Fills { target, .. }) => {
            card::holds(cell) && !options.card_guard.exempts(&target.name())
        }
        _ => card::holds(cell),
    }
}

fn places_in(target: &Target, options: &ImportOptions, cell: &str) -> bool {
    let exempts_ids = exempts_ids(target, options);
    card::in_cell(cell).iter().any(|found| !found.is_id || !exempts_ids)
}

//! Columns that are items of a list: references and addresses (rules 9 and 11).

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::domain::addresses::column::{AddressColumn, Part, Slot};
use crate::domain::addresses::draft::{AddressDraft, Form};
use crate::domain::addresses::fields::{AddressField, Role};
use crate::domain::customers::change::{Change, Input};
use crate::domain::customers::draft::{Context, Draft};
use crate::domain::customers::fields::TextField;
use crate::domain::imports::header::{ColumnUse, Mapping};
use crate::domain::imports::report::pointer_path;
use crate::domain::imports::target::Target;
use crate::domain::kernel::members::Members;
use crate::domain::kernel::problem::{At, Problem};

const ADDRESSES: &str = "addresses";
const REFERENCES: &str = "references";

/// The lists of a row.
#[derive(Default)]
pub(super) struct Lists {
    /// Each reference, with its column.
    references: Vec<(Target, Value)>,
    has_all_references: bool,
    /// Whether the row has the lists of the record as a body has them.
    is_whole: bool,
    /// The addresses of the column that has all of them.
    addresses: Option<Vec<Box<RawValue>>>,
    /// The members of the others, as JSON.
    slots: BTreeMap<Slot, Vec<(Part, String)>>,
}

impl Lists {
    /// Takes the value of a column if it belongs to a list.
    pub(super) fn take(&mut self, target: &Target, json: &str) -> bool {
        match target {
            Target::References => {
                self.has_all_references = true;
                for name in names(json) {
                    let (system, external_id) = name.split_once(':').unwrap_or((name.as_str(), ""));
                    self.refer(target, system, external_id);
                }
            }
            Target::Reference(system) => {
                for external_id in names(json) {
                    self.refer(target, system, &external_id);
                }
            }
            Target::Addresses => self.addresses = serde_json::from_str(json).ok(),
            Target::Address(AddressColumn { slot, part }) => {
                self.slots.entry(*slot).or_default().push((*part, json.to_owned()));
            }
            _ => return false,
        }
        true
    }

    /// Says that the row has the lists as a body has them.
    pub(super) fn are_whole(&mut self) {
        self.is_whole = true;
    }

    fn refer(&mut self, column: &Target, system: &str, external_id: &str) {
        self.references.push((column.clone(), json!({"system": system, "externalId": external_id})));
    }

    /// The numbered addresses, by their numbers, without those that the column with all addresses has too.
    fn numbered(&self) -> impl Iterator<Item = (Slot, &Vec<(Part, String)>)> {
        let slots = self.slots.iter().map(|(slot, parts)| (*slot, parts));
        slots.filter(|(slot, parts)| matches!(slot, Slot::Numbered(_)) && !self.is_listed(parts))
    }

    /// Whether an address of the column with all addresses has these parts.
    fn is_listed(&self, parts: &[(Part, String)]) -> bool {
        self.addresses.iter().flatten().any(|address| {
            let Ok(members) = serde_json::from_str::<BTreeMap<String, Value>>(address.get()) else {
                return false;
            };
            parts.iter().all(|(part, json)| match (members.get(part.name()), part) {
                (Some(value), _) => serde_json::from_str(json).is_ok_and(|part: Value| part == *value),
                (None, Part::Default(_)) => json == "false",
                (None, _) => false,
            })
        })
    }

    /// The members of a body that the lists are.
    pub(super) fn members(&self) -> Vec<(&'static str, String)> {
        let mut members = Vec::new();
        if !self.references.is_empty() {
            let all: Vec<&Value> = self.references.iter().map(|(_, reference)| reference).collect();
            members.push((REFERENCES, serde_json::to_string(&all).unwrap_or_default()));
        }
        let whole = self.addresses.iter().flatten().map(|address| address.get().to_owned());
        let addresses: Vec<String> = whole.chain(self.numbered().map(|(_, parts)| object(parts))).collect();
        if !addresses.is_empty() {
            members.push((ADDRESSES, format!("[{}]", addresses.join(","))));
        }
        members
    }

    /// Completes the draft of the row: what its lists replace, and what the columns of defaults say. Problems name the columns.
    pub(super) fn finish(
        &self,
        draft: Result<Draft, Vec<Problem>>,
        context: Context<'_>,
        mapping: &Mapping,
    ) -> Result<Draft, Vec<Problem>> {
        let mut draft = draft.map_err(|problems| {
            problems.into_iter().map(|problem| self.placed(problem)).collect::<Vec<_>>()
        })?;
        if let Change::Set(list) = &mut draft.references
            && !self.has_all_references
            && !self.is_whole
        {
            list.only_of_its_systems();
        }
        if let Change::Set(list) = &mut draft.addresses {
            list.adds = self.addresses.is_none() && !self.is_whole;
            let before = self.addresses.as_ref().map_or(0, Vec::len);
            for ((slot, _), address) in self.numbered().zip(list.addresses.iter_mut().skip(before)) {
                for field in AddressField::all().filter(|field| !has_column(mapping, slot, *field)) {
                    address.leave_open(field);
                }
            }
        }
        let mut problems = Vec::new();
        for (role, country) in Role::ALL.into_iter().zip([TextField::Country, TextField::ShippingCountry]) {
            let Some(parts) = self.slots.get(&Slot::Default(role)) else { continue };
            let own = match draft.text(country) {
                Change::Set(Input::Value(code)) => Some(code.as_str()),
                _ => context.country,
            };
            let text = object(parts);
            let Ok(members) = serde_json::from_str::<Members<'_>>(&text) else { continue };
            match AddressDraft::parse(&members, &[], own, Form::Part) {
                Ok(extras) => {
                    if let Some(slot) = draft.address_extras.get_mut(role.index()) {
                        *slot = Some(extras);
                    }
                }
                Err(found) => problems
                    .extend(found.into_iter().map(|problem| of_column(Slot::Default(role), problem, 0))),
            }
        }
        if problems.is_empty() { Ok(draft) } else { Err(problems) }
    }

    /// A problem of an item of a list, at the column that it came from.
    fn placed(&self, problem: Problem) -> Problem {
        let At::Pointer(pointer) = &problem.at else { return problem };
        let path = pointer_path(pointer);
        let [list, index, ..] = path.as_slice() else { return problem };
        let Ok(index) = index.parse::<usize>() else { return problem };
        match list.as_str() {
            REFERENCES => match self.references.get(index) {
                Some((column, _)) => Problem::field(&[&column.name()], problem.code, problem.message),
                None => problem,
            },
            ADDRESSES => {
                let before = self.addresses.as_ref().map_or(0, Vec::len);
                let slot = index.checked_sub(before).and_then(|place| self.numbered().nth(place));
                match slot {
                    Some((slot, _)) => of_column(slot, problem, 2),
                    None => problem,
                }
            }
            _ => problem,
        }
    }
}

/// A problem at the column of a part of an address; the part stands at a place of the pointer.
fn of_column(slot: Slot, problem: Problem, place: usize) -> Problem {
    let At::Pointer(pointer) = &problem.at else { return problem };
    let path = pointer_path(pointer);
    let texts = AddressField::all().map(Part::Text);
    let mut parts = texts.chain([Part::Kind]).chain(Role::ALL.map(Part::Default));
    let Some(part) = path.get(place).and_then(|name| parts.find(|part| part.name() == name)) else {
        return problem;
    };
    let column = AddressColumn { slot, part }.to_string();
    Problem::field(&[&column], problem.code, problem.message)
}

/// Whether a file has a column for a text of an address.
fn has_column(mapping: &Mapping, slot: Slot, field: AddressField) -> bool {
    let wanted = Target::Address(AddressColumn { slot, part: Part::Text(field) });
    mapping
        .columns()
        .iter()
        .any(|column| matches!(&column.usage, ColumnUse::Fills { target, .. } if *target == wanted))
}

fn object(parts: &[(Part, String)]) -> String {
    let members: Vec<String> =
        parts.iter().map(|(part, json)| format!("\"{}\":{json}", part.name())).collect();
    format!("{{{}}}", members.join(","))
}

/// The names of a list that is JSON.
fn names(json: &str) -> Vec<String> {
    serde_json::from_str(json).unwrap_or_default()
}

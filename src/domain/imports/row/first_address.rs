//! The columns `address-1-…`: they are the default billing address, as the flat columns are (rules 11).

use super::{Row, Value};
use crate::domain::addresses::column::{AddressColumn, FIRST, Part, Slot};
use crate::domain::addresses::fields::Role;
use crate::domain::imports::report::RowNote;
use crate::domain::imports::target::Target;

const NO: &str = "false";
const YES: &str = "true";

impl Row<'_> {
    /// Makes the values of `address-1-…` those of the default billing address, unless the row says that another address is it.
    pub(super) fn place_first_address(&mut self) {
        if !self.values.iter().any(|value| part_of_first(&value.target).is_some()) || self.has_other_default()
        {
            return;
        }
        let (first, others): (Vec<Value>, Vec<Value>) = std::mem::take(&mut self.values)
            .into_iter()
            .partition(|value| part_of_first(&value.target).is_some());
        self.values = others;
        for Value { target: column, json } in first {
            let Some(part) = part_of_first(&column) else { continue };
            // It is the default billing address, and says of the shipping address only that it is the same.
            if part == Part::Default(Role::Billing) || (part == Part::Default(Role::Shipping) && json == NO) {
                continue;
            }
            let place = AddressColumn { slot: Slot::Default(Role::Billing), part };
            let target = place.or_flat().map_or_else(Target::Text, Target::Address);
            match self.values.iter().find(|value| value.target == target) {
                Some(same) if same.json == json => {}
                Some(_) => {
                    let message = format!(
                        "is the default billing address, like {target}, which has another value; number further addresses from {}",
                        FIRST + 1
                    );
                    self.bad.push((column.clone(), RowNote::new(column.name(), "contradiction", message)));
                }
                None => self.values.push(Value { target, json }),
            }
        }
    }

    /// Whether the row says that the address with the number is not the default billing address: it says so, or another is it.
    fn has_other_default(&self) -> bool {
        self.values.iter().any(|Value { target, json }| match target {
            Target::Address(AddressColumn {
                slot: Slot::Numbered(number),
                part: Part::Default(Role::Billing),
            }) => json == if *number == FIRST { NO } else { YES },
            _ => false,
        })
    }
}

fn part_of_first(target: &Target) -> Option<Part> {
    match target {
        Target::Address(AddressColumn { slot: Slot::Numbered(FIRST), part }) => Some(*part),
        _ => None,
    }
}

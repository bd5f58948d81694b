//! The columns of files that hold parts of addresses: `address-2-city`, `address-shipping-company` (rules 9 and 11).

use std::fmt;

use super::book::{ADDRESSES_MAX, Address};
use super::fields::{AddressField, Role};
use crate::domain::customers::fields::TextField;

/// The beginning of the names of these columns.
const PREFIX: &str = "address-";
/// The number of the default billing address. The further ones follow.
pub const FIRST: usize = 1;
/// The greatest number: no default, and as many further addresses as a customer may have.
const NUMBER_MAX: usize = ADDRESSES_MAX + FIRST;

/// An address of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// By its number: [`FIRST`] is the default billing address, the others are no default of anything (rules 11).
    Numbered(usize),
    /// The default of a role.
    Default(Role),
}

/// A part of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// A text.
    Text(AddressField),
    /// `kind`.
    Kind,
    /// `isDefaultBilling` or `isDefaultShipping`.
    Default(Role),
}

impl Part {
    /// The name of its member on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Part::Text(field) => field.name(),
            Part::Kind => "kind",
            Part::Default(role) => role.member(),
        }
    }

    fn of_name(name: &str) -> Option<Part> {
        let texts = AddressField::all().map(Part::Text);
        let mut parts = texts.chain([Part::Kind]).chain(Role::ALL.map(Part::Default));
        parts.find(|part| part.name().eq_ignore_ascii_case(name))
    }

    /// Its value in an address; `mask` shows a masked text.
    pub fn value(self, address: &Address, masked: bool) -> String {
        match self {
            Part::Text(field) => match address.texts.get(field) {
                Some(value) if masked && field.spec().masked => field.mask(value),
                value => value.unwrap_or_default().to_owned(),
            },
            Part::Kind => address.kind.name().to_owned(),
            Part::Default(role) => address.is_default(role).to_string(),
        }
    }
}

/// A column of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressColumn {
    /// Which address.
    pub slot: Slot,
    /// Which part.
    pub part: Part,
}

impl AddressColumn {
    /// The names of all parts.
    pub fn parts() -> impl Iterator<Item = &'static str> {
        let texts = AddressField::all().map(AddressField::name);
        texts.chain(["kind"]).chain(Role::ALL.map(Role::member))
    }

    /// The column of a text of a default that the flat fields lack.
    pub const fn of_default(role: Role, field: AddressField) -> AddressColumn {
        AddressColumn { slot: Slot::Default(role), part: Part::Text(field) }
    }

    /// The column of a name, in any case; the flat field if that is what it names.
    pub fn of_name(name: &str) -> Option<Result<AddressColumn, TextField>> {
        let (prefix, rest) = name.trim().split_at_checked(PREFIX.len())?;
        if !prefix.eq_ignore_ascii_case(PREFIX) {
            return None;
        }
        let (slot, part) = rest.split_once('-')?;
        let part = Part::of_name(part.trim())?;
        let role = [("billing", Role::Billing), ("shipping", Role::Shipping)];
        if let Some((_, role)) = role.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(slot)) {
            return Some(AddressColumn { slot: Slot::Default(role), part }.or_flat());
        }
        let number: usize = slot.parse().ok()?;
        let is_known = (FIRST..=NUMBER_MAX).contains(&number) && !slot.starts_with(['0', '+']);
        is_known.then_some(Ok(AddressColumn { slot: Slot::Numbered(number), part }))
    }

    /// Itself, or the flat field that is the same.
    ///
    /// # Errors
    /// The flat field.
    pub fn or_flat(self) -> Result<AddressColumn, TextField> {
        let (Slot::Default(role), Part::Text(field)) = (self.slot, self.part) else { return Ok(self) };
        let flat = field.spec().flat.and_then(|flat| flat.get(role.index()).copied());
        flat.map_or(Ok(self), Err)
    }

    /// Its value for a customer with these addresses, which are all it has, by id; the empty text if it has no such address.
    /// An import takes no address without a street, unless it is a default; such a one has no number.
    pub fn value(self, addresses: &[Address], masked: bool) -> String {
        let default = |role| addresses.iter().find(|address| address.is_default(role));
        let is_further = |address: &&Address| {
            address.roles().next().is_none() && address.texts.get(AddressField::Address).is_some()
        };
        let found = match self.slot {
            Slot::Default(role) => default(role),
            Slot::Numbered(FIRST) => default(Role::Billing),
            Slot::Numbered(number) => {
                let place = number.checked_sub(FIRST + 1);
                place.and_then(|place| addresses.iter().filter(is_further).nth(place))
            }
        };
        found.map(|address| self.part.value(address, masked)).unwrap_or_default()
    }
}

impl fmt::Display for AddressColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.slot {
            Slot::Numbered(number) => write!(f, "{PREFIX}{number}-{}", self.part.name()),
            Slot::Default(Role::Billing) => write!(f, "{PREFIX}billing-{}", self.part.name()),
            Slot::Default(Role::Shipping) => write!(f, "{PREFIX}shipping-{}", self.part.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_11_columns_name_an_address_and_a_part() {
        for (name, known) in [
            ("address-2-city", "address-2-city"),
            ("Address-51-IsDefaultShipping", "address-51-isDefaultShipping"),
            ("address-1-kind", "address-1-kind"),
            ("address-billing-kind", "address-billing-kind"),
            ("address-shipping-company", "address-shipping-company"),
        ] {
            assert_eq!(AddressColumn::of_name(name).unwrap().unwrap().to_string(), known);
        }
        assert_eq!(AddressColumn::of_name("address-shipping-zip"), Some(Err(TextField::ShippingZip)));
        assert_eq!(AddressColumn::of_name("address-billing-address1"), Some(Err(TextField::Address1)));
        let unknown = "address-0-city address-52-city address-02-city address-2-colour address-2 address2-city \
            address-other-city address-+2-city";
        for name in unknown.split(' ') {
            assert_eq!(AddressColumn::of_name(name), None, "{name}");
        }
    }
}

//! The texts of an address: their names, their limits, and the flat fields that some of them share (rules 11).

use compact_str::CompactString;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};

use crate::domain::customers::fields::{Shape, TextField};
use crate::domain::customers::mask::MASK;
use crate::domain::customers::mask::mask;
use crate::domain::kernel::members::Name;

/// One text of an address, in the order of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "each is named and described by its row in ADDRESS_FIELDS")]
pub enum AddressField {
    Name,
    Company,
    Address,
    Address1,
    Address2,
    City,
    District,
    State,
    Zip,
    Country,
    Phone,
    Note,
}

/// A kind of default: what the flat fields without and with `shipping` hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// `isDefaultBilling`: the fields `address`, `city`, ….
    Billing,
    /// `isDefaultShipping`: the fields `shippingAddress`, `shippingCity`, ….
    Shipping,
}

impl Role {
    /// Both.
    pub const ALL: [Role; 2] = [Role::Billing, Role::Shipping];

    /// Its position in [`Role::ALL`].
    pub const fn index(self) -> usize {
        match self {
            Role::Billing => 0,
            Role::Shipping => 1,
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Role {
        match self {
            Role::Billing => Role::Shipping,
            Role::Shipping => Role::Billing,
        }
    }

    /// The name of its member on the wire.
    pub const fn member(self) -> &'static str {
        match self {
            Role::Billing => "isDefaultBilling",
            Role::Shipping => "isDefaultShipping",
        }
    }

    /// The flat fields of this default, each with the text of an address that it is.
    pub fn shared(self) -> impl Iterator<Item = (AddressField, TextField)> {
        let of = move |spec: &AddressSpec| Some((spec.field, *spec.flat?.get(self.index())?));
        ADDRESS_FIELDS.iter().filter_map(of)
    }
}

/// The name of a text of an address, its limits, and who may see it.
#[derive(Debug)]
pub struct AddressSpec {
    /// The text itself.
    pub field: AddressField,
    /// Its name on the wire.
    pub name: &'static str,
    /// The most characters it may have.
    pub chars_max: usize,
    /// The form it must have.
    pub shape: Shape,
    /// Whether a token without `pii:read` sees a mask instead (rules 1).
    pub masked: bool,
    /// The flat fields that hold it for the default billing and for the default shipping address.
    pub flat: Option<[TextField; 2]>,
}

/// How many texts an address has.
const FIELD_COUNT: usize = 12;

/// Every text of an address, in the order of [`AddressField`]. The flat fields have the same limits and masks.
pub const ADDRESS_FIELDS: [AddressSpec; FIELD_COUNT] = {
    use AddressField as A;
    use Shape::{Country, Name, Phone, Plain, Street};
    use TextField as F;
    [
        spec(A::Name, "name", 250, Name, false, None),
        spec(A::Company, "company", 250, Name, false, None),
        spec(A::Address, "address", 250, Street, true, Some([F::Address, F::ShippingAddress])),
        spec(A::Address1, "address1", 100, Street, true, Some([F::Address1, F::ShippingAddress1])),
        spec(A::Address2, "address2", 100, Street, true, None),
        spec(A::City, "city", 250, Plain, false, Some([F::City, F::ShippingCity])),
        spec(A::District, "district", 250, Plain, false, None),
        spec(A::State, "state", 250, Plain, false, Some([F::State, F::ShippingState])),
        spec(A::Zip, "zip", 50, Plain, false, Some([F::Zip, F::ShippingZip])),
        spec(A::Country, "country", 100, Country, false, Some([F::Country, F::ShippingCountry])),
        spec(A::Phone, "phone", 50, Phone, true, None),
        spec(A::Note, "note", 500, Plain, true, None),
    ]
};

const fn spec(
    field: AddressField,
    name: &'static str,
    chars_max: usize,
    shape: Shape,
    masked: bool,
    flat: Option<[TextField; 2]>,
) -> AddressSpec {
    AddressSpec { field, name, chars_max, shape, masked, flat }
}

impl AddressField {
    /// All texts, in the order of the wire.
    pub fn all() -> impl Iterator<Item = AddressField> {
        ADDRESS_FIELDS.iter().map(|spec| spec.field)
    }

    /// The row of [`ADDRESS_FIELDS`] that describes this text.
    pub fn spec(self) -> &'static AddressSpec {
        #[expect(clippy::indexing_slicing, reason = "a test holds ADDRESS_FIELDS in the order of the enum")]
        &ADDRESS_FIELDS[self.index()]
    }

    /// Its position in [`ADDRESS_FIELDS`].
    #[expect(clippy::as_conversions, reason = "a fieldless enum with u8 representation")]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// The text of that name, as spelt on the wire.
    pub fn of_name(name: &str) -> Option<AddressField> {
        ADDRESS_FIELDS.iter().find(|spec| spec.name == name).map(|spec| spec.field)
    }

    /// The masked form of a value: that of the customer's own phone for a phone, `***` for others.
    pub fn mask(self, value: &str) -> String {
        if self == AddressField::Phone { mask(TextField::Phone, value) } else { MASK.to_owned() }
    }
}

/// The texts of one address. An absent text is `None`, never empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressTexts([Option<CompactString>; FIELD_COUNT]);

impl AddressTexts {
    /// A text.
    pub fn get(&self, field: AddressField) -> Option<&str> {
        self.0.get(field.index()).and_then(|value| value.as_deref())
    }

    /// Sets a text; an empty one becomes absent.
    pub fn set(&mut self, field: AddressField, value: Option<CompactString>) {
        if let Some(slot) = self.0.get_mut(field.index()) {
            *slot = value.filter(|text| !text.is_empty());
        }
    }

    /// The texts that are there.
    pub fn present(&self) -> impl Iterator<Item = (AddressField, &str)> {
        AddressField::all().filter_map(|field| self.get(field).map(|value| (field, value)))
    }
}

impl Serialize for AddressTexts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.present().map(|(field, value)| (field.name(), value)))
    }
}

impl<'de> Deserialize<'de> for AddressTexts {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MapVisitor;
        impl<'de> serde::de::Visitor<'de> for MapVisitor {
            type Value = AddressTexts;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map of an address's texts")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<AddressTexts, A::Error> {
                let mut texts = AddressTexts::default();
                while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
                    // As with the texts of a customer, a text of a newer release must not be lost.
                    let field = AddressField::of_name(&name);
                    let field = field.ok_or_else(|| A::Error::custom("a text of a newer release"))?;
                    texts.set(field, Some(map.next_value()?));
                }
                Ok(texts)
            }
        }
        deserializer.deserialize_map(MapVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_11_an_address_shares_its_limits_and_masks_with_the_flat_fields() {
        for (index, spec) in ADDRESS_FIELDS.iter().enumerate() {
            assert_eq!(spec.field.index(), index, "{}", spec.name);
            for flat in spec.flat.into_iter().flatten() {
                let same = flat.spec();
                assert_eq!((same.chars_max, same.masked), (spec.chars_max, spec.masked), "{}", spec.name);
                assert!(same.shape == spec.shape || same.shape == Shape::ShippingZip, "{}", spec.name);
            }
        }
    }

    #[test]
    fn texts_of_an_address_survive_serde() {
        let mut texts = AddressTexts::default();
        texts.set(AddressField::City, Some("Oakton".into()));
        texts.set(AddressField::Note, Some(CompactString::default()));
        let json = serde_json::to_string(&texts).unwrap();
        assert_eq!(json, r#"{"city":"Oakton"}"#);
        assert_eq!(serde_json::from_str::<AddressTexts>(&json).unwrap(), texts);
        assert!(serde_json::from_str::<AddressTexts>(r#"{"newer":"x"}"#).is_err());
    }
}

//! How much a token sees of stored customers (rules 1).

use serde::{Deserialize, Serialize};

use super::token::{Claims, Scope};
use crate::domain::addresses::fields::AddressField;
use crate::domain::customers::fields::TextField;
use crate::domain::customers::identifier::{IdField, Identifier};

/// How much a token sees of stored customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    /// Whether it reads customers. A token that does not learns nothing of what others wrote.
    pub reads: bool,
    /// Whether it exports customers, and so has seen the masks of their values.
    pub exports: bool,
    /// Whether it sees the values behind the masks.
    pub pii: bool,
}

impl Sight {
    /// Everything: for the service itself, customers in the portal, and the operator.
    pub const FULL: Sight = Sight { reads: true, exports: true, pii: true };
    /// Nothing.
    pub const NONE: Sight = Sight { reads: false, exports: false, pii: false };

    /// What a token sees.
    pub fn of(claims: &Claims) -> Sight {
        Sight {
            reads: claims.allows(Scope::CustomersRead),
            exports: claims.allows(Scope::CustomersExport),
            pii: claims.allows(Scope::PiiRead),
        }
    }

    /// Whether the token can know the mask of a stored value.
    pub fn knows_masks(self) -> bool {
        self.reads || self.exports
    }

    /// Whether it sees the values of a field of an identifier.
    pub fn shows(self, field: &IdField) -> bool {
        self.pii || !is_masked(field)
    }

    /// Whether it sees the values of all fields of an identifier.
    pub fn shows_all(self, identifier: &Identifier) -> bool {
        identifier.fields().iter().all(|field| self.shows(field))
    }

    /// Whether it sees the values of a field, by its name in history and reports: `email`, `additionalFields.tier`.
    pub fn shows_change(self, name: &str) -> bool {
        let of_address = || {
            let (_, field) = name.strip_prefix("addresses.")?.split_once('.')?;
            AddressField::of_name(field)
        };
        let is_masked = TextField::of_request(name).is_some_and(|field| field.spec().masked)
            || name.starts_with("additionalFields.")
            || of_address().is_some_and(|field| field.spec().masked);
        self.pii || !is_masked
    }
}

/// Whether a token without `pii:read` sees a mask instead of the values of a field.
pub fn is_masked(field: &IdField) -> bool {
    match field {
        IdField::Text(field) => field.spec().masked,
        IdField::Additional(_) => true,
        // Like a customer number, a reference is a name that the caller's own systems gave.
        IdField::Reference(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_1_masked_fields_are_hidden_by_all_their_names() {
        let masked = Sight { pii: false, ..Sight::FULL };
        for name in [
            "email",
            "phone",
            "birthday",
            "address1",
            "customerUsername",
            "additionalFields.tier",
            "addresses.3.phone",
        ] {
            assert!(!masked.shows_change(name) && Sight::FULL.shows_change(name), "{name}");
        }
        let shown = "city customerNumber labels customerStatus balance customerPsw references.stripe addresses.3.city \
            addresses.3.kind";
        for name in shown.split(' ') {
            assert!(masked.shows_change(name), "{name}");
        }
        let shows = |text: &str| masked.shows_all(&Identifier::parse(text).unwrap());
        assert!(shows("firstname+lastname") && shows("customerNumber"));
        assert!(!shows("firstname+birthday") && !shows("clientId"));
    }
}

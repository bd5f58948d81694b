//! What a record keeps of its addresses beside the flat fields (rules 11).

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};

use super::fields::{AddressTexts, Role};

/// The most addresses of a customer (rules 11).
pub const ADDRESSES_MAX: usize = 50;
/// The first id of an address that is not implicit.
const FIRST_ID: i64 = 3;

/// What an address is for, in the merchant's own view.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[derive(EnumString, IntoStaticStr, VariantNames)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum AddressKind {
    /// Bills go there.
    Billing,
    /// Goods go there.
    Shipping,
    /// Anything else.
    #[default]
    Other,
}

impl AddressKind {
    /// The kind of an address that is the default of a role, unless it says otherwise.
    pub const fn of(role: Role) -> AddressKind {
        match role {
            Role::Billing => AddressKind::Billing,
            Role::Shipping => AddressKind::Shipping,
        }
    }

    /// The word on the wire.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// An address. In a [`Book`] a default address lacks the texts that the flat fields hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Its id within the customer, never used again.
    pub id: i64,
    /// What it is for.
    pub kind: AddressKind,
    /// Its texts.
    pub texts: AddressTexts,
    /// Whether it is the default of each of [`Role::ALL`].
    #[serde(default, skip_serializing_if = "is_no_default")]
    pub defaults: [bool; 2],
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_no_default(defaults: &[bool; 2]) -> bool {
    *defaults == [false; 2]
}

impl Address {
    /// Whether it is the default of a role.
    pub fn is_default(&self, role: Role) -> bool {
        self.defaults.get(role.index()).is_some_and(|is| *is)
    }

    /// Says whether it is the default of a role.
    pub fn set_default(&mut self, role: Role, is: bool) {
        if let Some(slot) = self.defaults.get_mut(role.index()) {
            *slot = is;
        }
    }

    /// The roles that it is the default of.
    pub fn roles(&self) -> impl Iterator<Item = Role> + '_ {
        Role::ALL.into_iter().filter(|role| self.is_default(*role))
    }
}

/// The addresses of a customer that are more than the flat fields say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// The entries, by id.
    pub entries: Vec<Address>,
    /// The id of the next entry.
    pub next_id: i64,
    /// Whether the id of the implicit default of each of [`Role::ALL`] is used up.
    pub spent: [bool; 2],
}

impl Default for Book {
    fn default() -> Book {
        Book { entries: Vec::new(), next_id: FIRST_ID, spent: [false; 2] }
    }
}

impl Book {
    /// Whether nothing needs to be kept.
    pub fn is_plain(&self) -> bool {
        *self == Book::default()
    }

    /// A book without entries that gives no id of this one again.
    #[must_use]
    pub fn emptied(&self) -> Book {
        Book { entries: Vec::new(), ..*self }
    }

    /// A new id.
    pub fn new_id(&mut self) -> i64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    /// The id of a default address that only the flat fields hold, unless it is used up.
    pub fn implicit_id(&self, role: Role) -> Option<i64> {
        let is_spent = self.spent.get(role.index()).is_some_and(|is| *is);
        (!is_spent).then_some(match role {
            Role::Billing => 1,
            Role::Shipping => 2,
        })
    }

    /// Uses up the id of an implicit default.
    pub fn spend(&mut self, role: Role) {
        if let Some(slot) = self.spent.get_mut(role.index()) {
            *slot = true;
        }
    }

    /// The entry that is the default of a role.
    pub fn default_of(&self, role: Role) -> Option<&Address> {
        self.entries.iter().find(|entry| entry.is_default(role))
    }
}

//! The menu: where each subject is, and who finds it.

use super::texts::Texts;
use crate::domain::accounts::token::Scope;

/// An entry of the menu.
pub(super) struct Item {
    /// How pages say that they belong here.
    pub(super) name: &'static str,
    pub(super) label: fn(&Texts) -> &'static str,
    /// The address after that of the place, or of the console.
    pub(super) path: &'static str,
    pub(super) scope: Option<Scope>,
    /// Whether it is below a place; else it is for all of the organisation.
    pub(super) is_of_place: bool,
    /// Whether it needs one entrypoint, and not all.
    pub(super) is_of_one: bool,
}

const fn item(name: &'static str, label: fn(&Texts) -> &'static str, path: &'static str, scope: Scope) -> Item {
    Item { name, label, path, scope: Some(scope), is_of_place: true, is_of_one: false }
}

/// The entries in their order.
pub(super) const ITEMS: [Item; 13] = [
    item("overview", |texts| texts.menu_overview, "", Scope::CustomersRead),
    item("customers", |texts| texts.menu_customers, "/customers", Scope::CustomersRead),
    item("payments", |texts| texts.menu_payments, "/payments", Scope::MoneyRead),
    item("invoices", |texts| texts.menu_invoices, "/invoices", Scope::MoneyRead),
    item("orders", |texts| texts.menu_orders, "/orders", Scope::MoneyRead).of_one(),
    item("requests", |texts| texts.menu_requests, "/requests", Scope::MoneyRead).of_one(),
    item("coupons", |texts| texts.menu_coupons, "/coupons", Scope::MoneyRead).of_one(),
    item("products", |texts| texts.menu_products, "/products", Scope::MoneyRead).of_one(),
    item("imports", |texts| texts.menu_imports, "/imports", Scope::CustomersImport).of_one(),
    item("activity", |texts| texts.menu_activity, "/activity", Scope::Settings).of_one(),
    item("settings", |texts| texts.menu_settings, "/settings", Scope::Settings).of_one(),
    item("tokens", |texts| texts.menu_tokens, "/tokens", Scope::Tokens).of_all(),
    item("staff", |texts| texts.menu_staff, "/staff", Scope::Staff).of_all(),
];

impl Item {
    const fn of_one(self) -> Item {
        Item { is_of_one: true, ..self }
    }

    const fn of_all(self) -> Item {
        Item { is_of_place: false, ..self }
    }
}

//! The cards of a customer's page that list things: payments, invoices, orders, requests, coupons, subscriptions and links.

use serde_json::Value;

use super::texts::Texts;
use super::words::frequency;
use super::{Customer, total};
use crate::console::ask::{list, member, part, shown, text};
use crate::console::states::{Badge, Of, badge};
use crate::console::texts::{account_end, method};
use crate::console::written::{amount, percent, quantity, short_day};
use crate::domain::entrypoints::theme::Language;

/// A cell of a row.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    /// The heading of its column.
    pub(super) label: &'static str,
    pub(super) text: String,
    pub(super) badge: Option<Badge>,
    pub(super) is_number: bool,
}

/// A button of a row, which sends a form.
#[derive(Debug, Clone)]
pub(super) struct RowButton {
    pub(super) address: String,
    pub(super) label: &'static str,
    pub(super) kind: &'static str,
    pub(super) sure: &'static str,
}

/// A row; the first cell leads to the page of what it shows, if there is one.
#[derive(Debug, Clone, Default)]
pub(super) struct ListRow {
    pub(super) link: String,
    pub(super) cells: Vec<Cell>,
    pub(super) buttons: Vec<RowButton>,
}

/// A card with a table.
#[derive(Debug, Clone, Default)]
pub(super) struct ListCard {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// What stands there instead of no rows.
    pub(super) empty: &'static str,
    pub(super) rows: Vec<ListRow>,
    /// The page with all of them, and what its link says.
    pub(super) all: String,
    pub(super) all_label: String,
    /// The page that makes one more, and what its link says.
    pub(super) add: String,
    pub(super) add_label: &'static str,
}

impl ListCard {
    /// The headings of the columns: the cells of the first row have them.
    pub(super) fn heads(&self) -> &[Cell] {
        self.rows.first().map_or(&[], |row| row.cells.as_slice())
    }

    /// Whether a row has buttons.
    pub(super) fn has_buttons(&self) -> bool {
        self.rows.iter().any(|row| !row.buttons.is_empty())
    }

    /// Links to the page with all, and says how many there are.
    fn with_all(mut self, texts: &Texts, address: String, page: &Value) -> ListCard {
        let all = total(page);
        if all > 0 {
            self.all = address;
            self.all_label = format!("{} ({all})", texts.see_all);
        }
        self
    }
}

/// What the cards are made with.
pub(super) struct Maker<'a> {
    pub(super) language: Language,
    pub(super) texts: &'static Texts,
    pub(super) customer: &'a Customer,
    /// The path of the place.
    pub(super) base: &'a str,
    /// Whether the member may do something about money.
    pub(super) may_write: bool,
}

impl Maker<'_> {
    fn cell(label: &'static str, text: String) -> Cell {
        Cell { label, text, ..Cell::default() }
    }

    fn number(label: &'static str, text: String) -> Cell {
        Cell { label, text, is_number: true, ..Cell::default() }
    }

    fn state(&self, of: Of, word: &str) -> Cell {
        Cell { label: self.texts.status, badge: Some(badge(self.language, of, word)), ..Cell::default() }
    }

    fn all_of(&self, subject: &str) -> String {
        format!("{}/{subject}?customerId={}", self.base, self.customer.id)
    }

    fn add(&self, tail: &str) -> String {
        if self.may_write && !self.customer.is_deleted() {
            format!("{}{tail}", self.customer.home)
        } else {
            String::new()
        }
    }

    pub(super) fn payments(&self, summary: &Value) -> ListCard {
        let texts = self.texts;
        let rows = list(summary, "RecentTransactions").iter().map(|one| {
            let operation = text(one, "Operation");
            let what = badge(self.language, Of::Operation, operation).text;
            let how = [method(self.language, text(one, "Method")), account_end(text(one, "maskedAccount"))];
            ListRow {
                link: format!("{}/payments/{}", self.base, part(text(one, "transId"))),
                cells: vec![
                    Maker::cell(texts.date, short_day(self.language, text(one, "TransactionTime"))),
                    Maker::cell(texts.kind, what),
                    Maker::cell(texts.method, how.join(" ").trim().to_owned()),
                    self.state(Of::payment(operation), text(one, "status")),
                    Maker::number(
                        texts.amount,
                        amount(self.language, member(one, "TotalAmount"), text(one, "currency")),
                    ),
                ],
                buttons: Vec::new(),
            }
        });
        let rows: Vec<ListRow> = rows.collect();
        let all = if rows.is_empty() { String::new() } else { self.all_of("payments") };
        ListCard {
            id: "payments",
            title: texts.payments,
            empty: texts.no_payments,
            all,
            all_label: texts.see_all.to_owned(),
            add: self.add("/payments/new"),
            add_label: texts.record_payment,
            rows,
        }
    }

    pub(super) fn invoices(&self, page: &Value) -> ListCard {
        let texts = self.texts;
        let rows = list(page, "Records").iter().map(|one| {
            let currency = text(one, "currency");
            let number = Some(text(one, "invoiceNumber")).filter(|number| !number.is_empty());
            let word = match (text(one, "kind"), member(one, "overdue").as_bool()) {
                ("creditNote", _) => "creditNote",
                (_, Some(true)) => "overdue",
                _ => text(one, "state"),
            };
            ListRow {
                link: format!("{}/invoices/{}", self.base, shown(one, "invoiceId")),
                cells: vec![
                    Maker::cell(texts.number, number.unwrap_or(texts.draft).to_owned()),
                    Maker::cell(texts.due, short_day(self.language, text(one, "invoiceDueDate"))),
                    self.state(Of::Invoice, word),
                    Maker::number(
                        texts.open_amount,
                        amount(self.language, member(one, "openAmount"), currency),
                    ),
                    Maker::number(
                        texts.amount,
                        amount(self.language, member(one, "invoiceAmount"), currency),
                    ),
                ],
                buttons: Vec::new(),
            }
        });
        let add = if self.add("").is_empty() {
            String::new()
        } else {
            format!("{}/invoices/new?customerId={}", self.base, self.customer.id)
        };
        let card = ListCard {
            id: "invoices",
            title: texts.invoices,
            empty: texts.no_invoices,
            rows: rows.collect(),
            add,
            add_label: texts.new_invoice,
            ..ListCard::default()
        };
        card.with_all(texts, self.all_of("invoices"), page)
    }

    pub(super) fn orders(&self, page: &Value) -> ListCard {
        let texts = self.texts;
        let rows = list(page, "Records").iter().map(|one| {
            let lines = list(one, "lines");
            let first = lines.first().map(|line| {
                let name =
                    [text(line, "name"), text(line, "description")].into_iter().find(|name| !name.is_empty());
                format!(
                    "{} × {}",
                    quantity(self.language, member(line, "quantity")),
                    name.unwrap_or_default()
                )
            });
            let more = lines.len().saturating_sub(1);
            let mut what = first.unwrap_or_default();
            if more > 0 {
                what = format!("{what} +{more}");
            }
            ListRow {
                link: format!("{}/orders/{}", self.base, part(text(one, "orderId"))),
                cells: vec![
                    Maker::cell(texts.date, short_day(self.language, text(one, "createdAt"))),
                    Maker::cell(texts.what, what),
                    self.state(Of::Order, text(one, "status")),
                    Maker::number(
                        texts.amount,
                        amount(self.language, member(one, "total"), text(one, "currency")),
                    ),
                ],
                buttons: Vec::new(),
            }
        });
        let card = ListCard {
            id: "orders",
            title: texts.orders,
            empty: texts.no_orders,
            rows: rows.collect(),
            add: self.add("/orders/new"),
            add_label: texts.new_order,
            ..ListCard::default()
        };
        card.with_all(texts, self.all_of("orders"), page)
    }

    pub(super) fn requests(&self, page: &Value) -> ListCard {
        let texts = self.texts;
        let rows = list(page, "Records").iter().map(|one| {
            let id = text(one, "paymentRequestId");
            let (status, what) = (text(one, "status"), text(one, "description"));
            let currency = text(one, "currency");
            let amount = amount(self.language, member(one, "amount"), currency);
            ListRow {
                link: format!("{}/requests/{}", self.base, part(id)),
                cells: vec![
                    Maker::cell(
                        texts.what,
                        if what.is_empty() { texts.request_word } else { what }.to_owned(),
                    ),
                    Maker::cell(texts.date, short_day(self.language, text(one, "createdAt"))),
                    self.state(Of::Request, status),
                    Maker::number(
                        texts.amount,
                        if amount.is_empty() { texts.any_amount.to_owned() } else { amount },
                    ),
                ],
                buttons: self.link_buttons(&format!("/requests/{}", part(id)), status),
            }
        });
        let card = ListCard {
            id: "requests",
            title: texts.requests,
            empty: texts.no_requests,
            rows: rows.collect(),
            add: self.add("/request-payment"),
            add_label: texts.request_payment,
            ..ListCard::default()
        };
        card.with_all(texts, self.all_of("requests"), page)
    }

    /// The buttons of a link that somebody can still use.
    fn link_buttons(&self, tail: &str, status: &str) -> Vec<RowButton> {
        if !self.may_write || !matches!(status, "NEW" | "INP" | "DEC") {
            return Vec::new();
        }
        let texts = self.texts;
        let address = |what: &str| format!("{}{tail}/{what}", self.customer.home);
        vec![
            RowButton {
                address: address("resend"),
                label: texts.new_link,
                kind: "",
                sure: texts.new_link_sure,
            },
            RowButton {
                address: address("cancel"),
                label: texts.take_back,
                kind: "bad",
                sure: texts.take_back_sure,
            },
        ]
    }

    pub(super) fn links(&self, page: &Value) -> ListCard {
        let texts = self.texts;
        let rows = list(page, "Records").iter().map(|one| {
            let types: Vec<&str> = list(one, "methodTypes").iter().filter_map(Value::as_str).collect();
            let types = types.iter().map(|kind| texts.method_type(kind)).collect::<Vec<_>>();
            let status = text(one, "status");
            ListRow {
                link: String::new(),
                cells: vec![
                    Maker::cell(texts.date, short_day(self.language, text(one, "createdAt"))),
                    Maker::cell(texts.method, types.join(", ")),
                    Maker::cell(texts.expires, short_day(self.language, text(one, "expiresAt"))),
                    self.state(Of::MethodLink, status),
                ],
                buttons: self.link_buttons(&format!("/method-links/{}", part(text(one, "linkId"))), status),
            }
        });
        let card = ListCard {
            id: "method-links",
            title: texts.method_links,
            empty: texts.no_method_links,
            rows: rows.collect(),
            add: self.add("/method-links/new"),
            add_label: texts.ask_for_card,
            ..ListCard::default()
        };
        card.with_all(texts, format!("{}/method-links", self.customer.home), page)
    }

    pub(super) fn coupons(&self, page: &Value) -> ListCard {
        let texts = self.texts;
        let rows = list(page, "Records").iter().map(|one| {
            let coupon = member(one, "coupon");
            let off = match member(coupon, "percentOff") {
                Value::Null => amount(self.language, member(coupon, "amountOff"), text(coupon, "currency")),
                share => percent(self.language, share),
            };
            let is_assigned = !text(one, "assignedAt").is_empty();
            // A customer who used it as often as each may has nothing left of it.
            let left = member(coupon, "perCustomerLimit")
                .as_i64()
                .map(|limit| limit.saturating_sub(member(one, "redeemed").as_i64().unwrap_or_default()));
            let state = if left.is_some_and(|left| left <= 0) { "usedUp" } else { text(coupon, "state") };
            ListRow {
                link: format!("{}/coupons/{}", self.base, part(text(coupon, "code"))),
                cells: vec![
                    Maker::cell(texts.code_word, text(coupon, "code").to_owned()),
                    Maker::cell(texts.off, off),
                    Maker::cell(
                        texts.assigned,
                        if is_assigned {
                            short_day(self.language, text(one, "assignedAt"))
                        } else {
                            "–".to_owned()
                        },
                    ),
                    self.state(Of::Coupon, state),
                    Maker::number(texts.used, shown(one, "redeemed")),
                ],
                buttons: Vec::new(),
            }
        });
        let card = ListCard {
            id: "coupons",
            title: texts.coupons,
            empty: texts.no_coupons,
            rows: rows.collect(),
            add: self.add("/coupons/new"),
            add_label: texts.new_coupon,
            ..ListCard::default()
        };
        card.with_all(texts, format!("{}/coupons", self.base), page)
    }

    pub(super) fn subscriptions(&self) -> ListCard {
        let texts = self.texts;
        let rows = list(&self.customer.record, "Subscriptions").iter().map(|one| ListRow {
            link: String::new(),
            cells: vec![
                Maker::cell(texts.plan, text(one, "Plan").to_owned()),
                Maker::cell(texts.source, text(one, "Source").to_owned()),
                Maker::cell(texts.next_charge, short_day(self.language, text(one, "NextDate"))),
                self.state(Of::Subscription, text(one, "Status")),
                Maker::number(texts.amount, {
                    let amount = amount(self.language, member(one, "TotalAmount"), text(one, "Currency"));
                    let often = frequency(self.language, text(one, "Frequency"));
                    if often.is_empty() { amount } else { format!("{amount} / {often}") }
                }),
            ],
            buttons: Vec::new(),
        });
        ListCard {
            id: "subscriptions",
            title: texts.subscriptions,
            empty: texts.no_subscriptions,
            rows: rows.collect(),
            ..ListCard::default()
        }
    }
}

//! Takes, cancels and tells of orders (rules 18). The order, its invoice, its payment and its coupon are one change.

use std::sync::Arc;

use super::Undecided;
use super::calls::refuse_running;
use super::command::{Actor, Outcome};
use super::coupon::redeem;
use super::effects::{Effects, MailOrder};
use super::events::EventKind;
use super::invoice::{issued, mail_of, new_invoice};
use super::issue::{issue, next, refused};
use super::ordering::{ChangeOrder, OrderDone};
use super::request::request_event;
use super::shop::Redeem;
use super::taking_back::{cancel_order, order_event, void_invoice};
use super::transaction::record_own;
use super::working_set::WorkingSet;
use crate::domain::coupons::draft::RedemptionDraft;
use crate::domain::customers::fields::TextField;
use crate::domain::customers::record::Stored;
use crate::domain::invoices::draft::{InvoiceDraft, LineDraft};
use crate::domain::invoices::{
    Content, Invoice, InvoiceKind, InvoiceState, Line, SOURCE, day_of, language_of,
};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::problem::{Problem, Rejection};
use crate::domain::kernel::time::Micros;
use crate::domain::mail::{MailKind, OrderEnclosed, OrderedLine};
use crate::domain::numbers;
use crate::domain::orders::draft::{OrderDraft, OrderLine};
use crate::domain::orders::{Collect, Order, OrderContent, OrderId, OrderState, UsedCoupon};
use crate::domain::products::Product;
use crate::domain::requests::{
    DAYS_DEFAULT, MethodType, NewLink, Request, RequestContent, RequestId, RequestKind, RequestState,
};
use crate::domain::transactions::currency::Currency;
use crate::domain::transactions::id::TransId;
use crate::domain::transactions::item::{Item, Whose};

fn done(order: &Order, link: Option<&NewLink>) -> Outcome {
    let (customer_id, order_id, version) = (order.customer_id, order.id, order.version);
    let token = link.map(|link| link.token.expose().to_owned());
    Outcome::Ordered(OrderDone { customer_id, order_id, version, token })
}

pub(super) fn decide_order(
    working_set: &mut WorkingSet,
    change: &ChangeOrder,
    actor: &Actor,
) -> Result<Effects, Undecided> {
    match change {
        ChangeOrder::Take { customer_id, draft, link, random } => {
            take(working_set, *customer_id, draft, (link, *random), actor)
        }
        ChangeOrder::Cancel(id) => cancel(working_set, *id, actor),
        ChangeOrder::Resend { id, link } => resend(working_set, *id, link, actor),
    }
}

fn take(
    working_set: &mut WorkingSet,
    customer_id: i64,
    draft: &OrderDraft,
    (link, random): (&NewLink, u128),
    actor: &Actor,
) -> Result<Effects, Undecided> {
    let stored = working_set.customer(customer_id).map(Arc::clone).ok_or(Rejection::NotFound)?;
    if stored.customer.is_deleted() {
        return Err(Rejection::Deleted.into());
    }
    let (lines, currency) = lines(working_set, draft)?;
    let id = TransId::new(working_set.entrypoint.id, working_set.now, random);
    let shown_id = id.show(working_set.entrypoint.id);
    let mut effects = Effects::new(Outcome::Linked { id: customer_id }, None);
    let plain = priced(lines.clone(), Money::default(), currency)?;
    let coupon = match &draft.coupon {
        None => None,
        Some(code) => {
            let of = RedemptionDraft {
                customer_id,
                amount: plain.sums.gross,
                currency,
                reference: Some(format!("order {shown_id}")),
            };
            let wanted = Redeem { code: code.clone(), draft: of, random: random.rotate_left(64) };
            let redemption = redeem(working_set, &wanted, actor).map_err(of_coupon)?.onto(&mut effects);
            let (redemption_id, discount) = (redemption.id, redemption.discount);
            let coupon = working_set.coupons.with_code(code.key())?.ok_or(Rejection::Defect)?;
            Some(UsedCoupon { code: coupon.code.clone(), redemption_id, discount })
        }
    };
    let discount = coupon.as_ref().map_or_else(Money::default, |coupon| coupon.discount);
    let content = priced(lines, discount, currency)?;
    working_set.last_sale(customer_id)?;
    // What the payment needs must be there before the series moves on.
    let payment = (draft.collect == Collect::Paid && content.sums.total > Money::default())
        .then(|| payment_of(working_set, draft, (customer_id, &shown_id), (content.sums.total, currency)));
    if let Some(item) = &payment {
        load_for(working_set, item, customer_id)?;
    }
    let of_invoice = Content {
        purchase_order: draft.purchase_order.clone(),
        notes: draft.notes.clone(),
        order_id: Some(id),
        wanted_due_day: draft
            .due_in_days
            .and_then(|days| day_of(working_set.now).checked_add_days(chrono::Days::new(u64::from(days)))),
        ..content.clone()
    };
    let mut invoice = new_invoice(working_set, InvoiceKind::Invoice, customer_id, (of_invoice, currency))?;
    issue(working_set, &mut invoice, &stored, None)?;
    if let Some(issue) = &mut invoice.issue {
        issue.is_paid = payment.is_some();
    }
    let of_issue = issued(working_set, &invoice, actor)?;
    effects.revisions = of_issue.revisions;
    effects.idle = of_issue.idle;
    // What costs nothing waits for no payment.
    let request = (draft.collect == Collect::Request && content.sums.total > Money::default())
        .then(|| request_of(working_set, (id, &invoice), link, random.rotate_left(96)));
    let link = request.as_ref().map(|_| link);
    let order = Order {
        id,
        version: 1,
        customer_id,
        state: if request.is_some() { OrderState::Pending } else { OrderState::Completed },
        collect: draft.collect,
        currency,
        total: content.sums.total,
        invoice_id: Some(invoice.id),
        content: Some(OrderContent {
            lines: content.lines,
            sums: content.sums,
            coupon,
            purchase_order: draft.purchase_order.clone(),
            notes: draft.notes.clone(),
            invoice_number: Some(invoice.number().to_owned()),
            request_id: request.as_ref().map(|request| request.id),
            sends_invoice: request.is_some() && draft.notify,
        }),
        created_at: working_set.now,
        updated_at: working_set.now,
    };
    effects.events.push(order_event(EventKind::OrderCreated, working_set, &order, actor));
    effects.events.extend(of_issue.events);
    if let Some(request) = &request {
        effects.events.push(request_event(EventKind::RequestCreated, working_set, request, actor));
    }
    if draft.notify {
        // The invoice of an order that waits for its payment follows on that.
        let sent = Some(working_set.now).filter(|_| has_address(&stored) && request.is_none());
        invoice.sent_at = sent;
        effects.mails = mails(working_set, &stored, &order, (&invoice, link));
    }
    let number = invoice.number().to_owned();
    let outcome = done(&order, link);
    // Nothing can be refused from here on. The order comes before its payment.
    working_set.take(effects);
    working_set.invoices.put(invoice);
    working_set.orders.put(order);
    if let Some(request) = request {
        working_set.requests.put(request);
    }
    if let Some(mut item) = payment {
        item.optional.invoice_number = Some(number.into());
        record_own(working_set, &item, random.rotate_left(32), actor)?;
    }
    Ok(Effects::new(outcome, None))
}

/// Makes sure that what the payment of an order needs is loaded.
fn load_for(working_set: &WorkingSet, payment: &Item, customer_id: i64) -> Result<(), Undecided> {
    let key = (payment.source.clone(), payment.external_id.clone());
    working_set.ledger.get(&key)?;
    working_set.ledger.paid_back_by(&key)?;
    working_set.payer(customer_id)?;
    Ok(())
}

/// The payment request that collects the money of an order.
fn request_of(
    working_set: &WorkingSet,
    (order_id, invoice): (OrderId, &Invoice),
    link: &NewLink,
    random: u128,
) -> Request {
    let now = working_set.now;
    Request {
        id: RequestId::new(working_set.entrypoint.id, now, random),
        version: 1,
        kind: RequestKind::Payment,
        customer_id: Some(invoice.customer_id),
        state: RequestState::New,
        currency: invoice.currency,
        amount: Some(invoice.content.sums.total),
        min: None,
        max: None,
        uses: 0,
        max_uses: Some(1),
        invoice_id: Some(invoice.id),
        order_id: Some(order_id),
        link_hash: link.hash,
        expires_at: ends_at(now, invoice),
        created_at: now,
        updated_at: now,
        last_trans_id: None,
        content: Some(RequestContent {
            method_types: vec![MethodType::Card, MethodType::Ach, MethodType::Wallet],
            ..RequestContent::default()
        }),
    }
}

/// Until when the request of an order can be paid: as long as the customer has to pay, and at least as long as by default.
fn ends_at(now: Micros, invoice: &Invoice) -> Micros {
    const DAY_SECS: i64 = 24 * 60 * 60;
    let due_day = invoice.issue.as_ref().map(|issue| issue.due_day);
    let days = due_day.map_or(0, |day| (day - day_of(now)).num_days());
    let days = days.saturating_add(1).clamp(DAYS_DEFAULT, RequestKind::Payment.days_max());
    now.plus_secs(days * DAY_SECS)
}

/// A refusal of a coupon, told of the member that names it.
fn of_coupon(refusal: Undecided) -> Undecided {
    let problems = match refusal {
        Undecided::Rejected(Rejection::NotFound) => {
            vec![Problem::field(&["coupon"], "unknown_coupon", "is no coupon of this entrypoint")]
        }
        Undecided::Rejected(Rejection::State(problems)) => problems
            .into_iter()
            .map(|problem| Problem::field(&["coupon"], problem.code, problem.message))
            .collect(),
        other => return other,
    };
    Rejection::State(problems).into()
}

/// The payment of an order that was paid on the spot; the number of its invoice is not known yet.
fn payment_of(
    working_set: &WorkingSet,
    draft: &OrderDraft,
    (customer_id, order): (i64, &str),
    (amount, currency): (Money, Currency),
) -> Item {
    let reference = draft.reference.as_deref().unwrap_or("payment");
    let mut item = Item::bare(SOURCE, &format!("{order}/{reference}"));
    item.whose = Whose::Id(customer_id);
    item.amount = amount;
    item.currency = Some(currency);
    item.occurred_at = Some(working_set.now);
    item.optional.method.clone_from(&draft.method);
    item.optional.order_id = Some(order.into());
    item
}

/// The lines as an invoice has them, and the currency of all.
fn lines(working_set: &WorkingSet, draft: &OrderDraft) -> Result<(Vec<LineDraft>, Currency), Undecided> {
    let (mut currency, mut problems) = (draft.currency, Vec::new());
    let mut all = Vec::with_capacity(draft.lines.len());
    for (index, line) in draft.lines.iter().enumerate() {
        let place = index.to_string();
        let mut refuse = |name: &str, code: &'static str, message: String| {
            problems.push(Problem::field(&["lines", &place, name], code, message));
        };
        let product = match line.product {
            None => None,
            Some(id) => match working_set.catalogue.get(id)? {
                None => {
                    refuse("productId", "unknown_product", "is no product of this entrypoint".into());
                    continue;
                }
                Some(product) if !product.active => {
                    refuse(
                        "productId",
                        "inactive_product",
                        "is not on sale; set active to true first".into(),
                    );
                    continue;
                }
                Some(product) => Some(product),
            },
        };
        if let Some(product) = product
            && line.unit_price.is_none()
        {
            let wanted = *currency.get_or_insert(product.currency);
            if wanted != product.currency {
                let own = product.currency;
                refuse(
                    "productId",
                    "currency_mismatch",
                    format!("costs {own}, and the order is in {wanted}; send unitPrice"),
                );
            }
        }
        for (name, message) in product.into_iter().flat_map(|product| wrong_options(product, line)) {
            refuse("options", "invalid_option", format!("{name}: {message}"));
        }
        all.push(line_of(line, product.map(|product| &**product)));
    }
    if problems.is_empty() {
        Ok((all, currency.unwrap_or(working_set.entrypoint.currency)))
    } else {
        Err(Rejection::State(problems).into())
    }
}

/// What is wrong with the values that are chosen of a product's options.
fn wrong_options(product: &Product, line: &OrderLine) -> Vec<(String, String)> {
    let mut wrong = Vec::new();
    for option in &product.options {
        match line.options.get(&option.name) {
            Some(value) if option.values.contains(value) => {}
            _ => wrong.push((option.name.clone(), format!("choose one of {}", option.values.join(", ")))),
        }
    }
    for name in line.options.keys().filter(|name| !product.options.iter().any(|option| option.name == **name))
    {
        wrong.push((name.clone(), "the product has no such option".into()));
    }
    wrong
}

fn line_of(line: &OrderLine, product: Option<&Product>) -> LineDraft {
    let chosen = product.into_iter().flat_map(|product| &product.options);
    let chosen = chosen.filter_map(|option| Some((&option.name, line.options.get(&option.name)?)));
    let chosen: Vec<String> = chosen.map(|(name, value)| format!("{name}: {value}")).collect();
    let chosen = (!chosen.is_empty()).then(|| chosen.join(", "));
    let name = line.name.clone().or_else(|| product.map(|product| product.name.clone()));
    let name = match (name, chosen) {
        (Some(name), Some(chosen)) => Some(format!("{name} ({chosen})")),
        (name, chosen) => name.or(chosen),
    };
    let description =
        line.description.clone().or_else(|| product.and_then(|product| product.description.clone()));
    let of_product = |price: fn(&Product) -> Money| product.map(price);
    LineDraft {
        line: Line {
            name: name.map(Into::into),
            description: description.filter(|text| !text.is_empty()).map(Into::into),
            quantity: line.quantity,
            price: line.unit_price.or_else(|| of_product(|product| product.unit_price)).unwrap_or_default(),
            rate: line.tax_rate.or_else(|| product.and_then(|product| product.tax_rate)).unwrap_or_default(),
            ..Line::default()
        },
        ..LineDraft::default()
    }
}

/// Lines with a discount, with what they come to.
fn priced(lines: Vec<LineDraft>, discount: Money, currency: Currency) -> Result<Content, Rejection> {
    let draft = InvoiceDraft::of_lines(lines).with_discount(discount);
    let renamed = |problem: Problem| Problem {
        at: match problem.at {
            crate::domain::kernel::problem::At::Pointer(pointer) => {
                crate::domain::kernel::problem::At::Pointer(
                    pointer.replace("/items", "/lines").replace("/itemCost", "/unitPrice"),
                )
            }
            other => other,
        },
        ..problem
    };
    draft.write_to(&Content::default(), currency).map(|(content, _)| content).map_err(|refusal| match refusal
    {
        Rejection::Invalid(problems) => Rejection::Invalid(problems.into_iter().map(renamed).collect()),
        other => other,
    })
}

fn cancel(working_set: &mut WorkingSet, id: OrderId, actor: &Actor) -> Result<Effects, Undecided> {
    let order = working_set.orders.get(id)?.map(Arc::clone).ok_or(Rejection::NotFound)?;
    if order.state == OrderState::Cancelled {
        return Ok(Effects::new(done(&order, None), None));
    }
    let invoice = match order.invoice_id {
        None => None,
        Some(id) => working_set.invoices.get(id)?.map(Arc::clone),
    };
    if let Some(invoice) = &invoice {
        let is_untouched = invoice.state() == InvoiceState::Open && invoice.credits.is_empty();
        if !is_untouched && invoice.state() != InvoiceState::Cancelled {
            let message = "its invoice is paid or credited; issue a credit note for the invoice, and pay the money back";
            return Err(refused("order_paid", message));
        }
        refuse_running(working_set, invoice)?;
    }
    let (after, events) = cancel_order(working_set, &order, actor)?;
    let mut effects = Effects::new(done(&after, None), None);
    if let Some(invoice) = invoice.filter(|invoice| invoice.state() == InvoiceState::Open) {
        effects.events.push(void_invoice(working_set, &invoice, actor).1);
        effects.idle.push((invoice.customer_id, working_set.now));
    }
    effects.events.extend(events);
    Ok(effects)
}

fn resend(
    working_set: &mut WorkingSet,
    id: OrderId,
    link: &NewLink,
    actor: &Actor,
) -> Result<Effects, Undecided> {
    let order = working_set.orders.get(id)?.map(Arc::clone).ok_or(Rejection::NotFound)?;
    let stored = working_set.customer(order.customer_id).map(Arc::clone).ok_or(Rejection::Defect)?;
    if stored.customer.is_deleted() {
        return Err(Rejection::Deleted.into());
    }
    if order.state == OrderState::Cancelled {
        return Err(refused("order_cancelled", "the order is cancelled; take another one"));
    }
    if !has_address(&stored) {
        return Err(refused("no_email", "the customer has no e-mail address"));
    }
    let invoice = match order.invoice_id {
        None => None,
        Some(id) => working_set.invoices.get(id)?.map(Arc::clone),
    };
    let Some(invoice) = invoice else { return Err(Rejection::Defect.into()) };
    let request = match order.content.as_ref().and_then(|content| content.request_id) {
        Some(id) if order.state == OrderState::Pending => working_set.requests.get(id)?.map(Arc::clone),
        _ => None,
    };
    let link = request.as_ref().map(|_| link);
    let mut effects = Effects::new(done(&order, link), None);
    effects.mails = mails(working_set, &stored, &order, (&invoice, link));
    effects.events.push(order_event(EventKind::OrderSent, working_set, &order, actor));
    if let Some((request, link)) = request.zip(link) {
        let now = working_set.now;
        let expires_at = request.expires_at.max(ends_at(now, &invoice));
        let after = Request { expires_at, ..request.relink(link.hash, now) };
        effects.events.push(request_event(EventKind::RequestSent, working_set, &after, actor));
        working_set.requests.put(after);
    } else {
        let sent = Invoice { sent_at: Some(working_set.now), ..next(working_set, &invoice) };
        working_set.invoices.put(sent);
    }
    Ok(effects)
}

fn has_address(stored: &Stored) -> bool {
    stored.customer.text(TextField::Email).is_some()
}

/// The confirmation of an order, and its invoice; with a link to pay by, the confirmation alone.
fn mails(
    working_set: &WorkingSet,
    stored: &Stored,
    order: &Order,
    (invoice, link): (&Invoice, Option<&NewLink>),
) -> Vec<MailOrder> {
    let Some(content) = &order.content else { return Vec::new() };
    let language = language_of(&stored.customer, &working_set.entrypoint);
    let written = |amount: Money| numbers::price(language, order.currency, amount);
    let line = |line: &Line| OrderedLine {
        what: line.name.as_deref().or(line.description.as_deref()).unwrap_or_default().to_owned(),
        quantity: line.quantity.to_string(),
        amount: written(line.gross),
    };
    let discount = content.coupon.as_ref().map(|coupon| written(coupon.discount));
    let enclosed = OrderEnclosed {
        number: order.id.show(working_set.entrypoint.id),
        invoice_number: invoice.number().to_owned(),
        day: numbers::day_of(language, order.created_at),
        lines: content.lines.iter().map(line).collect(),
        discount: discount.unwrap_or_default(),
        tax: written(content.sums.tax),
        total: written(content.sums.total),
        is_paid: order.collect == Collect::Paid,
        language,
    };
    let confirmation = MailOrder {
        order: Some(Box::new(enclosed)),
        link: link.map(|link| link.token.clone()),
        ..MailOrder::of(order.customer_id, MailKind::OrderConfirmation)
    };
    match link {
        Some(_) => vec![confirmation],
        None => vec![confirmation, mail_of(invoice)],
    }
}

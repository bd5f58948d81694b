//! The page of a payment: what is known of it, what was paid back, and what can be done.

use actix_web::http::StatusCode;
use askama::Template;
use rust_decimal::Decimal;
use serde_json::Value;

use super::texts::{Texts, texts};
use crate::console::ask::{list, member, part, shown, text};
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::money::people::{self, Choice, Person};
use crate::console::money::texts::{Texts as Words, texts as words};
use crate::console::money::typed;
use crate::console::page::{Refused, Shown, html};
use crate::console::states::{Of, state_of};
use crate::console::texts::{account_end, method};
use crate::console::visit::{SignedIn, Store, Visit};
use crate::console::written::{amount, decimal, input, minute};
use crate::web::form::Form;

/// What was paid back of a payment.
struct Back {
    address: String,
    at: String,
    operation: &'static str,
    badge: (&'static str, &'static str),
    amount: String,
}

/// What the provider says of a charge.
#[derive(Default)]
struct AtProvider {
    badge: (&'static str, &'static str),
    id: String,
    auth_code: String,
    decline_code: String,
    message: String,
    asked_by: String,
    is_unknown: bool,
    is_waiting: bool,
    /// What can still be paid back; empty if nothing can.
    left: String,
    can_void: bool,
}

#[derive(Template)]
#[template(path = "console/payments/page.html")]
#[expect(clippy::struct_excessive_bools, reason = "what the page shows, one by one")]
struct PaymentPage {
    frame: Frame,
    texts: &'static Texts,
    words: &'static Words,
    form: Fields,
    here: String,
    amount: String,
    at: String,
    badge: (&'static str, &'static str),
    operation: &'static str,
    facts: Vec<(&'static str, String)>,
    customer: Option<Person>,
    is_unlinked: bool,
    choice: Choice,
    provider: Option<AtProvider>,
    backs: Vec<Back>,
    /// The address of the payment that this one pays back; empty if there is none.
    original: String,
    is_sale: bool,
    is_test: bool,
    can_receipt: bool,
}

/// The payment that the address names, if it is one of the store.
async fn found<'s>(visit: &Visit, signed_in: &'s SignedIn) -> Result<(&'s Store, Value), Refused> {
    let store = visit.store(signed_in)?;
    let path = format!("/MoneyIn/details/{}", part(visit.part("transId")));
    let one = visit.get(signed_in, &path).sent().await?;
    if member(&one, "PaypointId").as_i64() == Some(store.id) {
        Ok((store, one))
    } else {
        Err(Refused::NotFound)
    }
}

/// `GET /console/at/{place}/payments/{transId}`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    page(visit, signed_in, Fields::default(), "").await
}

/// `POST /console/at/{place}/payments/{transId}`: searches the customer to link it to.
pub(super) async fn find(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    page(visit, signed_in, Fields::default(), sent.get("search")).await
}

async fn page(visit: &Visit, signed_in: &SignedIn, mut form: Fields, search: &str) -> Shown {
    let (texts, words, language) = (texts(visit.language), words(visit.language), visit.language);
    let (store, one) = found(visit, signed_in).await?;
    let frame = visit.frame(signed_in, "payments", texts.payment)?;
    let currency = text(&one, "currency").to_owned();
    let here = format!("{}/payments/{}", frame.base, part(text(&one, "transId")));
    let customer_id = shown(&one, "customerId");
    let customer = match customer_id.as_str() {
        "" => None,
        id => Some(people::owner(visit, signed_in, store, id).await?),
    };
    let is_unlinked = customer_id.is_empty();
    let may_link = is_unlinked && frame.may("money:write") && frame.may("customers:read");
    let choice =
        if may_link { people::search(visit, signed_in, store, search).await? } else { Choice::default() };
    let path = format!("/Charge/{}", part(text(&one, "transId")));
    let provider = visit.get(signed_in, &path).if_any().await?;
    let provider = provider.map(|known| at_provider(visit, &known, &mut form));
    let backs = backs(visit, signed_in, store, &one).await?;
    let original = original(visit, signed_in, store, &one).await?;
    let amounts = |name: &str| amount(language, member(&one, name), &currency);
    let back = Some(amounts("refundedAmount"))
        .filter(|_| decimal(member(&one, "refundedAmount")).is_some_and(|value| value > Decimal::ZERO));
    let facts = vec![
        (texts.operation, state_of(language, Of::Operation, text(&one, "Operation")).1.to_owned()),
        (texts.method, method(language, text(&one, "Method"))),
        (texts.account, account_end(text(&one, "maskedAccount"))),
        (words.description, text(&one, "description").to_owned()),
        (texts.invoice, text(&one, "invoiceNumber").to_owned()),
        (texts.order, text(&one, "OrderId").to_owned()),
        (texts.fee, amounts("FeeAmount")),
        (texts.net_amount, amounts("NetAmount")),
        (texts.refunded_amount, back.unwrap_or_default()),
        (texts.source, text(&one, "Source").to_owned()),
        (texts.external_id, text(&one, "externalId").to_owned()),
        (texts.status_at, minute(language, text(&one, "statusAt"))),
    ];
    let moved = matches!(text(&one, "status"), "approved" | "refunded");
    let page = PaymentPage {
        texts,
        words,
        here,
        amount: amounts("TotalAmount"),
        at: minute(language, text(&one, "TransactionTime")),
        badge: state_of(language, Of::payment(text(&one, "Operation")), text(&one, "status")),
        operation: state_of(language, Of::Operation, text(&one, "Operation")).1,
        facts,
        is_unlinked,
        choice,
        provider,
        backs,
        original,
        is_sale: text(&one, "Operation") == "sale",
        is_test: member(&one, "isTest").as_bool().unwrap_or_default(),
        can_receipt: moved && customer.is_some() && frame.may("money:write"),
        customer,
        form,
        frame,
    };
    let status = if page.form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html(status, &page)
}

fn at_provider(visit: &Visit, known: &Value, form: &mut Fields) -> AtProvider {
    let status = text(known, "status");
    let left = decimal(member(known, "refundableAmount")).filter(|left| *left > Decimal::ZERO);
    if left.is_some() && form.value("amount").is_empty() {
        form.set("amount", input(member(known, "refundableAmount")));
    }
    let whole = decimal(member(known, "refundableAmount")) == decimal(member(known, "amount"));
    AtProvider {
        badge: state_of(visit.language, Of::Charge, status),
        id: text(known, "providerId").to_owned(),
        auth_code: text(known, "authCode").to_owned(),
        decline_code: text(known, "declineCode").to_owned(),
        message: text(known, "message").to_owned(),
        asked_by: text(known, "askedBy").to_owned(),
        is_unknown: member(known, "isUnknown").as_bool().unwrap_or_default(),
        is_waiting: status == "requiresAction",
        can_void: left.is_some() && whole,
        left: match left {
            Some(_) => amount(visit.language, member(known, "refundableAmount"), text(known, "currency")),
            None => String::new(),
        },
    }
}

/// What was paid back of a sale. Without a refund the list is not asked for.
async fn backs(
    visit: &Visit,
    signed_in: &SignedIn,
    store: &Store,
    one: &Value,
) -> Result<Vec<Back>, Refused> {
    if text(one, "Operation") != "sale" || text(one, "externalId").is_empty() {
        return Ok(Vec::new());
    }
    let customer = shown(one, "customerId");
    let ask = visit
        .get(signed_in, &format!("/Query/transactions/{}", part(&store.entry)))
        .with("refundOf(eq)", text(one, "externalId"))
        .with("source(eq)", text(one, "Source"))
        .with("operation(in)", "refund|chargeback")
        .with("customerId(eq)", if customer.is_empty() { "0".to_owned() } else { customer })
        .with("limitRecord", "50");
    let Ok(answer) = ask.tried().await? else { return Ok(Vec::new()) };
    let language = visit.language;
    let back = |back: &Value| Back {
        address: format!("{}/at/{}/payments/{}", visit.root, part(&store.entry), part(text(back, "transId"))),
        at: minute(language, text(back, "TransactionTime")),
        operation: state_of(language, Of::Operation, text(back, "Operation")).1,
        badge: state_of(language, Of::payment(text(back, "Operation")), text(back, "status")),
        amount: amount(language, member(back, "TotalAmount"), text(back, "currency")),
    };
    Ok(list(&answer, "Records").iter().map(back).collect())
}

/// The address of the sale that a refund pays back; empty without one.
async fn original(
    visit: &Visit,
    signed_in: &SignedIn,
    store: &Store,
    one: &Value,
) -> Result<String, Refused> {
    let sale = text(one, "refundOf");
    let customer = shown(one, "customerId");
    if sale.is_empty() {
        return Ok(String::new());
    }
    let ask = visit
        .get(signed_in, &format!("/Query/transactions/{}", part(&store.entry)))
        .with("externalId(eq)", sale)
        .with("source(eq)", text(one, "Source"))
        .with("operation(eq)", "sale")
        .with("customerId(eq)", if customer.is_empty() { "0".to_owned() } else { customer })
        .with("limitRecord", "1");
    let Ok(answer) = ask.tried().await? else { return Ok(String::new()) };
    let found = list(&answer, "Records").first();
    let address = |sale: &Value| {
        format!("{}/at/{}/payments/{}", visit.root, part(&store.entry), part(text(sale, "transId")))
    };
    Ok(found.map(address).unwrap_or_default())
}

/// Goes back to the page of the payment.
fn done(visit: &Visit, signed_in: &SignedIn, one: &Value, word: &str) -> Shown {
    let store = visit.store(signed_in)?;
    let path = format!("/at/{}/payments/{}?done={word}", part(&store.entry), part(text(one, "transId")));
    Ok(visit.go_to(&path))
}

/// `POST …/refund`: all of it, or a part.
pub(super) async fn refund(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let (_, one) = found(visit, signed_in).await?;
    let asked = typed(sent.get("amount"));
    let path = format!(
        "/MoneyIn/refund/{}/{}",
        part(text(&one, "transId")),
        part(if asked.is_empty() { "0" } else { &asked })
    );
    moved(visit, signed_in, sent, &one, (&path, "refunded")).await
}

/// `POST …/void`.
pub(super) async fn void(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let (_, one) = found(visit, signed_in).await?;
    let path = format!("/MoneyIn/void/{}", part(text(&one, "transId")));
    moved(visit, signed_in, sent, &one, (&path, "voided")).await
}

async fn moved(
    visit: &Visit,
    signed_in: &SignedIn,
    sent: &Form,
    one: &Value,
    (path, word): (&str, &str),
) -> Shown {
    let mut form = Fields::sent(sent, &["amount"]);
    match visit.post(signed_in, path, sent).tried().await? {
        Ok(answer) => match member(member(&answer, "responseData"), "resultCode").as_i64() {
            Some(2) => {
                form.add("", texts(visit.language).declined_now);
                page(visit, signed_in, form, "").await
            }
            Some(10) => done(visit, signed_in, one, "pending"),
            _ => done(visit, signed_in, one, word),
        },
        Err(no) => page(visit, signed_in, form.refused(&no).in_language(visit.language), "").await,
    }
}

/// `POST …/receipt`.
pub(super) async fn receipt(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let (_, one) = found(visit, signed_in).await?;
    let path = format!("/MoneyIn/sendreceipt/{}", part(text(&one, "transId")));
    match visit.post(signed_in, &path, sent).tried().await? {
        Ok(_) => done(visit, signed_in, &one, "sent"),
        Err(no) => {
            page(visit, signed_in, Fields::default().refused(&no).in_language(visit.language), "").await
        }
    }
}

/// `POST …/link`: says whose it is.
pub(super) async fn link(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let (store, one) = found(visit, signed_in).await?;
    let customer = people::customer(visit, signed_in, store, sent.get("customerId")).await?;
    let path = format!("/Customer/link/{}/{}", customer.id, part(text(&one, "transId")));
    match visit.post(signed_in, &path, sent).tried().await? {
        Ok(_) => done(visit, signed_in, &one, "linked"),
        Err(no) => {
            page(visit, signed_in, Fields::default().refused(&no).in_language(visit.language), "").await
        }
    }
}

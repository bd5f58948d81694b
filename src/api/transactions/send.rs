//! `POST /Transaction/{entry}`: an array of transactions, or lines without an end.

use std::fmt;

use actix_web::web::{Bytes, BytesMut, Payload};
use actix_web::{HttpMessage as _, HttpResponse, post};
use bytes::Buf as _;
use futures_util::StreamExt as _;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::api::http::body;
use crate::api::http::call::{Call, Mutation, ok};
use crate::api::http::error::{Error, unless_any};
use crate::api::http::params::{EntryPath, KeyHeader};
use crate::clock;
use crate::domain::accounts::token::Scope;
use crate::domain::customers::draft::Context;
use crate::domain::decide::command::{Action, Outcome};
use crate::domain::decide::delivery::{Delivery, Ingest, ItemAnswer, ItemResult, OnUnknown, Reason};
use crate::domain::kernel::card::CardGuard;
use crate::domain::kernel::problem::Problem;
use crate::domain::transactions::ITEMS_MAX;

/// The most bytes of an array, and of a line.
pub(crate) const ITEMS_BYTES_MAX: usize = 8 * 1024 * 1024;
const LINE_BYTES_MAX: usize = 256 * 1024;
/// What a body may be.
const TYPES: &str = "application/json in UTF-8, not compressed, or application/x-ndjson for JSON lines";
/// How many refused lines an answer lists; it counts the others.
const LISTED_MAX: usize = 1_000;
/// What some programs write before the first line of a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// How long lines wait for others, so that all of them are recorded together.
const PAUSE_MAX: std::time::Duration = std::time::Duration::from_millis(250);

/// What became of transactions.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecordedOut {
    /// Always true: refused items do not fail the request.
    is_success: bool,
    /// `Success`.
    response_text: &'static str,
    /// 1 for success.
    response_code: i32,
    /// How many were sent.
    received: u64,
    /// How many are new.
    created: u64,
    /// How many were known and have other values now.
    moved: u64,
    /// How many were known and have their customer now.
    linked: u64,
    /// How many were known, as they are.
    unchanged: u64,
    /// How many were refused.
    refused: u64,
    /// Of an array, what became of each item; of lines, the first 1,000 that were refused.
    items: Vec<ItemOut>,
}

/// What became of a transaction.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct ItemOut {
    /// Its place in the array, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
    /// Its line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    /// Its id in its source, as far as that could be read.
    external_id: Option<String>,
    /// The service's id of it; null where it was refused.
    trans_id: Option<String>,
    /// What became of it: `created`, `moved`, `linked`, `unchanged` or `refused`. A token without customers:read is never told
    /// `linked`.
    result: ItemResult,
    /// Whose it is; null while it is unlinked, and without customers:read.
    customer_id: Option<i64>,
    /// The customers among whom an ambiguous match could not choose; for tokens with pii:read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<i64>,
    /// Whether it pays back a sale that has not come yet.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    refund_of_unknown: bool,
    /// Why it was refused, or, for tokens with customers:read, why it is unlinked; null otherwise.
    reason: Option<ItemReasonOut>,
}

/// Why a transaction was refused, or is unlinked.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct ItemReasonOut {
    /// A stable code in snake case.
    code: String,
    /// What is wrong and what would do; never a personal value.
    message: String,
    /// The member of the item that it is about, as a JSON pointer within the item.
    field: String,
}

impl From<Reason> for ItemReasonOut {
    fn from(reason: Reason) -> ItemReasonOut {
        let Reason { code, message, field } = reason;
        ItemReasonOut { code: code.into(), message, field }
    }
}

impl ItemOut {
    fn new(answer: ItemAnswer, index: Option<u64>, line: Option<u64>) -> ItemOut {
        ItemOut {
            index,
            line,
            external_id: answer.external_id.map(Into::into),
            trans_id: answer.trans_id,
            result: answer.result,
            customer_id: answer.customer_id,
            candidates: answer.candidates,
            refund_of_unknown: answer.refund_of_unknown,
            reason: answer.reason.map(Into::into),
        }
    }
}

impl RecordedOut {
    fn new() -> RecordedOut {
        RecordedOut { is_success: true, response_text: "Success", response_code: 1, ..RecordedOut::default() }
    }

    fn count(&mut self, result: ItemResult) {
        self.received += 1;
        *match result {
            ItemResult::Created => &mut self.created,
            ItemResult::Moved => &mut self.moved,
            ItemResult::Linked => &mut self.linked,
            ItemResult::Unchanged => &mut self.unchanged,
            ItemResult::Refused => &mut self.refused,
        } += 1;
    }
}

/// A transaction as it is sent.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it stands in the OpenAPI document alone")]
pub(crate) struct ItemIn {
    /// The system that it comes from: 1–40 of `a-z 0-9 _ -`.
    source: String,
    /// Its id there. The same source and id again is the same transaction.
    external_id: String,
    /// Whose it is; at most one of `customerId`, `customerNumber`, `reference` and `customer`.
    customer_id: Option<i64>,
    /// Whose it is, by the number that you gave the customer.
    customer_number: Option<String>,
    /// Whose it is, by what another system calls the customer.
    reference: Option<NamedReferenceIn>,
    /// Who paid, as the body of a create; found by the identifiers of the entrypoint.
    #[schema(value_type = Option<Object>)]
    customer: Option<()>,
    /// `sale` (the default), `refund`, `chargeback` or `credit`.
    operation: Option<String>,
    /// `initiated`, `authorised`, `approved`, `declined`, `voided`, `refunded`, `error`, or Payabli's code.
    status: String,
    /// The amount, never negative, as a number or a decimal text.
    amount: f64,
    /// The currency by its ISO 4217 code; the entrypoint's by default.
    currency: Option<String>,
    /// What the provider keeps.
    fee: Option<f64>,
    /// What is left of the amount; by default the amount less the fee.
    net: Option<f64>,
    /// The amount in the entrypoint's currency, where the transaction has another one.
    base_amount: Option<f64>,
    /// When the status was reached; by default now.
    #[schema(format = DateTime)]
    occurred_at: Option<String>,
    /// When it began, if that was before `occurredAt`.
    #[schema(format = DateTime)]
    began_at: Option<String>,
    /// Of a refund or a chargeback: the `externalId` of the sale.
    refund_of: Option<String>,
    /// The number of the invoice that it pays.
    invoice_number: Option<String>,
    /// The id of the order.
    order_id: Option<String>,
    /// How it was paid, such as `card`, `ach` or `wallet`.
    method: Option<String>,
    /// The account with at most four digits.
    masked_account: Option<String>,
    /// What it was for, up to 1,000 characters.
    description: Option<String>,
    /// Your own fields, at most 50 texts.
    #[schema(value_type = Option<std::collections::HashMap<String, String>>)]
    additional_data: Option<()>,
}

/// What another system calls a customer.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it stands in the OpenAPI document alone")]
struct NamedReferenceIn {
    /// The other system.
    system: String,
    /// The customer's id there.
    external_id: String,
}

/// Record transactions
///
/// At most 1,000 as an array, or any number as JSON lines (`application/x-ndjson`). A transaction is told apart by its source
/// and its id there: sent again it is the same, and moves only forward, in whatever order its states come. An item that is
/// wrong is refused by itself, with a reason; the others are recorded. With `onUnknownCustomer=create` an approved sale
/// registers its customer, which also needs `customers:write`. An idempotency key holds for an array; lines need none. A token
/// without `customers:read` is not told whose an item is, nor why it is nobody's.
#[utoipa::path(
    tag = "Transactions",
    params(
        EntryPath,
        ("onUnknownCustomer" = Option<String>, Query, description = "What becomes of a transaction whose customer is not known: `refuse` it (needs customers:read), keep it `unlinked` (the default), or `create` the customer of an approved sale"),
        KeyHeader,
    ),
    request_body(content((Vec<ItemIn> = "application/json"), (String = "application/x-ndjson")), description = "The transactions"),
    responses((status = 200, description = "What became of each", body = RecordedOut)),
)]
#[post("/api/Transaction/{entry}")]
pub(crate) async fn record_transactions(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.require(Scope::MoneyWrite)?;
    let mut params = call.params();
    let on_unknown = params.word::<OnUnknown>("onUnknownCustomer").unwrap_or_default();
    let problems = params.problems();
    match on_unknown {
        OnUnknown::Create => call.require(Scope::CustomersWrite)?,
        // What is refused tells who is a customer.
        OnUnknown::Refuse => call.require(Scope::CustomersRead)?,
        OnUnknown::Unlinked => {}
    }
    let entrypoint_id = call.entry(Scope::MoneyWrite).await?;
    let settings = call.app.store.entrypoints().settings(entrypoint_id).await?.ok_or(Error::NotFound)?;
    let reading = Reading {
        country: settings.entrypoint.country.clone(),
        guard: settings.entrypoint.card_guard,
        on_unknown,
    };
    if is_lines(&call) {
        if !problems.is_empty() {
            body::discard(payload).await;
            return Err(Error::Invalid(problems));
        }
        return lines(&call, entrypoint_id, payload, reading).await;
    }
    let mutation =
        call.json_items(entrypoint_id, payload, ITEMS_BYTES_MAX).await.map_err(|error| match error {
            Error::UnsupportedMediaType(_) => Error::UnsupportedMediaType(TYPES),
            other => other,
        })?;
    let parse = reading.clone();
    let items = body::parsed(&mutation.body, move |bytes| unless_any(problems, parse.array(bytes))).await;
    let answer = mutation.write(items.map(|items| reading.action(items))).await?;
    let Outcome::Ingested(answers) = answer.outcome else { return Err(Error::NotFound) };
    let mut recorded = RecordedOut::new();
    for (index, answer) in (0_u64..).zip(answers) {
        recorded.count(answer.result);
        recorded.items.push(ItemOut::new(answer, Some(index), None));
    }
    Ok(ok(answer.replayed).json(recorded))
}

fn is_lines(call: &Call) -> bool {
    let kind = call.request.content_type().to_ascii_lowercase();
    matches!(kind.as_str(), "application/x-ndjson" | "application/ndjson" | "application/jsonl")
}

/// How the items of a request are read.
#[derive(Debug, Clone)]
struct Reading {
    country: Option<String>,
    guard: CardGuard,
    on_unknown: OnUnknown,
}

impl Reading {
    fn item(&self, json: &[u8]) -> Delivery {
        let country = self.country.as_deref();
        Delivery::read(json, Context { now: clock::now(), country, entrypoint_country: country }, self.guard)
    }

    fn array(&self, bytes: &Bytes) -> Result<Vec<Delivery>, Error> {
        let broken = |code, message: String| Error::invalid(Problem::field(&[], code, message));
        let items: Items<'_> = serde_json::from_slice(bytes).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => {
                broken("wrong_type", "the body must be a JSON array of transactions".into())
            }
            _ => broken("invalid_json", body::no_json(&error)),
        })?;
        if items.number > ITEMS_MAX {
            let message =
                format!("the body has {} items; send at most {ITEMS_MAX}, or JSON lines", items.number);
            return Err(broken("too_many", message));
        }
        Ok(items.kept.into_iter().map(|raw| self.item(raw.get().as_bytes())).collect())
    }

    fn action(&self, items: Vec<Delivery>) -> Action {
        let random = uuid::Uuid::new_v4().as_u128();
        Action::Ingest(Box::new(Ingest::new(items, self.on_unknown, random)))
    }
}

/// The items of an array: those up to the limit, and how many there are.
struct Items<'a> {
    kept: Vec<&'a RawValue>,
    number: usize,
}

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Items<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON array")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Items<'de>, A::Error> {
                let mut kept = Vec::new();
                while kept.len() < ITEMS_MAX {
                    let Some(item) = seq.next_element()? else {
                        return Ok(Items { number: kept.len(), kept });
                    };
                    kept.push(item);
                }
                let mut number = kept.len();
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    number += 1;
                }
                Ok(Items { kept, number })
            }
        }
        deserializer.deserialize_seq(Reader)
    }
}

/// Records lines in batches, each once the one before is stored; the next one is read meanwhile.
async fn lines(
    call: &Call,
    entrypoint_id: i64,
    payload: Payload,
    reading: Reading,
) -> Result<HttpResponse, Error> {
    let mut lines = Lines::new(payload);
    let mutation = call.unkeyed(entrypoint_id);
    let mut recorded = RecordedOut::new();
    let mut batch = lines.next().await;
    while !batch.is_empty() {
        let numbers: Vec<u64> = batch.iter().map(|line| line.number).collect();
        let reader = reading.clone();
        let read = move || batch.iter().map(|line| line.read(&reader)).collect::<Vec<_>>();
        let items = actix_web::web::block(read)
            .await
            .map_err(|_| Error::Internal("the blocking threads have stopped".into()))?;
        let (answers, next) = tokio::join!(record(&mutation, reading.action(items)), lines.next());
        for (line, answer) in numbers.into_iter().zip(answers?) {
            recorded.count(answer.result);
            if answer.result == ItemResult::Refused && recorded.items.len() < LISTED_MAX {
                recorded.items.push(ItemOut::new(answer, None, Some(line)));
            }
        }
        batch = next;
    }
    match lines.failure {
        Some(error) => Err(error),
        None => Ok(HttpResponse::Ok().json(recorded)),
    }
}

async fn record(mutation: &Mutation<'_>, action: Action) -> Result<Vec<ItemAnswer>, Error> {
    match mutation.write(Ok(action)).await?.outcome {
        Outcome::Ingested(answers) => Ok(answers),
        _ => Err(Error::Internal("the outcome is not that of transactions".into())),
    }
}

/// A line that is not blank.
struct Line {
    /// From 1.
    number: u64,
    /// `None` for one that is too long.
    text: Option<Bytes>,
}

impl Line {
    fn read(&self, reading: &Reading) -> Delivery {
        match &self.text {
            Some(text) => reading.item(text),
            None => Delivery::Refused {
                external_id: None,
                reason: Reason {
                    code: "too_long".into(),
                    message: format!("the line has more than {LINE_BYTES_MAX} bytes"),
                    field: String::new(),
                },
            },
        }
    }
}

/// What is at the beginning of the rest of a body.
enum Cut {
    Line(Line),
    Blank,
    /// No whole line yet.
    Nothing,
}

/// Splits a body into lines.
struct Lines {
    payload: Payload,
    rest: BytesMut,
    /// The number of the line that begins `rest`.
    number: u64,
    /// Whether the beginning of that line is dropped, as it is too long.
    is_too_long: bool,
    is_over: bool,
    failure: Option<Error>,
}

impl Lines {
    fn new(payload: Payload) -> Lines {
        Lines { payload, rest: BytesMut::new(), number: 1, is_too_long: false, is_over: false, failure: None }
    }

    /// The next lines, at most as many as an array has; none at the end. Lines that came do not wait long for others.
    async fn next(&mut self) -> Vec<Line> {
        let mut batch = Vec::new();
        loop {
            while batch.len() < ITEMS_MAX {
                match self.cut() {
                    Cut::Line(line) => batch.push(line),
                    Cut::Blank => {}
                    Cut::Nothing => break,
                }
            }
            if self.is_over || batch.len() >= ITEMS_MAX {
                return batch;
            }
            let piece = if batch.is_empty() {
                self.payload.next().await
            } else {
                match tokio::time::timeout(PAUSE_MAX, self.payload.next()).await {
                    Ok(piece) => piece,
                    Err(_) => return batch,
                }
            };
            match piece {
                Some(Ok(bytes)) => self.rest.extend_from_slice(&bytes),
                Some(Err(error)) => {
                    // What is left is a piece of a line.
                    self.failure = Some(body::broken(&error, "the body ended early"));
                    self.rest.clear();
                    self.is_over = true;
                }
                None => self.is_over = true,
            }
        }
    }

    /// Cuts off a line.
    fn cut(&mut self) -> Cut {
        let end = self.rest.iter().position(|byte| *byte == b'\n');
        let mut text = match end {
            Some(end) => {
                let mut text = self.rest.split_to(end + 1);
                text.truncate(end);
                text
            }
            None if self.is_over && (!self.rest.is_empty() || self.is_too_long) => {
                std::mem::take(&mut self.rest)
            }
            None => {
                if self.rest.len() > LINE_BYTES_MAX {
                    self.rest.clear();
                    self.is_too_long = true;
                }
                return Cut::Nothing;
            }
        };
        let number = self.number;
        self.number += 1;
        if number == 1 && text.starts_with(BYTE_ORDER_MARK) {
            text.advance(BYTE_ORDER_MARK.len());
        }
        let is_too_long = std::mem::take(&mut self.is_too_long) || text.len() > LINE_BYTES_MAX;
        if is_too_long {
            return Cut::Line(Line { number, text: None });
        }
        let is_blank = text.iter().all(u8::is_ascii_whitespace);
        if is_blank { Cut::Blank } else { Cut::Line(Line { number, text: Some(text.freeze()) }) }
    }
}

//! The sheet that begins an import: a file is chosen, its columns are shown with what they fill, then it is sent.
//!
//! The file comes last in each form, so that it is passed on to the API as it comes. Without script it is chosen twice: once for the
//! look at its columns, and once to be sent.

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderValue;
use askama::Template;

use super::look::{LOOK_BYTES, Looked, LookedColumn, look as look_at};
use super::preset_name;
use super::texts::{Texts, texts};
use crate::console::ask::{member, part, shown};
use crate::console::field_names::field_name;
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::page::{Shown, html};
use crate::console::upload::Upload;
use crate::console::visit::{SignedIn, Visit};
use crate::domain::imports::{ImportOptions, PaymentMapping, Target};
use crate::web::form::Form;

/// The options of a sheet, by their names in the form and in the API.
const OPTIONS: [&str; 12] = [
    "kind",
    "onMatch",
    "identifierFields",
    "onBadValue",
    "onError",
    "onUnknownCustomer",
    "delimiter",
    "encoding",
    "dateFormat",
    "again",
    "dryRun",
    "columns",
];
/// The options that the API takes by the same name.
const PASSED: [&str; 4] = ["onError", "delimiter", "encoding", "dateFormat"];
/// The most columns of a form.
const COLUMNS_MAX: usize = 200;
/// The encodings that a sheet offers: what Excel and old systems write.
const ENCODINGS: [&str; 6] =
    ["windows-1252", "iso-8859-15", "windows-1250", "macintosh", "utf-16le", "shift_jis"];
const DATE_FORMATS: [&str; 6] =
    ["DD-MM-YYYY", "DD/MM/YYYY", "DD.MM.YYYY", "MM/DD/YYYY", "YYYY/MM/DD", "YYYYMMDD"];

type Choice = (String, &'static str);

#[derive(Template)]
#[template(path = "console/imports/new.html")]
struct NewPage {
    frame: Frame,
    texts: &'static Texts,
    form: Fields,
    kinds: Vec<Choice>,
    delimiters: Vec<Choice>,
    encodings: Vec<Choice>,
    matches: Vec<Choice>,
    bad_values: Vec<Choice>,
    errors: Vec<Choice>,
    unknown: Vec<Choice>,
    dates: [&'static str; 6],
    /// The fields to fill: their names in files, and for people.
    targets: Vec<(&'static str, &'static str)>,
    is_payments: bool,
    /// What was seen of the file; none at first.
    looked: Option<Looked>,
    preset: &'static str,
}

/// `GET …/imports/new`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    page(visit, signed_in, first(), None)
}

fn first() -> Fields {
    let values = [("kind", "customers"), ("onMatch", "get"), ("dryRun", "true")];
    Fields::of(values.map(|(name, value)| (name, value.to_owned())))
}

fn page(visit: &Visit, signed_in: &SignedIn, form: Fields, looked: Option<Looked>) -> Shown {
    visit.store(signed_in)?;
    let texts = texts(visit.language);
    let choice = |value: &str, name| (value.to_owned(), name);
    let is_payments = form.value("kind") == "transactions";
    let targets: Vec<&'static str> = if is_payments {
        PaymentMapping::names().collect()
    } else {
        // Nobody is to give every customer an account by a hint.
        Target::names().filter(|name| !matches!(*name, "customerPsw" | "customerUsername" | "json")).collect()
    };
    let mut encodings = vec![choice("", texts.automatic)];
    encodings.extend(ENCODINGS.map(|name| choice(name, name)));
    let status = if form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = NewPage {
        frame: visit.frame(signed_in, "imports", texts.new_import)?,
        texts,
        form,
        kinds: vec![choice("customers", texts.customers), choice("transactions", texts.transactions)],
        delimiters: vec![
            choice("", texts.automatic),
            choice("comma", texts.comma),
            choice("semicolon", texts.semicolon),
            choice("tab", texts.tab),
            choice("pipe", texts.pipe),
        ],
        encodings,
        matches: vec![
            choice("get", texts.match_get),
            choice("merge", texts.match_merge),
            choice("replace", texts.match_replace),
            choice("force", texts.match_force),
        ],
        bad_values: vec![choice("reject", texts.bad_reject), choice("blank", texts.bad_blank)],
        errors: vec![choice("skip", texts.error_skip), choice("stop", texts.error_stop)],
        unknown: vec![
            choice("unlinked", texts.unknown_unlinked),
            choice("refuse", texts.unknown_refuse),
            choice("create", texts.unknown_create),
        ],
        dates: DATE_FORMATS,
        targets: targets.into_iter().map(|name| (name, field_name(visit.language, name))).collect(),
        is_payments,
        preset: looked.as_ref().map_or("", |looked| preset_name(looked.preset)),
        looked,
    };
    html(status, &page)
}

/// `POST …/imports/look`: shows the columns of a file and what each would fill. Nothing of it is kept.
pub(super) async fn look(visit: &Visit, signed_in: &SignedIn, upload: Upload) -> Shown {
    let texts = texts(visit.language);
    let mut form = first();
    for name in ["kind", "delimiter", "encoding"] {
        form.set(name, upload.form.get(name));
    }
    if !upload.has_file() {
        form.add("file", texts.no_file);
        upload.discard().await;
        return page(visit, signed_in, form, None);
    }
    let is_payments = form.value("kind") == "transactions";
    let pairs: Vec<(&str, &str)> =
        ["delimiter", "encoding"].into_iter().map(|name| (name, form.value(name))).collect();
    let options = ImportOptions::parse(&pairs).unwrap_or_default();
    let (bytes, is_whole) = upload.first(LOOK_BYTES).await?;
    let looked = look_at(&bytes, is_whole, &options, is_payments);
    form.set("columns", looked.columns.len().to_string());
    page(visit, signed_in, form, Some(looked))
}

/// `POST …/imports/new`: passes the file on to the API, and goes to the import.
pub(super) async fn send(visit: &Visit, signed_in: &SignedIn, upload: Upload) -> Shown {
    let store = visit.store(signed_in)?;
    let texts = texts(visit.language);
    let form = Fields::sent(&upload.form, &OPTIONS);
    let columns = columns_of(&upload.form);
    let again = |form: Fields| {
        let looked = (!columns.is_empty()).then(|| Looked { columns: columns.clone(), ..Looked::default() });
        page(visit, signed_in, form, looked)
    };
    if !upload.has_file() {
        let mut form = form;
        form.add("file", texts.no_file);
        upload.discard().await;
        return again(form);
    }
    let is_payments = form.value("kind") == "transactions";
    let route = if is_payments { "transactionsForm" } else { "customersForm" };
    let path = format!("/Import/{route}/{}", part(&store.entry));
    let mut ask = visit.post(signed_in, &path, &upload.form).with("async", "true");
    for name in PASSED {
        ask = ask.with_if(name, form.value(name));
    }
    for name in ["dryRun", "again"] {
        if form.value(name) == "true" {
            ask = ask.with(name, "true");
        }
    }
    if is_payments {
        ask = ask.with_if("onUnknownCustomer", form.value("onUnknownCustomer"));
    } else {
        ask = ask.with_if("onBadValue", form.value("onBadValue"));
        ask = ask.with_if("identifierFields", form.value("identifierFields"));
        ask = match form.value("onMatch") {
            "merge" => ask.with("mergeExisting", "1"),
            "replace" => ask.with("replaceExisting", "1"),
            "force" => ask.with("forceCustomerCreation", "true"),
            _ => ask,
        };
    }
    let mut mapped: Vec<&str> = Vec::new();
    for column in &columns {
        let (header, target) = (column.header.as_str(), column.target.as_str());
        let is_same = !target.is_empty() && target == column.was;
        if header.is_empty() || is_same || mapped.contains(&header) {
            continue;
        }
        mapped.push(header);
        let target = if target.is_empty() { "-" } else { target };
        ask = ask.with("map", format!("{header}:{target}"));
    }
    let sent = ask.stream(HeaderValue::from_static("text/csv"), upload.into_body()).tried().await?;
    match sent {
        Ok(job) => {
            let done = if member(&job, "repeated") == true { "" } else { "?done=started" };
            let id = shown(&job, "jobId");
            Ok(visit.go_to(&format!("/at/{}/imports/{id}{done}", store.entry)))
        }
        Err(no) => {
            let mut form = form.refused(&no).in_language(visit.language);
            form.add("file", texts.file_again);
            again(form)
        }
    }
}

/// The columns of a sent sheet.
fn columns_of(form: &Form) -> Vec<LookedColumn> {
    let number = form.get("columns").parse::<usize>().unwrap_or_default().min(COLUMNS_MAX);
    let column = |index: usize| {
        let value = |name: &str| form.get(&format!("{name}-{index}")).trim().to_owned();
        let (header, target, was) = (value("header"), value("target"), value("was"));
        LookedColumn { header, target, was, values: Vec::new() }
    };
    (0..number).map(column).collect()
}

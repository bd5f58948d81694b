//! The settings that are forms: general, identifiers, look, payments, invoices, and those of the organisation.

use actix_web::http::StatusCode;
use askama::Template;
use serde_json::{Value, json};

use super::{Tab, Texts, tabs, texts};
use crate::console::ask::{list, member, part, set, shown, text};
use crate::console::field_names::field_name;
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::page::{Refused, Shown, html};
use crate::console::visit::{SignedIn, Visit};
use crate::domain::accounts::token::Entries;
use crate::domain::customers::fields::TextField;
use crate::domain::entrypoints::settings::EDITABLE_NONE;
use crate::domain::entrypoints::theme::{COLOR_DEFAULT, may_be_editable, parse_color, text_on};
use crate::web::form::Form;

type Choice = (String, &'static str);

/// The settings of each tab that are one field each.
fn fields_of(tab: &str) -> &'static [&'static str] {
    match tab {
        "" => &["legalName", "dbaName", "country", "currency", "maxMethods", "cardGuard"],
        "look" => &["storeName", "senderName", "language", "color"],
        "payments" => &["provider", "paymentUrl"],
        "invoices" => &[
            "invoiceSellerAddress",
            "invoiceVatNumber",
            "invoiceEmail",
            "invoiceFooter",
            "invoiceNumberPattern",
            "creditNoteNumberPattern",
            "invoiceNumberRestart",
            "invoiceDueDays",
        ],
        "organisation" => &["name"],
        _ => &[],
    }
}

/// A box to tick among several of a setting.
struct Ticked {
    name: &'static str,
    label: &'static str,
    is_on: bool,
}

/// What customers see: the store's name on its colour.
#[derive(Template)]
#[template(path = "console/settings/preview.html")]
struct Preview {
    /// Where a fresh one is asked for.
    ask: String,
    store: String,
    button: &'static str,
    color: String,
    ink: &'static str,
}

#[derive(Template)]
#[template(path = "console/settings/form.html")]
struct FormPage {
    frame: Frame,
    texts: &'static Texts,
    tabs: Vec<Tab>,
    tab: &'static str,
    form: Fields,
    /// The identifiers that the organisation sets; empty if the store sets its own, or none are set.
    inherited: String,
    ticked: Vec<Ticked>,
    languages: Vec<Choice>,
    guards: Vec<Choice>,
    providers: Vec<Choice>,
    restarts: Vec<Choice>,
    editable_modes: Vec<Choice>,
    preview: Preview,
    may_edit: bool,
}

/// The tab in the address.
fn tab_of(visit: &Visit) -> Result<&'static str, Refused> {
    const TABS: [&str; 6] = ["", "identifiers", "look", "payments", "invoices", "organisation"];
    TABS.into_iter().find(|tab| *tab == visit.part("tab")).ok_or(Refused::NotFound)
}

/// The path of the settings in the API.
fn path(visit: &Visit, signed_in: &SignedIn, tab: &str) -> Result<String, Refused> {
    let store = visit.store(signed_in)?;
    Ok(match tab {
        "organisation" => format!("/Organization/settings/{}", signed_in.member.org_id),
        _ => format!("/Paypoint/settings/{}", part(&store.entry)),
    })
}

/// `GET …/settings` and `GET …/settings/{tab}`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let tab = tab_of(visit)?;
    let settings = visit.get(signed_in, &path(visit, signed_in, tab)?).sent().await?;
    let mut form = Fields::default();
    for name in ["general", "forInvoices"] {
        for setting in list(&settings, name) {
            form.set(text(setting, "key"), shown(setting, "value"));
        }
    }
    let own =
        list(&settings, "identifiers").iter().filter(|identifier| member(identifier, "readOnly") != true);
    form.set("identifiers", own.map(|identifier| text(identifier, "value")).collect::<Vec<_>>().join("\n"));
    let mode = if form.value("editableFields").is_empty() { "default" } else { "chosen" };
    form.set("editableMode", mode);
    page(visit, signed_in, tab, form, &settings)
}

fn page(visit: &Visit, signed_in: &SignedIn, tab: &'static str, form: Fields, settings: &Value) -> Shown {
    let texts = texts(visit.language);
    let frame = visit.frame(signed_in, "settings", texts.settings)?;
    let choices = |choices: &[(&str, &'static str)]| -> Vec<Choice> {
        choices.iter().map(|(value, name)| ((*value).to_owned(), *name)).collect()
    };
    let inherited =
        list(settings, "identifiers").iter().filter(|identifier| member(identifier, "readOnly") == true);
    let inherited = inherited.map(|identifier| text(identifier, "value")).collect::<Vec<_>>().join(", ");
    let setting = if tab == "look" { "editableFields" } else { "requiredFields" };
    let chosen: Vec<&str> = form.value(setting).split(',').map(str::trim).collect();
    let ticked = TextField::all()
        .filter(|field| tab != "look" || may_be_editable(*field))
        .map(|field| Ticked {
            name: field.name(),
            label: field_name(visit.language, field.name()),
            is_on: chosen.contains(&field.name()),
        })
        .collect();
    let mut providers = vec![("none", texts.provider_none), ("http", texts.provider_http)];
    // Play money is for stores for tests alone.
    if visit.store(signed_in)?.is_test {
        providers.push(("sandbox", texts.provider_sandbox));
    }
    let status = if form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = FormPage {
        tabs: tabs(visit, &frame.base, tab),
        tab,
        inherited: if tab == "organisation" { String::new() } else { inherited },
        ticked,
        languages: choices(&[("en", "English"), ("fr", "Français")]),
        guards: choices(&[("all", texts.guard_all), ("texts", texts.guard_texts)]),
        providers: choices(&providers),
        restarts: choices(&[("yearly", texts.restart_yearly), ("never", texts.restart_never)]),
        editable_modes: choices(&[("default", texts.editable_default), ("chosen", texts.editable_chosen)]),
        preview: preview_of(texts, form.value("storeName"), form.value("color"), (&frame.base, &frame.place)),
        may_edit: tab != "organisation" || signed_in.member.entries == Entries::All,
        texts,
        form,
        frame,
    };
    html(status, &page)
}

fn preview_of(texts: &'static Texts, store: &str, color: &str, (base, place): (&str, &str)) -> Preview {
    let color = parse_color(color.trim()).unwrap_or_else(|| COLOR_DEFAULT.to_owned());
    let store = if store.trim().is_empty() { place } else { store.trim() };
    Preview {
        ask: format!("{base}/settings/look/preview"),
        store: store.chars().take(40).collect(),
        button: texts.preview_button,
        ink: text_on(&color),
        color,
    }
}

/// `POST …/settings/look/preview`: what customers would see, while it is typed.
pub(super) async fn preview(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let store = visit.store(signed_in)?;
    let base = format!("{}/at/{}", visit.root, store.entry);
    let texts = texts(visit.language);
    let preview = preview_of(texts, form.get("storeName"), form.get("color"), (&base, &store.name));
    html(StatusCode::OK, &preview)
}

/// `POST …/settings` and `POST …/settings/{tab}`.
pub(super) async fn save(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let tab = tab_of(visit)?;
    let names = fields_of(tab);
    let mut form = Fields::sent(sent, names);
    let item = |name: &str, value: &str| json!({"key": name, "value": value});
    // Browsers end lines with CR LF.
    let value = |name: &str| sent.get(name).replace("\r\n", "\n");
    let mut items: Vec<Value> = names.iter().map(|name| item(name, &value(name))).collect();
    let mut body = json!({});
    match tab {
        "look" => {
            let chosen: Vec<&str> = sent.all("editableFields").collect();
            let mode = sent.get("editableMode");
            let fields = match (mode, chosen.is_empty()) {
                ("chosen", true) => EDITABLE_NONE.to_owned(),
                ("chosen", false) => chosen.join(","),
                _ => String::new(),
            };
            items.push(item("editableFields", &fields));
            form.set("editableFields", fields);
            form.set("editableMode", mode);
        }
        "identifiers" => {
            let required = sent.all("requiredFields").collect::<Vec<_>>().join(",");
            items.push(item("requiredFields", &required));
            form.set("requiredFields", required);
        }
        _ => {}
    }
    if matches!(tab, "identifiers" | "organisation") {
        form.set("identifiers", value("identifiers"));
        let lines = sent.get("identifiers").lines().map(str::trim).filter(|line| !line.is_empty());
        set(&mut body, "identifiers", lines.map(|line| item(line, line)).collect::<Vec<Value>>());
    }
    set(&mut body, if tab == "invoices" { "forInvoices" } else { "general" }, Value::Array(items));
    let path = path(visit, signed_in, tab)?;
    match visit.put(signed_in, &path, sent, &body).tried().await? {
        Ok(_) => {
            let place = &visit.store(signed_in)?.entry;
            let tail = if tab.is_empty() { String::new() } else { format!("/{tab}") };
            Ok(visit.go_to(&format!("/at/{place}/settings{tail}?done=saved")))
        }
        Err(no) => {
            let settings = visit.get(signed_in, &path).sent().await?;
            page(visit, signed_in, tab, form.refused(&no).by_name().in_language(visit.language), &settings)
        }
    }
}

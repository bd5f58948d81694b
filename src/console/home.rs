//! What every site answers: the page at `/`, which says what runs here, the icon, and `security.txt` (RFC 9116).

use std::fmt::Write as _;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{self, Data, ServiceConfig, get};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::files::CACHED;
use super::frame::Frame;
use super::page::{Refused, Shown, html, ours};
use super::visit::Visit;
use super::{Console, ConsoleSettings, nothing, shows};
use crate::clock;
use crate::domain::kernel::time::Micros;
use crate::web::texts::translated;

const ICON: &[u8] = include_bytes!("templates/console/favicon.ico");
/// How long a `security.txt` is good after the start, in seconds.
const GOOD_SECS: i64 = 365 * 24 * 3600;

/// Registers the pages.
pub(super) fn routes(config: &mut ServiceConfig) {
    let at = |path: &str| web::resource(path.to_owned()).default_service(web::to(nothing));
    config
        .service(at("/").route(shows(show)))
        .service(at("/favicon.ico").route(get().to(icon)))
        .service(at("/.well-known/security.txt").route(get().to(security)));
}

#[derive(Template)]
#[template(path = "console/home.html")]
struct HomePage {
    frame: Frame,
    texts: &'static Texts,
    /// The path before every address; empty, or `/…` without a slash at the end.
    base: String,
    has_contact: bool,
}

/// `GET /`.
async fn show(visit: &Visit) -> Shown {
    let texts = texts(visit.language);
    let page = HomePage {
        frame: visit.plain_frame(texts.title),
        texts,
        base: visit.console.settings.base_path.clone(),
        has_contact: !visit.console.security_txt.is_empty(),
    };
    html(StatusCode::OK, &page)
}

async fn icon() -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, "image/x-icon")).insert_header((CACHE_CONTROL, CACHED));
    ours(response.body(ICON))
}

async fn security(request: HttpRequest, console: Data<Console>) -> HttpResponse {
    if console.security_txt.is_empty() {
        return super::answer(console, request, async |_: &Visit| Err(Refused::NotFound)).await;
    }
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, "text/plain; charset=utf-8"));
    ours(response.body(console.security_txt.clone()))
}

/// The text of `security.txt`, made at the start; empty without a contact.
pub(super) fn security_txt(settings: &ConsoleSettings) -> String {
    let mut text = String::new();
    for contact in &settings.security_contacts {
        let _ = writeln!(text, "Contact: {contact}");
    }
    if !text.is_empty() {
        let end: Micros = clock::now().plus_secs(GOOD_SECS);
        let _ = writeln!(text, "Expires: {}", end.to_rfc3339());
        let _ = writeln!(text, "Preferred-Languages: en, fr");
        let _ = writeln!(text, "Canonical: {}/.well-known/security.txt", settings.public_url);
    }
    text
}

translated! {
    title: "Customer records", "Dossiers clients";
    lead: "This is Customary, a service that keeps the records of customers. Nothing here is public.", "Ceci est Customary, un service qui tient les dossiers de clients. Rien ici n’est public.";
    console: "Console", "Console";
    console_lead: "Look after customers, payments and invoices.", "S’occuper des clients, des paiements et des factures.";
    api: "API, with every request to try", "API, avec chaque requête à essayer";
    api_lead: "For programs, with a request token.", "Pour les programmes, avec un jeton.";
    document: "OpenAPI document", "Document OpenAPI";
    document_lead: "The same as a file, for tools that make clients. Guides stand in the folder docs of the program’s source.", "Le même en fichier, pour les outils qui créent des clients. Les guides se trouvent dans le dossier docs du code source.";
    customers: "Are you a customer of a store?", "Êtes-vous client d’une boutique ?";
    customers_lead: "Your own page is behind the link in the mail that the store sent you.", "Votre page se trouve derrière le lien dans l’e-mail que la boutique vous a envoyé.";
    security: "Whom to tell about a weakness", "À qui signaler une faille";
}

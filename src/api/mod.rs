//! HTTP: parse, authorise, call the store, render. [`routes`] is every URL on one screen.

pub mod auth;
mod body;
mod customers;
mod docs;
mod error;
mod examples;
mod exports;
mod gate;
mod health;
mod imports;
mod invites;
mod json;
mod mail;
mod meters;
mod queries;
mod request;
mod routes;
mod settings;
pub mod state;
pub mod tokens;

use actix_web::web::Data;
use actix_web::{App as ActixApp, middleware::from_fn};
use utoipa::openapi::OpenApi;
use utoipa_actix_web::AppExt as _;
use utoipa_actix_web::service_config::ServiceConfig;
use utoipa_swagger_ui::{Config, SwaggerUi};

use self::docs::DocumentText;
use self::routes::Routes;

/// The route table: every URL of the service.
fn routes(config: &mut ServiceConfig<'_>) {
    config
        // Customers
        .service(customers::create_customer)
        .service(customers::match_customer)
        .service(customers::get_customer)
        .service(customers::update_customer)
        .service(customers::delete_customer)
        .service(customers::get_customer_history)
        .service(customers::request_consent)
        .service(customers::archive_customer)
        .service(customers::unarchive_customer)
        // Invitations and mail
        .service(invites::invite_customers)
        .service(invites::list_invite_jobs)
        .service(invites::get_invite_job)
        .service(invites::get_invite_report)
        .service(invites::cancel_invite_job)
        .service(customers::invite_customer)
        .service(customers::get_invitation)
        .service(mail::list_outbox)
        .service(mail::retry_mail)
        // Queries
        .service(queries::list_organisation_customers)
        .service(queries::list_customers)
        .service(queries::get_customer_statistic)
        // Imports
        .service(imports::import_customers)
        .service(imports::get_import_template)
        .service(imports::list_imports)
        .service(imports::get_import)
        .service(imports::get_import_rows)
        .service(imports::get_rejected_rows)
        .service(imports::cancel_import)
        .service(imports::commit_import)
        // Exports
        .service(exports::export_organisation_customers)
        .service(exports::export_customers)
        // Settings
        .service(settings::list_entrypoints)
        .service(settings::create_entrypoint)
        .service(settings::get_entrypoint_settings)
        .service(settings::update_entrypoint_settings)
        .service(settings::get_entrypoint_keys)
        .service(settings::rotate_entrypoint_keys)
        .service(settings::create_organisation)
        .service(settings::get_organisation_settings)
        .service(settings::update_organisation_settings)
        // Tokens
        .service(tokens::list_tokens)
        .service(tokens::create_token)
        .service(tokens::revoke_token)
        .service(tokens::exchange_credentials)
        // Health
        .service(health::get_live)
        .service(health::get_ready)
        .service(health::get_metrics);
}

/// The OpenAPI document of the service.
pub fn document() -> OpenApi {
    let (_, document) =
        ActixApp::new().into_utoipa_app().openapi(docs::skeleton()).configure(routes).split_for_parts();
    docs::finish(document)
}

/// The OpenAPI document as it is served and committed: pretty JSON with a final newline.
pub fn document_text() -> String {
    let mut text = document().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// What all workers share beside the state: made once, at start.
#[derive(Clone)]
pub struct Shared {
    routes: Data<Routes>,
    text: Data<DocumentText>,
}

impl Default for Shared {
    fn default() -> Shared {
        let document = document();
        Shared { routes: Data::new(Routes::of(&document)), text: Data::new(DocumentText(document_text())) }
    }
}

/// The actix application of one worker; `pages` are those of people, which are no part of the interface.
pub fn application(
    state: Data<state::App>,
    shared: Shared,
    pages: impl FnOnce(&mut actix_web::web::ServiceConfig),
) -> ActixApp<
    impl actix_web::dev::ServiceFactory<
        actix_web::dev::ServiceRequest,
        Config = (),
        Response = actix_web::dev::ServiceResponse<impl actix_web::body::MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    let swagger = SwaggerUi::new("/swagger-ui/{_:.*}")
        .config(Config::from("/openapi.json").persist_authorization(true).display_request_duration(true));
    ActixApp::new()
        .into_utoipa_app()
        .app_data(state)
        .app_data(shared.routes)
        .app_data(shared.text)
        .configure(routes)
        .map(|app| {
            app.service(health::go_to_swagger_ui)
                .service(docs::get_openapi)
                .service(swagger)
                .configure(pages)
                .wrap(from_fn(gate::gate))
        })
        .into_app()
}

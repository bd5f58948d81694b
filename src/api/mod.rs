//! HTTP: parse, authorise, call the store, render. [`routes`] lists every URL on one screen.

mod activity;
mod addresses;
mod comments;
mod coupons;
mod customers;
mod details;
mod entrypoints;
mod exports;
pub mod http;
mod imports;
mod ingest;
mod inside;
mod invitations;
mod invoices;
mod labels;
mod lists;
mod mail;
mod methods;
mod orders;
mod payer;
mod products;
mod provider;
mod references;
mod requests;
mod selection;
mod staff;
mod subscriptions;
pub mod tokens;
mod transactions;

use actix_web::App as ActixApp;
use actix_web::middleware::{Condition, from_fn};
use actix_web::web::Data;
use utoipa::openapi::OpenApi;
use utoipa_actix_web::AppExt as _;
use utoipa_actix_web::service_config::ServiceConfig;

use self::http::docs::Swagger;
use self::http::routes::Routes;
use self::http::static_file::StaticFile;
pub use self::imports::JobOut;
pub use self::inside::{InsideApi, InsideBody, InsideRequest};

/// The route table: every URL of the service.
#[expect(clippy::too_many_lines, reason = "a table")]
fn routes(config: &mut ServiceConfig<'_>) {
    config
        // Jobs on many customers come before `{customerId}`, as an entrypoint may have a name such as `archive`.
        .service(invitations::invite_customers)
        .service(invitations::list_invite_jobs)
        .service(invitations::get_invite_job)
        .service(invitations::get_invite_report)
        .service(invitations::cancel_invite_job)
        // So does the look-up by reference.
        .service(references::get_customer_by_reference)
        .service(labels::change_labels)
        .service(labels::list_label_jobs)
        .service(labels::get_label_job)
        .service(labels::get_label_report)
        .service(labels::cancel_label_job)
        // And the link of a transaction.
        .service(transactions::get_link_transaction)
        .service(transactions::link_transaction)
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
        // Addresses and references
        .service(addresses::list_addresses)
        .service(addresses::create_address)
        .service(addresses::get_address)
        .service(addresses::update_address)
        .service(addresses::delete_address)
        .service(references::list_references)
        .service(references::put_reference)
        .service(references::delete_reference)
        // Comments
        .service(comments::list_comments)
        .service(comments::create_comment)
        .service(comments::update_comment)
        .service(comments::delete_comment)
        // All at once
        .service(details::get_customer_details)
        // Stored methods
        .service(methods::list_methods)
        .service(methods::add_method)
        .service(methods::update_method)
        .service(methods::delete_method)
        .service(methods::add_stored_method)
        .service(methods::get_stored_method)
        .service(methods::update_stored_method)
        .service(methods::delete_stored_method)
        // Transactions
        .service(transactions::record_transactions)
        .service(transactions::get_transaction)
        // Invitations and mail
        .service(customers::invite_customer)
        .service(customers::get_invitation)
        .service(mail::list_outbox)
        .service(mail::retry_mail)
        // Queries
        .service(lists::list_organisation_customers)
        .service(lists::list_customers)
        .service(lists::get_customer_statistic)
        // Lists of transactions
        .service(transactions::list_organisation_transactions)
        .service(transactions::list_transactions)
        .service(transactions::export_organisation_transactions)
        .service(transactions::export_transactions)
        .service(transactions::get_customer_basic_statistic)
        .service(transactions::get_send_receipt)
        .service(transactions::send_receipt)
        // Webhooks of payment systems
        .service(ingest::ingest_payabli)
        .service(ingest::ingest_stripe)
        .service(ingest::ingest_standard)
        .service(provider::ingest_provider)
        // Imports
        .service(imports::import_customers)
        .service(imports::import_transactions)
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
        .service(entrypoints::list_entrypoints)
        .service(entrypoints::create_entrypoint)
        .service(entrypoints::get_entrypoint_settings)
        .service(entrypoints::update_entrypoint_settings)
        .service(entrypoints::get_entrypoint_keys)
        .service(entrypoints::rotate_entrypoint_keys)
        .service(entrypoints::create_organisation)
        .service(entrypoints::get_organisation_settings)
        .service(entrypoints::update_organisation_settings)
        .service(ingest::list_ingest_secrets)
        .service(ingest::create_ingest_secret)
        .service(ingest::delete_ingest_secret)
        .service(activity::list_activity)
        .service(labels::list_labels)
        .service(labels::rename_label)
        // Tokens
        .service(tokens::list_tokens)
        .service(tokens::create_token)
        .service(tokens::revoke_token)
        .service(tokens::exchange_credentials)
        // Staff
        .service(staff::list_staff)
        .service(staff::invite_staff)
        .service(staff::get_staff)
        .service(staff::update_staff)
        .service(staff::delete_staff)
        .service(staff::reinvite_staff)
        // Health
        .service(http::health::get_live)
        .service(http::health::get_ready)
        .service(http::health::get_metrics);
    shop_routes(config);
}

/// The part of the route table for what customers subscribe to and buy. It comes after that of customers, as an entrypoint may
/// have a name such as `coupons`.
fn shop_routes(config: &mut ServiceConfig<'_>) {
    config
        // Subscriptions
        .service(subscriptions::put_subscription)
        .service(subscriptions::add_subscription)
        .service(subscriptions::get_subscription)
        .service(subscriptions::list_organisation_subscriptions)
        .service(subscriptions::list_subscriptions)
        // Invoices: words come before `{target}`.
        .service(invoices::get_invoice_number)
        .service(invoices::get_send_invoice)
        .service(invoices::send_invoice)
        .service(invoices::finalize_invoice)
        .service(invoices::void_invoice)
        .service(invoices::pay_invoice)
        .service(invoices::credit_invoice)
        .service(invoices::get_invoice_pdf)
        .service(invoices::create_invoice)
        .service(invoices::get_invoice)
        .service(invoices::update_invoice)
        .service(invoices::delete_invoice)
        .service(invoices::list_organisation_invoices)
        .service(invoices::list_invoices)
        .service(invoices::export_organisation_invoices)
        .service(invoices::export_invoices)
        // Coupons
        .service(coupons::list_coupons)
        .service(coupons::create_coupon)
        .service(coupons::get_coupon)
        .service(coupons::update_coupon)
        .service(coupons::delete_coupon)
        .service(coupons::redeem_coupon)
        .service(coupons::list_redemptions)
        .service(coupons::release_redemption)
        .service(coupons::list_customer_coupons)
        .service(coupons::give_coupon)
        // Orders
        .service(provider::charge_customer)
        .service(provider::get_charge)
        .service(provider::get_paid)
        .service(provider::get_refund)
        .service(provider::refund_charge)
        .service(provider::get_void)
        .service(provider::void_charge)
        .service(orders::take_order)
        .service(orders::list_customer_orders)
        .service(orders::get_order)
        .service(orders::cancel_order)
        .service(orders::resend_order)
        .service(orders::list_orders)
        // Payment requests, and links for payment methods
        .service(requests::create_payment_request)
        .service(requests::list_customer_payment_requests)
        .service(requests::create_reusable_payment_request)
        .service(requests::get_payment_request)
        .service(requests::cancel_payment_request)
        .service(requests::resend_payment_request)
        .service(requests::list_payment_requests)
        // Payabli's payment links: words come before `{target}`.
        .service(requests::load_pay_link)
        .service(requests::send_pay_link)
        .service(requests::refresh_pay_link)
        .service(requests::push_pay_link)
        .service(requests::create_pay_link)
        .service(requests::delete_pay_link)
        .service(requests::create_method_link)
        .service(requests::list_method_links)
        .service(requests::cancel_method_link)
        .service(requests::resend_method_link)
        // The catalogue
        .service(products::list_products)
        .service(products::create_product)
        .service(products::get_product)
        .service(products::update_product)
        .service(products::delete_product);
}

/// The OpenAPI document of the service.
pub fn document() -> OpenApi {
    let (_, document) =
        ActixApp::new().into_utoipa_app().openapi(http::docs::skeleton()).configure(routes).split_for_parts();
    http::docs::finish(document)
}

/// The OpenAPI document as served and committed: pretty JSON with a final newline.
pub fn document_text() -> String {
    http::docs::text(&document())
}

/// The data that all workers share beside the state; created once at start.
#[derive(Clone)]
pub struct Shared {
    routes: Data<Routes>,
    health_routes: Data<Routes>,
    text: Data<StaticFile>,
    swagger: Data<Swagger>,
}

impl Default for Shared {
    fn default() -> Shared {
        let document = document();
        let routes = Routes::of(&document);
        Shared {
            health_routes: Data::new(routes.of_health()),
            routes: Data::new(routes),
            text: Data::new(StaticFile::new("application/json".into(), http::docs::text(&document).into())),
            swagger: Data::default(),
        }
    }
}

/// The actix application of one worker. `pages` adds the pages for people, which are not part of the API. `origins` are the
/// other sites whose scripts may use the API.
#[expect(clippy::needless_pass_by_value, reason = "a reference would tie the application to it")]
pub fn application(
    state: Data<http::state::App>,
    shared: Shared,
    origins: Vec<String>,
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
    let cors = Condition::new(!origins.is_empty(), http::edge::cors(&origins));
    ActixApp::new()
        .into_utoipa_app()
        .app_data(state)
        .app_data(shared.routes)
        .app_data(shared.text)
        .app_data(shared.swagger)
        .configure(routes)
        .map(|app| {
            app.service(http::docs::get_openapi)
                .service(http::docs::get_swagger_file)
                .configure(pages)
                .wrap(from_fn(http::gate::gate))
                .wrap(cors)
                .wrap(from_fn(http::edge::edge))
        })
        .into_app()
}

/// The API alone, for pages of this process.
fn inside_application(
    state: Data<http::state::App>,
    shared: Shared,
) -> ActixApp<
    impl actix_web::dev::ServiceFactory<
        actix_web::dev::ServiceRequest,
        Config = (),
        Response = actix_web::dev::ServiceResponse<impl actix_web::body::MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    ActixApp::new()
        .into_utoipa_app()
        .app_data(state)
        .app_data(shared.routes)
        .app_data(shared.text)
        .app_data(shared.swagger)
        .configure(routes)
        .map(|app| app.wrap(from_fn(http::gate::gate)))
        .into_app()
}

/// An application that only tells how the service is, for an address and a thread of its own.
pub fn health_application(
    state: Data<http::state::App>,
    shared: Shared,
) -> ActixApp<
    impl actix_web::dev::ServiceFactory<
        actix_web::dev::ServiceRequest,
        Config = (),
        Response = actix_web::dev::ServiceResponse<impl actix_web::body::MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    ActixApp::new()
        .app_data(state)
        .app_data(shared.health_routes)
        .service(http::health::get_live)
        .service(http::health::get_ready)
        .service(http::health::get_metrics)
        .default_service(actix_web::web::to(http::health::nothing))
        .wrap(from_fn(http::gate::gate))
        .wrap(from_fn(http::edge::edge))
}

//! The programs under `tests/sdk`: Payabli's own SDK, clients made from the OpenAPI document, the FEBRL data sets,
//! Schemathesis, and a browser on Swagger UI, on the portal and on the console.

use crate::harness::*;
use crate::provider::http::{Program, SECRET};
use crate::support::*;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk");

/// Runs a program against a server of its own, and prints its output if it fails.
async fn prove(db: Db, program: &str) {
    prove_with(db, program, &[]).await;
}

/// The stores of the walks through the console, one for each way of `console_browser.py`.
const STORES: [&str; 8] = ["north", "east", "south", "west", "alder", "birch", "cedar", "dogwood"];

/// Walks a product's procedures in the console. The two databases share four of the eight ways, which have all widths, both
/// colours, both languages, and script or none. With `CONSOLE_WAYS=all` each database walks all of them.
async fn walk(db: Db, name: &str, ways: [[usize; 2]; 2]) {
    let is_all = std::env::var("CONSOLE_WAYS").is_ok_and(|ways| ways == "all");
    let some = ways[usize::from(db == Db::Postgres)];
    let ways: Vec<usize> = if is_all { (0..STORES.len()).collect() } else { some.into() };
    let stores: Vec<&str> = ways.iter().map(|way| STORES[*way]).collect();
    let numbers: Vec<String> = ways.iter().map(ToString::to_string).collect();
    let walk = [("WALK", name), ("WAYS", &numbers.join(",")), ("STORES", &stores.join(","))];
    prove_with(db, "console_walk", &walk).await;
}

const FIRST_WAYS: [[usize; 2]; 2] = [[0, 3], [1, 2]];
const SECOND_WAYS: [[usize; 2]; 2] = [[5, 6], [4, 7]];

async fn prove_with(db: Db, program: &str, settings: &[(&str, &str)]) {
    // The tests do not wait for the delays of failed sign-ins.
    let folder = tempfile::tempdir().unwrap();
    let adapter = Program::adapter(&folder.path().join("ledger.db"), &[]);
    let site = Site::with_environment(
        db,
        &[
            ("CUSTOMARY_LOGIN_WAIT", "20ms"),
            ("CUSTOMARY_PROVIDER_URL", &adapter.url),
            ("CUSTOMARY_PROVIDER_SECRET", SECRET),
        ],
    );
    let server = Server::start_on(&site).await;
    let site = server.site();
    new_entry(site, "till", &["--test", "--provider", "sandbox"]);
    new_entry(site, "shop", &["--provider", "http"]);
    for (_, stores) in settings.iter().filter(|(name, _)| *name == "STORES") {
        stores.split(',').for_each(|store| new_entry(site, store, &["--test", "--provider", "sandbox"]));
    }
    for entry in ["febrl1", "febrl3", "import1", "import3"] {
        site.cli(&["entrypoint", "create", entry, "--org", "1", "--country", "AU"]).success();
    }
    let till = ["customers:read", "customers:write", "pii:read", "money:read", "money:write", "settings"];
    let scopes = till.iter().flat_map(|scope| ["--scope", scope]);
    let till: Vec<&str> = ["--org", "1", "--entry", "till"].into_iter().chain(scopes).collect();
    let reader = site.new_token(&["--org", "1", "--all-entries", "--scope", "customers:read"]);
    let mut command = tokio::process::Command::new(python());
    command
        .arg(format!("{FOLDER}/{program}.py"))
        .env("CUSTOMARY_URL", server.base())
        .env("CUSTOMARY_TOKEN", site.token())
        .env("CUSTOMARY_READ_TOKEN", reader)
        .env("CUSTOMARY_ENTRY", "demo")
        .env("CUSTOMARY_TILL", "till")
        .env("CUSTOMARY_TILL_TOKEN", site.new_token(&till))
        .env("FEBRL_ENTRY_1", "febrl1")
        .env("FEBRL_ENTRY_3", "febrl3")
        .env("FEBRL_IMPORT_1", "import1")
        .env("FEBRL_IMPORT_3", "import3")
        .env("MAIL_DIR", site.folder().join("data-0/mail"))
        .env(
            "CUSTOMARY_SETTINGS_TOKEN",
            site.new_token(&["--org", "1", "--all-entries", "--scope", "settings"]),
        )
        .env("CHARGE_TOKEN", token_with(site, &SCOPES))
        .env("SANDBOX_ENTRY", "till")
        .env("HTTP_ENTRY", "shop")
        .env("AXE", axe())
        .env("CLIENT_TOOLS", client_tools())
        .env("CUSTOMARY_FIRST_TOKEN", server.first_token().expect("a first start"))
        .env("FIRST_TOKEN_HAS_EVERY_RIGHT", if db == Db::Sqlite { "yes" } else { "no" })
        // Pages do not depend on the database, so one database takes the screenshots.
        .env("LOOK", if db == Db::Sqlite { "yes" } else { "no" })
        // The limits of values are checked before any database is asked. Their phase takes minutes, so it runs on one.
        .env(
            "SCHEMATHESIS_PHASES",
            if db == Db::Sqlite { "examples,coverage,fuzzing,stateful" } else { "examples,fuzzing,stateful" },
        )
        .env("FIRST_OWNER", site.data_dir(0).join("first-owner"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .envs(settings.iter().copied())
        .kill_on_drop(true);
    let output = command.output().await.unwrap();
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    println!("{text}");
    assert!(output.status.success(), "{program} failed:\n{text}");
}

/// The path of `axe.min.js`, which `scripts/test` fetches.
fn axe() -> std::path::PathBuf {
    let fetched = concat!(env!("CARGO_MANIFEST_DIR"), "/target/axe-core/axe.min.js");
    std::env::var_os("TEST_AXE").map_or_else(|| fetched.into(), Into::into)
}

/// The folder of the tools that make clients, which `scripts/test` installs.
fn client_tools() -> std::path::PathBuf {
    let installed = concat!(env!("CARGO_MANIFEST_DIR"), "/target/client-tools");
    std::env::var_os("TEST_CLIENT_TOOLS").map_or_else(|| installed.into(), Into::into)
}

both!(payablis_own_sdk_works_unmodified, |db| async move { prove(db, "payabli_customers").await });
both!(
    payablis_own_sdk_reads_links_and_confirms_payments,
    |db| async move { prove(db, "payabli_payments").await }
);
both!(payablis_own_sdk_charges_stored_methods, |db| async move { prove(db, "payabli_charges").await });
both!(requests_are_paid_in_a_browser, |db| async move { prove(db, "pay_walk").await });
both!(payablis_own_sdk_makes_and_lists_invoices, |db| async move { prove(db, "payabli_invoices").await });
both!(webhooks_signed_as_the_official_packages_do_are_taken, |db| async move {
    prove(db, "webhook_signatures").await;
});
both!(febrl_records_are_created_matched_and_found, |db| async move { prove(db, "febrl").await });
both!(febrl_imports_have_the_expected_counts, |db| async move { prove(db, "febrl_import").await });
both!(schemathesis_finds_nothing, |db| async move { prove(db, "schemathesis_run").await });

#[tokio::test]
async fn swagger_ui_creates_a_customer_in_a_browser() {
    prove(Db::Sqlite, "swagger_ui").await;
}

both!(the_portal_works_in_a_browser, |db| async move { prove(db, "portal_walk").await });

both!(payfacile_is_walked_in_the_console, |db| async move { walk(db, "payfacile", FIRST_WAYS).await });
both!(doku_is_walked_in_the_console, |db| async move { walk(db, "doku", SECOND_WAYS).await });
both!(ownpay_is_walked_in_the_console, |db| async move { walk(db, "ownpay", FIRST_WAYS).await });
both!(rapyd_is_walked_in_the_console, |db| async move { walk(db, "rapyd", SECOND_WAYS).await });
both!(the_office_is_walked_in_the_console, |db| async move { walk(db, "office", FIRST_WAYS).await });

both!(generated_clients_compile_and_work, |db| async move { prove(db, "generated_clients").await });

both!(every_operation_executes_as_it_stands, |db| async move { prove(db, "try_it_out").await });

#[tokio::test]
async fn the_openapi_document_is_complete() {
    prove(Db::Sqlite, "openapi_quality").await;
}

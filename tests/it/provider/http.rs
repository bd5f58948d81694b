//! Charges through the reference adapter of `examples/`, which has a ledger of its own.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::*;

/// What signs the calls.
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A Python program that says where it listens, and ends with its handle.
pub(crate) struct Program {
    child: Child,
    pub(crate) url: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    pub(crate) fn start(script: &str, arguments: &[&str]) -> Program {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
        let mut child = Command::new(python())
            .arg(script)
            .args(arguments)
            .env("CUSTOMARY_PROVIDER_SECRET", SECRET)
            .env("PYTHONUNBUFFERED", "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Python runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().rsplit(' ').next().unwrap().to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "{line}");
        Program { child, url }
    }

    pub(crate) fn adapter(ledger: &Path, more: &[&str]) -> Program {
        let ledger = ledger.to_str().unwrap();
        Program::start("examples/provider_adapter.py", &[&["--port", "0", "--ledger", ledger], more].concat())
    }

    /// The movements of the adapter's ledger.
    pub(crate) async fn movements(&self) -> Vec<Value> {
        let ledger = reqwest::get(format!("{}/ledger", self.url)).await.unwrap();
        let ledger: Value = ledger.json().await.unwrap();
        ledger["movements"].as_array().unwrap().clone()
    }
}

/// A site whose service calls a provider.
pub(crate) fn site(db: Db, url: &str) -> std::sync::Arc<Site> {
    Site::with_environment(
        db,
        &[
            ("CUSTOMARY_PROVIDER_URL", url),
            ("CUSTOMARY_PROVIDER_SECRET", SECRET),
            ("CUSTOMARY_PROVIDER_TIMEOUT", "1s"),
        ],
    )
}

both!(rules_20_the_reference_adapter_charges_refunds_and_voids, |db| async {
    let folder = tempfile::tempdir().unwrap();
    let adapter = Program::adapter(&folder.path().join("ledger.db"), &[]);
    let server = Server::start_on(&site(db, &adapter.url)).await;
    let client = till(&server, "http");
    let (ada, _) = with_method(&client, "ada@example.test", "test-visa").await;
    let made = charged(&client, ada, 100.0).await;
    assert_eq!(made["status"], "succeeded", "{made}");
    assert!(made["providerId"].is_string() && made["authCode"].is_string(), "{made}");
    let id = id_of(&made);
    let paid = client.get(&format!("/api/MoneyIn/details/{id}")).await.expect(200).json;
    assert_eq!((&paid["FeeAmount"], &paid["NetAmount"]), (&json!(3.2), &json!(96.8)), "2.9 % and 0.30");
    refund(&client, &id, "40").await.expect(200);
    let other = id_of(&charged(&client, ada, 5.0).await);
    let void = post(&client, &format!("/api/MoneyIn/void/{other}")).await.expect(200);
    assert_eq!(void.data()["resultCode"], 1, "{}", void.text);
    let moved: Vec<String> = adapter
        .movements()
        .await
        .iter()
        .map(|one| format!("{} {}", one["kind"].as_str().unwrap(), one["amount"].as_str().unwrap()))
        .collect();
    assert_eq!(moved, ["charge 100.00", "refund -40.00", "charge 5.00", "void -5.00"]);
    let (bob, _) = with_method(&client, "bob@example.test", "test-insufficient").await;
    let declined = charged(&client, bob, 1.0).await;
    assert_eq!(
        (&declined["status"], &declined["declineCode"]),
        (&json!("declined"), &json!("insufficient_funds"))
    );
    let (eve, _) = with_method(&client, "eve@example.test", "test-action").await;
    let action = charged(&client, eve, 2.0).await;
    assert_eq!(action["status"], "requiresAction", "{action}");
    assert!(action["actionUrl"].as_str().unwrap().starts_with(&adapter.url), "{action}");
    assert_eq!(code(&refund(&client, &id_of(&action), "1").await, 409), "charge_not_settled");
    // The payer approves, and a hint lets the service ask.
    let form = reqwest::Client::new()
        .post(action["actionUrl"].as_str().unwrap())
        .form(&[("choice", "approve")])
        .send()
        .await
        .unwrap();
    assert!(form.status().is_success(), "{}", form.status());
    hint(&server, &id_of(&action)).await.expect(200);
    wait_until("the approved charge is through", PATIENCE, async || {
        read_charge(&client, &id_of(&action)).await["status"] == "succeeded"
    })
    .await;
});

/// A hint of the adapter about a call.
async fn hint(server: &Server, id: &str) -> Answer {
    let body = json!({"type": "charge.updated", "data": {"id": id}}).to_string();
    signed_hint(server, &body, SECRET, 0).await
}

async fn signed_hint(server: &Server, body: &str, secret: &str, ahead_secs: i64) -> Answer {
    let program = "import sys,hmac,hashlib,base64,time\n\
        key=base64.b64decode(sys.argv[1][6:]);at=str(int(time.time())+int(sys.argv[3]))\n\
        print(at,base64.b64encode(hmac.new(key,('m.'+at+'.'+sys.argv[2]).encode(),hashlib.sha256).digest()).decode())";
    let output =
        Command::new(python()).args(["-c", program, secret, body, &ahead_secs.to_string()]).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let (at, tag) = printed.trim().split_once(' ').unwrap();
    send(
        reqwest::Client::new()
            .post(format!("{}/api/Ingest/till/provider", server.base()))
            .header("content-type", "application/json")
            .header("webhook-id", "m")
            .header("webhook-timestamp", at)
            .header("webhook-signature", format!("v1,{tag}"))
            .body(body.to_owned()),
    )
    .await
}

both!(rules_20_a_hint_is_signed_and_tells_nothing, |db| async {
    let server = Server::start_on(&site(db, "http://127.0.0.1:9")).await;
    let client = till(&server, "http");
    let (ada, _) = with_method(&client, "ada@example.test", "test-visa").await;
    let body = json!({"amount": 5});
    let url = format!("{}/charges", path(ada));
    let sent = tokio::spawn(async move { client.post(&url, &body).await });
    let unknown = finished(sent).await.expect(200);
    let made = &unknown.json["responseData"];
    // Nobody answers, so nothing is known; and nothing is lost.
    assert_eq!((&made["status"], &made["isUnknown"]), (&json!("requested"), &json!(true)), "{made}");
    assert_eq!(unknown.json["isSuccess"], true);
    hint(&server, &id_of(made)).await.expect(200);
    hint(&server, "1-00000000000000000000000000000000").await.expect(200);
    signed_hint(&server, "{}", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSX", 0).await.expect_error(401);
    signed_hint(&server, "{}", SECRET, 400).await.expect_error(401);
    signed_hint(&server, "{}", SECRET, 0).await.expect_error(400);
    signed_hint(&server, "[", SECRET, 0).await.expect_error(400);
    let anonymous = server.anonymous().post("/api/Ingest/till/provider", &json!({})).await;
    anonymous.expect_error(401);
});

both!(rules_20_an_answer_that_is_not_signed_is_no_answer, |db| async {
    // The adapter has another secret, so neither side believes the other.
    let folder = tempfile::tempdir().unwrap();
    let adapter = Program::adapter(&folder.path().join("ledger.db"), &[]);
    let site = Site::with_environment(
        db,
        &[
            ("CUSTOMARY_PROVIDER_URL", &adapter.url),
            ("CUSTOMARY_PROVIDER_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSX"),
            ("CUSTOMARY_PROVIDER_TIMEOUT", "1s"),
        ],
    );
    let server = Server::start_on(&site).await;
    let client = till(&server, "http");
    let (ada, _) = with_method(&client, "ada@example.test", "test-visa").await;
    let made = charged(&client, ada, 5.0).await;
    assert_eq!((&made["status"], &made["isUnknown"]), (&json!("requested"), &json!(true)), "{made}");
    assert!(adapter.movements().await.is_empty());
});

#[tokio::test]
async fn wrong_options_say_what_to_change() {
    let site = Site::new(Db::Sqlite);
    let refused = |arguments: &[&str]| {
        let mut command = site.command(&[&["serve", "--listen", "127.0.0.1:0"], arguments].concat());
        let output = command.output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    for (arguments, said) in [
        (vec!["--provider-url", "http://pay.example"], "https://"),
        (vec!["--provider-url", "https://pay.example"], "CUSTOMARY_PROVIDER_SECRET"),
        (vec!["--provider-url", "https://pay.example", "--provider-secret", "short"], "whsec_"),
        (vec!["--provider-url", "https://pay.example", "--provider-secret", "whsec_aGk="], "24 bytes"),
        (vec!["--provider-timeout", "0s"], "from 1s to 2m"),
    ] {
        let stderr = refused(&arguments);
        assert!(stderr.contains(said), "{arguments:?}: {stderr}");
    }
}

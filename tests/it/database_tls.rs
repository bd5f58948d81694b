//! PostgreSQL over TLS, as SECURITY.md recommends.

use diesel::prelude::*;
use serde_json::json;

use crate::harness::*;
use crate::support::*;

#[tokio::test]
async fn the_connection_uses_tls_and_verifies_the_database_server() {
    let cluster = TlsCluster::start();
    let site_at = |url: &str| Site::with_environment(Db::Sqlite, &[("CUSTOMARY_DATABASE_URL", url)]);
    let site = site_at(cluster.verified());
    let mut server = Server::start_on(&site).await;
    let client = server.client();
    let id = client.create("demo", &json!({"email": "ada@example.test"}), &[], &[]).await.expect(200).id();
    client.get(&format!("/api/Customer/{id}")).await.expect(200);
    let found = client.get("/api/Query/customers/demo?search=ada@").await.expect(200);
    assert_eq!(found.json["Records"][0]["customerId"], id);
    let mut sql = Sql::Postgres(PgConnection::establish(cluster.verified()).expect("it connects"));
    let mut connections = |is_sealed: &str| {
        sql.number(&format!(
            "SELECT count(*) AS value FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
             WHERE application_name = 'customary' AND {is_sealed}"
        ))
    };
    assert!(connections("ssl") > 0);
    assert_eq!(connections("NOT ssl"), 0);
    assert_eq!(server.terminate().await.code(), Some(0));

    let elsewhere = cluster.verified().replace("127.0.0.1", "localhost");
    let bare = cluster.verified().split_once('?').expect("with settings").0;
    for (url, reason) in [
        (elsewhere, "does not match host name \"localhost\""),
        (format!("{bare}?sslmode=disable"), "no encryption"),
    ] {
        let refused = site_at(&url).cli(&["token", "create", "--org", "1", "--all-entries"]);
        assert!(!refused.status.success(), "{url}");
        assert!(refused.stderr.contains(reason), "{url}: {}", refused.stderr);
    }
}

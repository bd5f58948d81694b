//! What the service tells while the database takes no writes.

use serde_json::json;

use super::*;
use crate::support::*;

both!(the_service_is_not_ready_while_it_cannot_write, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let is_ready = async || client.get("/health/ready").await.status == 200;
    assert!(is_ready().await);
    let mut sql = Sql::open(server.site());
    sql.refuse_writes();
    wait_until("it notices, without any request to write", Duration::from_mins(1), async || {
        !is_ready().await
    })
    .await;
    client.get("/health/live").await.expect(200);
    read(&client, id).await.expect(200);
    sql.allow_writes();
    wait_until("it is ready again", Duration::from_mins(1), is_ready).await;
    created(&client, "demo", &json!({"email": "zoe@example.test"})).await;
});

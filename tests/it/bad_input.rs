//! Rules 2 and 6: every bad request is answered 4xx with the one error body that names every problem, and nothing is
//! stored. `fields` covers the members of a body, `bodies` whole bodies, `requests` everything around them.

mod bodies;
mod fields;
mod hostile;
mod requests;

use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

/// A server with one customer, which no bad request may change.
struct Fixture {
    server: Server,
    client: Client,
    customer: u64,
    before: Value,
}

impl Fixture {
    async fn start(db: Db) -> Self {
        let server = Server::start(db).await;
        let client = server.client();
        let body = json!({"email": "standing@example.test", "firstname": "Stan", "customerNumber": "S-1"});
        let customer = created(&client, "demo", &body).await;
        let before = Self::state(&client, customer).await;
        Self { server, client, customer, before }
    }

    async fn state(client: &Client, customer: u64) -> Value {
        let record = read(client, customer).await;
        json!([record.json, etag(&record), total(client, "demo").await])
    }

    fn path(&self) -> String {
        path(self.customer)
    }

    async fn nothing_stored(&self) {
        assert_eq!(
            Self::state(&self.client, self.customer).await,
            self.before,
            "a refused request stored something"
        );
    }
}

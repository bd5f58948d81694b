//! The guide that lets a payment system fill the customers (rules 14), as documented calls alone. Here the server is killed after
//! each of its blocks: what a webhook was answered is stored.

use crate::docs::{Reader, blocks_of};
use crate::harness::*;

const GUIDE: &str = "docs/guides/webhooks-of-payments.md";

both!(rules_14_a_guide_lets_payments_register_their_customers_across_kills, |db| async {
    let mut server = Server::start(db).await;
    let blocks = blocks_of(GUIDE, &server);
    let mut reader = Reader::start(&server);
    for block in &blocks {
        let printed = reader.run(block).unwrap_or_else(|error| panic!("{GUIDE}: {error}"));
        assert!(block.shows(&printed), "{GUIDE}:{} prints {printed}", block.line);
        server.kill9();
        server.restart().await;
    }
    assert!(blocks.len() > 12, "the guide has lost its examples");
    let told = server.logs();
    for personal in ["C-90010", "eve.poe", "whsec_5f1c"] {
        assert!(!told.contains(personal), "{personal} is in the log");
    }
    server.cli(&["doctor", "--deep"]).success();
});

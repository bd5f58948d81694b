//! The guides to payments (rules 14), as documented calls alone: one lets a payment system fill the customers, one brings a
//! payment history. Here the server is killed after each of their blocks: what was answered is stored.

use crate::docs::{Reader, blocks_of};
use crate::harness::*;

/// Runs every block of a guide, with a kill after each. The server that is left.
async fn walked(db: Db, guide: &str) -> Server {
    let mut server = Server::start(db).await;
    let blocks = blocks_of(guide, &server);
    let mut reader = Reader::start(&server);
    for block in &blocks {
        let printed = reader.run(block).unwrap_or_else(|error| panic!("{guide}: {error}"));
        assert!(block.shows(&printed), "{guide}:{} prints {printed}", block.line);
        server.kill9();
        server.restart().await;
    }
    assert!(blocks.len() > 12, "{guide} has lost its examples");
    server
}

/// Nothing personal is in the log, and all that is stored is well.
fn is_well(server: &Server, personal: &[&str]) {
    let told = server.logs();
    for value in personal {
        assert!(!told.contains(value), "{value} is in the log");
    }
    server.cli(&["doctor", "--deep"]).success();
}

both!(rules_14_a_guide_lets_payments_register_their_customers_across_kills, |db| async {
    let server = walked(db, "docs/guides/webhooks-of-payments.md").await;
    is_well(&server, &["C-90010", "eve.poe", "whsec_5f1c"]);
});

both!(rules_14_a_guide_brings_a_payment_history_across_kills, |db| async {
    let server = walked(db, "docs/guides/bring-payment-history.md").await;
    is_well(&server, &["C-501", "sam.fox", "fox@old"]);
});

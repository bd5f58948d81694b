//! The guide that builds a customer page walks through everything that hangs on a customer (rules 10–13), as documented calls
//! alone. Here the server is killed after each of its blocks: what a request has answered is stored.

use crate::docs::{Reader, blocks_of};
use crate::harness::*;

const GUIDE: &str = "docs/guides/customer-page.md";

both!(rules_10_a_guide_builds_reads_and_erases_a_customer_page_across_kills, |db| async {
    let mut server = Server::start(db).await;
    let blocks = blocks_of(GUIDE, &server);
    let mut reader = Reader::start(&server);
    for block in &blocks {
        let printed = reader.run(block).unwrap_or_else(|error| panic!("{GUIDE}: {error}"));
        assert!(block.shows(&printed), "{GUIDE}:{} prints {printed}", block.line);
        server.kill9();
        server.restart().await;
    }
    assert!(blocks.len() > 8, "the guide has lost its examples");
    let told = server.logs();
    // The first start greets with an example, whose customer has the same name.
    for personal in ["Elm", "elm", "2025550117", "4111"] {
        assert!(!told.contains(personal), "{personal} is in the log");
    }
    server.cli(&["doctor", "--deep"]).success();
});

//! Clients while the service ends.

use std::net::{Shutdown, TcpStream};

use super::*;

both!(rules_6_a_service_that_ends_answers_on_open_connections, |db| async {
    let site = Site::with_environment(db, &[("CUSTOMARY_DRAIN", "5s")]);
    let mut server = Server::start_on(&site).await;
    let mut kept = Raw::open(&server.base());
    let mut watching = Raw::open(&server.base());
    let (_, head, _) = kept.get("/health/ready");
    assert!(!head.contains("connection: close"), "{head}");
    assert_eq!(watching.get("/health/ready").0, 200);
    let base = server.base();
    let others = tokio::task::spawn_blocking(move || {
        let begun = std::time::Instant::now();
        while watching.get("/health/ready").0 == 200 {
            assert!(begun.elapsed() < Duration::from_secs(10), "it is ready although it ends");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(watching.ends());
        let answers = [kept.get("/openapi.json"), Raw::open(&base).get("/health/live")];
        (answers, kept.ends())
    });
    let status = server.terminate().await;
    let (answers, has_ended) = finished(others).await;
    for (status, head, _) in answers {
        assert!(status == 200 && head.contains("connection: close"), "{head}");
    }
    assert!(has_ended);
    assert_eq!(status.code(), Some(0), "{}", server.logs());
});

both!(rules_6_a_service_that_ends_breaks_no_request_of_clients_that_connect_anew, |db| async {
    const CLIENTS: usize = 12;
    let site = Site::with_environment(db, &[("CUSTOMARY_DRAIN", "1s")]);
    let mut answered = 0;
    for _ in 0..3 {
        let mut server = Server::start_on(&site).await;
        // An open connection makes the service wait.
        let kept = Raw::open(&server.base());
        let address = server.base().replace("http://", "");
        let clients: Vec<_> = (0..CLIENTS).map(|_| connects_anew(address.clone())).collect();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let status = server.terminate().await;
        assert_eq!(status.code(), Some(0), "{}", server.logs());
        for client in clients {
            answered += finished(client).await;
        }
        assert!(!server.logs().contains("ERROR"), "{}", server.logs());
        drop(kept);
    }
    assert!(answered > 1000, "{answered} requests");
});

/// Sends requests on connections of their own until nobody listens; the number of those that were answered.
fn connects_anew(address: String) -> tokio::task::JoinHandle<u32> {
    tokio::task::spawn_blocking(move || {
        let mut answered = 0;
        while let Ok(stream) = TcpStream::connect(&address) {
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            let mut raw = Raw(stream);
            // `get` fails unless the whole answer comes.
            assert_eq!(raw.get("/health/live").0, 200);
            raw.0.shutdown(Shutdown::Both).ok();
            answered += 1;
        }
        answered
    })
}

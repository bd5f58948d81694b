//! Neither a file nor one of its lines needs to fit into memory.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::*;

/// Sends a generated file piece by piece; the answer's status and body.
fn stream(server: &Server, token: &str, pieces: impl Iterator<Item = Vec<u8>>) -> (u16, Value) {
    let address = server.base().replace("http://", "");
    let mut connection = TcpStream::connect(&address).unwrap();
    write!(
        connection,
        "POST /api/Import/customersForm/demo HTTP/1.1\r\nHost: {address}\r\nrequestToken: {token}\r\n\
         Content-Type: text/csv\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    for piece in pieces {
        write!(connection, "{:x}\r\n", piece.len()).unwrap();
        connection.write_all(&piece).unwrap();
        connection.write_all(b"\r\n").unwrap();
    }
    connection.write_all(b"0\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
    (status, serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}")))
}

/// The peak memory of a process so far, in bytes.
fn memory_peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().strip_suffix(" kB").expect("in kB").trim().parse::<u64>().unwrap() * 1024
}

// The database makes no difference to a line: the store keeps it in pieces of a megabyte and reads it as such.
#[tokio::test]
async fn rules_9_a_line_of_200_megabytes_is_rejected_and_takes_little_memory() {
    const PIECE: usize = 1 << 20;
    const PIECES: usize = 200;
    let server = Server::start(Db::Sqlite).await;
    let client = server.client();
    let begin = b"email,firstname\nfirst@example.test,Ada\n\"long@example.test\",\"".to_vec();
    let end = b"\"\nlast@example.test,Zoe".to_vec();
    let filler = std::iter::repeat_n(vec![b'x'; PIECE], PIECES);
    let pieces = std::iter::once(begin).chain(filler).chain([end]);
    let (status, answer) = stream(&server, server.site().token(), pieces);
    assert_eq!(status, 200, "{answer}");
    let data = &answer["responseData"];
    assert_eq!(counts(data), [2, 0, 1], "{answer}");
    let rejected = rows(&client, data, "&outcome=rejected").await;
    assert_eq!(rejected[0]["line"], 3, "{rejected:?}");
    assert_eq!(rejected[0]["cells"], json!([]), "the report keeps a row that is too long: {rejected:?}");
    let stored: Vec<_> = by(&client, "Email").await.into_keys().collect();
    assert_eq!(stored, ["first@example.test", "last@example.test"]);
    let peak = memory_peak(server.pid());
    assert!(peak < 250 * 1024 * 1024, "{peak} bytes of memory");
}

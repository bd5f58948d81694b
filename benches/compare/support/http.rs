//! A minimal HTTP/1.1 client. It must be cheap, because it shares the machine with the system under test.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;

use tokio::net::TcpStream;

/// The maximum size of an answer in bytes.
const ANSWER_MAX: usize = 256 << 20;

/// A connection that stays open between requests.
pub struct Conn {
    stream: TcpStream,
    buffer: Vec<u8>,
    body: Vec<u8>,
}

/// An answer. Its body is in the buffers of the connection.
pub struct Answer<'a> {
    pub status: u16,
    /// The status line and the headers.
    pub head: &'a str,
    pub body: &'a str,
}

impl Answer<'_> {
    /// The result of a check: 0, or the answer if it is wrong.
    pub fn must(&self, is_right: bool) -> std::result::Result<u64, String> {
        if is_right { Ok(0) } else { Err(format!("{} {}", self.status, self.body)) }
    }
}

/// The head of an answer: where the body starts, and where it ends.
struct Head {
    status: u16,
    body_at: usize,
    length: Option<usize>,
    is_chunked: bool,
}

impl Conn {
    pub async fn open(address: SocketAddr) -> Result<Conn> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Conn { stream, buffer: Vec::new(), body: Vec::new() })
    }

    /// Sends a whole request and waits for the whole answer.
    pub async fn send(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.write(request).await?;
        self.buffer.clear();
        let head = loop {
            self.read_some().await?;
            if let Some(head) = head(&self.buffer)? {
                break head;
            }
        };
        if head.is_chunked {
            self.read_chunks(head.body_at).await?;
        } else {
            let end = head.body_at + head.length.unwrap_or(0);
            while self.buffer.len() < end {
                self.read_some().await?;
            }
            if self.buffer.len() > end {
                return Err(wrong("more bytes than announced"));
            }
        }
        let body = if head.is_chunked { &self.body[..] } else { &self.buffer[head.body_at..] };
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| wrong("no UTF-8"));
        let (body, lines) = (text(body)?, text(&self.buffer[..head.body_at])?);
        Ok(Answer { status: head.status, head: lines, body })
    }

    async fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            match self.stream.try_write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.stream.writable().await?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits for bytes and appends those that have arrived.
    async fn read_some(&mut self) -> Result<()> {
        const STEP: usize = 16 << 10;
        let filled = self.buffer.len();
        if filled > ANSWER_MAX {
            return Err(wrong("an endless answer"));
        }
        self.buffer.resize(filled + STEP.max(filled / 2), 0);
        loop {
            self.stream.readable().await?;
            match self.stream.try_read(&mut self.buffer[filled..]) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    self.buffer.truncate(filled + read);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn read_chunks(&mut self, body_at: usize) -> Result<()> {
        self.body.clear();
        let mut at = body_at;
        loop {
            let (size_len, size) = loop {
                match httparse::parse_chunk_size(&self.buffer[at..]).map_err(|_| wrong("a bad chunk"))? {
                    httparse::Status::Complete(found) => break found,
                    httparse::Status::Partial => self.read_some().await?,
                }
            };
            let size = usize::try_from(size).map_err(|_| wrong("a huge chunk"))?;
            let start = at + size_len;
            while self.buffer.len() < start + size + 2 {
                self.read_some().await?;
            }
            if size == 0 {
                return Ok(());
            }
            self.body.extend_from_slice(&self.buffer[start..start + size]);
            at = start + size + 2;
        }
    }
}

fn head(bytes: &[u8]) -> Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; 48];
    let mut parsed = httparse::Response::new(&mut headers);
    let body_at = match parsed.parse(bytes).map_err(|_| wrong("no HTTP"))? {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial => return Ok(None),
    };
    let mut head = Head { status: parsed.code.unwrap_or(0), body_at, length: None, is_chunked: false };
    for header in parsed.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            let text = std::str::from_utf8(header.value).unwrap_or("");
            head.length = Some(text.trim().parse().map_err(|_| wrong("a bad length"))?);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            head.is_chunked = header.value.eq_ignore_ascii_case(b"chunked");
        }
    }
    Ok(Some(head))
}

fn wrong(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

/// The bytes of a request. `headers` holds complete lines with their line ends.
pub fn request(method: &str, path: &str, headers: &str, body: &str) -> Vec<u8> {
    let content = if body.is_empty() && method == "GET" {
        String::new()
    } else {
        format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len())
    };
    format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{headers}{content}\r\n{body}").into_bytes()
}

//! Where heads and bodies end in the bytes that a client sends. The HTTP library parses every head that it has
//! received, at some kilobytes of memory each, and closes a connection when it holds part of the next body. So the
//! library gets one request at a time. The library says which body follows a head; this module finds only where the
//! head ends. The library answers nothing when a chunk is broken, so this module also finds that, before the library does
//! (RFC 9112, 7.1).

/// The body that follows a head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Body {
    /// None.
    #[default]
    Empty,
    /// So many bytes.
    Length(u64),
    /// Chunks, up to one of no length and its trailers.
    Chunked,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Blank lines before a head, or its first byte.
    Between,
    /// A head, in a line that is blank so far or is not.
    Head { is_blank: bool },
    /// A body of which so many bytes are missing.
    Length(u64),
    /// The line that begins a chunk of so many bytes.
    Size { bytes: u64, part: SizePart },
    /// A chunk of which so many bytes are missing.
    Chunk(u64),
    /// The line break behind a chunk; `is_half` between its two bytes.
    ChunkEnd { is_half: bool },
    /// A line of the trailers that is blank so far or is not; `is_half` between the two bytes of its line break.
    Trailer { is_blank: bool, is_half: bool },
    /// A chunk that is none. Nothing is known of what follows.
    Broken,
}

/// The parts of the line that begins a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SizePart {
    /// The first digit.
    First,
    /// Further digits.
    Digits,
    /// Blanks behind the digits.
    Blanks,
    /// An extension, which nobody reads.
    Extension,
    /// The second byte of the line break.
    LineEnd,
}

/// The requests in the bytes of a connection.
#[derive(Debug)]
pub(super) struct Framing(Place);

impl Default for Framing {
    fn default() -> Framing {
        Framing(Place::Between)
    }
}

impl Framing {
    /// The head that ended has this body.
    pub(super) fn begin(&mut self, body: Body) {
        self.0 = match body {
            Body::Empty | Body::Length(0) => Place::Between,
            Body::Length(bytes) => Place::Length(bytes),
            Body::Chunked => Place::Size { bytes: 0, part: SizePart::First },
        };
    }

    /// Whether a body has begun and has not ended.
    pub(super) fn is_in_body(&self) -> bool {
        !matches!(self.0, Place::Between | Place::Head { .. })
    }

    /// Whether a chunk is broken. No bytes are taken from then on.
    pub(super) fn is_broken(&self) -> bool {
        self.0 == Place::Broken
    }

    /// The bytes without blank lines before a head (RFC 9112, 2.2).
    pub(super) fn without_blank_lines<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let blank = match self.0 {
            Place::Between => bytes.iter().take_while(|byte| is_line_end(byte)).count(),
            _ => 0,
        };
        bytes.split_at(blank).1
    }

    /// Splits the bytes where the current head or body ends or breaks: its bytes, the rest, and whether it ends here.
    pub(super) fn take<'a>(&mut self, bytes: &'a [u8]) -> (&'a [u8], &'a [u8], bool) {
        let (mut rest, mut has_ended) = (bytes, false);
        while !rest.is_empty() && !has_ended && !self.is_broken() {
            (rest, has_ended) = self.step(rest);
        }
        if has_ended {
            self.0 = Place::Between;
        }
        let (taken, _) = bytes.split_at(bytes.len().saturating_sub(rest.len()));
        (taken, rest, has_ended)
    }

    /// Takes bytes up to the end of a line or a chunk, or none that breaks a chunk; returns the rest, and whether the head
    /// or body ends.
    fn step<'a>(&mut self, bytes: &'a [u8]) -> (&'a [u8], bool) {
        match &mut self.0 {
            Place::Between => {
                self.0 = Place::Head { is_blank: false };
                (bytes, false)
            }
            Place::Length(missing) => (skip(bytes, missing), *missing == 0),
            Place::Chunk(missing) => {
                let rest = skip(bytes, missing);
                if *missing == 0 {
                    self.0 = Place::ChunkEnd { is_half: false };
                }
                (rest, false)
            }
            Place::Head { is_blank } => {
                let (line, rest) = line(bytes);
                let was_blank = *is_blank && line.iter().all(|byte| *byte == b'\r');
                *is_blank = was_blank || rest.is_some();
                (rest.unwrap_or_default(), was_blank && rest.is_some())
            }
            Place::Size { .. } | Place::ChunkEnd { .. } | Place::Trailer { .. } => {
                let Some((first, rest)) = bytes.split_first() else { return (bytes, false) };
                let has_ended = self.0 == Place::Trailer { is_blank: true, is_half: true } && *first == b'\n';
                self.0 = self.0.behind(*first);
                (if self.is_broken() { bytes } else { rest }, has_ended)
            }
            Place::Broken => (bytes, false),
        }
    }
}

impl Place {
    /// The place behind a byte of a line between chunks, or of a trailer.
    fn behind(self, byte: u8) -> Place {
        match self {
            Place::Size { bytes, part } => Place::behind_size(bytes, part, byte),
            Place::ChunkEnd { is_half: false } if byte == b'\r' => Place::ChunkEnd { is_half: true },
            Place::ChunkEnd { is_half: true } if byte == b'\n' => {
                Place::Size { bytes: 0, part: SizePart::First }
            }
            Place::Trailer { is_half: true, .. } if byte == b'\n' => {
                Place::Trailer { is_blank: true, is_half: false }
            }
            Place::Trailer { is_blank, is_half: false } => match byte {
                b'\r' => Place::Trailer { is_blank, is_half: true },
                b'\n' => Place::Broken,
                _ => Place::Trailer { is_blank: false, is_half: false },
            },
            _ => Place::Broken,
        }
    }

    /// The place behind a byte of the line that begins a chunk.
    fn behind_size(bytes: u64, part: SizePart, byte: u8) -> Place {
        use SizePart::{Blanks, Digits, Extension, First, LineEnd};
        if let (First | Digits, Some(digit)) = (part, char::from(byte).to_digit(16)) {
            let grown = bytes.checked_mul(16).and_then(|bytes| bytes.checked_add(digit.into()));
            return grown.map_or(Place::Broken, |bytes| Place::Size { bytes, part: Digits });
        }
        let next = match (part, byte) {
            (Digits | Blanks, b' ' | b'\t') => Blanks,
            (Digits | Blanks, b';') | (Extension, b'\t' | b' '..=b'~' | 0x80..) => Extension,
            (Digits | Blanks | Extension, b'\r') => LineEnd,
            (LineEnd, b'\n') if bytes == 0 => return Place::Trailer { is_blank: true, is_half: false },
            (LineEnd, b'\n') => return Place::Chunk(bytes),
            _ => return Place::Broken,
        };
        Place::Size { bytes, part: next }
    }
}

/// The bytes behind those that are missing.
fn skip<'a>(bytes: &'a [u8], missing: &mut u64) -> &'a [u8] {
    let count = usize::try_from(*missing).unwrap_or(usize::MAX).min(bytes.len());
    *missing = missing.saturating_sub(count.try_into().unwrap_or(u64::MAX));
    bytes.split_at(count).1
}

/// The bytes up to the end of a line, and those behind its line break, if it is there.
fn line(bytes: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b'\n', bytes) {
        Some(at) => {
            let (line, rest) = bytes.split_at(at);
            (line, rest.get(1..))
        }
        None => (bytes, None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A request, and its body.
    fn request() -> impl Strategy<Value = (String, Body)> {
        let line = prop_oneof![Just("\n"), Just("\r\n"), Just("\r"), Just("x"), Just("0\r\n\r\n")];
        let text = proptest::collection::vec(line, 0..20).prop_map(|parts| parts.concat());
        let head = proptest::sample::select(vec!["GET / HTTP/1.1\r\na: b\r\n\r\n", "x\n\n", "y: \r\n\n"]);
        let chunks = proptest::collection::vec(text.clone(), 0..5);
        let end =
            proptest::sample::select(vec!["0\r\n\r\n", "00;a=b\r\n\r\n", "0\r\nSum: 7\r\nb: c\r\n\r\n"]);
        (head, text, chunks, end, 0..3).prop_map(|(head, text, chunks, end, kind)| match kind {
            0 => (head.to_owned(), Body::Empty),
            1 => (format!("{head}{text}"), Body::Length(text.len().try_into().unwrap())),
            _ => {
                let chunk = |text: &String| format!("{:X};n\r\n{text}\r\n", text.len());
                let chunks: String = chunks.iter().filter(|text| !text.is_empty()).map(chunk).collect();
                (format!("{head}{chunks}{end}"), Body::Chunked)
            }
        })
    }

    proptest! {
        #[test]
        fn each_request_ends_where_it_ends(
            requests in proptest::collection::vec(request(), 1..8),
            size in 1_usize..60,
        ) {
            let text: String = requests.iter().map(|(text, _)| text.as_str()).collect();
            let mut framing = Framing::default();
            let (mut bodies, mut found, mut end) = (requests.iter(), Vec::new(), 0);
            let mut is_head = true;
            for piece in text.as_bytes().chunks(size) {
                let mut rest = piece;
                while !rest.is_empty() {
                    let (taken, after, has_ended) = framing.take(rest);
                    prop_assert!(!taken.is_empty());
                    (rest, end) = (after, end + taken.len());
                    if has_ended && is_head {
                        framing.begin(bodies.next().unwrap().1);
                    }
                    if has_ended && !framing.is_in_body() {
                        found.push(end);
                    }
                    is_head = !framing.is_in_body();
                }
            }
            let mut expected = Vec::new();
            for (text, _) in &requests {
                expected.push(expected.last().unwrap_or(&0) + text.len());
            }
            prop_assert_eq!(found, expected);
        }
    }

    /// What is taken of a body in chunks that comes in pieces, and whether it is broken.
    fn taken(body: &[u8], size: usize) -> (usize, bool) {
        let mut framing = Framing::default();
        framing.begin(Body::Chunked);
        let mut count = 0;
        for piece in body.chunks(size) {
            let (taken, rest, _) = framing.take(piece);
            count += taken.len();
            if !rest.is_empty() {
                break;
            }
        }
        (count, framing.is_broken())
    }

    #[test]
    fn a_broken_chunk_is_found_at_its_first_wrong_byte() {
        for (good, bad) in [
            ("", "x"),
            ("", "\r\n"),
            ("", ";a\r\n"),
            ("", "-1\r\n"),
            ("5", "x5\r\nhello"),
            ("5", "\nhello"),
            ("5 ", "5\r\n"),
            ("5\r", "hello"),
            ("5;name=", "\nhello"),
            ("5;name", "\u{0}\r\n"),
            ("ffffffffffffffff", "f\r\n"),
            ("1000000000000000", "0\r\n"),
            ("2\r\nab", "c\r\n"),
            ("2\r\nab", "\n0\r\n\r\n"),
            ("2\r\nab\r", "\r"),
            ("2\r\nab\r\n", "zz\r\n"),
            ("2\r\nab\r\n0\r\n", "\n"),
            ("0\r\nSum: 7", "\n\r\n"),
            ("0\r\nSum: 7\r", "\r\n\r\n"),
            ("0\r\n\r", "x"),
        ] {
            let body = format!("{good}{bad}");
            for size in 1..=body.len() {
                assert_eq!(taken(body.as_bytes(), size), (good.len(), true), "{body:?} by {size}");
            }
        }
        for good in ["5 \t;a=\"ü\"\r\nhello\r\n00\r\nSum: \u{1}7\r\n\r\n", "ffffffffffffffff\r\nxx\n\n0\n\n"]
        {
            assert_eq!(taken(good.as_bytes(), 7), (good.len(), false), "{good:?}");
        }
    }
}

//! Writes large bodies piece by piece. The HTTP library copies what a body gives into the connection's buffer, and so one
//! that gives all at once costs its size for each client that does not read.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;

/// The size of a piece, in bytes.
const PIECE_BYTES: usize = 16 * 1024;

/// A body in memory that many answers may share.
#[derive(Debug, Clone)]
pub(crate) struct Pieces(pub(crate) Bytes);

impl MessageBody for Pieces {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(u64::try_from(self.0.len()).unwrap_or(u64::MAX))
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let rest = &mut self.0;
        let piece = rest.split_to(rest.len().min(PIECE_BYTES));
        Poll::Ready((!piece.is_empty()).then_some(Ok(piece)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn the_pieces_are_the_whole() {
        for length in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 5 * PIECE_BYTES + 7] {
            let whole: Vec<u8> = (0_u8..251).cycle().take(length).collect();
            let body = Pieces(whole.clone().into());
            assert_eq!(body.size(), BodySize::Sized(length.try_into().unwrap()));
            assert_eq!(actix_web::body::to_bytes(body).await.unwrap(), whole);
        }
    }
}

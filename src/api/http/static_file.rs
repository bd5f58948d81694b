//! Files that are part of the program: the OpenAPI document and Swagger UI. Each is compressed once in each encoding, when
//! somebody first asks for it.

use actix_http::encoding::Encoder;
use actix_web::body::to_bytes;
use actix_web::http::header::{AcceptEncoding, CONTENT_ENCODING, CONTENT_TYPE, ContentEncoding, ETAG, VARY};
use actix_web::web::Bytes;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use tokio::sync::OnceCell;

use super::body::is_fresh;
use super::compression::{BYTES_MIN, chosen, is_text};

/// How many hexadecimal digits of a file's hash its `ETag` has.
const TAG_DIGITS: usize = 16;

/// A file with its compressed forms.
#[derive(Debug)]
pub(crate) struct StaticFile {
    media: String,
    bytes: Bytes,
    tag: String,
    brotli: OnceCell<Bytes>,
    zstd: OnceCell<Bytes>,
    gzip: OnceCell<Bytes>,
}

impl StaticFile {
    pub(crate) fn new(media: String, bytes: Bytes) -> StaticFile {
        let mut tag = blake3::hash(&bytes).to_hex().to_string();
        tag.truncate(TAG_DIGITS);
        let [brotli, zstd, gzip] = [const { OnceCell::const_new() }; 3];
        StaticFile { media, bytes, tag, brotli, zstd, gzip }
    }

    /// The answer to GET, in the encoding that the client prefers; 304 if the client has that form already. Each form has
    /// an `ETag` of its own, so that caches keep them apart.
    pub(crate) async fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        response.content_type(self.media.as_str());
        let mut form = (&self.bytes, None);
        if self.is_compressible() {
            response.insert_header((VARY, "Accept-Encoding"));
            let accepted = request.get_header::<AcceptEncoding>();
            if let Some(encoding) = accepted.as_ref().and_then(chosen)
                && let Some(bytes) = self.compressed(encoding).await
            {
                form = (bytes, Some(encoding));
            }
        }
        let (bytes, encoding) = form;
        let tag = match encoding {
            Some(encoding) => format!("\"{}-{}\"", self.tag, encoding.as_str()),
            None => format!("\"{}\"", self.tag),
        };
        let has_it = is_fresh(request, &tag);
        response.insert_header((ETAG, tag));
        if has_it {
            let mut unchanged = HttpResponse::NotModified().finish();
            let mut headers = response.finish().headers().clone();
            headers.remove(CONTENT_TYPE);
            *unchanged.headers_mut() = headers;
            return unchanged;
        }
        if let Some(encoding) = encoding {
            response.insert_header((CONTENT_ENCODING, encoding.as_str()));
        }
        response.body(bytes.clone())
    }

    fn is_compressible(&self) -> bool {
        is_text(&self.media) && u64::try_from(self.bytes.len()).is_ok_and(|bytes| bytes >= BYTES_MIN)
    }

    async fn compressed(&self, encoding: ContentEncoding) -> Option<&Bytes> {
        let kept = match encoding {
            ContentEncoding::Brotli => &self.brotli,
            ContentEncoding::Zstd => &self.zstd,
            ContentEncoding::Gzip => &self.gzip,
            _ => return None,
        };
        let bytes = self.bytes.clone();
        // The encoder works on a blocking thread. Requests that come meanwhile wait for the same result.
        let made = kept.get_or_try_init(async || {
            let response = HttpResponse::Ok().body(bytes);
            let response = response.map_body(|head, body| Encoder::response(encoding, head, body));
            to_bytes(response.into_body()).await
        });
        made.await.ok()
    }
}

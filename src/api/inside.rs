//! The API for pages of this process: the same routes, gate and handlers as over HTTP, called by somebody who is known already.
//! So pages have no second road to the data: masks, scopes, locks and idempotency keys hold for them as for any client.

use std::rc::Rc;

use actix_http::{BoxedPayloadStream, Payload, Request};
use actix_service::boxed::{self, BoxService};
use actix_service::{IntoServiceFactory as _, Service as _, ServiceExt as _, ServiceFactory as _};
use actix_web::HttpMessage as _;
use actix_web::body::BoxBody;
use actix_web::dev::{AppConfig, ServiceResponse};
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::http::{Method, Uri};
use actix_web::web::{Bytes, Data};
use tokio::sync::OnceCell;

use super::Shared;
use super::http::auth::Caller;
use super::http::state::App;
use crate::domain::accounts::token::Claims;

type Service = BoxService<Request, ServiceResponse<BoxBody>, actix_web::Error>;

/// The API of one worker thread.
pub struct InsideApi {
    state: Data<App>,
    shared: Shared,
    service: OnceCell<Service>,
}

/// A request to the API from a page.
pub struct InsideRequest {
    /// Who asks.
    pub claims: Claims,
    /// The method.
    pub method: Method,
    /// Path and query, such as `/api/Customer/7?x=1`; percent-encoded.
    pub address: String,
    /// Headers beside the media type.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body and its media type, if there is one.
    pub body: Option<(HeaderValue, InsideBody)>,
}

/// The body of a request from a page.
pub enum InsideBody {
    /// All at once.
    Whole(Bytes),
    /// Piece by piece, as a file comes.
    Stream(BoxedPayloadStream),
}

impl InsideApi {
    /// The API on a state.
    pub fn new(state: Data<App>, shared: Shared) -> Rc<InsideApi> {
        Rc::new(InsideApi { state, shared, service: OnceCell::new() })
    }

    /// Sends a request, and returns the answer with its body as it comes.
    ///
    /// # Errors
    /// The address is none, or the API could not be set up: defects.
    pub async fn send(&self, request: InsideRequest) -> Result<ServiceResponse<BoxBody>, String> {
        let service = self.service.get_or_try_init(|| self.set_up()).await?;
        let (media, body) = request.body.unzip();
        let payload = match body {
            None => Payload::None,
            Some(InsideBody::Whole(bytes)) => {
                let whole: BoxedPayloadStream = Box::pin(futures_util::stream::iter([Ok(bytes)]));
                Payload::from(whole)
            }
            Some(InsideBody::Stream(stream)) => Payload::from(stream),
        };
        let mut inside = Request::with_payload(payload);
        let head = inside.head_mut();
        head.method = request.method;
        head.uri = request.address.parse::<Uri>().map_err(|error| error.to_string())?;
        for (name, value) in request.headers {
            head.headers.insert(name, value);
        }
        if let Some(media) = media {
            head.headers.insert(CONTENT_TYPE, media);
        }
        inside.extensions_mut().insert(Caller::of(request.claims));
        service.call(inside).await.map_err(|error| error.to_string())
    }

    async fn set_up(&self) -> Result<Service, String> {
        let application = super::inside_application(self.state.clone(), self.shared.clone());
        let made = application.into_factory().new_service(AppConfig::default()).await;
        let service = made.map_err(|()| "the API could not be set up".to_owned())?;
        Ok(boxed::service(service.map(|response: ServiceResponse<_>| response.map_into_boxed_body())))
    }
}

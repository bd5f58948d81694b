//! The first steps of a handler: caller, entrypoint or customer, body, idempotency key. They run in the order of rules
//! 1.

use std::future::{Ready, ready};

use actix_web::dev::Payload as AnyPayload;
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder};

use super::auth::{Admitted, Caller};
use super::body::{self, Params, idempotency_key};
use super::error::Error;
use super::json;
use super::state::App;
use crate::domain::accounts::token::Scope;
use crate::domain::customers::record::CUSTOMER_ID_MAX;
use crate::domain::decide::command::{Action, Answer, Command, KeyUse};
use crate::domain::entrypoints::Entrypoint;
use crate::domain::view::{self, Seen};
use crate::store::{Found, StoreError};

/// The place of idempotency records for requests that belong to no entrypoint.
pub(crate) const SERVICE: i64 = 0;

/// A request whose token the gate has verified.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) request: HttpRequest,
    pub(crate) app: Data<App>,
    pub(crate) caller: Caller,
    /// The template of the route.
    route: std::sync::Arc<str>,
}

impl FromRequest for Call {
    type Error = Error;
    type Future = Ready<Result<Call, Error>>;

    fn from_request(request: &HttpRequest, _: &mut AnyPayload) -> Self::Future {
        // The gate admits a request only to a route that it knows as protected.
        let admitted = request.extensions().get::<Admitted>().cloned();
        ready(match (admitted, request.app_data::<Data<App>>()) {
            (Some(Admitted { caller, route }), Some(app)) => {
                Ok(Call { request: request.clone(), app: Data::clone(app), caller, route })
            }
            _ => Err(Error::Unauthorized("missing")),
        })
    }
}

impl Call {
    /// Refuses a token without a scope.
    ///
    /// # Errors
    /// 403 naming the scope.
    pub(crate) fn require(&self, scope: Scope) -> Result<(), Error> {
        if self.caller.claims().allows(scope) { Ok(()) } else { Err(Error::Forbidden(scope.name())) }
    }

    /// The value of a path parameter.
    pub(crate) fn path(&self, name: &str) -> &str {
        self.request.match_info().query(name)
    }

    /// An id in the path. An impossible id is answered like an unknown one.
    ///
    /// # Errors
    /// 404.
    pub(crate) fn id(&self, name: &str) -> Result<i64, Error> {
        let text = self.path(name);
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let id = if is_number { text.parse().unwrap_or(0) } else { 0 };
        if (1..=CUSTOMER_ID_MAX).contains(&id) { Ok(id) } else { Err(Error::NotFound) }
    }

    /// The query parameters.
    pub(crate) fn params(&self) -> Params {
        Params::of(&self.request)
    }

    /// The entrypoint that `{entry}` names, if the token has the scope and may see it.
    ///
    /// # Errors
    /// 403, 404.
    pub(crate) async fn entry(&self, scope: Scope) -> Result<i64, Error> {
        self.require(scope)?;
        let entry = self.path("entry");
        let (id, org_id) = self.app.store.entrypoints().find(entry).await?.ok_or(Error::NotFound)?;
        if self.caller.claims().sees(org_id, entry) { Ok(id) } else { Err(Error::NotFound) }
    }

    /// The organisation that `{orgId}` names, if the token has the scope and belongs to it. Another organisation answers as
    /// if it did not exist.
    ///
    /// # Errors
    /// 403, 404.
    pub(crate) fn organisation(&self, scope: Scope) -> Result<i64, Error> {
        self.require(scope)?;
        let id = self.id("orgId")?;
        if id == self.caller.claims().org { Ok(id) } else { Err(Error::NotFound) }
    }

    /// The customer that `{customerId}` names, if the token has the scope and may see it.
    ///
    /// # Errors
    /// 403, 404.
    pub(crate) async fn customer(&self, scope: Scope) -> Result<Found, Error> {
        self.require(scope)?;
        let found = self.fetch(|found| found).await?;
        if self.sees(&found.entrypoint) { Ok(found) } else { Err(Error::NotFound) }
    }

    /// Applies `render` to the customer that `{customerId}` names, if the token has the scope and may see the customer.
    ///
    /// # Errors
    /// 403, 404.
    pub(crate) async fn customer_as<T: Send + 'static>(
        &self,
        scope: Scope,
        render: impl FnOnce(&Found) -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.require(scope)?;
        let (rendered, entrypoint) = self.fetch(move |found| (render(&found), found.entrypoint)).await?;
        if self.sees(&entrypoint) { Ok(rendered) } else { Err(Error::NotFound) }
    }

    /// Applies `render` to a customer, whether or not the caller may see it, so that both cases take the same work.
    async fn fetch<T: Send + 'static>(
        &self,
        render: impl FnOnce(Found) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let id = self.id("customerId")?;
        let entrypoint_id = self.app.store.customers().entrypoint_of(id).await?.ok_or(Error::NotFound)?;
        self.app.store.customers().find(entrypoint_id, id, render).await?.ok_or(Error::NotFound)
    }

    fn sees(&self, entrypoint: &Entrypoint) -> bool {
        self.caller.claims().sees(entrypoint.org_id, &entrypoint.entry)
    }

    /// A change with a JSON body. The idempotency record belongs to the entrypoint, or to [`SERVICE`].
    ///
    /// # Errors
    /// 413, 415; 400 for an invalid key.
    pub(crate) async fn json(&self, entrypoint_id: i64, payload: Payload) -> Result<Mutation<'_>, Error> {
        let body = body::json(&self.request, payload).await?;
        let key = self.key_use(entrypoint_id, &body).await?;
        Ok(Mutation { call: self, entrypoint_id, body, key })
    }

    /// A change without a body; otherwise as [`Call::json`].
    ///
    /// # Errors
    /// 413; 400 for an invalid key.
    pub(crate) async fn bodiless(&self, entrypoint_id: i64, payload: Payload) -> Result<Mutation<'_>, Error> {
        body::none(payload).await?;
        let key = self.key_use(entrypoint_id, &[]).await?;
        Ok(Mutation { call: self, entrypoint_id, body: Bytes::new(), key })
    }

    /// The hashed idempotency key of the request, if there is one (rules 4).
    ///
    /// # Errors
    /// 400 for an invalid key.
    pub(crate) async fn key_use(&self, entrypoint_id: i64, body: &[u8]) -> Result<Option<KeyUse>, Error> {
        let Some(key) = idempotency_key(&self.request)? else { return Ok(None) };
        let claims = self.caller.claims();
        let organisation = claims.org.to_string();
        let route = format!("{} {}", self.request.method(), self.route.trim_start_matches("/api"));
        let target = self.target();
        let mut scope = vec![&organisation, &route, &target, &key];
        // If it shared keys, 422 or a replay would tell it whether another token sent the same masked values.
        if !self.caller.sight().pii {
            scope.push(claims.stored_id());
        }
        let scope = scope.into_iter().map(|part| part.as_bytes().to_vec()).collect();
        let content = vec![self.request.query_string().as_bytes().to_vec(), body.to_vec()];
        Ok(Some(self.app.store.idempotency().key_use(entrypoint_id, scope, content).await?))
    }

    /// The path parameters in a canonical spelling: ids without leading zeros. All ids and nothing else are named so; an
    /// entrypoint `007` is another one than `7`.
    fn target(&self) -> String {
        let value = |(name, value): (&str, &str)| {
            if name.ends_with("Id") { value.trim_start_matches('0') } else { value }.to_owned()
        };
        self.request.match_info().iter().map(value).collect::<Vec<_>>().join("/")
    }
}

/// A requested change: target known, body read, key hashed.
#[derive(Debug)]
pub(crate) struct Mutation<'a> {
    call: &'a Call,
    entrypoint_id: i64,
    pub(crate) body: Bytes,
    pub(crate) key: Option<KeyUse>,
}

impl Mutation<'_> {
    /// The command for an action.
    pub(crate) fn command(&self, action: Action) -> Command {
        let Mutation { call, entrypoint_id, key, .. } = *self;
        let (actor, sight) = (call.caller.actor(), call.caller.sight());
        Command { entrypoint_id, actor, sight, idempotency: key, action }
    }

    /// Carries out an action. A request with problems has no action. It can still be a replay, as its validity may have
    /// changed since the first request.
    ///
    /// # Errors
    /// 422 if another request used the key; otherwise the problems, or the error of the decision.
    pub(crate) async fn write(&self, action: Result<Action, Error>) -> Result<Seen, Error> {
        match action {
            Ok(action) => self.seen(self.call.app.store.customers().write(self.command(action)).await),
            Err(Error::Invalid(problems)) if self.key.is_some() => {
                self.consult(Action::Replay(problems)).await
            }
            Err(error) => Err(error),
        }
    }

    /// Decides an action that changes nothing, without the writer.
    ///
    /// # Errors
    /// As [`Mutation::write`].
    pub(crate) async fn consult(&self, action: Action) -> Result<Seen, Error> {
        self.seen(self.call.app.store.customers().consult(self.command(action)).await)
    }

    /// The answer of a decision, or its refusal, as the caller's token sees it.
    fn seen(&self, reply: Result<Answer, StoreError>) -> Result<Seen, Error> {
        let sight = self.call.caller.sight();
        match reply {
            Ok(answer) => Ok(answer.seen_by(sight)),
            Err(StoreError::Rejected(rejection)) => Err(view::rejection(sight, rejection).into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Carries out a change of the service with the checked request and the key, and answers with its JSON. Answers a request
    /// with problems as the earlier request with its key.
    ///
    /// # Errors
    /// As [`Mutation::replay`]; the error of the change.
    pub(crate) async fn answer<T>(
        &self,
        read: Result<T, Error>,
        change: impl AsyncFnOnce(T, Option<KeyUse>) -> Result<(String, bool), StoreError>,
    ) -> Result<HttpResponse, Error> {
        let (body, replayed) = match read {
            Ok(read) => change(read, self.key).await?,
            Err(problems) => (self.replay(problems).await?, true),
        };
        Ok(json::answer(&mut ok(replayed), body))
    }

    /// The earlier answer to a request with problems, if its key has one.
    ///
    /// # Errors
    /// 422 if another request used the key; otherwise the problems.
    pub(crate) async fn replay(&self, problems: Error) -> Result<String, Error> {
        let Some(key) = self.key else { return Err(problems) };
        let kept = self.call.app.store.idempotency().kept_answer(self.entrypoint_id, key).await?;
        kept.ok_or(problems)
    }
}

/// An answer with status 200, marked if it is the replay of an earlier request with the same key.
pub(crate) fn ok(replayed: bool) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    if replayed {
        response.insert_header(("Idempotent-Replayed", "true"));
    }
    response
}

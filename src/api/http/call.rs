//! The first steps of a handler: caller, entrypoint or customer, body, idempotency key. They run in the order of rules
//! 1.

use std::cell::RefCell;
use std::future::{Ready, ready};

use actix_web::dev::Payload as AnyPayload;
use actix_web::http::Method;
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder};

use super::auth::{Admitted, Caller};
use super::body::{self, KEY_HEADER, NO_UTF8, Params, idempotency_key, is_utf8};
use super::error::{Error, unless_any};
use super::json;
use super::state::App;
use crate::domain::accounts::acts::{Act, ActKind};
use crate::domain::accounts::token::{Entries, Scope};
use crate::domain::customers::record::CUSTOMER_ID_MAX;
use crate::domain::decide::command::{Action, Answer, Command, KeyUse};
use crate::domain::entrypoints::Entrypoint;
use crate::domain::kernel::card::{self, CardData, CardGuard};
use crate::domain::kernel::members::{Given, MEMBERS_MAX};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::problem::{At, Problem};
use crate::domain::view::{self, Seen};
use crate::store::{CustomerMoney, Details, Found, StoreError};

/// The headers by which browsers say that they fetch ahead, with their words. `Sec-Purpose` is the one of the Fetch Standard;
/// the others are those of older browsers.
const AHEAD: [(&str, &[&str]); 4] = [
    ("Sec-Purpose", &["prefetch", "prerender", "preview"]),
    ("Purpose", &["prefetch", "prerender", "preview"]),
    ("X-Purpose", &["prefetch", "preview"]),
    ("X-Moz", &["prefetch"]),
];

/// The route that makes tokens.
const TOKENS: &str = "/api/Token";

/// The parameter of a path that says how much.
const AMOUNT: &str = "amount";

/// The place of idempotency records for requests that belong to no entrypoint.
pub(crate) const SERVICE: i64 = 0;

/// A request whose token the gate has verified.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) request: HttpRequest,
    pub(crate) app: Data<App>,
    pub(crate) caller: Caller,
    /// Whether the request is HEAD: a handler of GET that writes must not write.
    pub(crate) is_head: bool,
    /// The template of the route.
    route: std::sync::Arc<str>,
    /// Parameters with an id that looks like a card number, until the entrypoint that may allow them is known.
    card_ids: RefCell<Vec<Problem>>,
}

impl FromRequest for Call {
    type Error = Error;
    type Future = Ready<Result<Call, Error>>;

    fn from_request(request: &HttpRequest, _: &mut AnyPayload) -> Self::Future {
        // The gate admits a request only to a route that it knows as protected.
        let admitted = request.extensions().get::<Admitted>().cloned();
        ready(match (admitted, request.app_data::<Data<App>>()) {
            (Some(Admitted { caller, route, is_head }), Some(app)) => {
                let (request, app) = (request.clone(), Data::clone(app));
                broken_path(&request, &route).and_then(|()| cards_in_address(&request)).map(|card_ids| {
                    let card_ids = RefCell::new(card_ids);
                    Call { request, app, caller, is_head, route, card_ids }
                })
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

    /// Refuses a GET that writes while a browser only fetches ahead or shows a preview, so that nobody asked for it yet.
    ///
    /// # Errors
    /// 400 naming the header.
    pub(crate) fn refuse_prefetch(&self) -> Result<(), Error> {
        const MESSAGE: &str = "says that nobody asked for this address yet, and it writes; send POST";
        let says = |(header, words): &(&'static str, &[&str])| {
            let values = self.request.headers().get_all(*header).filter_map(|value| value.to_str().ok());
            values.into_iter().any(|value| {
                let value = value.to_ascii_lowercase();
                words.iter().any(|word| value.contains(word))
            })
        };
        match AHEAD.iter().find(|of| says(of)) {
            Some((header, _)) => Err(Error::invalid(Problem::header(header, "prefetch", MESSAGE))),
            None => Ok(()),
        }
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

    /// The query parameters, with the problems of parameters that look like card numbers.
    pub(crate) fn params(&self) -> Params {
        let mut params = Params::of(&self.request);
        params.add(self.card_ids.borrow().clone());
        params
    }

    /// Allows ids that look like card numbers if the entrypoint does (rules 10).
    async fn allow_card_ids(&self, entrypoint_id: i64) -> Result<(), Error> {
        if !self.card_ids.borrow().is_empty() && self.guard_of(entrypoint_id).await? == CardGuard::Texts {
            self.card_ids.take();
        }
        Ok(())
    }

    /// Allows a parameter of the path with an id that looks like a card number: the record has this id, and the request takes
    /// it away.
    pub(crate) fn allow_card_id(&self, name: &str) {
        let at = At::Parameter(name.to_owned());
        self.card_ids.borrow_mut().retain(|problem| problem.at != at);
    }

    /// The setting `cardGuard` of an entrypoint.
    async fn guard_of(&self, entrypoint_id: i64) -> Result<CardGuard, Error> {
        let settings = self.app.store.entrypoints().settings(entrypoint_id).await?;
        Ok(settings.map_or(CardGuard::All, |settings| settings.entrypoint.card_guard))
    }

    /// The entrypoint that `{entry}` names, if the token has the scope and may see it.
    ///
    /// # Errors
    /// 403, 404.
    pub(crate) async fn entry(&self, scope: Scope) -> Result<i64, Error> {
        self.entry_in("entry", scope).await
    }

    /// As [`Call::entry`], for the entrypoint that another parameter of the path names.
    ///
    /// # Errors
    /// 403, 404.
    pub(crate) async fn entry_in(&self, parameter: &str, scope: Scope) -> Result<i64, Error> {
        self.require(scope)?;
        let entry = self.path(parameter);
        let (id, org_id) = self.app.store.entrypoints().find(entry).await?.ok_or(Error::NotFound)?;
        if !self.caller.claims().sees(org_id, entry) {
            return Err(Error::NotFound);
        }
        self.allow_card_ids(id).await?;
        Ok(id)
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

    /// What a member of staff does at the entrypoint that `{entry}` names.
    pub(crate) fn act_at(&self, kind: ActKind) -> Act {
        let here = Entries::Listed(vec![self.path("entry").to_owned()]);
        Act::new(kind, self.caller.claims().org, here, &self.caller.actor())
    }

    /// The customer that `{customerId}` names, if the token has the scope and may see it.
    ///
    /// # Errors
    /// 403, 404.
    pub(crate) async fn customer(&self, scope: Scope) -> Result<Found, Error> {
        self.require(scope)?;
        let found = self.fetch(|found| found).await?;
        if !self.sees(&found.entrypoint) {
            return Err(Error::NotFound);
        }
        self.allow_card_ids(found.entrypoint.id).await?;
        Ok(found)
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

    /// As [`Call::customer_as`], with what the customer paid. Of a customer who paid nothing one statement tells all.
    ///
    /// # Errors
    /// 403, 404.
    pub(crate) async fn record_as<T: Send + 'static>(
        &self,
        scope: Scope,
        render: impl FnOnce(&Found, Option<&CustomerMoney>) -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.require(scope)?;
        let (rendered, entrypoint) = self
            .fetch(move |found| {
                let rendered = if found.has_money { Err(render) } else { Ok(render(&found, None)) };
                (rendered, found.entrypoint)
            })
            .await?;
        if !self.sees(&entrypoint) {
            return Err(Error::NotFound);
        }
        match rendered {
            Ok(rendered) => Ok(rendered),
            Err(render) => {
                let id = self.id("customerId")?;
                let customers = self.app.store.customers();
                customers.find_with_money(entrypoint.id, id, render).await?.ok_or(Error::NotFound)
            }
        }
    }

    /// As [`Call::customer_as`], with the first entries of the customer's lists, at most `limit` of each.
    ///
    /// # Errors
    /// 403, 404.
    pub(crate) async fn details_as<T: Send + 'static>(
        &self,
        scope: Scope,
        limit: i64,
        render: impl FnOnce(&Found, &Details) -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.require(scope)?;
        let id = self.id("customerId")?;
        let customers = self.app.store.customers();
        let entrypoint_id = customers.entrypoint_of(id).await?.ok_or(Error::NotFound)?;
        let render = |found: Found, details: &Details| (render(&found, details), found.entrypoint);
        let (rendered, entrypoint) = customers
            .details(entrypoint_id, id, (limit, self.caller.sees_money()), render)
            .await?
            .ok_or(Error::NotFound)?;
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

    pub(crate) fn sees(&self, entrypoint: &Entrypoint) -> bool {
        self.caller.claims().sees(entrypoint.org_id, &entrypoint.entry)
    }

    /// A change with a JSON body. The idempotency record belongs to the entrypoint, or to [`SERVICE`].
    ///
    /// # Errors
    /// 413, 415; 400 for raw card data and for an invalid key.
    pub(crate) async fn json(&self, entrypoint_id: i64, payload: Payload) -> Result<Mutation<'_>, Error> {
        let (body, found) = body::json_with_cards(&self.request, payload).await?;
        self.refuse_cards(entrypoint_id, found).await?;
        let key = self.key_use(entrypoint_id, &body).await?;
        Ok(Mutation { call: self, entrypoint_id, body, key })
    }

    /// A change whose body is an array. What is wrong with an item, card data too, is up to the item.
    ///
    /// # Errors
    /// 413, 415; 400 for an invalid key.
    pub(crate) async fn json_items(
        &self,
        entrypoint_id: i64,
        payload: Payload,
        bytes_max: usize,
    ) -> Result<Mutation<'_>, Error> {
        let body = body::json_up_to(&self.request, payload, bytes_max).await?;
        let key = self.key_use(entrypoint_id, &body).await?;
        Ok(Mutation { call: self, entrypoint_id, body, key })
    }

    /// A change without an idempotency key and without its body.
    pub(crate) fn unkeyed(&self, entrypoint_id: i64) -> Mutation<'_> {
        Mutation { call: self, entrypoint_id, body: Bytes::new(), key: None }
    }

    /// An entrypoint, if the token may see it.
    ///
    /// # Errors
    /// 404.
    pub(crate) async fn entrypoint_seen(&self, entrypoint_id: i64) -> Result<Entrypoint, Error> {
        let settings = self.app.store.entrypoints().settings(entrypoint_id).await?;
        let entrypoint = settings.map(|settings| settings.entrypoint);
        let seen = entrypoint.filter(|entrypoint| self.sees(entrypoint)).ok_or(Error::NotFound)?;
        self.allow_card_ids(entrypoint_id).await?;
        Ok(seen)
    }

    /// As [`Call::json`] for a body with a member that names the entrypoint, if the token has the scope and may see it.
    ///
    /// # Errors
    /// 403, 404; those of [`Call::json`].
    pub(crate) async fn json_naming_entry(
        &self,
        scope: Scope,
        member: &'static str,
        payload: Payload,
    ) -> Result<(i64, Mutation<'_>), Error> {
        self.require(scope)?;
        let (body, found) = body::json_with_cards(&self.request, payload).await?;
        // What no entrypoint allows is refused whichever it is.
        let (ids, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|found| found.is_id);
        self.refuse_cards(SERVICE, others).await?;
        let entry = match body::members(&body) {
            Ok(members) => members.0.iter().find(|(name, _)| name == member).and_then(|(_, raw)| {
                let given = Given::of(raw);
                if let Given::Text(entry) = given { Some(entry.into_owned()) } else { None }
            }),
            Err(error) => return Err(error),
        };
        let known = match &entry {
            Some(entry) => self.app.store.entrypoints().find(entry).await?,
            None => None,
        };
        let seen = known.filter(|(_, org_id)| {
            entry.as_deref().is_some_and(|entry| self.caller.claims().sees(*org_id, entry))
        });
        self.refuse_cards(seen.map_or(SERVICE, |(id, _)| id), ids).await?;
        if entry.is_none() {
            let message = "is required: the name of the entrypoint";
            return Err(Error::invalid(Problem::field(&[member], "required", message)));
        }
        let (id, _) = seen.ok_or(Error::NotFound)?;
        let key = self.key_use(id, &body).await?;
        Ok((id, Mutation { call: self, entrypoint_id: id, body, key }))
    }

    /// Refuses card data, as far as the entrypoint does.
    async fn refuse_cards(&self, entrypoint_id: i64, mut found: Vec<CardData>) -> Result<(), Error> {
        let has_ids = found.iter().any(|found| found.is_id);
        if has_ids && entrypoint_id != SERVICE && self.guard_of(entrypoint_id).await? == CardGuard::Texts {
            found.retain(|found| !found.is_id);
        }
        unless_any(found.into_iter().map(|found| found.problem).collect(), Ok(()))
    }

    /// A customer of an entrypoint, if the token may see it.
    ///
    /// # Errors
    /// 404.
    pub(crate) async fn customer_at(&self, (entrypoint_id, id): (i64, i64)) -> Result<Found, Error> {
        let found = self.app.store.customers().find(entrypoint_id, id, |found| found).await?;
        let found = found.filter(|found| self.sees(&found.entrypoint)).ok_or(Error::NotFound)?;
        self.allow_card_ids(entrypoint_id).await?;
        Ok(found)
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

    /// The idempotency key of the request, if there is one (rules 4).
    ///
    /// # Errors
    /// 400 for an invalid key, and for one that looks like a card number unless the entrypoint allows such ids.
    pub(crate) async fn idempotency_key(&self, entrypoint_id: i64) -> Result<Option<String>, Error> {
        let key = idempotency_key(&self.request)?;
        if let Some(found) = key.as_deref().and_then(|key| card::in_header(KEY_HEADER, key)) {
            self.refuse_cards(entrypoint_id, vec![found]).await?;
        }
        Ok(key)
    }

    /// The hashed idempotency key of the request, if there is one.
    ///
    /// # Errors
    /// As [`Call::idempotency_key`].
    pub(crate) async fn key_use(&self, entrypoint_id: i64, body: &[u8]) -> Result<Option<KeyUse>, Error> {
        let Some(key) = self.idempotency_key(entrypoint_id).await? else { return Ok(None) };
        let claims = self.caller.claims();
        let organisation = claims.org.to_string();
        // A GET that writes is another spelling of the POST at its address.
        let method = match self.request.method() {
            &Method::GET => &Method::POST,
            method => method,
        };
        let route = format!("{method} {}", self.route.trim_start_matches("/api"));
        let target = self.target();
        let mut scope = vec![&organisation, &route, &target, &key];
        // If it shared keys, 422 or a replay would tell it whether another token sent the same masked values, or who is a
        // customer.
        let sight = self.caller.sight();
        // A token that is made ends with its maker and counts for it, so no other token gets its text.
        if !sight.pii || !sight.reads || &*self.route == TOKENS {
            scope.push(claims.stored_id());
        }
        let scope = scope.into_iter().map(|part| part.as_bytes().to_vec()).collect();
        // How much is what is asked for, and no name of what it is asked of: the same key with another amount is refused.
        let amount = self.request.match_info().get(AMOUNT).unwrap_or_default();
        let amount = Money::parse(amount).map_or_else(|_| amount.to_owned(), |money| money.to_string());
        let mut content = vec![self.request.query_string().as_bytes().to_vec(), body.to_vec()];
        content.extend((!amount.is_empty()).then(|| amount.into_bytes()));
        Ok(Some(self.app.store.idempotency().key_use(entrypoint_id, scope, content).await?))
    }

    /// The path parameters in a canonical spelling: ids of this service without leading zeros. All of them and the ids of other
    /// systems are named so; an entrypoint or a reference `007` is another one than `7`.
    fn target(&self) -> String {
        let value = |(name, value): (&str, &str)| {
            if name.ends_with("Id") && name != "externalId" { value.trim_start_matches('0') } else { value }
                .to_owned()
        };
        let named = self.request.match_info().iter().filter(|(name, _)| *name != AMOUNT);
        named.map(value).collect::<Vec<_>>().join("/")
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

/// Refuses path parameters whose bytes are no UTF-8. The framework has put other characters in their place.
///
/// # Errors
/// 400 with the parameters.
pub(crate) fn broken_path(request: &HttpRequest, route: &str) -> Result<(), Error> {
    let parts = route.split('/').zip(request.uri().path().split('/'));
    let broken = parts.filter(|(_, sent)| !is_utf8(sent)).map(|(part, _)| {
        let name = part.trim_start_matches('{').trim_end_matches('}');
        Problem::parameter(name, "invalid_value", NO_UTF8)
    });
    unless_any(broken.collect(), Ok(()))
}

/// Refuses card data in the address of a request that belongs to no entrypoint.
///
/// # Errors
/// 400.
pub(crate) fn refuse_cards_in_address(request: &HttpRequest) -> Result<(), Error> {
    unless_any(cards_in_address(request)?, Ok(()))
}

/// Looks for card data in the path and the query of a request. Returns the ids that look like card numbers.
///
/// # Errors
/// 400 for card data that no entrypoint allows.
fn cards_in_address(request: &HttpRequest) -> Result<Vec<Problem>, Error> {
    let in_path = request.match_info().iter().filter_map(|(name, value)| card::in_parameter(name, value));
    let query = form_urlencoded::parse(request.query_string().as_bytes());
    let in_query = query.take(MEMBERS_MAX).filter_map(|(name, value)| card::in_parameter(&name, &value));
    let found: Vec<CardData> = in_path.chain(in_query).collect();
    let is_id = found.iter().all(|found| found.is_id);
    let problems: Vec<Problem> = found.into_iter().map(|found| found.problem).collect();
    if is_id { Ok(problems) } else { Err(Error::Invalid(problems)) }
}

/// An answer with status 200, marked if it is the replay of an earlier request with the same key.
pub(crate) fn ok(replayed: bool) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    if replayed {
        response.insert_header(("Idempotent-Replayed", "true"));
    }
    response
}

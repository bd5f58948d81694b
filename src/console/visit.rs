//! A request for a page of the console: its language, the member who is signed in, and the place that the address names.

use std::rc::Rc;

use actix_web::cookie::Cookie;
use actix_web::http::header::LOCATION;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::Console;
use super::frame::{Frame, MenuItem, PlaceItem, Who};
use super::page::{Refused, ours};
use super::texts::{Texts, done, texts};
use crate::api::InsideApi;
use crate::clock;
use crate::domain::accounts::staff::{Member, Role};
use crate::domain::accounts::token::{Claims, Scope};
use crate::domain::entrypoints::theme::Language;
use crate::store::StaffSession;
use crate::vault::new_secret;
use crate::web::form::{self, FORM_COOKIE, Form};
use crate::web::texts::asked_language;

/// The session cookie of a member.
const SESSION_COOKIE: &str = "customary_console";
/// The cookie with the member's choice of light and dark.
const MODE_COOKIE: &str = "customary_mode";
/// The cookie with the place where the member was last.
const PLACE_COOKIE: &str = "customary_place";
/// The cookie with the member's choice of language.
const LANGUAGE_COOKIE: &str = "customary_language";
/// What stands in an address for all places that the member sees. No entrypoint has this name.
pub(super) const ALL: &str = "~";

/// A request for a page.
pub(super) struct Visit {
    pub(super) console: Data<Console>,
    pub(super) api: Rc<InsideApi>,
    pub(super) request: HttpRequest,
    pub(super) language: Language,
    /// The path of the console.
    pub(super) root: String,
}

/// An entrypoint that the member sees.
#[derive(Debug, Clone)]
pub(super) struct Store {
    pub(super) id: i64,
    pub(super) entry: String,
    /// The name that its customers know it by.
    pub(super) name: String,
    pub(super) is_test: bool,
    pub(super) currency: String,
    /// The country of customers who name none, by its code; empty for none.
    pub(super) country: String,
    /// The fields that a new customer needs, by their names in requests.
    pub(super) required: Vec<&'static str>,
}

/// A member who is signed in.
pub(super) struct SignedIn {
    pub(super) token: String,
    pub(super) member: Member,
    /// The token for the forms of this session.
    pub(super) csrf: String,
    /// The entrypoints that the member sees, by name.
    pub(super) stores: Vec<Store>,
}

impl SignedIn {
    /// The claims with which the member asks the API.
    pub(super) fn claims(&self) -> Claims {
        self.member.claims(clock::now())
    }

    /// Whether the member has a right.
    pub(super) fn may(&self, scope: Scope) -> bool {
        self.member.role.scopes().contains(&scope)
    }

    /// An entrypoint that the member sees.
    pub(super) fn store(&self, entry: &str) -> Option<&Store> {
        self.stores.iter().find(|store| store.entry == entry)
    }
}

impl Visit {
    pub(super) fn new(console: Data<Console>, api: Rc<InsideApi>, request: HttpRequest) -> Visit {
        let chosen = request.cookie(LANGUAGE_COOKIE).and_then(|cookie| cookie.value().parse().ok());
        let language = chosen.or_else(|| asked_language(&request)).unwrap_or_default();
        let root = format!("{}/console", console.settings.base_path);
        Visit { console, api, request, language, root }
    }

    pub(super) fn texts(&self) -> &'static Texts {
        texts(self.language)
    }

    /// The member of the session, if there is one that needs nothing more; else where to go first.
    pub(super) async fn must_be_signed_in(&self) -> Result<Result<SignedIn, HttpResponse>, Refused> {
        let Some(session) = self.session().await? else { return Ok(Err(self.go_to("/sign-in"))) };
        if session.is_half {
            return Ok(Err(self.go_to("/confirm")));
        }
        let signed_in = self.signed_in(session).await?;
        let path = self.request.path();
        if signed_in.1 && !path.contains("/account") && !path.ends_with("/sign-out") {
            return Ok(Err(self.go_to("/account/second-factor")));
        }
        Ok(Ok(signed_in.0))
    }

    /// The session, whole or half.
    pub(super) async fn session(&self) -> Result<Option<StaffSession>, Refused> {
        let Some(token) = self.sent_cookie(SESSION_COOKIE) else { return Ok(None) };
        Ok(self.console.store.staff().session(token, self.console.settings.session).await?)
    }

    /// The member of a session, and whether a second factor is to be set up first.
    async fn signed_in(&self, session: StaffSession) -> Result<(SignedIn, bool), Refused> {
        let csrf = self.csrf_of(&session.token).await?;
        let StaffSession { token, member, must_set_totp, .. } = session;
        let mut signed_in = SignedIn { token, member, csrf, stores: Vec::new() };
        signed_in.stores = self.stores(&signed_in.member).await?;
        Ok((signed_in, must_set_totp))
    }

    /// The entrypoints that a member sees.
    async fn stores(&self, member: &Member) -> Result<Vec<Store>, Refused> {
        let all = self.console.store.entrypoints().list(Some(member.org_id)).await?;
        let seen = all.into_iter().map(|settings| settings.entrypoint);
        let seen = seen.filter(|entrypoint| member.entries.contains(&entrypoint.entry));
        Ok(seen
            .map(|entrypoint| Store {
                id: entrypoint.id,
                name: entrypoint.store_name().to_owned(),
                is_test: entrypoint.is_test,
                currency: entrypoint.currency.code().to_owned(),
                country: entrypoint.country.clone().unwrap_or_default(),
                required: entrypoint.required.iter().map(|field| field.name()).collect(),
                entry: entrypoint.entry,
            })
            .collect())
    }

    /// The entrypoint that the address names.
    ///
    /// # Errors
    /// [`Refused::NotFound`] if the member does not see it, or if the address names all.
    pub(super) fn store<'s>(&self, signed_in: &'s SignedIn) -> Result<&'s Store, Refused> {
        signed_in.store(self.part("place")).ok_or(Refused::NotFound)
    }

    /// The entrypoint that the address names; `None` for all that the member sees.
    ///
    /// # Errors
    /// [`Refused::NotFound`] if the member does not see it.
    pub(super) fn place<'s>(&self, signed_in: &'s SignedIn) -> Result<Option<&'s Store>, Refused> {
        if self.part("place") == ALL { Ok(None) } else { self.store(signed_in).map(Some) }
    }

    /// A part of the path.
    pub(super) fn part(&self, name: &str) -> &str {
        self.request.match_info().query(name)
    }

    /// A parameter of the query; empty if there is none.
    pub(super) fn asked(&self, name: &str) -> String {
        let mut pairs = form_urlencoded::parse(self.request.query_string().as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    }

    /// Whether the script asks for a part of the page.
    pub(super) fn is_part(&self) -> bool {
        self.request.headers().contains_key("x-part")
    }

    /// The frame of a page for a member. `here` is the part of the address after the place by which menu entries are known, such as
    /// `customers`.
    ///
    /// # Errors
    /// [`Refused::NotFound`] if the member does not see the place.
    pub(super) fn frame(
        &self,
        signed_in: &SignedIn,
        here: &'static str,
        title: impl Into<String>,
    ) -> Result<Frame, Refused> {
        let texts = self.texts();
        let asked = self.part("place");
        let place = if asked.is_empty() { None } else { Some(self.place(signed_in)?) };
        let base_of = |name: &str| format!("{}/at/{name}", self.root);
        let last = self.last_place(signed_in);
        let base = base_of(if asked.is_empty() { &last } else { asked });
        let is_one = match place {
            Some(place) => place.is_some(),
            None => last != ALL,
        };
        let mut frame = self.plain_frame(title);
        frame.scopes = signed_in.member.role.scopes();
        // Everywhere but in a place the menu leads to the last one.
        let menu = super::menu::ITEMS.iter().filter(|item| {
            let is_open = item.scope.is_none_or(|scope| frame.scopes.contains(&scope));
            is_open && (is_one || !item.is_of_one)
        });
        frame.menu = menu
            .map(|item| MenuItem {
                label: (item.label)(texts),
                address: if item.is_of_place {
                    format!("{base}{}", item.path)
                } else {
                    format!("{}{}", self.root, item.path)
                },
                is_here: item.name == here,
            })
            .collect();
        // A switch keeps the place in the menu: whoever looks at invoices sees the invoices of the other store.
        let kept = super::menu::ITEMS.iter().find(|item| item.name == here && item.is_of_place);
        let tail = kept.map_or("", |item| item.path);
        let switch = |name: &str| format!("{}{tail}", base_of(name));
        let mut places: Vec<PlaceItem> = signed_in
            .stores
            .iter()
            .map(|store| PlaceItem {
                name: store.name.clone(),
                address: switch(&store.entry),
                is_here: store.entry == asked,
                is_test: store.is_test,
            })
            .collect();
        if signed_in.stores.len() > 1 && kept.is_none_or(|item| !item.is_of_one) {
            let name = texts.all_stores.to_owned();
            places.insert(0, PlaceItem { name, address: switch(ALL), is_here: asked == ALL, is_test: false });
        }
        frame.places = places;
        frame.place = match place {
            Some(Some(store)) => store.name.clone(),
            Some(None) => texts.all_stores.to_owned(),
            None => String::new(),
        };
        frame.is_test = matches!(place, Some(Some(store)) if store.is_test);
        frame.is_one = is_one;
        frame.base = base;
        frame.csrf.clone_from(&signed_in.csrf);
        frame.who =
            Some(Who { name: signed_in.member.name.clone(), role: role_name(texts, signed_in.member.role) });
        Ok(frame)
    }

    /// The place where the member was last, as far as the member still sees it; else the first one.
    pub(super) fn last_place(&self, signed_in: &SignedIn) -> String {
        let last = self.request.cookie(PLACE_COOKIE).map(|cookie| cookie.value().to_owned());
        let is_seen =
            |last: &String| signed_in.store(last).is_some() || last == ALL && signed_in.stores.len() > 1;
        let first = || signed_in.stores.first().map_or(ALL, |store| store.entry.as_str()).to_owned();
        last.filter(is_seen).unwrap_or_else(first)
    }

    /// The cookie that keeps the place of this address, if that is another one than before.
    pub(super) fn place_cookie(&self, signed_in: &SignedIn) -> Option<Cookie<'static>> {
        let place = self.part("place");
        let is_new = !place.is_empty() && place != self.last_place(signed_in);
        let is_secure = self.console.settings.is_secure;
        is_new.then(|| form::new_cookie(PLACE_COOKIE.to_owned(), place.to_owned(), &self.root, is_secure))
    }

    /// The frame of a page for whoever comes.
    pub(super) fn plain_frame(&self, title: impl Into<String>) -> Frame {
        let mode = self.request.cookie(MODE_COOKIE);
        Frame {
            texts: self.texts(),
            root: self.root.clone(),
            base: String::new(),
            title: title.into(),
            mode: match mode.as_ref().map(Cookie::value) {
                Some("light") => "light",
                Some("dark") => "dark",
                _ => "auto",
            },
            menu: Vec::new(),
            places: Vec::new(),
            place: String::new(),
            is_test: false,
            who: None,
            csrf: String::new(),
            key: uuid::Uuid::new_v4().to_string(),
            toast: done(self.language, &self.asked("done")),
            scopes: Vec::new(),
            is_one: false,
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    async fn csrf_of(&self, secret: &str) -> Result<String, Refused> {
        let token = self.console.store.accounts().form_token(secret.to_owned()).await?;
        Ok(form::token_text(token))
    }

    /// The token for forms of a visitor who is not signed in, and its cookie if the cookie is new.
    pub(super) async fn form_token(&self) -> Result<(String, Option<Cookie<'static>>), Refused> {
        let (secret, cookie) = match self.sent_cookie(FORM_COOKIE) {
            Some(secret) => (secret, None),
            None => {
                let secret = new_secret().map_err(|error| Refused::Defect(error.to_string()))?.to_string();
                let cookie = self.cookie(FORM_COOKIE, secret.clone());
                (secret, Some(cookie))
            }
        };
        Ok((self.csrf_of(&secret).await?, cookie))
    }

    /// Refuses a form of such a visitor unless this service made it for this browser.
    pub(super) async fn check_form(&self, form: &Form) -> Result<(), Refused> {
        let secret = self.sent_cookie(FORM_COOKIE).ok_or(Refused::OldForm)?;
        Ok(form.check(&self.csrf_of(&secret).await?)?)
    }

    fn sent_cookie(&self, kind: &str) -> Option<String> {
        form::cookie(&self.request, &self.cookie_name(kind))
    }

    /// The name of a cookie. Over an encrypted connection it begins with `__Host-`: browsers then take it from this very host alone.
    fn cookie_name(&self, kind: &str) -> String {
        if self.console.settings.is_secure { format!("__Host-{kind}-console") } else { kind.to_owned() }
    }

    fn cookie(&self, kind: &str, value: String) -> Cookie<'static> {
        let is_secure = self.console.settings.is_secure;
        let path = if is_secure { "/" } else { &self.root };
        form::new_cookie(self.cookie_name(kind), value, path, is_secure)
    }

    /// The session's cookie.
    pub(super) fn session_cookie(&self, token: String) -> Cookie<'static> {
        self.cookie(SESSION_COOKIE, token)
    }

    /// A cookie with a choice of the member's, which is no secret.
    pub(super) fn choice_cookie(&self, is_language: bool, value: String) -> Cookie<'static> {
        let name = if is_language { LANGUAGE_COOKIE } else { MODE_COOKIE };
        let mut cookie =
            form::new_cookie(name.to_owned(), value, &self.root, self.console.settings.is_secure);
        cookie.make_permanent();
        cookie
    }

    /// Redirects to another page of the console; the target never comes from a request.
    pub(super) fn go_to(&self, page: &str) -> HttpResponse {
        self.go(&format!("{}{page}", self.root))
    }

    /// Redirects to a path that a frame made.
    #[expect(clippy::unused_self, reason = "one way to redirect for all pages")]
    pub(super) fn go(&self, path: &str) -> HttpResponse {
        ours(HttpResponse::SeeOther().insert_header((LOCATION, path)).finish())
    }
}

/// The name of a role.
pub(super) fn role_name(texts: &Texts, role: Role) -> &'static str {
    match role {
        Role::Owner => texts.role_owner,
        Role::Manager => texts.role_manager,
        Role::Agent => texts.role_agent,
        Role::Viewer => texts.role_viewer,
    }
}

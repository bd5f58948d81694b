//! The route table, read from the OpenAPI document of the service. An undocumented address does not exist.

use std::sync::Arc;

use actix_web::http::Method;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{OpenApi, SecurityRequirement};

/// Every path below this one needs a token, unless its operation is public.
const PROTECTED: &str = "/api/";

/// Every path below this one tells how the service is.
const HEALTH: &str = "/health/";

/// The pages for people: the portal, those of requests, and the console.
const PAGES: [&str; 3] = ["/portal", "/pay", "/console"];

/// The documentation in a browser.
const SWAGGER_UI: &str = "/swagger-ui";

#[derive(Debug, Clone)]
pub(crate) struct Routes {
    routes: Vec<Route>,
    /// Whether there are pages, the documentation and redirects to them too.
    has_pages: bool,
}

#[derive(Debug, Clone)]
struct Route {
    template: Arc<str>,
    segments: Vec<Segment>,
    methods: Vec<Method>,
    is_public: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Fixed(String),
    Parameter,
}

/// The result of a look-up by path and method.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Routed<'a> {
    /// A route.
    Found {
        /// The template of the route, for logs and metrics.
        template: &'a Arc<str>,
        /// The canonical spelling of the path, if the request used another.
        canonical: Option<String>,
        /// Whether the route needs no token.
        is_public: bool,
    },
    /// A route that does not accept the method.
    WrongMethod {
        /// The accepted methods, as the `Allow` header lists them.
        allow: String,
        /// Whether the route needs no token.
        is_public: bool,
    },
    /// No route, below a path that needs a token.
    NotFoundProtected,
    /// No route.
    NotFound,
    /// The documentation and its files, which need no token and are not in the table.
    Elsewhere,
    /// `/portal`, `/pay`, `/console` and below: pages for people, with their own routes and errors.
    Page,
    /// An address that people try. The path is relative, so that it also holds behind a proxy that adds a prefix.
    Redirect(String),
}

impl Routed<'_> {
    /// Whether the request asks how the service is, which it answers even with too many connections.
    pub(crate) fn is_health(&self) -> bool {
        matches!(self, Routed::Found { template, .. } if template.starts_with(HEALTH))
    }

    /// Whether a request needs a token before it gets any answer.
    pub(crate) fn needs_token(&self) -> bool {
        match self {
            Routed::Found { is_public, .. } | Routed::WrongMethod { is_public, .. } => !is_public,
            Routed::NotFoundProtected => true,
            Routed::NotFound | Routed::Elsewhere | Routed::Page | Routed::Redirect(_) => false,
        }
    }
}

impl Routes {
    /// The routes of a document.
    pub(crate) fn of(document: &OpenApi) -> Routes {
        let mut routes: Vec<Route> = document
            .paths
            .paths
            .iter()
            .map(|(template, item)| {
                let operations = [
                    (Method::GET, &item.get),
                    (Method::POST, &item.post),
                    (Method::PUT, &item.put),
                    (Method::DELETE, &item.delete),
                ];
                let present: Vec<_> = operations
                    .into_iter()
                    .filter_map(|(method, operation)| operation.as_ref().map(|operation| (method, operation)))
                    .collect();
                let is_public = present.iter().all(|(_, operation)| needs_no_token(operation));
                Route {
                    template: template.as_str().into(),
                    segments: template.split('/').map(segment).collect(),
                    methods: present.into_iter().map(|(method, _)| method).collect(),
                    is_public,
                }
            })
            .collect();
        // Of two matching routes, the one with the earlier fixed segment comes first: the entrypoint in
        // /Customer/invite/archive may have that name.
        routes.sort_by_key(|route| {
            route.segments.iter().map(|segment| *segment == Segment::Parameter).collect::<Vec<_>>()
        });
        Routes { routes, has_pages: true }
    }

    /// The routes that tell how the service is, and nothing else.
    pub(crate) fn of_health(&self) -> Routes {
        let is_health = |route: &&Route| route.is_public && !route.template.starts_with(PROTECTED);
        Routes { routes: self.routes.iter().filter(is_health).cloned().collect(), has_pages: false }
    }

    /// Looks up a path and a method; fixed segments ignore case. HEAD counts as GET.
    pub(crate) fn find(&self, path: &str, method: &Method) -> Routed<'_> {
        let reads = *method == Method::GET || *method == Method::HEAD;
        let method = if reads { &Method::GET } else { method };
        if self.has_pages
            && let Some(found) = page(path, reads)
        {
            return found;
        }
        let segments: Vec<&str> = path.split('/').collect();
        let mut candidates: Vec<&Route> =
            self.routes.iter().filter(|route| route.matches(&segments)).collect();
        // An address that the table has word for word is that route's alone.
        if candidates.first().is_some_and(|route| !route.segments.contains(&Segment::Parameter)) {
            candidates.truncate(1);
        }
        let Some(first) = candidates.first() else {
            let is_protected =
                path.get(..PROTECTED.len()).is_some_and(|start| start.eq_ignore_ascii_case(PROTECTED));
            return if is_protected { Routed::NotFoundProtected } else { Routed::NotFound };
        };
        match candidates.iter().find(|route| route.methods.contains(method)) {
            Some(route) => Routed::Found {
                template: &route.template,
                canonical: route.canonical(&segments),
                is_public: route.is_public,
            },
            None => {
                let mut allowed: Vec<&str> =
                    candidates.iter().flat_map(|route| &route.methods).map(Method::as_str).collect();
                if allowed.contains(&Method::GET.as_str()) {
                    allowed.push(Method::HEAD.as_str());
                }
                allowed.sort_unstable();
                allowed.dedup();
                Routed::WrongMethod { allow: allowed.join(", "), is_public: first.is_public }
            }
        }
    }
}

/// What a path is that is not in the table: a page, a file of the documentation, or an address that leads to one.
fn page(path: &str, reads: bool) -> Option<Routed<'static>> {
    if reads && let Some(place) = redirect(path) {
        return Some(Routed::Redirect(place));
    }
    if path == "/" || path == "/openapi.json" || is_below(path, SWAGGER_UI) {
        let refused = || Routed::WrongMethod { allow: "GET, HEAD".into(), is_public: true };
        return Some(if reads { Routed::Elsewhere } else { refused() });
    }
    is_page(path).then_some(Routed::Page)
}

/// Whether a path is one of a page for people.
pub(crate) fn is_page(path: &str) -> bool {
    PAGES.iter().any(|place| is_below(path, place))
}

/// Whether a path is a place or below it.
fn is_below(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Where to go instead: the folder of Swagger UI from its bare name, and a page from its name with a slash at the end.
fn redirect(path: &str) -> Option<String> {
    if path == "/" || path == SWAGGER_UI {
        return Some("./swagger-ui/".to_owned());
    }
    let below = PAGES.iter().find_map(|place| path.strip_prefix(place))?;
    let page = below.strip_prefix('/')?.strip_suffix('/')?;
    let name = page.rsplit('/').next().filter(|name| !name.is_empty())?;
    Some(format!("../{name}"))
}

/// What the address of a route names, for the answer that there is none.
pub(crate) fn named_by(template: &str) -> &'static str {
    const NAMES: [(&str, &str); 23] = [
        ("{secretId}", "entrypoint or secret"),
        ("/byReference/", "entrypoint or customer"),
        ("link/{customerId}/{transId}", "customer or transaction"),
        ("{transId}", "transaction"),
        ("{methodId}", "customer or method"),
        ("{addressId}", "customer or address"),
        ("{commentId}", "customer or comment"),
        ("{linkId}", "customer or link"),
        ("{paymentRequestId}", "payment request"),
        ("{customerId}", "customer"),
        ("{orgId}", "organisation"),
        ("{jti}", "token"),
        ("{memberId}", "member"),
        ("{mailId}", "entrypoint or mail"),
        ("/invite/{entry}/{jobId}", "entrypoint or invitation"),
        ("/labels/{entry}/{jobId}", "entrypoint or change of labels"),
        ("{label}", "entrypoint or label"),
        ("{jobId}", "entrypoint or import"),
        ("{redemptionId}", "entrypoint, coupon or redemption"),
        ("{code}", "entrypoint or coupon"),
        ("{productId}", "entrypoint or product"),
        ("{entry}", "entrypoint"),
        ("", "record"),
    ];
    NAMES.iter().find(|(part, _)| template.contains(part)).map_or("record", |(_, name)| name)
}

fn segment(text: &str) -> Segment {
    if text.starts_with('{') { Segment::Parameter } else { Segment::Fixed(text.to_owned()) }
}

impl Route {
    fn matches(&self, segments: &[&str]) -> bool {
        self.segments.len() == segments.len()
            && self.segments.iter().zip(segments).all(|(own, sent)| match own {
                Segment::Fixed(text) => text.eq_ignore_ascii_case(sent),
                Segment::Parameter => !sent.is_empty(),
            })
    }

    fn canonical(&self, segments: &[&str]) -> Option<String> {
        let spelt = |(own, sent): (&Segment, &&str)| match own {
            Segment::Fixed(text) => text.clone(),
            Segment::Parameter => (*sent).to_owned(),
        };
        let canonical: Vec<String> = self.segments.iter().zip(segments).map(spelt).collect();
        let canonical = canonical.join("/");
        (canonical != segments.join("/")).then_some(canonical)
    }
}

/// Whether an operation is public: its security list is empty, or has a requirement of nothing.
fn needs_no_token(operation: &Operation) -> bool {
    let nothing = SecurityRequirement::default();
    operation.security.as_ref().is_some_and(|ways| ways.is_empty() || ways.contains(&nothing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_people_try_lead_on() {
        for (path, place) in [
            ("/", Some("./swagger-ui/")),
            ("/swagger-ui", Some("./swagger-ui/")),
            ("/portal/shop/", Some("../shop")),
            ("/portal/shop/sign-in/", Some("../sign-in")),
            ("/swagger-ui/", None),
            ("/portal", None),
            ("/portal/", None),
            ("/portal/shop", None),
            ("/portal/shop//", None),
            ("/portals/shop/", None),
            ("/pay/shop/token/", Some("../token")),
            ("/payments/", None),
            ("/api/Token/", None),
        ] {
            assert_eq!(redirect(path).as_deref(), place, "{path}");
        }
    }

    #[test]
    fn rules_6_an_answer_names_what_there_is_none_of() {
        for (template, name) in [
            ("/api/Customer/{customerId}/history", "customer"),
            ("/api/Customer/single/{entry}", "entrypoint"),
            ("/api/Customer/invite/{entry}/{jobId}/report", "entrypoint or invitation"),
            ("/api/Import/jobs/{entry}/{jobId}/rows", "entrypoint or import"),
            ("/api/Customer/labels/{entry}/{jobId}/report", "entrypoint or change of labels"),
            ("/api/Paypoint/labels/{entry}/{label}", "entrypoint or label"),
            ("/api/Customer/{customerId}/addresses/{addressId}", "customer or address"),
            ("/api/Customer/{customerId}/comments/{commentId}", "customer or comment"),
            ("/api/TokenStorage/{methodId}", "customer or method"),
            ("/api/Export/customers/{format}/org/{orgId}", "organisation"),
            ("/api/Coupon/{entry}/{code}/redemptions", "entrypoint or coupon"),
            ("/api/Token", "record"),
        ] {
            assert_eq!(named_by(template), name, "{template}");
        }
    }
}

//! The addresses of the service, read from its own OpenAPI document. An address that is not documented does not exist.

use std::sync::Arc;

use actix_web::http::Method;
use utoipa::openapi::OpenApi;

/// Everything below needs a token, unless it is public.
const PROTECTED: &str = "/api/";

/// Where pages for people are.
const PAGES: &str = "/portal/";

/// The route table.
#[derive(Debug, Clone)]
pub(crate) struct Routes(Vec<Route>);

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

/// What an address and a method lead to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Routed<'a> {
    /// A route.
    Found {
        /// Its template, for logs and metrics.
        template: &'a Arc<str>,
        /// The path in canonical spelling, where it was spelt otherwise.
        canonical: Option<String>,
        /// Whether it needs no token.
        is_public: bool,
    },
    /// A route that does not take the method.
    WrongMethod {
        /// The methods it takes, as the `Allow` header lists them.
        allow: String,
        /// Whether it needs no token.
        is_public: bool,
    },
    /// Nothing, where a token would be needed.
    NotFoundProtected,
    /// Nothing.
    NotFound,
    /// The documentation and its files, which need neither token nor table.
    Elsewhere,
    /// Below `/portal/`: pages for people, with a table and errors of their own.
    Page,
}

impl Routed<'_> {
    /// Whether a request must show a token before it gets any answer.
    pub(crate) fn needs_token(&self) -> bool {
        match self {
            Routed::Found { is_public, .. } | Routed::WrongMethod { is_public, .. } => !is_public,
            Routed::NotFoundProtected => true,
            Routed::NotFound | Routed::Elsewhere | Routed::Page => false,
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
                // A public operation has an empty list of securities.
                let is_public = present
                    .iter()
                    .all(|(_, operation)| operation.security.as_ref().is_some_and(Vec::is_empty));
                Route {
                    template: template.as_str().into(),
                    segments: template.split('/').map(segment).collect(),
                    methods: present.into_iter().map(|(method, _)| method).collect(),
                    is_public,
                }
            })
            .collect();
        // Of two that match, the first that is fixed where the other has a parameter: the entrypoint of
        // /Customer/invite/archive may have that name.
        routes.sort_by_key(|route| {
            route.segments.iter().map(|segment| *segment == Segment::Parameter).collect::<Vec<_>>()
        });
        Routes(routes)
    }

    /// What a path and a method lead to; fixed segments ignore case.
    pub(crate) fn find(&self, path: &str, method: &Method) -> Routed<'_> {
        if path == "/" || path == "/openapi.json" || path.starts_with("/swagger-ui") {
            let reads = *method == Method::GET || *method == Method::HEAD;
            return if reads {
                Routed::Elsewhere
            } else {
                Routed::WrongMethod { allow: "GET".into(), is_public: true }
            };
        }
        if path.starts_with(PAGES) {
            return Routed::Page;
        }
        let segments: Vec<&str> = path.split('/').collect();
        let candidates: Vec<&Route> = self.0.iter().filter(|route| route.matches(&segments)).collect();
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
                allowed.sort_unstable();
                allowed.dedup();
                Routed::WrongMethod { allow: allowed.join(", "), is_public: first.is_public }
            }
        }
    }
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

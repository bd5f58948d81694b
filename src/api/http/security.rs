//! The security headers of every answer (rules 6).

use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

/// Answers in JSON and files are not documents: a browser that shows one runs and loads nothing.
pub(crate) const POLICY_OF_DATA: &str = "default-src 'none'; frame-ancestors 'none'";
/// Swagger UI has its own scripts, styles and icons, and talks to this service alone.
pub(crate) const POLICY_OF_SWAGGER_UI: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// The headers, with a policy of what a browser may run and load.
pub(crate) const fn headers(policy: &'static str) -> [(HeaderName, &'static str); 4] {
    [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (CONTENT_SECURITY_POLICY, policy),
        (REFERRER_POLICY, "no-referrer"),
    ]
}

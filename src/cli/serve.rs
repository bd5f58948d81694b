//! `customary serve`.

use std::process::ExitCode;

use customary::app::{self, Failure};
use customary::config::{Global, Serve};

use super::{Done, print};

/// Serves until SIGTERM or Ctrl-C.
pub(super) fn run(global: &Global, options: &Serve) -> Done {
    customary::telemetry::start(&global.log).map_err(Failure::System)?;
    actix_web::rt::System::new()
        .block_on(app::serve(global, options, |url, token| print(&greeting(url, token))))?;
    Ok(ExitCode::SUCCESS)
}

fn greeting(url: &str, token: Option<&str>) -> String {
    let text = format!(
        "Customary {} listens on {url}\n  Swagger UI   {url}/swagger-ui/\n",
        env!("CARGO_PKG_VERSION")
    );
    let Some(token) = token else { return text };
    text + &format!(
        "\nThis is the first start: organisation 1 \"Demo\" with entrypoint \"demo\" is ready.\n\
         This request token is valid for one year. Keep it: the service cannot show it again.\n\n{token}\n\n\
         In Swagger UI, press Authorize and paste the token. Or create a customer from a shell:\n\n\
         curl -X POST {url}/api/Customer/single/demo -H 'requestToken: {token}' -H 'Content-Type: application/json' \
         -d '{{\"firstname\":\"Ada\",\"lastname\":\"Roe\",\"email\":\"ada.roe@example.test\"}}'\n\n\
         The token sees entrypoint \"demo\" only. To make another token:\n\n\
         customary token create --org 1 --entry ENTRY\n"
    )
}

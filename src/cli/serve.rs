//! `customary serve`.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use customary::app::{self, Failure, FirstToken};
use customary::config::{Global, Serve};
use customary::domain::accounts::staff::{StaffLinkKind, staff_link_url};

use super::{Done, complain, print};

/// Serves until SIGTERM or Ctrl-C.
pub(super) fn run(global: &Global, options: &Serve) -> Done {
    customary::telemetry::start(&global.log).map_err(Failure::System)?;
    let greet = |token: Option<&FirstToken>| {
        let mut text = greeting(options);
        match token.map(|token| first_token(global, options, token)).transpose() {
            Ok(told) => text.extend(told),
            Err(why) => complain(&why),
        }
        match token.map(|token| first_owner(global, options, token)).transpose() {
            Ok(told) => text.extend(told),
            Err(why) => complain(&why),
        }
        print(&text);
    };
    actix_web::rt::System::new().block_on(app::serve(global, options, greet))?;
    Ok(ExitCode::SUCCESS)
}

fn greeting(options: &Serve) -> String {
    let listens = options.listen_url();
    let base = options.base_url();
    let public = if base == listens { String::new() } else { format!("  Public URL   {base}\n") };
    let health = options.health_listen.as_ref();
    let health =
        health.map_or_else(String::new, |listen| format!("  Health       http://{listen}/health/ready\n"));
    format!(
        "Customary {} listens on {listens}\n{public}  Swagger UI   {base}/swagger-ui/\n{health}",
        env!("CARGO_PKG_VERSION")
    )
}

/// What the first start says about its token. Only a terminal shows the token itself: the output of a service ends in logs.
fn first_token(global: &Global, options: &Serve, made: &FirstToken) -> Result<String, String> {
    let token = &made.text;
    let rights = if made.has_every_right {
        "The token may do everything, so that you can try everything. To make a token with fewer rights:"
    } else {
        "The token sees entrypoint \"demo\" only. To make another token:"
    };
    let (told, header) = if std::io::stdout().is_terminal() {
        let told = format!(
            "This request token is valid for one year. Keep it: the service cannot show it again.\n\n{token}\n"
        );
        (told, format!("'requestToken: {token}'"))
    } else {
        let path = global.keep_first_token(token).map_err(|error| error.to_string())?;
        let path = path.display();
        let told = format!(
            "Its request token is in a file that only you can read, and is valid for one year. Move it to a safe place:\n\n\
             {path}\n"
        );
        (told, format!("\"requestToken: $(cat '{path}')\""))
    };
    let url = options.listen_url();
    Ok(format!(
        "\nThis is the first start: organisation 1 \"Demo\" with entrypoint \"demo\" is ready.\n{told}\n\
         In Swagger UI, press Authorize and paste the token. Or create a customer from a shell:\n\n\
         curl -X POST {url}/api/Customer/single/demo -H {header} -H 'Content-Type: application/json' \
         -d '{{\"firstname\":\"Ada\",\"lastname\":\"Roe\",\"email\":\"ada.roe@example.test\"}}'\n\n\
         {rights}\n\n\
         customary token create --org 1 --entry ENTRY\n"
    ))
}

/// What the first start says about the link by which somebody becomes the first owner. Like the token, it does not go into logs.
fn first_owner(global: &Global, options: &Serve, made: &FirstToken) -> Result<String, String> {
    let Some(token) = &made.owner_link else { return Ok(String::new()) };
    let link = staff_link_url(&options.base_url(), StaffLinkKind::Owner, token);
    if std::io::stdout().is_terminal() {
        return Ok(format!(
            "\nWhoever opens this link in a browser within seven days becomes the first owner in the console:\n\n{link}\n"
        ));
    }
    let path = global.keep_owner_link(&link).map_err(|error| error.to_string())?;
    Ok(format!(
        "\nThe link that makes the first owner in the console is in a file that only you can read, and works once, within seven \
         days:\n\n{}\n",
        path.display()
    ))
}

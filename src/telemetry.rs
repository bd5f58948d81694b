//! Logs: readable on a terminal, JSON otherwise; never a personal value.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format;
use tracing_subscriber::fmt::format::{Format, Json, JsonFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Parts of libraries that log what clients do as errors.
const NOT_ERRORS: [&str; 2] = ["actix_http::h1::dispatcher", "actix_http::h1::decoder"];

/// Starts logging to standard error.
///
/// # Errors
/// A filter that cannot be read.
pub fn start(filter: &str) -> Result<(), String> {
    check(filter)?;
    // Below info the HTTP library would print what clients send.
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("--log: {error}"))?;
    // It reports what its parser refuses as its own errors, one line for each: anybody could fill the log.
    let filter = NOT_ERRORS.iter().try_fold(filter, |filter, target| {
        let directive = format!("{target}=off").parse().map_err(|error| format!("--log: {error}"))?;
        Ok::<_, String>(filter.add_directive(directive))
    })?;
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let started = if std::io::stderr().is_terminal() {
        registry.with(layer.with_target(false)).try_init()
    } else {
        registry.with(layer.fmt_fields(JsonFields::new()).event_format(json_lines())).try_init()
    };
    started.map_err(|error| error.to_string())
}

/// Refuses a filter with an unknown level. The library would take the word for the name of a module, and log nothing.
fn check(filter: &str) -> Result<(), String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let is_level = |word: &str| LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word));
    for part in filter.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (module, level) =
            part.rsplit_once('=').map_or((part, part), |(module, level)| (module, level.trim()));
        let names_module = module == level && (module.contains("::") || module == "customary");
        if !is_level(level) && !names_module && !level.contains(']') {
            return Err(format!(
                "--log: {level} is no level; the levels are error, warn, info, debug and off, and customary=debug sets \
                 that of one module"
            ));
        }
    }
    Ok(())
}

/// An event as a line of JSON: time, level, the message and the fields in their order, target.
fn json_lines() -> Format<Json> {
    format().json().flatten_event(true).with_current_span(false).with_span_list(false)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_filter_with_an_unknown_level_is_refused() {
        for filter in
            ["info", "WARN", "customary=debug", "info,other::part=trace", "customary", "off", "a::b"]
        {
            assert_eq!(check(filter), Ok(()), "{filter}");
        }
        for filter in ["verbose", "customary=loud", "info,all", "warning", "information"] {
            let why = check(filter).unwrap_err();
            assert!(why.contains("--log") && why.contains("debug"), "{filter}: {why}");
        }
    }

    #[test]
    fn an_event_is_a_line_of_json_whatever_it_tells() {
        let written = Written::default();
        let sink = written.clone();
        let layer = tracing_subscriber::fmt::layer()
            .fmt_fields(JsonFields::new())
            .event_format(json_lines())
            .with_writer(move || sink.clone());
        let odd = "a \"b\" \\ \n\t\u{1}\u{7f} é💶";
        let error = std::io::Error::other(odd);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::info!(text = odd, count = 7_u64, below = -7, is_well = true, "re\"quest");
            tracing::warn!(%error, at = ?Some("x"), "{odd}");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for line in &mut lines {
            let at = line.as_object_mut().unwrap().remove("timestamp").unwrap();
            assert!(chrono::DateTime::parse_from_rfc3339(at.as_str().unwrap()).is_ok(), "{at}");
        }
        let target = module_path!();
        assert_eq!(
            lines,
            [
                json!({"level": "INFO", "message": "re\"quest", "text": odd, "count": 7, "below": -7, "is_well": true,
                       "target": target}),
                json!({"level": "WARN", "message": odd, "error": odd, "at": "Some(\"x\")", "target": target}),
            ]
        );
    }
}

//! Logs: readable on a terminal, JSON otherwise; never a personal value.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging to standard error.
///
/// # Errors
/// A filter that cannot be read.
pub fn start(filter: &str) -> Result<(), String> {
    // Below info the HTTP library would print what clients send.
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("--log: {error}"))?;
    let registry = tracing_subscriber::registry().with(filter);
    let is_terminal = std::io::stderr().is_terminal();
    let started = if is_terminal {
        registry
            .with(tracing_subscriber::fmt::layer().with_target(false).with_writer(std::io::stderr))
            .try_init()
    } else {
        registry
            .with(
                tracing_subscriber::fmt::layer()
                    .json()
                    .flatten_event(true)
                    // There are none of ours.
                    .with_current_span(false)
                    .with_span_list(false)
                    .with_writer(std::io::stderr),
            )
            .try_init()
    };
    started.map_err(|error| error.to_string())
}

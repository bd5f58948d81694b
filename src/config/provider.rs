//! Settings of the payment provider.

use std::time::Duration;

use clap::Args;

use super::{ConfigError, within};
use crate::domain::entrypoints::provider::is_open_to_payers;
use crate::domain::transactions::dialects::signature::{SECRET_PREFIX, standard_key};
use crate::provider::HttpProvider;

/// The fewest bytes of a key (Standard Webhooks 1.0.0).
const KEY_BYTES_MIN: usize = 24;

/// Options about the operator's payment provider.
#[derive(Debug, Clone, Args)]
pub struct ProviderOptions {
    /// Address of the payment provider's adapter, for entrypoints with the provider http; https, or http on this machine
    #[arg(long, env = "CUSTOMARY_PROVIDER_URL", value_name = "URL")]
    pub provider_url: Option<String>,

    /// Secret that signs the calls of the adapter and its answers: whsec_ and base64 of 24 bytes or more; while it changes, the
    /// new one, a comma and the old one. Set it in the environment, where other users cannot see it
    #[arg(long, env = "CUSTOMARY_PROVIDER_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub provider_secret: Option<String>,

    /// How long to wait for each answer of the adapter, from 1s to 2m; what has no answer is asked for again
    #[arg(long, env = "CUSTOMARY_PROVIDER_TIMEOUT", default_value = "20s", value_name = "DURATION", value_parser = within("1s", "2m"))]
    pub provider_timeout: Duration,
}

impl ProviderOptions {
    /// The provider for these options; `None` without an address.
    ///
    /// # Errors
    /// An option is wrong; the message says what to change.
    pub fn provider(&self) -> Result<Option<HttpProvider>, ConfigError> {
        let Some(url) = &self.provider_url else { return Ok(None) };
        if !is_open_to_payers(url) {
            return Err(ConfigError(format!(
                "--provider-url {url} must start with https://, or be http:// on this machine, because calls carry people's data"
            )));
        }
        let Some(secret) = &self.provider_secret else {
            return Err(ConfigError(
                "--provider-url needs CUSTOMARY_PROVIDER_SECRET, which signs its calls; make one with \
                 `echo whsec_$(openssl rand -base64 32)`"
                    .into(),
            ));
        };
        let keys: Option<Vec<Vec<u8>>> = secret.split(',').map(|text| key(text.trim())).collect();
        let Some(keys) = keys else {
            return Err(ConfigError(format!(
                "CUSTOMARY_PROVIDER_SECRET must be {SECRET_PREFIX} and base64 of at least {KEY_BYTES_MIN} bytes"
            )));
        };
        let base = url.trim_end_matches('/').to_owned();
        Ok(Some(HttpProvider::new(base, keys, self.provider_timeout)))
    }
}

fn key(text: &str) -> Option<Vec<u8>> {
    let key = text.starts_with(SECRET_PREFIX).then(|| standard_key(text)).flatten()?;
    (key.len() >= KEY_BYTES_MIN).then_some(key)
}

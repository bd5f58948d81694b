//! Encryption to a PostgreSQL server on another machine.

use std::net::IpAddr;

use percent_encoding::percent_decode_str;

/// The address of a server, with encryption demanded if the server is not on this machine and the address does not say
/// otherwise. Without a word about it libpq would try encryption and fall back to none. `host` and `mode` are what the
/// environment gives for an address without them.
///
/// # Errors
/// The address asks for such a fallback on a way to another machine.
pub(super) fn encrypted(address: &str, host: Option<&str>, mode: Option<&str>) -> Result<String, String> {
    let Some(remote) = hosts(address, host).into_iter().find(|host| !is_here(host)) else {
        return Ok(address.to_owned());
    };
    let named = parameter(address, "sslmode").or_else(|| mode.map(str::to_owned));
    match named.as_deref() {
        Some("disable" | "require" | "verify-ca" | "verify-full") => Ok(address.to_owned()),
        None => {
            let separator = if address.contains('?') { '&' } else { '?' };
            Ok(format!("{address}{separator}sslmode=require"))
        }
        Some(mode) => Err(format!(
            "{remote} is another machine, and sslmode={mode} may send everything to it in clear; use \
             sslmode=verify-full, or sslmode=disable where the network is safe"
        )),
    }
}

/// The hosts that an address leads to; the empty text for the socket of this machine.
fn hosts(address: &str, environment: Option<&str>) -> Vec<String> {
    let list = |text: String| text.split(',').map(str::to_owned).collect::<Vec<_>>();
    if let Some(addresses) = parameter(address, "hostaddr").filter(|text| !text.is_empty()) {
        return list(addresses);
    }
    let named = parameter(address, "host").map_or_else(|| authority(address), list);
    let or_environment = |host: String| match environment {
        Some(environment) if host.is_empty() => environment.split(',').map(str::to_owned).collect(),
        _ => vec![host],
    };
    named.into_iter().flat_map(or_environment).collect()
}

/// The hosts between `//` and the path, without user, password and ports.
fn authority(address: &str) -> Vec<String> {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let hosts = authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts);
    let without_port = |host: &str| match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inner, _)) => inner.to_owned(),
        None => host.split(':').next().unwrap_or_default().to_owned(),
    };
    hosts.split(',').map(|host| decoded(&without_port(host))).collect()
}

/// The last value of a parameter of the address, as libpq takes it.
fn parameter(address: &str, name: &str) -> Option<String> {
    let (_, query) = address.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.rfind(|(key, _)| decoded(key) == name).map(|(_, value)| decoded(value))
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Whether a host is this machine: a socket, `localhost`, or a loopback address.
fn is_here(host: &str) -> bool {
    let lower = host.to_ascii_lowercase();
    host.is_empty()
        || host.starts_with(['/', '@'])
        || lower == "localhost"
        || lower.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_machine_is_reached_with_encryption_unless_switched_off_by_name() {
        for here in [
            "postgres://u:p@127.0.0.1:5432/d",
            "postgresql://localhost/d",
            "postgres://u@[::1]:5432/d?connect_timeout=3",
            "postgres:///d",
            "postgres://u@%2Fvar%2Frun%2Fpostgresql/d",
            "postgres:///d?host=/var/run/postgresql",
            "postgres://db.example.test/d?hostaddr=127.0.0.1",
            "postgres://u:p%40elsewhere@localhost/d",
            "postgres://localhost/d?sslmode=prefer",
        ] {
            assert_eq!(encrypted(here, None, None).as_deref(), Ok(here));
        }
        for (there, added) in [
            ("postgres://u:p@db.example.test/d", "?sslmode=require"),
            ("postgres://u:p@192.0.2.7:5432/d?connect_timeout=3", "&sslmode=require"),
            ("postgres://localhost,db.example.test/d", "?sslmode=require"),
            ("postgres:///d?host=db.example.test", "&sslmode=require"),
            ("postgres://localhost/d?hostaddr=192.0.2.7", "&sslmode=require"),
            ("postgres://postgres/d", "?sslmode=require"),
            ("postgres://u@[2001:db8::7]/d", "?sslmode=require"),
            ("postgres://db.example.test/d?sslmode=verify-full", ""),
            ("postgres://db.example.test/d?sslmode=disable", ""),
        ] {
            assert_eq!(encrypted(there, None, None), Ok(format!("{there}{added}")));
        }
        for mode in ["prefer", "allow", "%70refer", "none"] {
            let address = format!("postgres://u:secret@db.example.test/d?sslmode={mode}");
            let why = encrypted(&address, None, None).unwrap_err();
            assert!(
                why.contains("verify-full") && why.contains("sslmode=disable") && !why.contains("secret"),
                "{why}"
            );
        }
        let socket = "postgres:///d";
        assert_eq!(encrypted(socket, Some("db.example.test"), None), Ok(format!("{socket}?sslmode=require")));
        assert_eq!(encrypted(socket, Some("db.example.test"), Some("disable")).as_deref(), Ok(socket));
        assert!(encrypted(socket, Some("db.example.test"), Some("prefer")).is_err());
    }
}

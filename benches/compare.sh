#!/usr/bin/env bash
# Builds the service and the benches in release mode and runs one bench: benches/compare.sh create --rounds 5.
set -euo pipefail
cd "$(dirname "$0")/.."
exec cargo bench --locked --quiet --bench compare -- "$@"

#!/usr/bin/env bash
# Builds the service and the benches in release form and runs one: benches/compare.sh create --rounds 5.
set -euo pipefail
cd "$(dirname "$0")/.."
exec cargo bench --locked --quiet --bench compare -- "$@"

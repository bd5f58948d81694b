#!/usr/bin/env bash
# Builds the service and the benches with the profile of releases and runs one bench: benches/compare.sh create --rounds 5.
set -euo pipefail
cd "$(dirname "$0")/.."
exec cargo bench --profile dist --locked --quiet --bench compare -- "$@"

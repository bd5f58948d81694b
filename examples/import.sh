#!/usr/bin/env bash
# Imports a file of customers: rehearses first, and imports only if no row would be rejected. Run it while the service runs, with
# the token of its first start:
#
#   CUSTOMARY_TOKEN=eyJ… examples/import.sh examples/import.csv
#
# Run it again: every row finds the customer that it made.
set -euo pipefail
url=${CUSTOMARY_URL:-http://127.0.0.1:8080}
entry=${CUSTOMARY_ENTRY:-demo}
token=${CUSTOMARY_TOKEN:?is not set: give it the token of the first start}
file=${1:-$(dirname "$0")/import.csv}

import() {
  curl --silent --show-error --fail-with-body --header "requestToken: $token" --form "file=@$file" \
    "$url/api/Import/customersForm/$entry?$1"
}

rehearsal=$(import dryRun=true)
if ! grep -q '"rejected":0' <<<"$rehearsal"; then
  printf 'Some rows would be rejected; nothing was imported:\n%s\n' "$rehearsal" >&2
  exit 1
fi
# again=true: a file that was imported before is imported anew, instead of answered with its old report.
import again=true
echo

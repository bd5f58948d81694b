#!/usr/bin/env bash
# A customer's life by curl: create, match, read, update, find, delete. Run it while the service runs, with the token that its
# first start printed:
#
#   CUSTOMARY_TOKEN=eyJ… examples/curl.sh
set -euo pipefail
url=${CUSTOMARY_URL:-http://127.0.0.1:8080}
entry=${CUSTOMARY_ENTRY:-demo}
token=${CUSTOMARY_TOKEN:?is not set: give it the token of the first start}

# Prints the answer, also that of a refused request, and fails where it was refused.
api() {
  printf '> %s\n' "${*: -1}" >&2
  curl --silent --show-error --fail-with-body \
    --header "requestToken: $token" --header 'Content-Type: application/json' "$@" || return
  echo
}

# Creates the customer, or finds the one with this e-mail address. The key makes a retry harmless.
created=$(api --request POST --header "idempotencyKey: example-$$-$RANDOM" \
  --data '{"firstname": "Lin", "lastname": "Moss", "email": "lin.moss@example.test", "phone": "+1 202 555 0143"}' \
  "$url/api/Customer/single/$entry")
echo "$created"
id=$(sed -E 's/.*"customerId":([0-9]+).*/\1/' <<<"$created")

# Whom would this request mean? Nothing is written.
api --request POST --data '{"email": "LIN.MOSS@example.test"}' "$url/api/Customer/match/$entry"

# Reads the record; the ETag names the version that was read.
headers=$(mktemp)
trap 'rm -f "$headers"' EXIT
api --dump-header "$headers" "$url/api/Customer/$id"
etag=$(sed -n 's/^etag: //Ip' "$headers" | tr -d '\r')

# Changes it, if nobody else did since.
api --request PUT --header "If-Match: $etag" --data '{"city": "Oakton", "zip": "20850"}' "$url/api/Customer/$id"

# Finds it by a part of the name, and by a filter.
api "$url/api/Query/customers/$entry?search=moss&limitRecord=5"
api "$url/api/Query/customers/$entry?city(eq)=Oakton&sortBy=asc(lastname)"

# Who changed what?
api "$url/api/Customer/$id/history"

# Deletes it. With ?erase=true every personal value would be wiped for good.
api --request DELETE "$url/api/Customer/$id"

#!/usr/bin/env python3
"""Creates a customer with Python's standard library alone, in a way that may be retried without fear.

Run it while the service runs, with the token of its first start:

    CUSTOMARY_TOKEN=eyJ… python3 examples/create_customer.py Ada Roe ada.roe@example.test

Run it again: it finds the same customer instead of making a second one.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid

URL = os.environ.get("CUSTOMARY_URL", "http://127.0.0.1:8080")
ENTRY = os.environ.get("CUSTOMARY_ENTRY", "demo")
TOKEN = os.environ.get("CUSTOMARY_TOKEN") or sys.exit("Set CUSTOMARY_TOKEN to the token of the first start.")
ATTEMPTS = 5


def create(customer):
    """What the service says of the created, or found, customer."""
    headers = {
        "requestToken": TOKEN,
        "Content-Type": "application/json",
        # One key for all attempts: whichever of them arrives, the customer is created once.
        "idempotencyKey": str(uuid.uuid4()),
    }
    url = f"{URL}/api/Customer/single/{ENTRY}"
    for attempt in range(1, ATTEMPTS + 1):
        request = urllib.request.Request(url, json.dumps(customer).encode(), headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return json.load(response)["responseData"]
        except urllib.error.HTTPError as error:
            # Below 500 the request is at fault, and would be again; 429 asks to come back later.
            if error.code < 500 and error.code != 429:
                sys.exit(refusal(json.load(error)))
            problem = error
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            problem = error
        if attempt < ATTEMPTS:
            time.sleep(2**attempt / 10)
    sys.exit(f"{URL} does not answer: {problem}")


def refusal(body):
    """Every problem of the request, one a line."""
    problems = [f"{each['pointer']}: {each['message']}" for each in body.get("errors") or []]
    return "\n".join(problems) or body["responseText"]


if __name__ == "__main__":
    if len(sys.argv) not in (1, 4):
        sys.exit(__doc__)
    first, last, email = sys.argv[1:] or ("Ada", "Roe", "ada.roe@example.test")
    record = create({"firstname": first, "lastname": last, "email": email})
    print(f"{record['outcome']}: customer {record['customerId']}, {record['Email']}")

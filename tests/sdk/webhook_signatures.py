"""Webhooks signed as the official Python packages `stripe` and `standardwebhooks` sign them, with Python's own `hmac` in place
of the packages. Settings: see support.py.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
import urllib.error
import urllib.request

from support import RUN, entrypoint, equal, http, run_proofs, server_url, setting

ENTRY = entrypoint()


def keep(body):
    """Keeps a secret; returns its text."""
    answer = http("POST", f"/api/Paypoint/ingest/{ENTRY}", setting("CUSTOMARY_SETTINGS_TOKEN"), json.dumps(body).encode())
    equal("the status of a new secret", answer.status, 200)
    return answer.json()["responseData"]["secret"]


def deliver(dialect, body, headers):
    """Sends a webhook without a token; the status of the answer."""
    request = urllib.request.Request(f"{server_url()}/api/Ingest/{ENTRY}/{dialect}", data=body.encode(), method="POST")
    for name, value in {"Content-Type": "application/json", **headers}.items():
        request.add_header(name, value)
    try:
        with urllib.request.urlopen(request) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


def stripe_header(secret, body, at):
    """As `stripe.WebhookSignature` computes it: HMAC-SHA256 of `timestamp.payload` under the secret as it is, in hexadecimal."""
    signed = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={at},v1={signed},v0={secrets.token_hex(32)}"


def standard_headers(secret, body, at, message):
    """As `standardwebhooks.Webhook.sign` computes it: base64 of HMAC-SHA256 of `id.timestamp.payload` under the bytes that the
    secret stands for."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.new(key, f"{message}.{at}.{body}".encode(), hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(signed).decode()}"
    return {"webhook-id": message, "webhook-timestamp": str(at), "webhook-signature": signature}


def stripe_signatures_are_taken():
    secret = "whsec_" + secrets.token_hex(24)
    keep({"dialect": "stripe", "secret": secret})
    charge = {"id": f"ch_{RUN}", "amount": 1999, "captured": True, "created": 1_780_000_000, "currency": "eur", "status": "succeeded"}
    body = json.dumps({"id": "evt_1", "type": "charge.succeeded", "created": 1_780_000_000, "data": {"object": charge}}, indent=2)
    now = int(time.time())
    for header, status in [
        (stripe_header(secret, body, now), 200),
        (stripe_header(secret, body, now - 240), 200),
        (stripe_header(secret, body, now - 600), 401),
        (stripe_header(secret, body + " ", now), 401),
        (stripe_header(secret[:-1], body, now), 401),
        ("", 401),
    ]:
        equal(header, deliver("stripe", body, {"Stripe-Signature": header}), status)


def standard_webhooks_are_taken():
    old, new = keep({"dialect": "standard"}), keep({"dialect": "standard"})
    item = {"source": "pos", "externalId": f"P-{RUN}", "status": "approved", "amount": "10.00"}
    body = json.dumps({"type": "transaction.approved", "timestamp": "2026-03-01T10:00:00Z", "data": item})
    now = int(time.time())
    right = standard_headers(new, body, now, "msg_1")
    both = {**right, "webhook-signature": f"v1,{base64.b64encode(b'x' * 32).decode()} {right['webhook-signature']}"}
    for headers, status in [
        (right, 200),
        (both, 200),
        (standard_headers(old, body, now, "msg_2"), 200),
        ({**right, "webhook-id": "msg_3"}, 401),
        ({**right, "webhook-timestamp": str(now + 1)}, 401),
        (standard_headers(new, body, now - 600, "msg_4"), 401),
        ({}, 401),
    ]:
        equal(json.dumps(headers), deliver("standard", body, headers), status)


def payabli_shows_the_secret_itself():
    secret = keep({"dialect": "payabli", "header": "X-Payabli-Secret"})
    body = json.dumps({"Event": "CardCreated"})
    equal("with the secret", deliver("payabli", body, {"X-Payabli-Secret": secret}), 200)
    equal("without it", deliver("payabli", body, {"X-Payabli-Secret": secret[:-1]}), 401)
    equal("in another header", deliver("payabli", body, {"X-Webhook-Secret": secret}), 401)


PROOFS = [stripe_signatures_are_taken, standard_webhooks_are_taken, payabli_shows_the_secret_itself]

if __name__ == "__main__":
    run_proofs("webhook_signatures", PROOFS)

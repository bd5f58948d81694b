"""Helpers of the programs in this folder: settings, plain HTTP, comparisons, and a runner for a list of proofs.

Settings come from the environment:
  CUSTOMARY_URL         address of the running server, for example http://127.0.0.1:8080
  CUSTOMARY_TOKEN       request token with every customers scope and pii:read for the entrypoint
  CUSTOMARY_READ_TOKEN  request token with customers:read only
  CUSTOMARY_ENTRY       the entrypoint (default: demo)
"""

import json
import os
import secrets
import sys
import traceback
import urllib.error
import urllib.request
from dataclasses import dataclass

# Makes e-mails and numbers unique to this run, so that it matches nothing of an earlier run on the same database.
RUN = secrets.token_hex(4)


class Failed(Exception):
    """A proof failed; the message names the difference."""


def setting(name, default=None):
    value = os.environ.get(name, default)
    if not value:
        sys.exit(f"Set {name}. {__doc__}")
    return value


def server_url():
    return setting("CUSTOMARY_URL").rstrip("/")


def full_token():
    return setting("CUSTOMARY_TOKEN")


def read_token():
    return setting("CUSTOMARY_READ_TOKEN")


def entrypoint():
    return setting("CUSTOMARY_ENTRY", "demo")


@dataclass
class Answer:
    status: int
    headers: dict
    text: str

    def json(self):
        return json.loads(self.text)


def http(method, path, token=None, body=None, media="application/json"):
    """One request without any client library; error statuses are answers too. Header names come back in lower case.

    A body of bytes is sent as it is, with its media type; others as JSON.
    """
    headers = {"Accept": "application/json"}
    if token:
        headers["requestToken"] = token
    if body is not None:
        headers["Content-Type"] = media
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(server_url() + path, data=body, headers=headers, method=method)
    try:
        response = urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as error:
        response = error
    except urllib.error.URLError as error:
        sys.exit(f"{server_url()} does not answer: {error.reason}")
    with response:
        names = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, names, response.read().decode())


def mail(name):
    return f"{name}.{RUN}@example.test"


def equal(what, actual, expected):
    if isinstance(actual, dict) and isinstance(expected, dict):
        equal(f"keys of {what}", sorted(actual), sorted(expected))
        for key in actual:
            equal(f"{what} {key}", actual[key], expected[key])
    elif actual != expected or isinstance(actual, bool) != isinstance(expected, bool):
        raise Failed(f"{what}: expected {expected!r}, found {actual!r}")


def true(what, condition):
    if not condition:
        raise Failed(what)


def described(error):
    """The error in one line. For an SDK's error: status and body, because its own text is mostly headers."""
    if isinstance(error, Failed):
        return str(error)
    if hasattr(error, "status_code"):
        return f"{type(error).__name__} with status {error.status_code}: {str(error.body)[:500]}"
    return f"{type(error).__name__}: {str(error)[:500]}"


def run_proofs(program, proofs, *arguments):
    """Runs every proof, also after a failed one, and exits with 0 only if all hold."""
    failures = 0
    for proof in proofs:
        name = proof.__name__.replace("_", " ")
        try:
            proof(*arguments)
        except Exception as error:
            failures += 1
            frames = traceback.extract_tb(error.__traceback__)
            lines = [str(frame.lineno) for frame in frames if frame.filename == proof.__code__.co_filename]
            print(f"FAILED  {name} (line {', '.join(lines)}): {described(error)}")
    print(f"{program}: {len(proofs) - failures} of {len(proofs)} proofs hold")
    sys.exit(1 if failures else 0)

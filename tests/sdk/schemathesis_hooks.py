"""Loaded by Schemathesis before its run (see schemathesis_run.py): keeps idempotency keys from hiding other problems, and
sends JSON lines.

Schemathesis repeats a few header values. Before it checks the body, the service answers 422 to a key of another body
and 400 to two headers with different keys. So the hook makes every valid key unique. It sends invalid keys unchanged.
"""

import itertools
import json

import schemathesis
from schemathesis.core.parameters import ParameterLocation

KEYS = ("idempotencyKey", "Idempotency-Key")
numbers = itertools.count()


@schemathesis.serializer("application/x-ndjson")
def json_lines(context, value):
    """The value as one line."""
    return {"data": value if isinstance(value, bytes) else (value if isinstance(value, str) else json.dumps(value)).encode()}


@schemathesis.hook
def before_call(context, case, kwargs):
    if not case.headers or (case.meta and case.meta.is_negative_at(ParameterLocation.HEADER)):
        return
    sent = [name for name in KEYS if name in case.headers]
    for name in sent[1:]:
        del case.headers[name]
    for name in sent[:1]:
        case.headers[name] = f"key-{next(numbers)}"

"""Loaded by Schemathesis before its run (see schemathesis_run.py): keeps idempotency keys from hiding everything else.

Schemathesis sends the same few header values over and over. A key that was used with another body is answered 422, and
two headers with different keys 400, before the body is looked at; so every valid key becomes one of its own. Invalid
keys are sent as they were generated.
"""

import itertools

import schemathesis
from schemathesis.core.parameters import ParameterLocation

KEYS = ("idempotencyKey", "Idempotency-Key")
numbers = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    if not case.headers or (case.meta and case.meta.is_negative_at(ParameterLocation.HEADER)):
        return
    sent = [name for name in KEYS if name in case.headers]
    for name in sent[1:]:
        del case.headers[name]
    for name in sent[:1]:
        case.headers[name] = f"key-{next(numbers)}"

"""Python values and the payloads that carry them.

A value travels as JSON: no argument is an empty payload, one positional
argument is itself, several or named ones (or a single dict that has only the
keys `args` and `kwargs`) are `{"args": [...], "kwargs": {...}}`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from typing import Any

from anteroom.v1 import lease_pb2

JSON = "application/json"


@dataclasses.dataclass(frozen=True)
class Payload:
    """Bytes with a media type, passed on as they are."""

    data: bytes
    content_type: str = "application/octet-stream"


def encode(*args: Any, **kwargs: Any) -> lease_pb2.Payload:
    """The payload of a call's arguments.

    A single `Payload` or `bytes` argument travels as it is. Raises TypeError
    for what JSON cannot say.
    """
    if not args and not kwargs:
        return lease_pb2.Payload()
    if len(args) == 1 and not kwargs:
        value = args[0]
        if isinstance(value, bytes):
            value = Payload(value)
        if isinstance(value, Payload):
            return lease_pb2.Payload(content_type=value.content_type, data=value.data)
        if not looks_like_arguments(value):
            return json_payload(value)
    return json_payload({"args": list(args), "kwargs": kwargs})


def decode(payload: lease_pb2.Payload) -> Any:
    """The value of a payload: None if it is empty, decoded if it is JSON, else
    (and if it only says that it is JSON) a `Payload`."""
    if not payload.data and not payload.content_type:
        return None
    if payload.content_type == JSON:
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(payload.data)
    return Payload(payload.data, payload.content_type)


def looks_like_arguments(value: Any) -> bool:
    """Whether it is an object that has only the keys `args` and `kwargs`."""
    return isinstance(value, dict) and bool(value) and set(value) <= {"args", "kwargs"}


def json_payload(value: Any) -> lease_pb2.Payload:
    """The value as it is. Raises TypeError or ValueError for what JSON cannot
    say."""
    return lease_pb2.Payload(
        content_type=JSON,
        data=json.dumps(value, allow_nan=False).encode(),
    )

"""What a method is called with, out of a payload."""

from __future__ import annotations

import inspect
from typing import Any, Callable, Dict, List, Tuple

from anteroom import _payload
from anteroom.provider import _failures
from anteroom.v1 import lease_pb2


def call(method: Callable[..., Any], payload: lease_pb2.Payload) -> Any:
    """`method`, called with what the payload says. INVALID_REQUEST if it does
    not take that."""
    args, kwargs = _arguments(payload)
    try:
        inspect.signature(method).bind(*args, **kwargs)
    except TypeError as error:
        raise _failures.invalid(f"argument: {method.__name__}(): {error}") from None
    return method(*args, **kwargs)


def result(value: Any, instance: Any) -> lease_pb2.Payload:
    """The payload of what a hook or a method answered. None, and the object
    itself, which the holder has already, are empty. Raises TypeError or
    ValueError for what JSON cannot say."""
    if value is None or value is instance:
        return lease_pb2.Payload()
    if isinstance(value, (bytes, _payload.Payload)):
        return _payload.encode(value)
    return _payload.json_payload(value)


def _arguments(payload: lease_pb2.Payload) -> Tuple[List[Any], Dict[str, Any]]:
    if not payload.data and not payload.content_type:
        return [], {}
    value = _payload.decode(payload)
    if payload.content_type == _payload.JSON and isinstance(value, _payload.Payload):
        raise _failures.invalid("argument: it is no JSON")
    if not _payload.looks_like_arguments(value):
        return [value], {}
    args, kwargs = value.get("args", []), value.get("kwargs", {})
    if not isinstance(args, list) or not isinstance(kwargs, dict):
        raise _failures.invalid("argument: args must be an array, kwargs an object")
    return args, kwargs

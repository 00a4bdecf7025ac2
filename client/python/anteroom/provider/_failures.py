"""Exceptions out of hooks, as the statuses that the server is told."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, NoReturn, Optional

import grpc

from anteroom import _errors
from anteroom._google_rpc import error_details_pb2, status_pb2

_DETAILS_KEY = "grpc-status-details-bin"
_log = logging.getLogger("anteroom.provider")


class Refused(_errors.Error):
    """What the provider itself refuses; its reason is told to the server."""


def object_not_found() -> Refused:
    return Refused(
        "there is no object of this handle: it was closed, or the provider was "
        "restarted; construct another",
        code=grpc.StatusCode.NOT_FOUND,
        reason="INSTANCE_LOST",
    )


def invalid(message: str) -> Refused:
    return Refused(
        message, code=grpc.StatusCode.INVALID_ARGUMENT, reason="INVALID_REQUEST"
    )


def status(error: BaseException) -> status_pb2.Status:
    """The code that the exception carries, as `anteroom.Error` and gRPC's own
    do; CANCELLED for a cancellation; else INTERNAL with its type and message."""
    code = _code(error)
    if isinstance(error, Refused):
        told = status_pb2.Status(message=error.message)
        told.details.add().Pack(
            error_details_pb2.ErrorInfo(
                domain="anteroom", reason=error.reason, metadata=error.metadata
            )
        )
    else:
        told = _errors.to_status(error, cancelled=False)
    told.code = (code or grpc.StatusCode.INTERNAL).value[0]
    if code is not None and isinstance(error, _errors.Error):
        told.message = error.message
    return told


def report(error: BaseException) -> None:
    """Logs what nobody foresaw: the server is told no traceback."""
    if _code(error) is None:
        _log.error("a hook failed", exc_info=error)


async def abort(context: grpc.aio.ServicerContext, error: BaseException) -> NoReturn:
    """Ends the call with the error."""
    report(error)
    told = status(error)
    await context.abort(
        _BY_NUMBER[told.code],
        told.message,
        ((_DETAILS_KEY, told.SerializeToString()),),
    )
    raise AssertionError("abort() raises")


_BY_NUMBER = {code.value[0]: code for code in grpc.StatusCode}


def _code(error: BaseException) -> Optional[grpc.StatusCode]:
    if isinstance(error, asyncio.CancelledError):
        return grpc.StatusCode.CANCELLED
    code: Any = getattr(error, "code", None)
    if isinstance(error, grpc.RpcError) and callable(code):
        code = code()
    if isinstance(code, grpc.StatusCode) and code is not grpc.StatusCode.OK:
        return code
    return None

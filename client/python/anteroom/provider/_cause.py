"""Why a lease ends, as the exception that __aexit__ is given."""

from __future__ import annotations

import asyncio
import builtins
from typing import Optional

import grpc
from google.protobuf.message import DecodeError

from anteroom import _errors
from anteroom._google_rpc import error_details_pb2, status_pb2
from anteroom.provider.v1 import provider_service_pb2 as pb
from anteroom.v1 import lease_pb2


class BodyError(_errors.Error):
    """The exception of a holder's body, which cannot travel itself: its message,
    its code, and what the holder's language calls it."""

    #: The name of its class; empty if the holder did not say.
    type_name = ""
    #: Where that class is from.
    module = ""


def exception(request: pb.ExitRequest) -> Optional[BaseException]:
    """None if the body went well. A holder's exception is of its own class if
    that is built into Python, asyncio.CancelledError if the body was cancelled,
    else a `BodyError`. A lease that was lost (it expired, its holder is gone, it
    was revoked) is `anteroom.LeaseLost`, whose reason says how."""
    reason = lease_pb2.ExitReason.Name(request.reason).removeprefix("EXIT_REASON_")
    if reason in ("RELEASED", "UNSPECIFIED") and not request.HasField("error"):
        return None
    if reason == "CANCELLED":
        return asyncio.CancelledError()
    if reason in ("BODY_FAILED", "RELEASED", "UNSPECIFIED"):
        return _body_error(request.error)
    return _errors.LeaseLost(
        request.error.message or f"the lease ended: {reason}",
        code=grpc.StatusCode.ABORTED,
        reason=reason,
        metadata={"exit_reason": reason},
    )


def _body_error(error: status_pb2.Status) -> BaseException:
    try:
        info = _info(error)
        told = _errors.from_status(error, BodyError)
    except DecodeError:  # what a holder says must not hinder the exit
        info = error_details_pb2.ErrorInfo()
        told = _errors.from_status(
            status_pb2.Status(code=error.code, message=error.message), BodyError
        )
    own = _built_in(error.message, info)
    if own is not None:
        return own
    assert isinstance(told, BodyError)
    told.type_name = info.metadata["qualname"] or info.reason
    told.module = info.metadata["module"]
    return told


def _info(error: status_pb2.Status) -> error_details_pb2.ErrorInfo:
    info = error_details_pb2.ErrorInfo()
    for detail in error.details:
        if detail.Is(info.DESCRIPTOR) and detail.Unpack(info):
            return info
    return error_details_pb2.ErrorInfo()


def _built_in(
    message: str, info: error_details_pb2.ErrorInfo
) -> Optional[BaseException]:
    """The holder's exception, where its class is Python's own and takes a text."""
    kind = getattr(builtins, info.reason, None)
    if (
        info.domain != "python"
        or info.metadata["module"] != "builtins"
        or not isinstance(kind, type)
        or not issubclass(kind, Exception)
    ):
        return None
    text = message.removeprefix(info.reason).removeprefix(": ")
    try:
        return kind(text) if text else kind()
    except TypeError:
        return None

"""What can go wrong, as exceptions.

Every error of the server is an `Error` with its canonical `code`, the `reason`
of the contract and what else the server said; the reasons that programs handle
have classes of their own.
"""

from __future__ import annotations

from typing import Mapping, Optional, Sequence, Tuple

import grpc

from anteroom._google_rpc import error_details_pb2, status_pb2

_DOMAIN = "anteroom"
_DETAILS_KEY = "grpc-status-details-bin"
#: Characters of a body's exception that are told; a request has its limit.
_TEXT_MAX = 10_000
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class Error(Exception):
    """An error that the server, or the connection to it, reported."""

    def __init__(
        self,
        message: str,
        *,
        code: grpc.StatusCode = grpc.StatusCode.UNKNOWN,
        reason: str = "",
        metadata: Optional[Mapping[str, str]] = None,
        field_violations: Sequence[Tuple[str, str]] = (),
        retry_delay: Optional[float] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        #: The canonical code.
        self.code = code
        #: The contract's reason, such as "WAIT_TIMED_OUT"; empty if there is
        #: none (the connection broke, say).
        self.reason = reason
        #: More about the reason, such as "exit_reason".
        self.metadata = dict(metadata or {})
        #: Wrong fields of the request: (path, description).
        self.field_violations = list(field_violations)
        #: Seconds after which a retry may be worth it.
        self.retry_delay = retry_delay

    def __str__(self) -> str:
        return f"{self.reason or self.code.name}: {self.message}"


class InvalidRequest(Error):
    """The request is wrong; `field_violations` says where."""


class ResourceNotFound(Error):
    """There is no such resource."""


class LeaseNotFound(Error):
    """There is no such lease, or its receipt is no longer kept."""


class LeaseEnded(Error):
    """The lease has ended; metadata "exit_reason" says why."""


class StaleFencingToken(Error):
    """The token given is not the lease's."""


class WaitTimedOut(Error):
    """max_wait passed before the object was entered."""


class WouldWait(Error):
    """Every object is taken, and no_wait was asked for."""


class QueueFull(Error):
    """Too many wait already."""


class InitFailed(Error):
    """The object's init failed or timed out."""


class EnterFailed(Error):
    """The object's enter failed or timed out."""


class UseFailed(Error):
    """The method failed."""


class UseTimedOut(Error):
    """The method did not end within use_timeout."""


class ReplyLost(Error):
    """The connection broke, and the server does not keep the method's reply any
    more: it may have run."""


class UseCancelled(Error):
    """The lease ended while the method ran."""


class MethodNotFound(Error):
    """The object has no such method."""


class InstanceLost(Error):
    """The object died under its holder."""


class Draining(Error):
    """The server or the resource is going away."""


class LeaseLost(Error):
    """The lease ended while the body ran: it expired, was revoked or drained,
    or the connection to the server broke and, where a disconnect_grace was
    asked for, did not come back within it."""


class ExitError(Error):
    """The body went well, but the object's exit failed."""


_BY_REASON = {
    "INVALID_REQUEST": InvalidRequest,
    "REQUEST_ID_REUSED": InvalidRequest,
    "RESOURCE_NOT_FOUND": ResourceNotFound,
    "LEASE_NOT_FOUND": LeaseNotFound,
    "LEASE_ENDED": LeaseEnded,
    "STALE_FENCING_TOKEN": StaleFencingToken,
    "WAIT_TIMED_OUT": WaitTimedOut,
    "WOULD_WAIT": WouldWait,
    "QUEUE_FULL": QueueFull,
    "INIT_FAILED": InitFailed,
    "INIT_TIMED_OUT": InitFailed,
    "ENTER_FAILED": EnterFailed,
    "ENTER_TIMED_OUT": EnterFailed,
    "USE_FAILED": UseFailed,
    "USE_TIMED_OUT": UseTimedOut,
    "REPLY_LOST": ReplyLost,
    "USE_CANCELLED": UseCancelled,
    "METHOD_NOT_FOUND": MethodNotFound,
    "INSTANCE_LOST": InstanceLost,
    "DRAINING": Draining,
}


def from_status(status: status_pb2.Status, kind: Optional[type[Error]] = None) -> Error:
    """The exception that `status` means, of class `kind` if that is given."""
    reason = ""
    metadata: Mapping[str, str] = {}
    violations = []
    retry_delay = None
    info = error_details_pb2.ErrorInfo()
    bad_request = error_details_pb2.BadRequest()
    retry = error_details_pb2.RetryInfo()
    for detail in status.details:
        if detail.Is(info.DESCRIPTOR) and detail.Unpack(info):
            if info.domain == _DOMAIN:
                reason, metadata = info.reason, dict(info.metadata)
        elif detail.Is(bad_request.DESCRIPTOR) and detail.Unpack(bad_request):
            violations = [
                (violation.field, violation.description)
                for violation in bad_request.field_violations
            ]
        elif detail.Is(retry.DESCRIPTOR) and detail.Unpack(retry):
            retry_delay = retry.retry_delay.ToTimedelta().total_seconds()
    return (kind or _BY_REASON.get(reason, Error))(
        status.message,
        code=_CODES.get(status.code, grpc.StatusCode.UNKNOWN),
        reason=reason,
        metadata=metadata,
        field_violations=violations,
        retry_delay=retry_delay,
    )


def from_rpc_error(error: grpc.aio.AioRpcError) -> Error:
    """The exception that a failed call means."""
    status = status_pb2.Status()
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS_KEY:
            status.ParseFromString(value)
    status.code = error.code().value[0]
    status.message = error.details() or ""
    return from_status(status)


def to_status(error: BaseException, *, cancelled: bool) -> status_pb2.Status:
    """A body's exception, for the exit hook: its type and message, and its
    class in an ErrorInfo of domain "python"."""
    kind = type(error)
    text = _text(error)
    status = status_pb2.Status(
        code=1 if cancelled else 2,  # CANCELLED, UNKNOWN
        message=f"{kind.__name__}: {text}" if text else kind.__name__,
    )
    status.details.add().Pack(
        error_details_pb2.ErrorInfo(
            domain="python",
            reason=kind.__name__,
            metadata={"module": kind.__module__, "qualname": kind.__qualname__},
        )
    )
    return status


def _text(error: BaseException) -> str:
    try:
        text = str(error)[:_TEXT_MAX]
    except Exception:  # it must not hinder the exit
        return "(without a text: its __str__ failed)"
    # What UTF-8 cannot say, such as half a name of a file.
    return text.encode(errors="backslashreplace").decode()

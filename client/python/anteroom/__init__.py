"""Anteroom: `async with` over the network.

    async with anteroom.connect("127.0.0.1:50051") as server:
        async with server.resource("hello") as h:
            await h.a_method()

Entering awaits the object's init on the server; attribute access becomes a
call; leaving awaits its exit, which runs exactly once even if this process is
killed. See `connect`, `Server`, `Resource` and `Hold`.
"""

from anteroom._connection import Server, connect
from anteroom._errors import (
    Draining,
    EnterFailed,
    Error,
    ExitError,
    InitFailed,
    InstanceLost,
    InvalidRequest,
    LeaseEnded,
    LeaseLost,
    LeaseNotFound,
    MethodNotFound,
    QueueFull,
    ReplyLost,
    ResourceNotFound,
    StaleFencingToken,
    UseCancelled,
    UseFailed,
    UseTimedOut,
    WaitTimedOut,
    WouldWait,
)
from anteroom._hold import Hold
from anteroom._payload import Payload
from anteroom._resource import Resource
from anteroom._views import Event, Lease, Receipt

__all__ = [
    "Draining",
    "EnterFailed",
    "Error",
    "Event",
    "ExitError",
    "Hold",
    "InitFailed",
    "InstanceLost",
    "InvalidRequest",
    "Lease",
    "LeaseEnded",
    "LeaseLost",
    "LeaseNotFound",
    "MethodNotFound",
    "Payload",
    "QueueFull",
    "Receipt",
    "ReplyLost",
    "Resource",
    "ResourceNotFound",
    "Server",
    "StaleFencingToken",
    "UseCancelled",
    "UseFailed",
    "UseTimedOut",
    "WaitTimedOut",
    "WouldWait",
    "connect",
]

"""What `async with` yields: a stand-in for the object on the server."""

from __future__ import annotations

import asyncio
from typing import Any, AsyncIterator, Callable, Optional, Union

from anteroom import _errors
from anteroom._lease import UnaryLease
from anteroom._method_call import MethodCall
from anteroom._scope import Scope
from anteroom._views import Lease, Receipt
from anteroom.v1 import resource_service_pb2 as pb


class Hold:
    """A held object. `await h.a_method(1, x=2)` calls its `a_method`,
    `async for x in h.a_stream(1)` its streaming method `a_stream`.

    Names that Hold has itself (`use`, `stream`, `release`, `lease`, `value`,
    `receipt`) and names that begin with an underscore are reached by
    `h.use("name", ...)` and `h.stream("name", ...)`.

    For one event loop; calls may run side by side.
    """

    def __init__(self, kept: Union[Scope, UnaryLease], lease: Lease) -> None:
        self._kept = kept
        #: The lease, as it was when it was entered.
        self.lease = lease
        #: What enter returned: the `as h` of the object's own `async with`.
        self.value = lease.value
        #: How it ended; None while it is held.
        self.receipt: Optional[Receipt] = None

    def __getattr__(self, name: str) -> Callable[..., MethodCall]:
        if name.startswith("_"):
            raise AttributeError(name)

        def call(*args: Any, **kwargs: Any) -> MethodCall:
            return MethodCall(
                lambda: self.use(name, *args, **kwargs),
                lambda: self.stream(name, *args, **kwargs),
            )

        call.__name__ = name
        return call

    async def use(self, method: str, /, *args: Any, **kwargs: Any) -> Any:
        """Calls `method`. Raises `UseFailed`, `MethodNotFound`, `LeaseEnded`,
        `LeaseLost`."""
        return await self._kept.use(method, *args, **kwargs)

    def stream(self, method: str, /, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        """Calls the streaming method `method`: `async for` over what it says.

        Leaving the loop early cancels the call. Raises what `use` raises, and
        `Unavailable` if the connection breaks: a stream is not taken up again.
        """
        return self._kept.stream(method, *args, **kwargs)

    async def release(
        self,
        error: Optional[BaseException] = None,
        *,
        tainted: bool = False,
    ) -> Receipt:
        """Ends the hold and waits for the object's exit. Idempotent.

        `error` is the body's exception, handed to the exit hook; `tainted`:
        this object must not be lent again. An exit that failed does not raise
        here: the receipt's `exit_error` tells.
        """
        if self.receipt is None:
            request = pb.ReleaseRequest(
                outcome=pb.ReleaseRequest.OUTCOME_OK, tainted=tainted
            )
            if error is not None:
                request.outcome = pb.ReleaseRequest.OUTCOME_ERROR
                request.error.CopyFrom(
                    _errors.to_status(
                        error,
                        cancelled=isinstance(error, asyncio.CancelledError),
                    )
                )
            self.receipt = await self._kept.release(request)
        return self.receipt

    def __repr__(self) -> str:
        state = "held" if self.receipt is None else self.receipt.reason
        return f"<anteroom.Hold {self.lease.name} {state}>"

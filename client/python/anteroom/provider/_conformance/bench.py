"""What a check is given: objects to drive, and words to say what is wrong."""

from __future__ import annotations

import asyncio
from typing import Any, Awaitable, List, Mapping, Optional

import grpc

from anteroom.provider._conformance.subject import Leases, Subject, new_key
from anteroom.provider.v1 import provider_service_pb2 as pb
from anteroom.provider.v1 import provider_service_pb2_grpc as pb_grpc

#: What a test of this kind needs to know of the provider's own objects.
SCRIPTED = "conformance"


class Wrong(Exception):
    """What the provider got wrong."""


class Bench:
    """Where one check drives the objects of one kind. Leaving closes them."""

    def __init__(
        self,
        stub: pb_grpc.ProviderServiceStub,
        kind: pb.DescribeResponse.Kind,
        parameters: Mapping[str, Any],
        bound: float,
    ) -> None:
        self.stub = stub
        self.kind = kind
        self.hooks = frozenset(kind.hooks)
        self.leases = Leases()
        self.board = new_key()
        self._parameters = parameters
        self._bound = bound
        self._subjects: List[Subject] = []
        self._control: Optional[Subject] = None
        self._control_lease = self.leases.new()

    async def __aenter__(self) -> Bench:
        return self

    async def __aexit__(self, *error: Any) -> None:
        await asyncio.gather(
            *(each.close() for each in self._subjects if each.ref.handle),
            return_exceptions=True,
        )

    def subject(self, kind: Optional[str] = None) -> Subject:
        """An object that is not constructed yet."""
        subject = Subject(self.stub, kind or self.kind.name, self._bound)
        self._subjects.append(subject)
        return subject

    async def constructed(self, **script: Any) -> Subject:
        """An object, which does as the script says."""
        subject = self.subject()
        await subject.construct(self.parameters(**script))
        return subject

    def parameters(self, **script: Any) -> Mapping[str, Any]:
        if self.kind.name == SCRIPTED:
            return {"board": self.board, **script}
        return self._parameters

    async def ready(self, subject: Subject) -> None:
        """Has it awaited its init, if it has one."""
        if pb.HOOK_INIT in self.hooks:
            await subject.init()

    async def held(self, subject: Subject, argument: Any = None) -> pb.LeaseRef:
        """A lease that has entered it."""
        lease = self.leases.new()
        await self.ready(subject)
        if pb.HOOK_ENTER in self.hooks:
            await subject.enter(lease, argument)
        return lease

    # What the scripted objects wrote down, asked of another object.

    async def trace(self) -> List[str]:
        return await self._ask("trace", {"board": self.board})

    async def wait_for(self, word: str, count: int = 1) -> None:
        """Until this was written down so often."""
        try:
            await self._ask(
                "wait_for", {"board": self.board, "word": word, "count": count}
            )
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
                raise
            raise Wrong(
                f"{word!r} was not seen within {self._bound:g} s; seen was "
                f"{await self.trace()}"
            ) from None

    async def open(self, gate: str) -> None:
        await self._ask("open", {"board": self.board, "gate": gate})

    async def expect_trace(self, *words: str) -> None:
        trace = await self.trace()
        if trace != list(words):
            raise Wrong(f"its hooks ran as {trace}, not {list(words)}")

    async def _ask(self, method: str, argument: Any) -> Any:
        if self._control is None:
            control = self.subject()
            await control.construct({"board": new_key()})
            await control.init()
            await control.enter(self._control_lease)
            self._control = control
        return await self._control.use(self._control_lease, method, argument)


def expect(condition: bool, wrong: str) -> None:
    if not condition:
        raise Wrong(wrong)


async def failure(call: Awaitable[Any], what: str) -> grpc.aio.AioRpcError:
    """The error of a call that must fail."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            raise Wrong(f"{what} was not answered in time") from None
        return error
    raise Wrong(f"{what} was answered with OK, but must fail")


async def expect_code(
    call: Awaitable[Any], what: str, *codes: grpc.StatusCode
) -> grpc.aio.AioRpcError:
    error = await failure(call, what)
    wanted = " or ".join(code.name for code in codes)
    expect(
        error.code() in codes,
        f"{what} failed with {error.code().name} ({error.details()}), not {wanted}",
    )
    return error


async def cancelled(call: Any) -> None:
    """Cancels the call, and waits until it has ended on this side."""
    call.cancel()
    await asyncio.wait({asyncio.ensure_future(call.code())})


async def updates_of(call: Any) -> List[str]:
    """The names of what a stream of updates said."""
    return [update.WhichOneof("update") async for update in call]

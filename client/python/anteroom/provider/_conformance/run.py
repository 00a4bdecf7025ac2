"""Runs the checks, and says what they found."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any, Awaitable, Callable, List, Mapping, Optional, Sequence, Tuple

import grpc

from anteroom import _errors
from anteroom.provider._conformance import any_kind, of_init, of_lease, of_use
from anteroom.provider._conformance.bench import SCRIPTED, Bench, Wrong
from anteroom.provider._conformance.subject import new_key
from anteroom.provider.v1 import provider_service_pb2 as pb
from anteroom.provider.v1 import provider_service_pb2_grpc as pb_grpc

Check = Callable[[Bench], Awaitable[None]]

_SCRIPTED_CHECKS: Tuple[Check, ...] = of_init.CHECKS + of_lease.CHECKS + of_use.CHECKS
#: A check makes some dozen calls, each of which has its bound.
_BOUNDS_OF_A_CHECK = 20


@dataclasses.dataclass(frozen=True)
class Fault:
    """What a provider gets wrong."""

    #: The kind whose objects were driven.
    kind: str
    #: The name of the check.
    check: str
    #: What a server relies on.
    requirement: str
    #: What happened instead.
    found: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.check}: {self.requirement}\n    {self.found}"


@dataclasses.dataclass(frozen=True)
class Report:
    """What `check` found. True where it found no fault."""

    faults: Sequence[Fault]
    #: (kind, check) of those that passed.
    passed: Sequence[Tuple[str, str]]
    #: Whether there is a kind "conformance", without which slow, failing and
    #: cancelled hooks cannot be tried.
    complete: bool

    def __bool__(self) -> bool:
        return not self.faults

    def __str__(self) -> str:
        lines = [str(fault) for fault in self.faults]
        lines.append(f"{len(self.passed)} checks passed, {len(self.faults)} failed")
        if not self.complete:
            lines.append(
                f"there is no kind {SCRIPTED!r}: slow, failing and cancelled hooks "
                "were not tried (serve anteroom.provider.conformance_kind())"
            )
        return "\n".join(lines)


async def check(
    address: str,
    *,
    kinds: Optional[Sequence[str]] = None,
    checks: Optional[Sequence[str]] = None,
    parameters: Optional[Mapping[str, Mapping[str, Any]]] = None,
    bound: float = 5.0,
) -> Report:
    """Drives the provider at `address`, written in any language, and reports what
    it gets wrong.

    Objects of its kinds are constructed, awaited, entered, exited and closed. If
    one of them is "conformance" (in Python, `conformance_kind()`; for other
    languages the module `anteroom.provider._conformance.scripted` says what it
    does) its hooks are made slow, made to fail, cancelled and repeated.

    Args:
      kinds: those to check; all unless given.
      checks: the names of those to run, as in `Fault`; all unless given.
      parameters: what constructors are given, by kind.
      bound: seconds that a call may take which should be answered at once.

    Raises `anteroom.Error` if there is no provider, or no such kind.
    """
    async with grpc.aio.insecure_channel(address) as channel:
        stub = pb_grpc.ProviderServiceStub(channel)
        described = await _describe(stub, bound)
        known = {kind.name: kind for kind in described.kinds}
        for name in kinds or ():
            if name not in known:
                raise _errors.Error(
                    f"the provider has no kind {name!r}, but {sorted(known)}",
                    code=grpc.StatusCode.NOT_FOUND,
                )
        faults: List[Fault] = []
        passed: List[Tuple[str, str]] = []
        for name in kinds or known:
            given = (parameters or {}).get(name, {})
            for run in _checks_of(name):
                if checks is not None and run.__name__ not in checks:
                    continue
                bench = Bench(stub, known[name], given, bound)
                found = await _found(run, bench, bound)
                if found is None:
                    passed.append((name, run.__name__))
                else:
                    faults.append(Fault(name, run.__name__, _requirement(run), found))
        return Report(faults, passed, SCRIPTED in (kinds or known))


def _checks_of(kind: str) -> Tuple[Check, ...]:
    return any_kind.CHECKS + (_SCRIPTED_CHECKS if kind == SCRIPTED else ())


def _requirement(run: Check) -> str:
    return " ".join((run.__doc__ or run.__name__).split())


async def _describe(
    stub: pb_grpc.ProviderServiceStub, bound: float
) -> pb.DescribeResponse:
    try:
        return await stub.Describe(
            pb.DescribeRequest(idempotency_key=new_key()),
            timeout=bound,
            wait_for_ready=True,
        )
    except grpc.aio.AioRpcError as error:
        raise _errors.from_rpc_error(error) from None


async def _found(run: Check, bench: Bench, bound: float) -> Optional[str]:
    """What this check found wrong; None: nothing."""
    try:
        async with asyncio.timeout(_BOUNDS_OF_A_CHECK * bound):
            async with bench:
                await run(bench)
        return None
    except Wrong as wrong:
        return str(wrong)
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            return f"a call was not answered within {bound:g} s"
        return f"a call failed with {error.code().name}: {error.details()}"
    except TimeoutError:
        return f"it did not come to an end within {_BOUNDS_OF_A_CHECK * bound:g} s"
    except (KeyError, IndexError, TypeError, ValueError) as error:
        return f"an answer was not what it should be: {error!r}"

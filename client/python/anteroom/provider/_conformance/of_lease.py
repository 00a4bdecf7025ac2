"""What is entered is exited, once; what is constructed is closed, once."""

from __future__ import annotations

import asyncio

import grpc

from anteroom._google_rpc import status_pb2
from anteroom.provider._conformance.bench import (
    Bench,
    cancelled,
    expect,
    expect_code,
    failure,
    updates_of,
)
from anteroom.provider._conformance.subject import new_key

_READY = ("construct", "init begin", "init done")
_ENTERED = ("enter begin", "enter done")


async def enter_is_given_its_argument(bench: Bench) -> None:
    """Enter gives the hook its argument, and answers with what it returned."""
    subject = await bench.constructed()
    argument = {"user": "ä", "rows": [1, None]}
    updates = await subject.enter(bench.leases.new(), argument)
    value = updates[-1].entered.value
    expect(
        value.content_type == "application/json" and bool(value.data),
        f"Enter answered with {value.content_type!r}, {value.data!r}: no JSON",
    )
    again = await subject.enter(bench.leases.new(), value)
    expect(
        b"argument" in again[-1].entered.value.data and b"rows" in value.data,
        f"the hook was given {argument}, and Enter answered with {value.data!r}",
    )


async def an_enter_that_failed_does_not_exit(bench: Bench) -> None:
    """A failed Enter fails with the code of the hook; no exit runs then, nor at
    Close."""
    subject = await bench.constructed(fails={"enter": ["PERMISSION_DENIED"]})
    await subject.init()
    await expect_code(
        updates_of(subject.start_enter(bench.leases.new())),
        "a failing Enter",
        grpc.StatusCode.PERMISSION_DENIED,
    )
    await subject.close()
    await bench.expect_trace(
        *_READY, "enter begin", "enter failed", "close begin", "close done"
    )


async def a_cancelled_enter_is_cancelled(bench: Bench) -> None:
    """The hook of an Enter that is cancelled is, and the object enters again."""
    subject = await bench.constructed(waits={"enter": "gate"})
    await subject.init()
    call = subject.start_enter(bench.leases.new())
    await bench.wait_for("enter begin")
    await cancelled(call)
    await bench.wait_for("enter cancelled")
    await bench.open("gate")
    await subject.enter(bench.leases.new())
    await bench.expect_trace(*_READY, "enter begin", "enter cancelled", *_ENTERED)


async def exit_runs_once_however_often_it_is_called(bench: Bench) -> None:
    """Exit with one key runs the hook once, called again at the same time or
    later."""
    subject, key = await bench.constructed(waits={"exit": "gate"}), new_key()
    lease = await bench.held(subject)
    calls = [
        subject.start_exit(lease, idempotency_key=key, attempt=n + 1) for n in range(2)
    ]
    await bench.wait_for("exit begin")
    await bench.open("gate")
    await asyncio.gather(*calls)
    await subject.exit(lease, idempotency_key=key, attempt=3)
    runs = (await bench.trace()).count("exit begin")
    expect(runs == 1, f"the exit of one lease ran {runs} times")


async def an_exit_goes_on_when_its_call_breaks(bench: Bench) -> None:
    """An Exit whose caller is gone goes on; called again with its key it answers
    as it would have."""
    subject = await bench.constructed(waits={"exit": "gate"}, taint=True)
    lease, key = await bench.held(subject), new_key()
    call = subject.start_exit(lease, idempotency_key=key)
    await bench.wait_for("exit begin")
    await cancelled(call)
    await bench.open("gate")
    response = await subject.exit(lease, idempotency_key=key, attempt=2)
    expect(response.tainted, "the Exit that was called again answered otherwise")
    await bench.expect_trace(
        *_READY, *_ENTERED, "exit begin", "exit told RELEASED", "exit done"
    )


async def a_failed_exit_fails_again(bench: Bench) -> None:
    """A failed Exit fails with the code of the hook; called again with its key it
    does not run again, but fails as before."""
    subject, key = await bench.constructed(fails={"exit": ["DATA_LOSS"]}), new_key()
    lease = await bench.held(subject)
    for what in ("a failing Exit", "a failed Exit, called again,"):
        await expect_code(
            subject.exit(lease, idempotency_key=key), what, grpc.StatusCode.DATA_LOSS
        )
    runs = (await bench.trace()).count("exit begin")
    expect(runs == 1, f"the exit of one lease ran {runs} times")


async def exit_is_told_why(bench: Bench) -> None:
    """Exit tells the hook why the lease ends, and the body's error."""
    error = status_pb2.Status(code=9, message="no rows")
    for reason, told in (
        ("RELEASED", None),
        ("BODY_FAILED", error),
        ("CANCELLED", status_pb2.Status(code=1)),
        ("TTL_EXPIRED", None),
        ("DISCONNECTED", None),
    ):
        subject = await bench.constructed()
        lease = await bench.held(subject)
        await subject.exit(lease, reason=reason, error=told)
        word = f"exit told {reason}" + (f" {told.message}" if told is error else "")
        trace = [each for each in await bench.trace() if each.startswith("exit told")]
        expect(trace[-1:] == [word], f"after {reason} the hook said {trace[-1:]}")


async def exit_answers_what_the_hook_did(bench: Bench) -> None:
    """Exit says whether the hook suppresses the error, and taints the object."""
    error = status_pb2.Status(code=9, message="no rows")
    for suppress in (False, True):
        for taint in (False, True):
            subject = await bench.constructed(suppress=suppress, taint=taint)
            lease = await bench.held(subject)
            response = await subject.exit(lease, reason="BODY_FAILED", error=error)
            for name, said, did in (
                ("suppress", response.suppress, suppress),
                ("tainted", response.tainted, taint),
            ):
                expect(said == did, f"Exit said {name}: {said}, the hook {did}")


async def leases_of_one_object_exit_by_themselves(bench: Bench) -> None:
    """Of two leases that share an object each has its enter and its exit."""
    subject = await bench.constructed()
    first, second = await bench.held(subject), await bench.held(subject)
    await subject.exit(first)
    await subject.use(second, "echo", 1)
    await subject.exit(second)
    trace = await bench.trace()
    for word in ("enter done", "exit done"):
        expect(trace.count(word) == 2, f"two leases: {trace}")


async def a_lease_that_has_exited_is_over(bench: Bench) -> None:
    """Use for a lease that has exited, or never entered, fails."""
    subject = await bench.constructed()
    lease = await bench.held(subject)
    await subject.exit(lease)
    for over in (lease, bench.leases.new()):
        await failure(subject.use(over, "echo", 1), "Use for a lease that is not held")


async def close_runs_once_however_often_it_is_called(bench: Bench) -> None:
    """Close runs the hook once, called again at the same time or later, and goes
    on when its call breaks."""
    subject, key = await bench.constructed(waits={"close": "gate"}), new_key()
    first = subject.start_close(key)
    await bench.wait_for("close begin")
    await cancelled(first)
    second = subject.start_close(key)
    await bench.open("gate")
    await second
    await subject.close(key)
    await bench.expect_trace("construct", "close begin", "close done")


async def close_without_a_handle_undoes_a_construct(bench: Bench) -> None:
    """Close without a handle closes what was constructed for the instance: the
    server did not hear of it."""
    subject, other = await bench.constructed(), await bench.constructed()
    handle, subject.ref.handle = subject.ref.handle, b""
    await subject.close()
    subject.ref.handle = handle
    await failure(subject.init(), "Init of an object that is closed")
    await other.init()
    trace = await bench.trace()
    expect(trace.count("close done") == 1, f"one object was to be closed: {trace}")


async def check_fails_as_the_hook(bench: Bench) -> None:
    """Check answers OK, or fails with the code of the hook."""
    subject = await bench.constructed(fails={"check": ["UNAVAILABLE"]})
    await subject.init()
    await expect_code(subject.check(), "a failing Check", grpc.StatusCode.UNAVAILABLE)
    await subject.check()


CHECKS = (
    enter_is_given_its_argument,
    an_enter_that_failed_does_not_exit,
    a_cancelled_enter_is_cancelled,
    exit_runs_once_however_often_it_is_called,
    an_exit_goes_on_when_its_call_breaks,
    a_failed_exit_fails_again,
    exit_is_told_why,
    exit_answers_what_the_hook_did,
    leases_of_one_object_exit_by_themselves,
    a_lease_that_has_exited_is_over,
    close_runs_once_however_often_it_is_called,
    close_without_a_handle_undoes_a_construct,
    check_fails_as_the_hook,
)

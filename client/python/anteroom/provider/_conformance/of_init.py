"""An init is run once, for all that wait for it."""

from __future__ import annotations

import asyncio

import grpc

from anteroom.provider._conformance.bench import (
    Bench,
    cancelled,
    expect,
    expect_code,
    updates_of,
)

_FIRST = ("construct", "enter begin", "init begin")


async def enter_awaits_the_init_and_says_so(bench: Bench) -> None:
    """An Enter that awaits the init says `initializing`, how far it is,
    `initialized`, `entered`."""
    subject = await bench.constructed(progress=True)
    names = await updates_of(subject.start_enter(bench.leases.new()))
    wanted = ["initializing", "progress", "initialized", "entered"]
    expect(names == wanted, f"Enter said {names}, not {wanted}")
    await bench.expect_trace(*_FIRST, "init done", "enter done")


async def initializing_is_said_before_the_init_has_ended(bench: Bench) -> None:
    """What Enter says is sent as it happens, not all at its end."""
    subject = await bench.constructed(waits={"init": "gate"}, progress=True)
    call = subject.start_enter(bench.leases.new())
    said = []
    for wanted in ("initializing", "progress"):
        update = await call.read()
        expect(update is not grpc.aio.EOF, f"Enter said {said}, then nothing more")
        said.append(update.WhichOneof("update"))
        expect(said[-1] == wanted, f"Enter said {said}: {wanted} was due")
    await bench.open("gate")
    while (update := await call.read()) is not grpc.aio.EOF:
        said.append(update.WhichOneof("update"))
    expect(said[-1] == "entered", f"Enter said {said}")


async def an_init_runs_once_for_enters_side_by_side(bench: Bench) -> None:
    """However many enter an object, one after the other or at once, its init runs
    once."""
    subject = await bench.constructed(waits={"init": "gate"})
    calls = [subject.start_enter(bench.leases.new()) for _ in range(3)]
    enters = [asyncio.ensure_future(updates_of(call)) for call in calls]
    try:
        await bench.wait_for("enter begin", 3)
        await bench.open("gate")
        await asyncio.gather(*enters)
    finally:
        for call in calls:
            call.cancel()
        await asyncio.gather(*enters, return_exceptions=True)
    await subject.enter(bench.leases.new())
    await subject.init()
    runs = (await bench.trace()).count("init begin")
    expect(runs == 1, f"the init of one object ran {runs} times")


async def an_init_that_has_run_is_not_awaited_by_enter(bench: Bench) -> None:
    """Enter after Init begins no init, and says of none."""
    subject = await bench.constructed()
    await subject.init()
    names = await updates_of(subject.start_enter(bench.leases.new()))
    expect(names == ["entered"], f"Enter after Init said {names}")
    await bench.expect_trace(
        "construct", "init begin", "init done", "enter begin", "enter done"
    )


async def who_leaves_an_init_leaves_it_to_the_others(bench: Bench) -> None:
    """An Enter that is cancelled does not cancel the init that another awaits."""
    subject = await bench.constructed(waits={"init": "gate"})
    first = subject.start_enter(bench.leases.new())
    await bench.wait_for("init begin")
    second = subject.start_enter(bench.leases.new())
    other = asyncio.ensure_future(updates_of(second))
    try:
        await bench.wait_for("enter begin", 2)
        await cancelled(first)
        await bench.wait_for("enter cancelled")
        await bench.open("gate")
        names = await other
        expect(names[-1:] == ["entered"], f"the Enter that stayed said {names}")
    finally:
        second.cancel()
        await asyncio.gather(other, return_exceptions=True)
    trace = await bench.trace()
    expect(trace.count("init begin") == 1, f"the init ran again: {trace}")


async def an_init_that_nobody_awaits_is_cancelled(bench: Bench) -> None:
    """When the last one that awaits an init is cancelled the init is, and a later
    one begins anew."""
    for start in ("start_init", "start_enter"):
        board = bench.board = f"{bench.board} {start}"
        subject = await bench.constructed(waits={"init": "gate"})
        lease = (bench.leases.new(),) if start == "start_enter" else ()
        call = getattr(subject, start)(*lease)
        await bench.wait_for("init begin")
        await cancelled(call)
        await bench.wait_for("init cancelled")
        await bench.open("gate")
        await subject.init()
        trace = await bench.trace()
        expect("init done" in trace, f"no init was begun after it: {trace} ({board})")


async def an_init_that_failed_is_tried_again(bench: Bench) -> None:
    """A failed Init fails with the code and message of the hook, and the next
    call begins anew."""
    subject = await bench.constructed(fails={"init": ["RESOURCE_EXHAUSTED"]})
    error = await expect_code(
        subject.init(), "a failing Init", grpc.StatusCode.RESOURCE_EXHAUSTED
    )
    expect(
        "init fails" in (error.details() or ""),
        f"a failing Init said {error.details()!r}, and not 'init fails'",
    )
    await subject.init()
    await bench.expect_trace(
        "construct", "init begin", "init failed", "init begin", "init done"
    )


async def an_enter_fails_as_the_init_that_it_awaits(bench: Bench) -> None:
    """An Enter whose init fails has its code, and does not exit."""
    subject = await bench.constructed(fails={"init": "UNAVAILABLE"})
    await expect_code(
        updates_of(subject.start_enter(bench.leases.new())),
        "an Enter whose init fails",
        grpc.StatusCode.UNAVAILABLE,
    )
    await bench.expect_trace(*_FIRST, "init failed", "enter failed")


CHECKS = (
    enter_awaits_the_init_and_says_so,
    initializing_is_said_before_the_init_has_ended,
    an_init_runs_once_for_enters_side_by_side,
    an_init_that_has_run_is_not_awaited_by_enter,
    who_leaves_an_init_leaves_it_to_the_others,
    an_init_that_nobody_awaits_is_cancelled,
    an_init_that_failed_is_tried_again,
    an_enter_fails_as_the_init_that_it_awaits,
)

"""Methods: what they are given and answer, and that they can be stopped."""

from __future__ import annotations

import json

import grpc

from anteroom.provider._conformance.bench import (
    Bench,
    cancelled,
    expect,
    expect_code,
    updates_of,
)
from anteroom.v1 import lease_pb2


async def an_object_knows_what_it_was_made_for(bench: Bench) -> None:
    """The constructor is given key and parameters, a method its lease."""
    subject, script = bench.subject(), {"waits": {"close": "now"}}
    await bench.open("now")
    await subject.construct(bench.parameters(**script), key="a key")
    lease = bench.leases.new({"label": "of it"})
    await subject.enter(lease)
    about = await subject.use(lease, "about")
    expect(about["key"] == "a key", f"its key is 'a key', not {about['key']!r}")
    given = about["parameters"]
    expect(
        given["board"] == bench.board and given["waits"] == script["waits"],
        f"its parameters are {bench.parameters(**script)}, not {given}",
    )
    said = about["lease"]
    expect(
        (said["name"], said["fencing_token"], said["holder"], said["labels"])
        == (lease.name, lease.fencing_token, lease.holder, {"label": "of it"}),
        f"the lease is {lease}, and the method said {said}",
    )


async def payloads_are_passed_on_as_they_are(bench: Bench) -> None:
    """Arguments and results are not touched: any bytes, any media type, up to
    3 MiB."""
    subject = await bench.constructed()
    lease = await bench.held(subject)
    for content_type, data in (
        ("application/octet-stream", bytes(range(256))),
        ("text/x-conformance; charset=latin-1", b"\xe4"),
        ("application/octet-stream", b"x" * (3 << 20)),
    ):
        sent = lease_pb2.Payload(content_type=content_type, data=data)
        response = await subject.start_use(lease, "echo", sent)
        expect(
            response.result == sent,
            f"{len(data)} bytes of {content_type} came back as "
            f"{len(response.result.data)} of {response.result.content_type}",
        )


async def values_come_back_as_they_are(bench: Bench) -> None:
    """JSON values come back equal."""
    subject = await bench.constructed()
    lease = await bench.held(subject)
    for value in (0, 1.5, "ä\0\U0001f600", [], {"": {"a": [True, None]}}, 2**53):
        answer = await subject.use(lease, "echo", value)
        expect(json.dumps(answer) == json.dumps(value), f"{value!r} came as {answer!r}")


async def a_method_fails_with_its_code(bench: Bench) -> None:
    """A Use that fails has the code and the message of the method, and leaves the
    lease as it was."""
    subject = await bench.constructed()
    lease = await bench.held(subject)
    for code in ("NOT_FOUND", "FAILED_PRECONDITION", "UNAVAILABLE"):
        error = await expect_code(
            subject.use(lease, "fail", code), "a failing Use", grpc.StatusCode[code]
        )
        expect("as asked for" in (error.details() or ""), "its message is lost")
    await subject.use(lease, "echo", 1)


async def methods_run_side_by_side(bench: Bench) -> None:
    """A Use does not wait for another one of its lease."""
    subject = await bench.constructed()
    lease = await bench.held(subject)
    call = subject.start_use(lease, "wait", "gate")
    await bench.wait_for("wait begin")
    await subject.use(lease, "open", {"board": bench.board, "gate": "gate"})
    await call


async def a_cancelled_method_is_cancelled(bench: Bench) -> None:
    """The method of a Use that is cancelled is, and the lease is as it was."""
    subject = await bench.constructed()
    lease = await bench.held(subject)
    call = subject.start_use(lease, "wait", "gate")
    await bench.wait_for("wait begin")
    await cancelled(call)
    await bench.wait_for("wait cancelled")
    await subject.use(lease, "echo", 1)


async def a_stream_says_all_in_order(bench: Bench) -> None:
    """A stream says each result, in order, then how it ended."""
    subject = await bench.constructed()
    lease = await bench.held(subject)
    for fails in (None, "OUT_OF_RANGE"):
        said = []

        async def read() -> None:
            call = subject.start_stream(
                lease, "count", [{"to": 100, "fails": fails}]  # noqa: B023
            )
            async for response in call:
                said.append(json.loads(response.result.data))  # noqa: B023

        if fails is None:
            await read()
        else:
            await expect_code(read(), "a failing stream", grpc.StatusCode[fails])
        expect(said == list(range(100)), f"a stream of 0 to 99 said {said}")


async def a_stream_is_sent_as_it_comes(bench: Bench) -> None:
    """A result of a stream is not held back until the next; a cancelled stream is
    cancelled, and the lease is as it was."""
    subject = await bench.constructed()
    lease = await bench.held(subject)
    call = subject.start_stream(lease, "tick", [2])
    for n in range(2):
        response = await call.read()
        expect(response is not grpc.aio.EOF, f"the stream ended after {n} results")
    await cancelled(call)
    await bench.wait_for("tick cancelled")
    await subject.use(lease, "echo", 1)


async def a_stream_hears_its_caller(bench: Bench) -> None:
    """What the caller of a stream says after its argument reaches the method, and
    so does that it has said all."""
    subject = await bench.constructed()
    lease = await bench.held(subject)
    call = subject.start_stream(lease, "repeat", [None, 1, "two", {"three": 3}])
    said = [json.loads(response.result.data) async for response in call]
    expect(said == [1, "two", {"three": 3}], f"the method repeated {said}")


async def a_method_is_no_stream(bench: Bench) -> None:
    """Use of a streaming method, and UseStream of another, fail by
    UNIMPLEMENTED."""
    subject = await bench.constructed()
    lease = await bench.held(subject)
    unimplemented = grpc.StatusCode.UNIMPLEMENTED
    await expect_code(subject.use(lease, "tick", 1), "Use of a stream", unimplemented)
    await expect_code(
        updates_of(subject.start_stream(lease, "echo", [1])),
        "UseStream of no stream",
        unimplemented,
    )


CHECKS = (
    an_object_knows_what_it_was_made_for,
    payloads_are_passed_on_as_they_are,
    values_come_back_as_they_are,
    a_method_fails_with_its_code,
    methods_run_side_by_side,
    a_cancelled_method_is_cancelled,
    a_stream_says_all_in_order,
    a_stream_is_sent_as_it_comes,
    a_stream_hears_its_caller,
    a_method_is_no_stream,
)

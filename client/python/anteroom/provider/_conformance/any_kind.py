"""What holds for the objects of any kind."""

from __future__ import annotations

import grpc

from anteroom import _errors
from anteroom.provider._conformance.bench import (
    Bench,
    Wrong,
    expect,
    expect_code,
    failure,
    updates_of,
)
from anteroom.provider._conformance.subject import new_key
from anteroom.provider.v1 import provider_service_pb2 as pb

_NO_SUCH = "no_such_method_of_any_object"
_UNIMPLEMENTED = grpc.StatusCode.UNIMPLEMENTED
_NOT_FOUND = grpc.StatusCode.NOT_FOUND


async def describe_says_each_thing_once(bench: Bench) -> None:
    """Describe names each kind, hook and method once, and always says the same."""
    described = await bench.stub.Describe(pb.DescribeRequest(idempotency_key=new_key()))
    again = await bench.stub.Describe(pb.DescribeRequest(idempotency_key=new_key()))
    expect(described == again, "Describe, asked twice, said different things")
    names = [kind.name for kind in described.kinds]
    expect(len(set(names)) == len(names), f"kinds are named twice: {names}")
    hooks = list(bench.kind.hooks)
    expect(len(set(hooks)) == len(hooks), f"hooks are named twice: {hooks}")
    for hook in hooks:
        expect(hook in pb.Hook.values() and hook != 0, f"there is no hook {hook}")
    methods = [method.name for method in bench.kind.methods]
    expect(all(methods), "a method has no name")
    expect(len(set(methods)) == len(methods), f"methods are named twice: {methods}")


async def construct_names_the_object(bench: Bench) -> None:
    """Construct answers with a handle, one for each object."""
    first, second = await bench.constructed(), await bench.constructed()
    expect(bool(first.ref.handle), "Construct answered with an empty handle")
    expect(
        first.ref.handle != second.ref.handle,
        "two objects were constructed with the same handle",
    )


async def construct_is_idempotent(bench: Bench) -> None:
    """Construct with a key that it knows answers with the object of that key."""
    subject, key = bench.subject(), new_key()
    first = await subject.construct(bench.parameters(), idempotency_key=key)
    second = await subject.construct(bench.parameters(), idempotency_key=key)
    expect(first == second, "the same key constructed two objects")


async def unknown_kinds_are_refused(bench: Bench) -> None:
    """Construct of a kind that Describe does not name fails by NOT_FOUND."""
    subject = bench.subject("no such kind")
    what = "Construct of a kind that there is not"
    await expect_code(
        subject.construct({}), what, _NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT
    )


async def init_ends_with_initialized(bench: Bench) -> None:
    """Init says how far it is, 0 to 1, and ends with one `initialized`."""
    if pb.HOOK_INIT not in bench.hooks:
        return
    subject = await bench.constructed(progress=True)
    updates = await subject.init()
    names = [update.WhichOneof("update") for update in updates]
    expect(
        names[-1:] == ["initialized"] and names.count("initialized") == 1,
        f"Init said {names}; initialized must be the last, and once",
    )
    for update in updates:
        if update.WhichOneof("update") == "progress":
            expect(
                0 <= update.progress.fraction <= 1,
                f"Init said that it is {update.progress.fraction:g} done, not 0 to 1",
            )


async def init_may_be_called_again(bench: Bench) -> None:
    """Init of an object that has awaited its init answers with `initialized`."""
    if pb.HOOK_INIT not in bench.hooks:
        return
    subject = await bench.constructed()
    await subject.init()
    names = await updates_of(subject.start_init())
    expect(names[-1:] == ["initialized"], f"a second Init said {names}")


async def enter_ends_with_entered(bench: Bench) -> None:
    """Enter ends with one `entered`; of an init it says begin and end."""
    if pb.HOOK_ENTER not in bench.hooks:
        return
    subject, lease = await bench.constructed(), bench.leases.new()
    names = await updates_of(subject.start_enter(lease))
    expect(
        names[-1:] == ["entered"] and names.count("entered") == 1,
        f"Enter said {names}; entered must be the last, and once",
    )
    told = [name for name in names[:-1] if name != "progress"]
    if told not in ([], ["initializing", "initialized"]):
        raise Wrong(f"Enter said {names}; an init that begins must complete, once")
    if "progress" in names:
        expect(names[0] == "initializing", f"Enter said {names}: progress of no init")
    await subject.exit(lease)


async def unknown_methods_are_unimplemented(bench: Bench) -> None:
    """A method that the object has not fails by UNIMPLEMENTED, as call and as
    stream; so does a hook that Describe does not name."""
    subject = await bench.constructed()
    lease = await bench.held(subject)
    await expect_code(subject.use(lease, _NO_SUCH), "Use of no method", _UNIMPLEMENTED)
    await expect_code(
        updates_of(subject.start_stream(lease, _NO_SUCH, [None])),
        "UseStream of no method",
        _UNIMPLEMENTED,
    )
    if pb.HOOK_CHECK not in bench.hooks:
        await expect_code(subject.check(), "Check without the hook", _UNIMPLEMENTED)


async def unknown_objects_are_not_found(bench: Bench) -> None:
    """Calls of an object that there is not, but for Close, fail by NOT_FOUND with
    the reason INSTANCE_LOST (ErrorInfo of domain "anteroom")."""
    subject, lease = bench.subject(), bench.leases.new()
    subject.ref.handle = b"no such handle"
    calls = [
        (updates_of(subject.start_init()), "Init"),
        (updates_of(subject.start_enter(lease)), "Enter"),
        (subject.use(lease, _NO_SUCH), "Use"),
        (updates_of(subject.start_stream(lease, _NO_SUCH, [None])), "UseStream"),
        (subject.exit(lease), "Exit"),
        (subject.check(), "Check"),
    ]
    for call, name in calls:
        what = f"{name} of an unknown object"
        error = await expect_code(call, what, _NOT_FOUND)
        reason = _errors.from_rpc_error(error).reason
        expect(
            reason == "INSTANCE_LOST",
            f"{what} has the reason {reason!r}, not INSTANCE_LOST",
        )
    await subject.close()


async def exit_is_idempotent(bench: Bench) -> None:
    """Exit with a key that it knows answers as it did."""
    if pb.HOOK_EXIT not in bench.hooks:
        return
    subject, key = await bench.constructed(), new_key()
    lease = await bench.held(subject)
    first = await subject.exit(lease, idempotency_key=key)
    second = await subject.exit(lease, idempotency_key=key, attempt=2)
    expect(first == second, "Exit, called again, answered otherwise")


async def an_object_is_lent_again(bench: Bench) -> None:
    """After an exit the object enters for another lease."""
    subject = await bench.constructed()
    for _ in range(3):
        lease = await bench.held(subject)
        if pb.HOOK_EXIT in bench.hooks:
            await subject.exit(lease)


async def close_is_idempotent(bench: Bench) -> None:
    """Close may be called again, with the same key or another; the object is then
    gone, and no other one is."""
    subject, other = await bench.constructed(), await bench.constructed()
    key = new_key()
    await subject.close(key)
    await subject.close(key)
    await subject.close()
    await failure(
        subject.use(bench.leases.new(), _NO_SUCH), "Use of an object that is closed"
    )
    await bench.held(other)


CHECKS = (
    describe_says_each_thing_once,
    construct_names_the_object,
    construct_is_idempotent,
    unknown_kinds_are_refused,
    init_ends_with_initialized,
    init_may_be_called_again,
    enter_ends_with_entered,
    unknown_methods_are_unimplemented,
    unknown_objects_are_not_found,
    exit_is_idempotent,
    an_object_is_lent_again,
    close_is_idempotent,
)

"""What the article leaves open, for objects that live on a server.

Run it against `anteroomd --config=beyond_the_article.textproto`.

As in plain Python:
  init_fails   the error is raised by `async with`; there is no exit.
  body_raises  exit runs, then the error goes on.
  suppress     an exit may take the error upon itself.
  cancel       a cancelled task exits too.

Other than in plain Python, because an object of a server has many holders:
  double_await  Python runs `__await__` at each await. Here an object is
                initialised once, and each await is a hold of its own: the
                second finds the object ready as long as the first one lives.
  nested        Python awaits again in each `__aenter__`. Here enter and exit
                belong to the hold, init to the object: two enters, one await.
  two_tasks     the same for tasks, or processes, that come at the same time:
                the second waits for the await that the first one began.
                (Where max_holders is 1, as by default, it would wait for the
                first one's exit instead, and nested for ever.)

Exit is not given the exception, which cannot travel: it is given a reason, and
the exception's type and message. The reason is in the hold's receipt.
"""

import asyncio
import sys

import anteroom
from article import prints


async def init_fails(server):
    async with server.resource("failing", on_event=prints):
        print("context")


async def body_raises(server):
    try:
        async with server.resource("exclusive", on_event=prints) as h:
            raise ValueError("x")
    finally:
        print("reason", h.receipt.reason)


async def suppress(server):
    async with server.resource("suppressing", on_event=prints) as h:
        raise ValueError("x")
    print("reason", h.receipt.reason)


async def double_await(server):
    awaitable = server.resource("shared-awaitable", on_event=prints)
    first = await awaitable
    second = await awaitable
    print("one object", first.lease.instance_id == second.lease.instance_id)


async def nested(server):
    shared = server.resource("shared", on_event=prints)
    async with shared:
        async with shared:
            print("nested")


async def cancel(server):
    entered = asyncio.Event()

    async def work():
        try:
            async with server.resource("exclusive", on_event=prints) as h:
                print("context")
                entered.set()
                await asyncio.Event().wait()  # for ever
        finally:
            print("reason", h.receipt.reason)

    task = asyncio.create_task(work())
    await entered.wait()
    task.cancel()
    await task


async def two_tasks(server):
    initializing = asyncio.Event()
    both = asyncio.Barrier(2)

    def on_event(event):
        prints(event)
        if event.phase == "INITIALIZING":
            initializing.set()

    shared = server.resource("shared", on_event=on_event)

    async def work():
        async with shared as h:
            await both.wait()
            await h.a_method()
            await both.wait()

    first = asyncio.create_task(work())
    await initializing.wait()
    await asyncio.gather(first, work())


CASES = (init_fails, body_raises, suppress, double_await, nested, cancel, two_tasks)


async def main(address):
    for case in CASES:
        print("--", case.__name__)
        async with anteroom.connect(address) as server:
            try:
                await case(server)
            except (Exception, asyncio.CancelledError) as error:
                print("raised", repr(error))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:] or ["127.0.0.1:50051"]))

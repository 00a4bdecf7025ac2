"""A client that holds until it is killed: `holder.py ADDRESS with|acquire`.

Once it holds, it prints the lease's id and name and the sequence of an event
that came before it was entered.
"""

import asyncio
import sys

import anteroom


async def main(address, how):
    async with anteroom.connect(address) as server:
        events = []
        hold = await server.resource("hello", on_event=events.append)
        if how == "acquire":
            await hold.release()
            hold = await server.acquire("hello", ttl=1)
        print(hold.lease.id, hold.lease.name, events[0].sequence, flush=True)
        await asyncio.Event().wait()  # for ever


asyncio.run(main(*sys.argv[1:]))

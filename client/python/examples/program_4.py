import asyncio
import sys

import anteroom
from article import prints


async def main(address):
    async with anteroom.connect(address) as server:
        async with server.resource("hello", on_event=prints) as h:
            print("context", flush=True)
            await h.a_method()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:] or ["127.0.0.1:50051"]))

"""A pool of PostgreSQL connections, lent by a real server: a real database, a
provider, a server and clients, each a process of its own."""

import asyncio
import subprocess
import sys
import unittest

import asyncpg

import anteroom
from postgres_process import PostgresProcess
from provider_process import ENVIRONMENT, EXAMPLES, ProviderProcess
from server_process import ServerProcess

CLIENTS = 50
POOL = 5
CONFIG = """
resources {
  name: "postgres"
  policy { max_instances: %d idle_timeout { seconds: 600 } use_grace {} }
  provider {
    address: "%s"
    kind: "postgres"
    parameters { fields { key: "dsn" value { string_value: "%s" } } }
  }
}
"""
OURS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'anteroom'"
KILLED_HOLDER = """
import asyncio, sys
import anteroom

async def main(address):
    async with anteroom.connect(address) as server:
        async with server.resource("postgres") as db:
            await db.execute("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
            await db.query("INSERT INTO t VALUES (1)")
            print("inserted")
            await db.query("SELECT pg_sleep(3600)")

asyncio.run(main(*sys.argv[1:]))
"""


class Lent(unittest.IsolatedAsyncioTestCase):
    """A database, and a pool of connections to it."""

    pool = POOL

    async def asyncSetUp(self):
        self.database = self.enterContext(PostgresProcess())
        program = (EXAMPLES / "postgres.py").read_text()
        provider = self.enterContext(ProviderProcess(program, "127.0.0.1:0"))
        self.server = self.enterContext(
            ServerProcess(CONFIG % (self.pool, provider.address, self.database.dsn))
        )
        self.client = await self.enterAsyncContext(
            anteroom.connect(self.server.address)
        )

    async def query(self, sql):
        """What a holder's query answers."""
        async with self.client.resource("postgres") as db:
            return await db.query(sql)

    async def observer(self):
        """A connection that is not lent."""
        other = await asyncpg.connect(self.database.dsn)
        self.addAsyncCleanup(other.close)
        return other


class PoolTest(Lent):
    async def test_50_clients_share_5_connections(self):
        other = await self.observer()
        most = 0

        async def client(number):
            nonlocal most
            async with anteroom.connect(self.server.address) as server:
                async with server.resource("postgres") as db:
                    ((ours, pid),) = map(
                        dict.values,
                        await db.query(f"SELECT ({OURS}) AS n, pg_backend_pid() AS p"),
                    )
                    most = max(most, ours)
                    await db.execute("BEGIN")
                    rows = await db.query("SELECT $1::int * 2 AS n", number)
                    return pid, rows[0]["n"]

        async def observe():
            nonlocal most
            while True:
                most = max(most, await other.fetchval(OURS))

        observing = asyncio.create_task(observe())
        answers = await asyncio.gather(*(client(n) for n in range(CLIENTS)))
        observing.cancel()
        await asyncio.gather(observing, return_exceptions=True)
        self.assertEqual([n for _, n in answers], [2 * n for n in range(CLIENTS)])
        self.assertLessEqual(most, POOL)
        self.assertEqual(most, len({pid for pid, _ in answers}))
        self.assertGreater(most, 1)

    async def test_a_restarted_database_is_taken_up_again(self):
        both = asyncio.Barrier(POOL + 1)

        async def hold():
            async with self.client.resource("postgres") as db:
                await both.wait()
                return (await db.query("SELECT pg_backend_pid() AS pid"))[0]["pid"]

        async def hold_all():
            holds = [asyncio.create_task(hold()) for _ in range(POOL)]
            await both.wait()
            return set(await asyncio.gather(*holds))

        before = await hold_all()
        async with self.client.resource("postgres") as db:
            self.database.stop()
            with self.assertRaises(anteroom.UseFailed) as failed:
                await db.query("SELECT 1")
            self.assertEqual(failed.exception.code.name, "UNAVAILABLE")
        with self.assertRaises(anteroom.Error) as refused:
            await self.query("SELECT 1")
        self.assertEqual(refused.exception.code.name, "UNAVAILABLE")
        self.database.start()
        after = await hold_all()
        self.assertEqual(len(after), POOL)
        self.assertEqual(len(before), POOL)


class KilledHolderTest(Lent):
    pool = 1

    async def test_a_killed_clients_transaction_is_rolled_back_first(self):
        await self.query("SELECT 1")
        other = await self.observer()
        await other.execute("CREATE TABLE t (n int)")
        holder = subprocess.Popen(
            [sys.executable, "-c", KILLED_HOLDER, self.server.address],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            text=True,
        )
        with holder:
            line = await asyncio.to_thread(holder.stdout.readline)
            self.assertEqual(line, "inserted\n")
            waiting = asyncio.Event()

            def on_event(event):
                if event.phase == "WAITING":
                    waiting.set()

            async def next_holder():
                async with self.client.resource("postgres", on_event=on_event) as db:
                    await db.execute("BEGIN; LOCK TABLE t IN SHARE MODE NOWAIT")
                    return await db.query("SELECT count(*) AS rows FROM t")

            following = asyncio.create_task(next_holder())
            await waiting.wait()
            holder.kill()
            self.assertEqual(await following, [{"rows": 0}])


if __name__ == "__main__":
    unittest.main()

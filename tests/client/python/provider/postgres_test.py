"""The example's connections, to a real PostgreSQL, driven by calls."""

import asyncio
import contextlib
import sys
import unittest

import asyncpg
import grpc

from anteroom.provider import Provider, check
from anteroomd import BOUND
from postgres_process import PostgresProcess
from provider_process import EXAMPLES
from serving import driving

sys.path.append(str(EXAMPLES))
from postgres import Postgres  # noqa: E402

#: A transaction that is open, and all else that a holder may leave behind.
LEFT_BEHIND = """
    SET search_path TO nowhere; SET statement_timeout TO 12345;
    CREATE TEMP TABLE left_temporary (n int);
    PREPARE left_statement AS SELECT 1;
    SELECT pg_advisory_lock(4711);
    SET SESSION AUTHORIZATION pg_monitor;
"""


class PostgresTest(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.database = cls.enterClassContext(PostgresProcess())

    async def asyncSetUp(self):
        provider = Provider({"postgres": Postgres}, "127.0.0.1:0", stop_grace=0)
        await self.enterAsyncContext(provider)
        self.address = provider.address
        self.driver = await self.enterAsyncContext(driving(provider.address))
        # Not one of those that are lent.
        self.other = await asyncpg.connect(self.database.dsn)
        self.addAsyncCleanup(self.other.close)
        await self.other.execute("DROP TABLE IF EXISTS t; CREATE TABLE t (n int)")

    async def constructed(self, **parameters):
        return await self.driver.constructed(
            "postgres", dsn=self.database.dsn, **parameters
        )

    @contextlib.asynccontextmanager
    async def held(self, subject, reason="RELEASED"):
        lease = self.driver.leases.new()
        await subject.enter(lease)

        async def call(method, *arguments):
            return await subject.use(lease, method, {"args": arguments})

        call.lease = lease
        yield call
        call.exited = await subject.exit(lease, reason=reason)

    async def assert_fails(self, code, call):
        with self.assertRaises(grpc.aio.AioRpcError) as failed:
            await call
        self.assertEqual(failed.exception.code().name, code)
        return failed.exception.details()

    async def test_a_query_answers_its_rows(self):
        subject = await self.constructed()
        async with self.held(subject) as call:
            rows = await call("query", "SELECT $1::int AS n, $2::text AS s", 7, "ä")
            self.assertEqual(rows, [{"n": 7, "s": "ä"}])
            (row,) = await call("query", "SELECT 1.50::numeric AS a, 'x'::bytea AS b")
            self.assertEqual(row["a"], "1.50")

    async def test_a_prepared_statement_is_run_by_its_name(self):
        subject = await self.constructed(statements={"add": "SELECT $1::int + 1 AS n"})
        for _ in range(2):
            async with self.held(subject) as call:
                self.assertEqual(await call("run", "add", 1), [{"n": 2}])
                await self.assert_fails("NOT_FOUND", call("run", "other"))
            self.assertFalse(call.exited.tainted)

    async def test_a_statement_that_cannot_be_prepared_fails_the_init(self):
        subject = await self.constructed(statements={"wrong": "SELEC 1"})
        said = await self.assert_fails("INVALID_ARGUMENT", subject.init())
        self.assertIn("42601", said)

    async def test_rows_are_streamed(self):
        subject = await self.constructed()
        async with self.held(subject) as call:
            for begin in (False, True):
                if begin:
                    await call("execute", "BEGIN")
                stream = subject.start_stream(
                    call.lease, "rows", ["SELECT generate_series(1, 120) AS n"]
                )
                said = [response.result.data async for response in stream]
                self.assertEqual(said[-1], b'{"n": 120}')
                self.assertEqual(len(said), 120)

    async def test_a_stream_that_is_left_early_leaves_no_transaction(self):
        subject = await self.constructed()
        async with self.held(subject) as call:
            (row,) = await call("query", "SELECT pg_backend_pid() AS pid")
            stream = subject.start_stream(
                call.lease, "rows", ["SELECT generate_series(1, 120000) AS n"]
            )
            await stream.read()
            stream.cancel()
            await self.until(
                "SELECT state = 'idle' FROM pg_stat_activity WHERE pid = $1", row["pid"]
            )
            await call("execute", "BEGIN")

    async def test_calls_side_by_side_take_turns(self):
        subject = await self.constructed()
        async with self.held(subject) as call:
            sql = "SELECT pg_sleep(0.001), $1::int AS n"
            rows = await asyncio.gather(*(call("query", sql, n) for n in range(20)))
            self.assertEqual([each[0]["n"] for each in rows], list(range(20)))

    async def test_the_next_holder_finds_the_connection_as_new(self):
        subject = await self.constructed(statements={"one": "SELECT 1 AS n"})
        async with self.held(subject) as call:
            before = await call("query", "SELECT pg_backend_pid() AS pid")
            await call("execute", LEFT_BEHIND)
            await call("execute", "BEGIN; RESET SESSION AUTHORIZATION")
            await call("query", "INSERT INTO public.t VALUES (1)")
        self.assertFalse(call.exited.tainted)
        async with self.held(subject) as call:
            after = await call("query", "SELECT pg_backend_pid() AS pid")
            self.assertEqual(after, before)
            (now,) = await call(
                "query",
                "SELECT current_setting('search_path') AS path,"
                " current_setting('statement_timeout') AS timeout,"
                " session_user::text AS me,"
                " to_regclass('left_temporary')::text AS temporary,"
                " (SELECT count(*) FROM public.t) AS rows,"
                " (SELECT count(*) FROM pg_prepared_statements WHERE from_sql)"
                " AS statements,"
                " (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')"
                " AS locks",
            )
            self.assertEqual(
                now,
                {
                    "path": '"$user", public',
                    "timeout": "0",
                    "me": "postgres",
                    "temporary": None,
                    "rows": 0,
                    "statements": 0,
                    "locks": 0,
                },
            )
            self.assertEqual(await call("run", "one"), [{"n": 1}])

    async def test_an_aborted_transaction_is_rolled_back(self):
        subject = await self.constructed()
        async with self.held(subject) as call:
            await call("execute", "BEGIN; INSERT INTO t VALUES (1)")
            await self.assert_fails("INVALID_ARGUMENT", call("query", "SELECT 1/0"))
            said = await self.assert_fails(
                "FAILED_PRECONDITION", call("query", "SELECT 1")
            )
            self.assertIn("25P02", said)
        async with self.held(subject) as call:
            self.assertEqual(await call("query", "SELECT * FROM t"), [])

    async def test_a_holder_that_vanishes_in_a_query_is_rolled_back(self):
        subject = await self.constructed()
        async with self.held(subject, "DISCONNECTED") as call:
            await call("execute", "BEGIN; INSERT INTO t VALUES (1)")
            await self.other.execute("SELECT pg_advisory_lock(1)")
            query = subject.start_use(
                call.lease, "execute", "SELECT pg_advisory_lock(1)"
            )
            await self.until(
                "SELECT count(*) > 0 FROM pg_locks"
                " WHERE locktype = 'advisory' AND NOT granted"
            )
            query.cancel()
        await self.other.execute("SELECT pg_advisory_unlock(1)")
        async with self.held(subject) as call:
            self.assertEqual(await call("query", "SELECT * FROM t"), [])
            await call("execute", "BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE NOWAIT")

    async def until(self, sql, *parameters):
        """Asks the database until this is true."""
        async with asyncio.timeout(BOUND):
            while not await self.other.fetchval(sql, *parameters):
                pass

    async def test_a_connection_whose_statements_were_dropped_is_not_lent_again(self):
        subject = await self.constructed(statements={"one": "SELECT 1"})
        async with self.held(subject) as call:
            await call("execute", "DEALLOCATE ALL")
        self.assertTrue(call.exited.tainted)

    async def test_the_errors_of_the_database_have_codes(self):
        subject = await self.constructed()
        async with self.held(subject) as call:
            await call("execute", "CREATE TEMP TABLE u (n int PRIMARY KEY)")
            await call("query", "INSERT INTO u VALUES (1)")
            for code, sql, *parameters in (
                ("INVALID_ARGUMENT", "SELEC 1"),
                ("INVALID_ARGUMENT", "SELECT * FROM nothing"),
                ("INVALID_ARGUMENT", "SELECT $1::int", "text"),
                ("INVALID_ARGUMENT", "SELECT $1::int"),
                ("FAILED_PRECONDITION", "INSERT INTO u VALUES (1)"),
            ):
                with self.subTest(sql):
                    await self.assert_fails(code, call("query", sql, *parameters))

    async def test_a_database_that_is_not_there_fails_the_init(self):
        subject = await self.driver.constructed(
            "postgres", dsn="postgresql:///x?host=/nowhere"
        )
        await self.assert_fails("UNAVAILABLE", subject.init())
        await subject.close()

    async def test_check_pings(self):
        subject = await self.constructed()
        async with self.held(subject) as call:
            (row,) = await call("query", "SELECT pg_backend_pid() AS pid")
        await subject.check()
        await self.other.execute(f"SELECT pg_terminate_backend({row['pid']})")
        await self.gone(row["pid"])
        await self.assert_fails("UNAVAILABLE", subject.check())

    async def test_a_connection_that_broke_while_idle_is_made_anew(self):
        subject = await self.constructed(statements={"one": "SELECT 1 AS n"})
        async with self.held(subject) as call:
            (row,) = await call("query", "SELECT pg_backend_pid() AS pid")
        await self.other.execute(f"SELECT pg_terminate_backend({row['pid']})")
        await self.gone(row["pid"])
        async with self.held(subject) as call:
            self.assertEqual(await call("run", "one"), [{"n": 1}])

    async def test_a_connection_that_broke_while_held_is_not_lent_again(self):
        subject = await self.constructed()
        async with self.held(subject) as call:
            await self.assert_fails(
                "UNAVAILABLE",
                call("query", "SELECT pg_terminate_backend(pg_backend_pid())"),
            )
            await self.assert_fails("UNAVAILABLE", call("query", "SELECT 1"))
        self.assertTrue(call.exited.tainted)
        await subject.close()

    async def gone(self, pid):
        await self.until(
            "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $1", pid
        )

    async def test_it_passes_the_check(self):
        report = await check(
            self.address, parameters={"postgres": {"dsn": self.database.dsn}}, bound=30
        )
        self.assertTrue(report, report)

    async def test_closing_leaves_no_connection(self):
        subject = await self.constructed()
        async with self.held(subject) as call:
            (row,) = await call("query", "SELECT pg_backend_pid() AS pid")
        await subject.close()
        await self.gone(row["pid"])


if __name__ == "__main__":
    unittest.main()

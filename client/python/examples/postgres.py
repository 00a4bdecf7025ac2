"""PostgreSQL connections, lent: a provider on asyncpg (Debian: python3-asyncpg).

    python3 postgres.py 127.0.0.1:50062

with, in the server's configuration, as many connections as there may be:

    resources {
      name: "postgres"
      policy {
        max_instances: 5
        idle_timeout { seconds: 600 }
        check_interval { seconds: 10 }
      }
      provider {
        address: "127.0.0.1:50062"
        kind: "postgres"
        parameters {
          fields {
            key: "dsn"
            value { string_value: "postgresql:///app?host=/run/postgresql" }
          }
        }
      }
    }

A holder finds its connection as if it were new: whatever transaction, lock,
setting, temporary table or cursor the one before left behind is gone.
"""

import asyncio
import contextlib
import sys

import asyncpg
import grpc

import anteroom
from anteroom import provider

#: What the reset of a connection leaves behind.
_RESET = "SET SESSION AUTHORIZATION DEFAULT; DISCARD TEMP; DISCARD SEQUENCES"

_ROWS_AT_ONCE = 50

#: Classes of PostgreSQL's error codes, and what they are to a holder.
_CODES = {
    "08": grpc.StatusCode.UNAVAILABLE,  # the connection broke
    "22": grpc.StatusCode.INVALID_ARGUMENT,  # data
    "23": grpc.StatusCode.FAILED_PRECONDITION,  # constraints
    "25": grpc.StatusCode.FAILED_PRECONDITION,  # the transaction's state
    "28": grpc.StatusCode.PERMISSION_DENIED,
    "40": grpc.StatusCode.ABORTED,  # deadlock, serialization
    "42": grpc.StatusCode.INVALID_ARGUMENT,  # syntax, names
    "53": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "57": grpc.StatusCode.UNAVAILABLE,  # shutdown
}


class Postgres:
    """One connection. Values of parameters and results are what JSON can say;
    what else PostgreSQL has (times, numerics, ...) comes as its text. Calls that
    are made side by side run one after the other.

    Args:
      dsn: where the database is, as PostgreSQL writes it; the rest comes from
        the usual environment variables.
      statements: SQL by name, prepared once a connection, for `run`.
    """

    def __init__(self, dsn="", statements=None):
        self._dsn = dsn
        self._sql = statements or {}
        self._statements = {}
        self._connection = None
        self._turn = asyncio.Lock()
        self._interrupted = False

    def __await__(self):
        return self._connect().__await__()

    async def __aenter__(self):
        await self
        try:
            await self.acheck()
        except anteroom.Error:  # it broke while nobody held it
            self._connection.terminate()
            await self._connect()

    async def __aexit__(self, kind, error, traceback):
        try:
            await self._reset()
        except anteroom.Error:
            # PostgreSQL rolls back by itself what a broken connection left open.
            self._connection.terminate()
            provider.context().taint()

    async def _reset(self):
        async with self._using() as connection:
            # A query that was cancelled may be about to end: this waits for it.
            if self._interrupted or connection.is_in_transaction():
                await connection.execute("ROLLBACK")
            self._interrupted = False
            await connection.reset()
            await connection.execute(_RESET)
            await self._forget_statements(connection)

    async def aclose(self):
        if self._connection is not None:
            await self._connection.close()

    async def acheck(self):
        async with self._using() as connection:
            await connection.execute("SELECT 1")

    async def query(self, sql, *parameters):
        """The rows of a query with $1, $2, ... as its parameters."""
        async with self._using() as connection:
            return _rows(await connection.fetch(sql, *parameters))

    async def execute(self, sql):
        """Runs any number of statements, without parameters: BEGIN, COMMIT, ...;
        answers what the last one did."""
        async with self._using() as connection:
            return await connection.execute(sql)

    async def run(self, name, *parameters):
        """The rows of a prepared statement."""
        if name not in self._statements:
            raise anteroom.Error(
                f"no statement {name!r} is prepared, but {sorted(self._statements)}",
                code=grpc.StatusCode.NOT_FOUND,
            )
        async with self._using():
            return _rows(await self._statements[name].fetch(*parameters))

    async def rows(self, sql, *parameters):
        """The rows of a query, one by one, read as they are asked for, in a
        transaction of its own. (In one that the holder began: all at once.)"""
        if self._connection.is_in_transaction():
            for row in await self.query(sql, *parameters):
                yield row
            return
        async with self._using() as connection:
            transaction = connection.transaction()
            await transaction.start()
        try:
            async with self._using() as connection:
                cursor = await connection.cursor(sql, *parameters)
            more = True
            while more:
                async with self._using():
                    some = await cursor.fetch(_ROWS_AT_ONCE)
                for row in some:
                    yield _values(row)
                more = len(some) == _ROWS_AT_ONCE
        except BaseException:
            async with self._using():
                await transaction.rollback()
            raise
        async with self._using():
            await transaction.commit()

    async def _connect(self):
        async with self._using():
            connection = await asyncpg.connect(
                self._dsn or None,
                server_settings={"application_name": "anteroom"},
                # Holders may DEALLOCATE what it would rely on.
                statement_cache_size=0,
            )
            try:
                self._statements = {
                    name: await connection.prepare(sql)
                    for name, sql in self._sql.items()
                }
            except BaseException:
                connection.terminate()
                raise
            self._connection = connection

    async def _forget_statements(self, connection):
        """Those that the holder prepared; if it dropped ours the connection is
        not lent again."""
        ours = 0
        for name, theirs in await connection.fetch(
            "SELECT name, from_sql FROM pg_prepared_statements"
        ):
            if theirs:
                quoted = name.replace('"', '""')
                await connection.execute(f'DEALLOCATE "{quoted}"')
            else:
                ours += 1
        if ours != len(self._statements):
            provider.context().taint()

    @contextlib.asynccontextmanager
    async def _using(self):
        """The connection, for one call at a time; PostgreSQL's errors have
        canonical codes."""
        async with self._turn:
            try:
                yield self._connection
            except asyncio.CancelledError:
                self._interrupted = True
                raise
            except asyncpg.PostgresError as error:
                code = _CODES.get((error.sqlstate or "")[:2], grpc.StatusCode.UNKNOWN)
                raise anteroom.Error(f"{error.sqlstate}: {error}", code=code) from error
            except (OSError, asyncpg.InternalClientError) as error:
                raise anteroom.Error(
                    f"the connection to the database failed: {error}",
                    code=grpc.StatusCode.UNAVAILABLE,
                ) from error
            except asyncpg.InterfaceError as error:
                lost = self._connection is None or self._connection.is_closed()
                raise anteroom.Error(
                    str(error),
                    code=(
                        grpc.StatusCode.UNAVAILABLE
                        if lost
                        else grpc.StatusCode.INVALID_ARGUMENT
                    ),
                ) from error


def _rows(records):
    return [_values(record) for record in records]


def _values(record):
    return {
        name: value
        if isinstance(value, (str, int, float, bool, list, type(None)))
        else str(value)
        for name, value in record.items()
    }


if __name__ == "__main__":
    address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50062"
    asyncio.run(provider.serve({"postgres": Postgres}, address))

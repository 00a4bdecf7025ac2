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
    what else PostgreSQL has (times, numerics, ...) comes as its text.

    Args:
      dsn: where the database is, as PostgreSQL writes it; the rest comes from
        the usual environment variables.
      statements: SQL by name, prepared once a connection, for `run`.
    """

    def __init__(self, dsn="", statements=None):
        self._dsn = dsn
        self._sql = statements or {}

    def __await__(self):
        return self._connect().__await__()

    async def __aenter__(self):
        await self
        if self._connection.is_closed():  # while nobody held it
            await self._connect()

    async def __aexit__(self, kind, error, traceback):
        if self._connection.is_closed():
            provider.context().taint()
            return
        with _told():
            # Waits until a query that was cancelled has ended, too.
            await self._connection.execute("")
            if self._connection.is_in_transaction():
                await self._connection.execute("ROLLBACK")
            await self._connection.reset()
            await self._connection.execute(_RESET)

    async def aclose(self):
        if self._connection is not None:
            await self._connection.close()

    async def acheck(self):
        with _told():
            await self._connection.execute("SELECT 1")

    async def query(self, sql, *parameters):
        """The rows of a query with $1, $2, ... as its parameters."""
        with _told():
            return _rows(await self._connection.fetch(sql, *parameters))

    async def execute(self, sql):
        """Runs any number of statements: BEGIN, COMMIT, COPY ... are allowed."""
        with _told():
            return await self._connection.execute(sql)

    async def run(self, name, *parameters):
        """The rows of a prepared statement."""
        if name not in self._statements:
            raise anteroom.Error(
                f"no statement {name!r} is prepared, but {sorted(self._statements)}",
                code=grpc.StatusCode.NOT_FOUND,
            )
        with _told():
            return _rows(await self._statements[name].fetch(*parameters))

    async def rows(self, sql, *parameters):
        """The rows of a query, one by one: no more are read than are asked for."""
        with _told():
            async with self._connection.transaction():
                async for row in self._connection.cursor(sql, *parameters):
                    yield _values(row)

    _connection = None

    async def _connect(self):
        with _told():
            self._connection = await asyncpg.connect(
                self._dsn or None,
                server_settings={"application_name": "anteroom"},
            )
            self._statements = {
                name: await self._connection.prepare(sql)
                for name, sql in self._sql.items()
            }


@contextlib.contextmanager
def _told():
    """PostgreSQL's errors, with canonical codes."""
    try:
        yield
    except asyncpg.PostgresError as error:
        code = _CODES.get((error.sqlstate or "")[:2], grpc.StatusCode.UNKNOWN)
        raise anteroom.Error(f"{error.sqlstate}: {error}", code=code) from error
    except (OSError, asyncpg.InterfaceError) as error:
        raise anteroom.Error(str(error), code=grpc.StatusCode.UNAVAILABLE) from error


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

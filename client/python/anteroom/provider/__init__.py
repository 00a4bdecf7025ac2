"""Objects of plain Python classes, lent over the network by a server.

    asyncio.run(anteroom.provider.serve({"hello-py": Hello}, "127.0.0.1:50061"))

serves objects of the class Hello as the kind "hello-py" of a server's
configuration. What the class has is what its objects are asked for:

    __init__      makes one, given the configured parameters by their names, and
                  `key` if it has such a parameter
    __await__     its init: run once an object, however often it is awaited
    __aenter__    enters, once a lease; `await self` waits for the init; what it
                  returns is the holder's `as h` (nothing, where it is the object)
    __aexit__     exits, in the task that entered; returning True suppresses the
                  holder's exception
    aclose        a coroutine: closes it, once nobody is to hold it any more
    acheck        a coroutine: raises if the object is not fit to be lent
    any public    is called by holders. Arguments and results are JSON, or
    coroutine     bytes. Calls of one object run side by side.
    any public async generator is a streaming method

An exception reaches the holder with the code that it carries, as `anteroom.Error`
and gRPC's errors do; others are INTERNAL, with their type and message, and
logged. What runs is asked and told by `context()`.

`check` tries whether a provider, in any language, does what a server relies on.
"""

from anteroom.provider._cause import BodyError
from anteroom.provider._conformance.run import Fault, Report, check
from anteroom.provider._conformance.scripted import conformance_kind
from anteroom.provider._hook import Context, Lease, context
from anteroom.provider._server import Provider, serve

__all__ = [
    "BodyError",
    "Context",
    "Fault",
    "Lease",
    "Provider",
    "Report",
    "check",
    "conformance_kind",
    "context",
    "serve",
]

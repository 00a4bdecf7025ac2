"""What a plain class offers, and how its hooks are called."""

from __future__ import annotations

import inspect
from typing import Any, Awaitable, Callable, Dict, Generator, Mapping, Tuple, Type

import grpc

from anteroom.provider import _failures
from anteroom.provider.v1 import provider_service_pb2 as pb

#: Where an object keeps its init.
_INIT = "_anteroom_init"
#: Coroutine methods that are hooks, and not for holders to call.
_HOOK_METHODS = ("aclose", "acheck")


class Kind:
    """A class, served under a name. Constant."""

    def __init__(self, name: str, kind: Type[Any]) -> None:
        if not inspect.isclass(kind):
            raise TypeError(f"{name!r} must be served by a class, not {kind!r}")
        self.name = name
        self.awaits = hasattr(kind, "__await__")
        self.enters = hasattr(kind, "__aenter__")
        self.exits = hasattr(kind, "__aexit__")
        self.closes = _is_hook(kind, "aclose")
        self.checks = _is_hook(kind, "acheck")
        #: By name, whether it is a stream.
        self.methods = _methods(kind)
        self._class = kind
        self._lent = _lent(kind) if self.awaits else kind
        self._signature = inspect.signature(kind)

    def describe(self) -> pb.DescribeResponse.Kind:
        hooks = (
            (self.awaits, pb.HOOK_INIT),
            (self.enters, pb.HOOK_ENTER),
            (self.exits, pb.HOOK_EXIT),
            (True, pb.HOOK_CLOSE),  # it is forgotten, if nothing else
            (self.checks, pb.HOOK_CHECK),
        )
        return pb.DescribeResponse.Kind(
            name=self.name,
            hooks=[hook for has, hook in hooks if has],
            methods=[
                pb.DescribeResponse.Kind.Method(name=name, stream=stream)
                for name, stream in self.methods.items()
            ],
        )

    def construct(self, key: str, parameters: Mapping[str, Any]) -> Any:
        """A new object, given the parameters and, where it asks for one, the
        key. Raises what its constructor raises, INVALID_REQUEST for parameters
        that it does not take."""
        arguments: Dict[str, Any] = dict(parameters)
        if "key" in self._signature.parameters:
            if "key" in arguments:
                raise _failures.invalid("parameters.key: key is what is acquired")
            arguments["key"] = key
        try:
            self._signature.bind(**arguments)
        except TypeError as error:
            raise _failures.invalid(
                f"parameters: {self._class.__name__}{self._signature}: {error}"
            ) from None
        return self._lent(**arguments)

    def keep_init(self, instance: Any, join: Callable[[], Awaitable[Any]]) -> None:
        """From now on `await instance` is `await join()`."""
        if self.awaits:
            # As a class that is frozen, or has slots, is given it too.
            object.__setattr__(instance, _INIT, join)

    async def init(self, instance: Any) -> Any:
        """Runs the class's own __await__."""
        return await _Awaitable(lambda: self._class.__await__(instance))

    async def enter(self, instance: Any) -> Any:
        return await type(instance).__aenter__(instance)

    async def exit(self, instance: Any, error: Any) -> bool:
        """Whether it suppresses the error."""
        if error is None:
            told: Tuple[Any, Any, Any] = (None, None, None)
        else:
            told = (type(error), error, error.__traceback__)
        return bool(await type(instance).__aexit__(instance, *told))

    def method(self, instance: Any, name: str, *, stream: bool) -> Callable[..., Any]:
        """The method of this name. METHOD_NOT_FOUND if there is none."""
        if self.methods.get(name) is not stream:
            what = "streaming method" if stream else "method"
            raise _failures.Refused(
                f"{self._class.__name__} has no {what} {name!r}",
                code=grpc.StatusCode.UNIMPLEMENTED,
                reason="METHOD_NOT_FOUND",
            )
        return getattr(instance, name)  # type: ignore[no-any-return]


class _Awaitable:
    def __init__(self, iterate: Callable[[], Generator[Any, Any, Any]]) -> None:
        self._iterate = iterate

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._iterate()


def _is_hook(kind: Type[Any], name: str) -> bool:
    hook = getattr(kind, name, None)
    if hook is not None and not inspect.iscoroutinefunction(hook):
        raise TypeError(f"{kind.__name__}.{name} must be a coroutine (async def)")
    return hook is not None


def _methods(kind: Type[Any]) -> Dict[str, bool]:
    methods = {}
    for name in dir(kind):
        if name.startswith("_") or name in _HOOK_METHODS:
            continue
        member = getattr(kind, name)
        if inspect.iscoroutinefunction(member):
            methods[name] = False
        elif inspect.isasyncgenfunction(member):
            methods[name] = True
    return methods


def _lent(kind: Type[Any]) -> Type[Any]:
    """The class, but for its objects being awaited once however often they
    are. It goes by the name of the class."""

    def __await__(self: Any) -> Generator[Any, Any, Any]:
        return getattr(self, _INIT)().__await__()

    return type(kind)(
        kind.__name__,
        (kind,),
        {
            "__await__": __await__,
            "__module__": kind.__module__,
            "__qualname__": kind.__qualname__,
            "__doc__": kind.__doc__,
        },
    )

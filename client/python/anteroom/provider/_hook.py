"""What a running hook may ask and tell."""

from __future__ import annotations

import contextvars
import dataclasses
from typing import Any, AsyncIterator, Callable, Mapping, Optional

from anteroom.provider._init import Listener


@dataclasses.dataclass(frozen=True)
class Lease:
    """The lease that a hook runs for."""

    #: Public, safe to log.
    name: str
    #: Grows with each lease of the resource.
    fencing_token: int
    holder: str
    #: What the acquire said about itself.
    labels: Mapping[str, str]


@dataclasses.dataclass
class Context:
    """What `context()` answers in a hook: where it runs, and for whom."""

    resource: str
    #: Which object of a keyed resource; empty otherwise.
    key: str
    #: The object's own name, unique over restarts.
    instance_id: str
    #: None in __init__, __await__, aclose and acheck.
    lease: Optional[Lease] = None
    #: What the acquire gave to enter; None if nothing.
    argument: Any = None
    #: In a streaming method: what the caller says after its argument.
    messages: Optional[AsyncIterator[Any]] = None
    #: In __aexit__: this object is not to be lent again.
    tainted: bool = False
    on_progress: Optional[Callable[[float, str], None]] = None
    #: Whose call the hook is, and is told of an init that it awaits.
    listener: Optional[Listener] = None

    def progress(self, fraction: float, message: str = "") -> None:
        """In __await__: tells those who wait how far it is, 0 to 1. Of reports
        that come faster than they can be sent only the last is sent. Elsewhere
        without effect."""
        if self.on_progress is not None:
            self.on_progress(min(max(fraction, 0.0), 1.0), message)

    def taint(self) -> None:
        """In __aexit__: this object must not be lent again. Elsewhere without
        effect."""
        self.tainted = True


_current: contextvars.ContextVar[Context] = contextvars.ContextVar("anteroom_hook")


def context() -> Context:
    """What the hook that calls this runs for. Raises RuntimeError outside of
    hooks."""
    try:
        return _current.get()
    except LookupError:
        raise RuntimeError(
            "no hook is running: call context() in a hook or a method that the "
            "provider called"
        ) from None


def begin(hook: Context) -> Context:
    """Makes `hook` the one that runs, in the calling task and those that it
    starts."""
    _current.set(hook)
    return hook


def listener() -> Optional[Listener]:
    """Of the hook that runs, if one does."""
    hook = _current.get(None)
    return hook.listener if hook is not None else None

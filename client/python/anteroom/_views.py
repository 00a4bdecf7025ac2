"""What the server tells about leases and events, as plain Python."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any, Mapping, Optional

from anteroom import _payload
from anteroom._errors import Error, from_status
from anteroom.v1 import event_pb2, lease_pb2


def _enum_name(enum: Any, value: int, prefix: str) -> str:
    try:
        return enum.Name(value).removeprefix(prefix)
    except ValueError:  # from a newer server
        return str(value)


def _time(message: Any, field: str) -> Optional[datetime.datetime]:
    if not message.HasField(field):
        return None
    return getattr(message, field).ToDatetime(tzinfo=datetime.timezone.utc)


@dataclasses.dataclass(frozen=True)
class Receipt:
    """How a lease ended."""

    #: "RELEASED", "BODY_FAILED", "DISCONNECTED", ...
    reason: str
    #: The exit hook took the body's error upon itself.
    error_suppressed: bool
    #: Why the exit hook failed; None if it did not.
    exit_error: Optional[Error]
    #: Seconds from entered to the decision to exit, and from there to the end.
    held: float
    exited: float
    #: Calls of the exit hook; 0 if the object has none.
    attempts: int
    end_time: Optional[datetime.datetime]

    @classmethod
    def from_proto(cls, proto: lease_pb2.Receipt) -> Receipt:
        failed = proto.exit_status.code != 0
        return cls(
            reason=_enum_name(lease_pb2.ExitReason, proto.reason, "EXIT_REASON_"),
            error_suppressed=proto.error_suppressed,
            exit_error=from_status(proto.exit_status) if failed else None,
            held=proto.held.ToTimedelta().total_seconds(),
            exited=proto.exited.ToTimedelta().total_seconds(),
            attempts=proto.attempts,
            end_time=_time(proto, "end_time"),
        )


@dataclasses.dataclass(frozen=True)
class Lease:
    """One hold, as the server sees it."""

    #: The secret: whoever knows it may use and release the lease.
    id: str = dataclasses.field(repr=False)
    #: Public, safe to log.
    name: str
    resource: str
    key: str
    instance_id: str
    #: Grows with each lease of the resource.
    fencing_token: int
    #: "HELD", "ENDED", ...
    state: str
    #: Seconds without a renewal; None: as long as its stream.
    ttl: Optional[float]
    expire_time: Optional[datetime.datetime]
    labels: Mapping[str, str]
    receipt: Optional[Receipt]
    #: What enter returned.
    value: Any

    @classmethod
    def from_proto(cls, proto: lease_pb2.Lease) -> Lease:
        return cls(
            id=proto.lease_id,
            name=proto.name,
            resource=proto.resource,
            key=proto.key,
            instance_id=proto.instance_id,
            fencing_token=proto.fencing_token,
            state=_enum_name(lease_pb2.Lease.State, proto.state, "STATE_"),
            ttl=(
                proto.ttl.ToTimedelta().total_seconds()
                if proto.HasField("ttl")
                else None
            ),
            expire_time=_time(proto, "expire_time"),
            labels=dict(proto.labels),
            receipt=(
                Receipt.from_proto(proto.receipt) if proto.HasField("receipt") else None
            ),
            value=_payload.decode(proto.value),
        )


@dataclasses.dataclass(frozen=True)
class Event:
    """One step in the life of an instance or a lease."""

    sequence: int
    time: Optional[datetime.datetime]
    resource: str
    key: str
    instance_id: str
    lease_name: str
    #: "CONSTRUCTED", "ENTERING", "INITIALIZING", "USED", "EXITING", ...
    phase: str
    #: The method's name (USED), or what the init said (PROGRESS).
    message: str
    #: 0 to 1 (PROGRESS).
    progress: Optional[float]
    #: 1 is next (WAITING).
    queue_position: int
    #: Why it failed (FAILED, EXITED); None: it did not.
    error: Optional[Error]

    @classmethod
    def from_proto(cls, proto: event_pb2.LifecycleEvent) -> Event:
        return cls(
            sequence=proto.sequence,
            time=_time(proto, "time"),
            resource=proto.resource,
            key=proto.key,
            instance_id=proto.instance_id,
            lease_name=proto.lease_name,
            phase=_enum_name(event_pb2.LifecycleEvent.Phase, proto.phase, "PHASE_"),
            message=proto.message,
            progress=proto.progress if proto.HasField("progress") else None,
            queue_position=proto.queue_position,
            error=(from_status(proto.status) if proto.HasField("status") else None),
        )

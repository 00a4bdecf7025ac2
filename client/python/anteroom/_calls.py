"""The calls of a scope that wait for their answers."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any, Dict, List, Optional

from anteroom import _errors, _payload
from anteroom.v1 import lease_pb2
from anteroom.v1 import resource_service_pb2 as pb

#: Replies are acknowledged together: the server keeps at most 1,000 of them and
#: 1 MiB.
_ACK_REPLIES = 100
_ACK_BYTES = 1 << 18


@dataclasses.dataclass
class Call:
    request: pb.UseCall
    answer: asyncio.Future[Any]
    #: A stream was given it; whether it arrived is the server's to say.
    sent: bool = False


class Calls:
    """Calls by their ids, each from its begin to its answer.

    `acknowledges`: whether the server keeps replies until they are
    acknowledged.
    """

    def __init__(self, acknowledges: bool) -> None:
        self._acknowledges = acknowledges
        self._calls: Dict[int, Call] = {}
        self._last_id = 0
        self._received: List[int] = []  # and not acknowledged
        self._received_bytes = 0

    def new_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def begin(self, method: str, argument: lease_pb2.Payload) -> Call:
        call_id = self.new_id()
        answer = asyncio.get_running_loop().create_future()
        answer.add_done_callback(retrieve)
        call = self._calls[call_id] = Call(
            pb.UseCall(call_id=call_id, method_name=method, argument=argument),
            answer,
        )
        return call

    def answer(self, reply: pb.UseReply) -> Optional[Call]:
        """Ends the call that this answers. A call that never reached the server
        is returned, to be sent again."""
        call = self._calls.get(reply.call_id)
        if call is None:
            return None
        error = None
        if reply.HasField("error"):
            error = _errors.from_status(reply.error)
            if error.reason == "CALL_NOT_RECEIVED" and not call.answer.done():
                return call
        del self._calls[reply.call_id]
        self._received.append(reply.call_id)
        self._received_bytes += reply.ByteSize()
        if call.answer.done():
            pass  # nobody waits for it any more
        elif error is not None:
            call.answer.set_exception(error)
        else:
            call.answer.set_result(_payload.decode(reply.result))
        return None

    def acknowledgement(self) -> Optional[pb.AckReplies]:
        """Of the replies that came, once they are many or large."""
        if not self._acknowledges or (
            len(self._received) < _ACK_REPLIES and self._received_bytes < _ACK_BYTES
        ):
            return None
        ack = pb.AckReplies(call_ids=self._received)
        self._forget_received()
        return ack

    def unanswered(self) -> List[Call]:
        """Those that may have reached the server, for a stream that resumes: it
        acknowledges all others by leaving them out."""
        self._forget_received()
        return [call for call in self._calls.values() if call.sent]

    def unsent(self) -> List[Call]:
        """Those that certainly have not, unless nobody waits for them."""
        self._calls = {
            call_id: call
            for call_id, call in self._calls.items()
            if call.sent or not call.answer.done()
        }
        return [call for call in self._calls.values() if not call.sent]

    def fail(self, error: BaseException) -> None:
        """Ends all of them."""
        for call in self._calls.values():
            if not call.answer.done():
                call.answer.set_exception(error)
        self._calls.clear()

    def _forget_received(self) -> None:
        self._received = []
        self._received_bytes = 0


def retrieve(future: asyncio.Future[Any]) -> None:
    """Nobody may be left to await it: that is no reason for a warning."""
    if not future.cancelled():
        future.exception()

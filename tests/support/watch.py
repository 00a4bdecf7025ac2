"""What becomes of leases, seen on a connection of its own."""

import asyncio
import collections
import contextlib


class Watch:
    """What became of each lease, seen on a connection that is never cut."""

    def __init__(self, server):
        self._server = server
        #: The phases of each lease, by its name.
        self.phases = collections.defaultdict(list)
        self._grew = asyncio.Condition()

    async def run(self, watching):
        """For ever. `watching` is set once it sees all that will happen."""
        before = []
        async with self._server.resource("hello", on_event=before.append):
            pass
        # An event that there is already: that it comes tells that it watches.
        events = self._server.watch_events(from_sequence=before[-1].sequence)
        async with contextlib.aclosing(events):
            async for event in events:
                watching.set()
                async with self._grew:
                    self.phases[event.lease_name].append(event.phase)
                    self._grew.notify_all()

    async def saw(self, name, phase, count=1):
        """Waits until the lease of this name has had `count` such events."""
        async with self._grew:
            await self._grew.wait_for(lambda: self.phases[name].count(phase) >= count)

    async def first_of(self, resource, phase):
        """Waits until some lease of the resource has had such an event."""
        async with self._grew:
            await self._grew.wait_for(
                lambda: any(
                    name.startswith(f"{resource}/") and phase in phases
                    for name, phases in self.phases.items()
                )
            )

    async def exited(self, lease):
        await self.saw(lease.name, "EXITED")

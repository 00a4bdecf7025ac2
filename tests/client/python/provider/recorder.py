"""A plain class that says which of its hooks ran."""


class Recorder:
    """A class whose hooks say that they ran."""

    said = None

    def __await__(self):
        return self._init().__await__()

    async def _init(self):
        self.said.append("await")
        return self

    async def __aenter__(self):
        self.said.append("enter")
        await self
        return self

    async def __aexit__(self, *error):
        self.said.append("exit")

    async def aclose(self):
        self.said.append("close")


def recorder(base=Recorder):
    """A class of its own, and what it says."""

    class Own(base):
        said = []

    return Own, Own.said

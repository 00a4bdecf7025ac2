"""The check finds hooks that are run at a wrong time, or too often: each test
plants one fault."""

import asyncio
import unittest

import anteroom
from anteroom.provider import conformance_kind, context
from anteroom.provider._service import Service
from broken import PlantedTest


class PlantedHooksTest(PlantedTest):
    async def test_an_init_that_every_enter_runs(self):
        class Broken(conformance_kind()):
            async def __aenter__(self):
                async with self._running("enter"):
                    await self._init()
                    await self._act("enter")
                return {"argument": context().argument}

        found = await self.expect(
            "an_init_runs_once_for_enters_side_by_side", kind=Broken
        )
        self.assertIn("ran ", found)

    async def test_an_init_that_enter_runs_again(self):
        class Broken(conformance_kind()):
            async def __aenter__(self):
                await self
                return await super().__aenter__() and await self._init()

        await self.expect("an_init_that_has_run_is_not_awaited_by_enter", kind=Broken)

    async def test_an_init_that_ends_with_who_began_it(self):
        class Broken(conformance_kind()):
            init = None

            async def __aenter__(self):
                async with self._running("enter"):
                    if self.init is None:
                        self.init = asyncio.ensure_future(self._init())
                        await self.init
                    await self.init
                return {"argument": context().argument}

        await self.expect("who_leaves_an_init_leaves_it_to_the_others", kind=Broken)

    async def test_an_init_that_goes_on_for_nobody(self):
        class Broken(conformance_kind()):
            init = None

            async def _init(self):
                if self.init is None:
                    self.init = asyncio.ensure_future(super()._init())
                await asyncio.shield(self.init)
                return self

        await self.expect(
            "an_init_that_nobody_awaits_is_cancelled", kind=Broken, hangs=True
        )

    async def test_an_init_that_fails_for_good(self):
        class Broken(conformance_kind()):
            init = None

            async def _init(self):
                if self.init is None:
                    self.init = asyncio.ensure_future(super()._init())
                return await self.init

        await self.expect("an_init_that_failed_is_tried_again", kind=Broken)

    async def test_an_enter_that_hides_that_its_init_failed(self):
        class Broken(conformance_kind()):
            async def __aenter__(self):
                try:
                    return await super().__aenter__()
                except Exception:
                    return {"argument": None}

        await self.expect("an_enter_fails_as_the_init_that_it_awaits", kind=Broken)

    async def test_an_exit_after_an_enter_that_failed(self):
        class Broken(conformance_kind()):
            async def __aenter__(self):
                try:
                    return await super().__aenter__()
                except Exception as error:
                    await self.__aexit__(type(error), error, None)
                    raise

        await self.expect("an_enter_that_failed_does_not_exit", kind=Broken)

    async def test_a_cancelled_enter_that_goes_on(self):
        class Broken(conformance_kind()):
            async def __aenter__(self):
                enter = asyncio.ensure_future(super().__aenter__())
                return await asyncio.shield(enter)

        await self.expect("a_cancelled_enter_is_cancelled", kind=Broken, hangs=True)

    async def test_a_failed_exit_that_is_run_again(self):
        class Broken(Service):
            async def Exit(self, request, context):
                lent = self._objects[request.object.handle]
                if lent.instance._fails.get("exit") == []:
                    await lent.instance._board.write("exit begin")
                return await super().Exit(request, context)

        await self.expect("a_failed_exit_fails_again", Broken)

    async def test_one_exit_for_all_leases(self):
        class Broken(conformance_kind()):
            exited = False

            async def __aexit__(self, *error):
                if not self.exited:
                    self.exited = True
                    await super().__aexit__(*error)

        await self.expect("leases_of_one_object_exit_by_themselves", kind=Broken)

    async def test_an_object_that_can_be_lent_once(self):
        class Broken(conformance_kind()):
            entered = False

            async def __aenter__(self):
                if self.entered:
                    raise anteroom.Error("it was entered before")
                self.entered = True
                return await super().__aenter__()

        await self.expect("an_object_is_lent_again", kind=Broken)

    async def test_a_close_that_runs_again(self):
        class Broken(Service):
            async def _close(self, request):
                lent = self._objects.get(request.object.handle)
                if lent is not None:
                    await lent._close()
                return await super()._close(request)

        await self.expect("close_runs_once_however_often_it_is_called", Broken)

    async def test_a_key_that_is_not_passed_on(self):
        class Broken(Service):
            async def Construct(self, request, context):
                request.key = ""
                return await super().Construct(request, context)

        await self.expect("an_object_knows_what_it_was_made_for", Broken)

    async def test_values_that_come_back_otherwise(self):
        class Broken(conformance_kind()):
            async def echo(self, payload):
                return int(payload) if isinstance(payload, float) else payload

        await self.expect("values_come_back_as_they_are", kind=Broken)


if __name__ == "__main__":
    unittest.main()

"""The check finds what a provider's calls get wrong: each test plants one
fault."""

import asyncio
import unittest

import grpc

from anteroom.provider._service import Service
from anteroom.provider.v1 import provider_service_pb2 as pb
from broken import PlantedTest, Written


class DescribeTest(PlantedTest):
    async def test_a_method_that_is_described_twice(self):
        class Broken(Service):
            async def Describe(self, request, context):
                response = await super().Describe(request, context)
                response.kinds[0].methods.append(response.kinds[0].methods[0])
                return response

        found = await self.expect("describe_says_each_thing_once", Broken)
        self.assertIn("methods are named twice", found)


class ConstructTest(PlantedTest):
    async def test_a_key_that_constructs_twice(self):
        class Broken(Service):
            async def Construct(self, request, context):
                request.idempotency_key = ""
                return await super().Construct(request, context)

        await self.expect("construct_is_idempotent", Broken)

    async def test_an_empty_handle(self):
        class Broken(Service):
            async def Construct(self, request, context):
                return pb.ConstructResponse()

        await self.expect("construct_names_the_object", Broken)

    async def test_one_handle_for_all_objects(self):
        class Broken(Service):
            async def Construct(self, request, context):
                return pb.ConstructResponse(handle=b"the only one")

        await self.expect("construct_names_the_object", Broken)

    async def test_a_kind_that_there_is_not(self):
        class Broken(Service):
            async def Construct(self, request, context):
                request.object.kind = "conformance"
                request.parameters["board"] = "any"
                return await super().Construct(request, context)

        await self.expect("unknown_kinds_are_refused", Broken)


class InitTest(PlantedTest):
    async def test_an_init_that_does_not_say_that_it_has_ended(self):
        class Broken(Service):
            async def Init(self, request, context):
                def drop(response):
                    return [response] if response.HasField("progress") else []

                await super().Init(request, Written(context, drop))

        await self.expect("init_ends_with_initialized", Broken)

    async def test_progress_in_percent(self):
        class Broken(Service):
            async def Init(self, request, context):
                def percent(response):
                    if response.HasField("progress"):
                        response.progress.fraction *= 100
                    return [response]

                await super().Init(request, Written(context, percent))

        found = await self.expect("init_ends_with_initialized", Broken)
        self.assertIn("50", found)

    async def test_a_second_init_that_is_refused(self):
        class Broken(Service):
            seen = set()

            async def Init(self, request, context):
                if request.object.handle in self.seen:
                    await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "again")
                self.seen.add(request.object.handle)
                await super().Init(request, context)

        await self.expect("init_may_be_called_again", Broken)


class EnterTest(PlantedTest):
    async def test_an_enter_that_says_entered_twice(self):
        class Broken(Service):
            async def Enter(self, request, context):
                def twice(response):
                    return [response] * (2 if response.HasField("entered") else 1)

                await super().Enter(request, Written(context, twice))

        await self.expect("enter_ends_with_entered", Broken)

    async def test_an_init_that_never_ends_for_its_enter(self):
        class Broken(Service):
            async def Enter(self, request, context):
                def drop(response):
                    return [] if response.HasField("initialized") else [response]

                await super().Enter(request, Written(context, drop))

        await self.expect("enter_ends_with_entered", Broken)

    async def test_an_init_inside_enter_that_is_not_told(self):
        class Broken(Service):
            async def Enter(self, request, context):
                def drop(response):
                    return [response] if response.HasField("entered") else []

                await super().Enter(request, Written(context, drop))

        await self.expect("enter_awaits_the_init_and_says_so", Broken)

    async def test_an_enter_that_says_all_at_its_end(self):
        class Broken(Service):
            async def Enter(self, request, context):
                kept = []

                def keep(response):
                    kept.append(response)
                    return kept if response.HasField("entered") else []

                await super().Enter(request, Written(context, keep))

        await self.expect(
            "initializing_is_said_before_the_init_has_ended", Broken, hangs=True
        )

    async def test_an_argument_that_is_lost(self):
        class Broken(Service):
            async def Enter(self, request, context):
                request.ClearField("argument")
                await super().Enter(request, context)

        await self.expect("enter_is_given_its_argument", Broken)


class UseTest(PlantedTest):
    async def test_a_method_that_there_is_not_answers(self):
        class Broken(Service):
            async def Use(self, request, context):
                if request.method_name.startswith("no_such"):
                    return pb.UseResponse()
                return await super().Use(request, context)

        await self.expect("unknown_methods_are_unimplemented", Broken)

    async def test_an_object_that_there_is_not_is_internal(self):
        class Broken(Service):
            async def Check(self, request, context):
                if not any(request.object.handle == each for each in self._objects):
                    await context.abort(grpc.StatusCode.INTERNAL, "KeyError")
                return await super().Check(request, context)

        found = await self.expect("unknown_objects_are_not_found", Broken)
        self.assertIn("Check of an unknown object", found)

    async def test_an_object_that_there_is_not_is_a_plain_not_found(self):
        class Broken(Service):
            async def Check(self, request, context):
                if not any(request.object.handle == each for each in self._objects):
                    await context.abort(grpc.StatusCode.NOT_FOUND, "no object")
                return await super().Check(request, context)

        found = await self.expect("unknown_objects_are_not_found", Broken)
        self.assertIn("INSTANCE_LOST", found)

    async def test_a_code_that_is_lost(self):
        class Broken(Service):
            async def Use(self, request, context):
                if request.method_name == "fail":
                    raise RuntimeError("UNKNOWN, says gRPC")
                return await super().Use(request, context)

        await self.expect("a_method_fails_with_its_code", Broken)

    async def test_a_media_type_that_is_lost(self):
        class Broken(Service):
            async def Use(self, request, context):
                response = await super().Use(request, context)
                response.result.content_type = "application/octet-stream"
                return response

        await self.expect("payloads_are_passed_on_as_they_are", Broken)

    async def test_calls_that_wait_for_each_other(self):
        class Broken(Service):
            lock = asyncio.Lock()

            async def Use(self, request, context):
                if request.method_name not in ("wait", "open"):
                    return await super().Use(request, context)
                async with self.lock:
                    return await super().Use(request, context)

        await self.expect("methods_run_side_by_side", Broken, hangs=True)

    async def test_a_cancelled_method_that_goes_on(self):
        class Broken(Service):
            async def Use(self, request, context):
                call = asyncio.ensure_future(super().Use(request, context))
                return await asyncio.shield(call)

        await self.expect("a_cancelled_method_is_cancelled", Broken, hangs=True)

    async def test_a_lease_that_may_be_used_after_its_exit(self):
        class Broken(Service):
            async def Use(self, request, context):
                if request.method_name == "echo":
                    return pb.UseResponse(result=request.argument)
                return await super().Use(request, context)

        await self.expect("a_lease_that_has_exited_is_over", Broken)


class UseStreamTest(PlantedTest):
    async def test_a_stream_that_loses_its_last(self):
        class Broken(Service):
            async def UseStream(self, requests, context):
                def drop(response):
                    return [] if response.result.data == b"99" else [response]

                await super().UseStream(requests, Written(context, drop))

        await self.expect("a_stream_says_all_in_order", Broken)

    async def test_a_stream_that_is_a_result_late(self):
        class Broken(Service):
            async def UseStream(self, requests, context):
                kept = []

                def late(response):
                    kept.append(response)
                    return [kept.pop(0)] if len(kept) > 1 else []

                await super().UseStream(requests, Written(context, late))

        await self.expect("a_stream_is_sent_as_it_comes", Broken, hangs=True)

    async def test_a_stream_that_does_not_hear_its_caller(self):
        class Broken(Service):
            async def UseStream(self, requests, context):
                async def first():
                    async for request in requests:
                        yield request
                        break

                await super().UseStream(first(), context)

        await self.expect("a_stream_hears_its_caller", Broken)

    async def test_a_method_that_streams_though_it_is_none(self):
        class Broken(Service):
            async def UseStream(self, requests, context):
                async for _ in requests:
                    await context.write(pb.UseStreamResponse())

        await self.expect("a_method_is_no_stream", Broken)


class ExitTest(PlantedTest):
    async def test_an_exit_that_runs_again(self):
        class Broken(Service):
            async def Exit(self, request, context):
                response = await super().Exit(request, context)
                if request.attempt > 1:
                    board = self._objects[request.object.handle].instance._board
                    await board.write("exit begin")
                return response

        await self.expect("exit_runs_once_however_often_it_is_called", Broken)

    async def test_an_exit_that_answers_otherwise_the_second_time(self):
        class Broken(Service):
            async def Exit(self, request, context):
                response = await super().Exit(request, context)
                response.tainted = request.attempt > 1
                return response

        await self.expect("exit_is_idempotent", Broken)

    async def test_an_exit_that_fails_the_second_time(self):
        class Broken(Service):
            async def Exit(self, request, context):
                request.idempotency_key = ""
                return await super().Exit(request, context)

        await self.expect("exit_is_idempotent", Broken)

    async def test_an_exit_that_breaks_with_its_call(self):
        class Broken(Service):
            def _once(self, request, context, run):
                return run()

        await self.expect("an_exit_goes_on_when_its_call_breaks", Broken)

    async def test_an_exit_that_is_not_told_why(self):
        class Broken(Service):
            async def Exit(self, request, context):
                request.ClearField("error")
                request.ClearField("reason")
                return await super().Exit(request, context)

        await self.expect("exit_is_told_why", Broken)

    async def test_an_exit_that_does_not_say_that_it_suppresses(self):
        class Broken(Service):
            async def Exit(self, request, context):
                response = await super().Exit(request, context)
                return pb.ExitResponse(tainted=response.tainted)

        await self.expect("exit_answers_what_the_hook_did", Broken)

    async def test_an_exit_that_does_not_say_that_it_taints(self):
        class Broken(Service):
            async def Exit(self, request, context):
                response = await super().Exit(request, context)
                return pb.ExitResponse(suppress=response.suppress)

        await self.expect("exit_answers_what_the_hook_did", Broken)


class CloseTest(PlantedTest):
    async def test_a_second_close_that_fails(self):
        class Broken(Service):
            async def Close(self, request, context):
                if request.object.handle not in self._objects:
                    await context.abort(grpc.StatusCode.NOT_FOUND, "no such object")
                return await super().Close(request, context)

        await self.expect("close_is_idempotent", Broken)

    async def test_an_object_that_outlives_its_close(self):
        class Broken(Service):
            async def Close(self, request, context):
                return pb.CloseResponse()

            async def Use(self, request, context):
                return pb.UseResponse()

        await self.expect("close_is_idempotent", Broken)

    async def test_a_close_that_closes_all(self):
        class Broken(Service):
            async def Close(self, request, context):
                response = await super().Close(request, context)
                for handle in list(self._objects):
                    await self._objects.pop(handle).close()
                return response

        await self.expect("close_is_idempotent", Broken)

    async def test_a_construct_that_cannot_be_undone(self):
        class Broken(Service):
            async def Close(self, request, context):
                if not request.object.handle:
                    return pb.CloseResponse()
                return await super().Close(request, context)

        await self.expect("close_without_a_handle_undoes_a_construct", Broken)

    async def test_a_check_that_is_always_well(self):
        class Broken(Service):
            async def Check(self, request, context):
                return pb.CheckResponse()

        await self.expect("check_fails_as_the_hook", Broken)


if __name__ == "__main__":
    unittest.main()

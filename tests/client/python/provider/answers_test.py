"""How long answers are kept for calls that are made again."""

import asyncio
import unittest

from anteroom.provider._answers import Answers


class AnswersTest(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.now = 0.0
        self.runs = []

    async def ask(self, answers, key, run=None, remaining=None):
        async def count():
            self.runs.append(key)
            return len(self.runs)

        return await answers.once(key, "call", run or count, remaining)

    async def test_the_same_key_is_answered_as_before(self):
        answers = Answers(now=lambda: self.now)
        first = await self.ask(answers, "a")
        self.assertEqual(await self.ask(answers, "a"), first)
        self.assertEqual(self.runs, ["a"])

    async def test_without_a_key_each_call_runs(self):
        answers = Answers(now=lambda: self.now)
        await self.ask(answers, "")
        await self.ask(answers, "")
        self.assertEqual(self.runs, ["", ""])

    async def test_of_many_answers_the_oldest_are_forgotten(self):
        answers = Answers(kept=3, now=lambda: self.now)
        for key in "abcd":
            await self.ask(answers, key)
        await self.ask(answers, "e")
        self.runs.clear()
        for key in "de":
            await self.ask(answers, key)
        self.assertEqual(self.runs, [])
        await self.ask(answers, "a")
        self.assertEqual(self.runs, ["a"])
        self.assertLessEqual(len(answers._answers), 4)

    async def test_an_old_answer_is_forgotten(self):
        answers = Answers(now=lambda: self.now)
        await self.ask(answers, "a")
        self.now = 601.0
        await self.ask(answers, "b")
        await self.ask(answers, "a")
        self.assertEqual(self.runs, ["a", "b", "a"])

    async def abandoned(self, answers, key, run, remaining):
        """A call whose caller is gone at once."""
        call = asyncio.ensure_future(self.ask(answers, key, run, remaining))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)

    async def test_a_call_whose_caller_is_gone_is_cancelled_past_its_deadline(self):
        answers, ended = Answers(), asyncio.Event()

        async def hang():
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        await self.abandoned(answers, "a", hang, 0.01)
        self.assertFalse(ended.is_set())
        await ended.wait()
        with self.assertRaises(asyncio.CancelledError):
            await self.ask(answers, "a")

    async def test_of_two_deadlines_the_later_one_counts(self):
        for first, second in ((0.01, 3600), (0.01, None), (3600, 0.01)):
            answers, gate = Answers(), asyncio.Event()
            await self.abandoned(answers, "a", gate.wait, first)
            await self.abandoned(answers, "a", gate.wait, second)
            await asyncio.gather(self.passed(), return_exceptions=True)
            gate.set()
            self.assertTrue(await self.ask(answers, "a"))

    async def passed(self):
        """Until the earlier deadline is over."""
        loop = asyncio.get_running_loop()
        over = loop.create_future()
        loop.call_later(0.02, over.set_result, None)
        await over

    async def test_a_call_under_way_is_not_forgotten(self):
        answers = Answers(kept=1, now=lambda: self.now)
        gate = asyncio.Event()
        slow = asyncio.ensure_future(self.ask(answers, "slow", gate.wait))
        await asyncio.sleep(0)
        for key in "abcd":
            await self.ask(answers, key)
        again = asyncio.ensure_future(self.ask(answers, "slow"))
        gate.set()
        self.assertEqual(await asyncio.gather(slow, again), [True, True])
        self.assertNotIn("slow", self.runs)


if __name__ == "__main__":
    unittest.main()

"""How long answers are kept for calls that are made again."""

import asyncio
import unittest

from anteroom.provider._answers import Answers


class AnswersTest(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.now = 0.0
        self.runs = []

    async def ask(self, answers, key, run=None):
        async def count():
            self.runs.append(key)
            return len(self.runs)

        return await answers.once(key, "call", run or count)

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

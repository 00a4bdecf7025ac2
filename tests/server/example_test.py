"""Tests of server/kinds/README.md: a server with a kind of one's own."""

import asyncio
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import anteroom
import anteroomd

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = ROOT / "server/kinds/README.md"
EXAMPLE = anteroomd.ANTEROOMD + "-example"


def block(language):
    """The README's one block of code in a language."""
    (text,) = re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.S)
    return text


async def tally(address):
    """What two holders of the README's resource are answered."""
    answers = []
    async with anteroom.connect(address) as server:
        for _ in range(2):
            async with server.resource("tally") as counter:
                await counter.add(2)
                answers.append(await counter.add(3))
        async with server.resource("tally") as counter:
            answers.append(await counter.get())
    return answers


class ExampleTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.config = os.path.join(folder.name, "tally.textproto")

    def write(self, text):
        pathlib.Path(self.config).write_text(text)

    def refused(self, text):
        """What the example says to a configuration, with status 2."""
        self.write(text)
        ended = subprocess.run(
            [EXAMPLE, f"--config={self.config}"],
            capture_output=True,
            text=True,
            timeout=anteroomd.BOUND,
        )
        self.assertEqual(ended.returncode, 2, ended.stderr)
        return ended.stderr

    def test_it_serves_what_the_readme_configures(self):
        self.write(block("textproto"))
        with anteroomd.Running(
            f"--config={self.config}", anteroomd.FREE_PORT, program=EXAMPLE
        ) as example:
            answers = asyncio.run(
                asyncio.wait_for(tally(example.address()), anteroomd.BOUND)
            )
            self.assertEqual(answers, [5, 5, 0])
            example.terminate()
            self.assertEqual(example.ended()[0], 0)

    def test_its_main_is_the_readmes(self):
        main = (ROOT / "server/example/main.cc").read_text()
        words = block("cpp").split()
        self.assertIn("".join(words), "".join(main.split()))

    def test_a_kind_that_it_has_not_is_refused_with_those_that_it_has(self):
        said = self.refused('resources { name: "a" custom { kind: "b" } }')
        self.assertIn("resources[0].custom.kind", said)
        self.assertIn("counter", said)

    def test_a_bad_parameter_is_refused_by_its_path(self):
        said = self.refused(block("textproto").replace("200", "-1"))
        self.assertIn("resources[0].custom.parameters.warm_up_ms", said)


if __name__ == "__main__":
    unittest.main()

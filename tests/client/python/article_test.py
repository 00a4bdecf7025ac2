"""Each example, a process of its own, prints exactly what it is to print."""

import re
import subprocess
import sys
import unittest

from server_process import BOUND, ENVIRONMENT, ROOT, ServerProcess

EXAMPLES = ROOT / "client/python/examples"


class ArticleTest(unittest.TestCase):
    def run_python(self, *arguments):
        """What the program printed, which must have gone well."""
        ended = subprocess.run(
            [sys.executable, *arguments],
            env=ENVIRONMENT,
            capture_output=True,
            timeout=BOUND,
        )
        self.assertEqual(ended.stderr.decode(), "")
        self.assertEqual(ended.returncode, 0)
        return ended.stdout.decode()

    def assert_prints_what_is_expected(self, name, config=None):
        with ServerProcess(config) as process:
            printed = self.run_python(EXAMPLES / f"{name}.py", process.address)
        expected = (ROOT / f"tests/article/{name}.expected").read_bytes()
        self.assertEqual(printed, expected.decode())

    def test_program_1_uses_a_plain_object(self):
        self.assert_prints_what_is_expected("program_1")

    def test_program_2_awaits_the_object(self):
        self.assert_prints_what_is_expected("program_2")

    def test_program_3_enters_without_awaiting(self):
        self.assert_prints_what_is_expected("program_3")

    def test_program_4_awaits_on_enter(self):
        self.assert_prints_what_is_expected("program_4")

    def test_beyond_the_article(self):
        config = EXAMPLES / "beyond_the_article.textproto"
        self.assert_prints_what_is_expected("beyond_the_article", config.read_text())

    def test_the_readmes_program_prints_what_the_readme_says(self):
        readme = (ROOT / "README.md").read_text()
        program = re.search(r"```python\n(.*?)```", readme, re.DOTALL)[1]
        with ServerProcess() as process:
            here = program.replace("127.0.0.1:50051", process.address)
            self.assertNotEqual(here, program)
            printed = self.run_python("-c", here)
        said = re.search(r"It prints (.*?)\.", readme, re.DOTALL)[1]
        words = re.sub(r"[^\w\s]|\b(its own|then)\b", "", said).split()
        self.assertEqual(printed.split(), words)


if __name__ == "__main__":
    unittest.main()

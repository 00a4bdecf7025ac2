"""Each example, a process of its own, prints exactly what it is to print."""

import subprocess
import sys
import unittest

from server_process import BOUND, ENVIRONMENT, ROOT, ServerProcess

EXAMPLES = ROOT / "client/python/examples"


class ArticleTest(unittest.TestCase):
    def assert_prints_what_is_expected(self, name, config=None):
        with ServerProcess(config) as process:
            ended = subprocess.run(
                [sys.executable, EXAMPLES / f"{name}.py", process.address],
                env=ENVIRONMENT,
                capture_output=True,
                timeout=BOUND,
            )
        expected = (ROOT / f"tests/article/{name}.expected").read_bytes()
        self.assertEqual(ended.stdout.decode(), expected.decode())
        self.assertEqual(ended.stderr.decode(), "")
        self.assertEqual(ended.returncode, 0)

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


if __name__ == "__main__":
    unittest.main()

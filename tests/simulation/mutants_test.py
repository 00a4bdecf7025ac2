"""Every mutant still applies: its line is in its file, once."""

import unittest

import mutate
from mutants import MUTANTS


class MutantsTest(unittest.TestCase):
    def test_every_mutant_applies(self):
        for mutant in MUTANTS:
            with self.subTest(mutant.name):
                file = mutate.ROOT / "server/lifecycle" / mutant.file
                text = file.read_text()
                self.assertNotEqual(mutate.apply(text, mutant), text)

    def test_names_are_unique(self):
        names = [mutant.name for mutant in MUTANTS]
        self.assertEqual(len(names), len(set(names)))

    def test_a_mutant_changes_one_line(self):
        for mutant in MUTANTS:
            before = mutant.before.splitlines()
            after = mutant.after.splitlines()
            with self.subTest(mutant.name):
                if len(before) == len(after):
                    changed = sum(b != a for b, a in zip(before, after))
                    self.assertEqual(changed, 1)
                else:
                    self.assertGreaterEqual(len(before) - len(after), 1)


if __name__ == "__main__":
    unittest.main()

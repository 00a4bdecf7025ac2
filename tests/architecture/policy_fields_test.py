"""Tests that each field of Policy has a test of the lifecycle by its name."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def fields_of_policy():
    """The names of all fields of the message Policy."""
    proto = (ROOT / "proto/anteroom/v1/config.proto").read_text()
    body = re.search(r"^message Policy \{\n(.*?)^\}", proto, re.S | re.M).group(1)
    return re.findall(r"^  (?:optional )?[\w.]+ (\w+) = \d+;", body, re.M)


def names_of_tests():
    """The names of all tests that a policy acts on."""
    names = []
    for folder in ("lifecycle", "service"):
        for path in (ROOT / "tests" / folder).glob("*_test.cc"):
            names += re.findall(
                r"^TEST(?:_[FP])?\(\s*\w+,\s*(\w+)\)", path.read_text(), re.M
            )
    return names


class PolicyFieldsTest(unittest.TestCase):
    def test_each_field_has_a_test_by_its_name(self):
        fields = fields_of_policy()
        self.assertEqual(len(fields), 24, fields)
        tests = names_of_tests()
        for field in fields:
            word = "".join(part.capitalize() for part in field.split("_"))
            with self.subTest(field=field):
                self.assertTrue(
                    [name for name in tests if word in name],
                    f"no test has {word} in its name",
                )


if __name__ == "__main__":
    unittest.main()

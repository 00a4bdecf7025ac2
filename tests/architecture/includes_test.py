"""Tests that the tree keeps to its floors, and that the check would notice."""

import pathlib
import tempfile
import unittest

import includes

ROOT = pathlib.Path(__file__).resolve().parents[2]


class ThisRepositoryTest(unittest.TestCase):
    def test_keeps_to_its_floors(self):
        faults = includes.check(ROOT)
        self.assertFalse(faults, "\n" + "\n".join(faults))

    def test_has_sources_to_check(self):
        self.assertTrue((ROOT / "server/coro/task.h").is_file())


class PlantedTreeTest(unittest.TestCase):
    """Each test plants one file into a clean small tree."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        for name in includes.TOP_LEVEL:
            self.plant(f"{name}/a" if "." not in name else name)
        for name in (
            "server/error/error.h",
            "server/coro/task.h",
            "server/kinds/hello/hello.h",
            "server/kinds/process/process.h",
            "server/rpc/unary.h",
            "server/service/service.h",
            "server/config/config.h",
            "server/main.cc",
        ):
            self.plant(name)
        self.plant("server/lifecycle/pool.h", '#include "server/coro/task.h"')

    def plant(self, name, line=""):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"// {name}\n{line}\n")

    def assert_clean(self):
        self.assertEqual(includes.check(self.root), [])

    def assert_only_fault(self, fault):
        self.assertEqual(includes.check(self.root), [fault])

    def test_a_clean_tree_has_no_fault(self):
        self.assert_clean()

    def test_a_floor_may_include_what_stands_below_it(self):
        self.plant("server/service/a.cc", '#include "server/lifecycle/pool.h"')
        self.plant("server/rpc/a.cc", "#include <grpcpp/grpcpp.h>")
        self.plant("server/kinds/hello/deep/a.h", '#include "server/coro/task.h"')
        self.plant("server/config/a.cc", '#include "server/kinds/hello/hello.h"')
        self.plant("server/main.cc", '#include "server/config/config.h"')
        self.assert_clean()

    def test_a_floor_may_not_include_what_stands_above_it(self):
        self.plant("server/coro/a.h", '#include "server/lifecycle/pool.h"')
        self.assert_only_fault(
            "server/coro/a.h:2: includes server/lifecycle/pool.h: "
            "server/coro may include nothing of ours"
        )

    def test_siblings_may_not_include_each_other(self):
        self.plant("server/rpc/a.cc", '#  include "server/lifecycle/pool.h"')
        self.assert_only_fault(
            "server/rpc/a.cc:2: includes server/lifecycle/pool.h: "
            "server/rpc may include server/coro, server/error, gRPC and Protobuf"
        )

    def test_a_kind_may_not_include_another_kind(self):
        self.plant(
            "server/kinds/hello/a.h", '#include "server/kinds/process/process.h"'
        )
        self.assert_only_fault(
            "server/kinds/hello/a.h:2: includes server/kinds/process/process.h: "
            "server/kinds/hello may include server/lifecycle, server/coro, "
            "server/error"
        )

    def test_a_kind_that_calls_out_may_include_the_floor_of_calls(self):
        self.plant("server/kinds/provider/a.cc", '#include "server/rpc/unary.h"')
        self.plant("server/kinds/process/a.cc", "#include <grpcpp/channel.h>")
        self.plant("server/config/a.cc", '#include "server/kinds/process/process.h"')
        self.assert_clean()

    def test_lifecycle_and_coro_know_neither_grpc_nor_protobuf(self):
        for folder in ("lifecycle", "coro", "error", "kinds/hello"):
            for header in (
                "<grpcpp/server.h>",
                "<grpc/grpc.h>",
                "<google/protobuf/message.h>",
                '"anteroom/v1/resource_service.pb.h"',
            ):
                with self.subTest(folder=folder, header=header):
                    name = f"server/{folder}/a.cc"
                    self.plant(name, f"#include {header}")
                    self.assert_only_fault(
                        f"{name}:2: includes {header[1:-1]}: server/{folder} "
                        "knows neither gRPC nor Protobuf"
                    )
                    (self.root / name).unlink()

    def test_neither_do_their_tests(self):
        self.plant("tests/lifecycle/a_test.cc", "#include <grpcpp/server.h>")
        self.plant("tests/rpc/a_test.cc", "#include <grpcpp/server.h>")
        self.assert_only_fault(
            "tests/lifecycle/a_test.cc:2: includes grpcpp/server.h: "
            "tests/lifecycle knows neither gRPC nor Protobuf"
        )

    def test_nothing_includes_main(self):
        self.plant("tests/service/a_test.cc", '#include "server/main.cc"')
        self.assert_only_fault(
            "tests/service/a_test.cc:2: includes the source file server/main.cc"
        )

    def test_the_server_includes_nothing_of_the_tests(self):
        self.plant("tests/support/fake_clock.h")
        self.plant("server/main.cc", '#include "tests/support/fake_clock.h"')
        self.assert_only_fault(
            "server/main.cc:2: includes tests/support/fake_clock.h: "
            "the server does not know its tests"
        )

    def test_includes_start_at_the_root(self):
        self.plant("server/lifecycle/a.cc", '#include "pool.h"')
        self.assert_only_fault(
            "server/lifecycle/a.cc:2: includes pool.h: "
            "write its path from the repository's root"
        )

    def test_an_included_file_of_ours_exists(self):
        self.plant("server/lifecycle/a.cc", '#include "server/coro/gone.h"')
        self.assert_only_fault(
            "server/lifecycle/a.cc:2: includes server/coro/gone.h, "
            "which does not exist"
        )

    def test_a_new_folder_needs_a_floor(self):
        self.plant("server/misc/a.h", "#include <grpcpp/server.h>")
        self.assert_only_fault(
            "server/misc/a.h: server/misc is on no floor; give it one in "
            "MAY_INCLUDE (tests/architecture/includes.py)"
        )

    def test_the_top_level_holds_nothing_else(self):
        self.plant("utils/a.h")
        self.plant(".hidden/a")
        self.plant("build/dev/a")
        self.assert_only_fault("utils: has no place at the top level of the repository")

    def test_the_top_level_lacks_nothing(self):
        (self.root / "LICENSE/a").unlink()
        (self.root / "LICENSE").rmdir()
        self.assert_only_fault("LICENSE: is missing at the top level of the repository")


if __name__ == "__main__":
    unittest.main()

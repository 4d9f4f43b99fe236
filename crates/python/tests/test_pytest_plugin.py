"""The fixture `bus`, in tests that pytest runs for these tests."""

import platform
import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="a program can step itself on x86-64 only"
)


def run(pytester: pytest.Pytester, test: str) -> pytest.RunResult:
    pytester.makepyfile(test)
    # This process has its fault handler already.
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:faulthandler")


def test_what_comes_out_exactly_passes(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import busprobe

        def test_expected(bus):
            dev = bus.device(4096)
            with bus.expect(dev, "W 0x0 4x32") as t:
                dev.u32[0:4] = [1, 2, 3, 4]
            assert [access.data for access in t] == [1, 2, 3, 4]

        def test_exact(bus):
            mm = bus.memory(4096)
            with bus.exact(mm):
                memoryview(mm).cast("I")[5] = 1

        def test_watched(bus):
            mm = bus.memory(4096)
            with bus.watch(mm) as t:
                mm[0:4] = b"abcd"
            assert len(t) == 2
        """,
    )
    result.assert_outcomes(passed=3)


def test_what_does_not_fails_with_accesses_verdict_and_the_exact_call(
    pytester: pytest.Pytester,
) -> None:
    result = run(
        pytester,
        """
        def test_a_block(bus):
            mm = bus.memory(4096)
            with bus.expect(mm, "W 0x0 4x32"):
                memoryview(mm).cast("I")[0:4] = memoryview(bytes(16)).cast("I")

        def test_a_lot(bus):
            dev = bus.device(4096)
            with bus.exact(dev):
                for word in range(100):
                    dev.u32[99 - word] = 1
        """,
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*the bus did not see what was meant",
            "*W 0x0 4x32: 8 writes for 4 words*",
            "*at */test_what_does_not_fails_with_accesses_verdict_and_the_exact_call.py:4",
            '*write instead: busprobe.view(mm, "I")[[]0:4[]] = data',
            "*W addr 0x0 data 0x0 size *",
            "*... and 60 more",
        ]
    )
    shown = result.stdout.str()
    assert "pytest_plugin.py" not in shown and "contextlib.py" not in shown


def test_nothing_at_all_is_not_what_was_meant(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        def test_nothing(bus):
            with bus.expect(bus.device(4096), "W 0x0 4x32"):
                pass
        """,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*nothing was put on the bus, and this was meant: W 0x0 4x32*"])


def test_an_error_in_the_block_is_the_error_that_is_shown(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        def test_error(bus):
            with bus.expect(bus.device(4096), "W 0x0 4x32"):
                raise KeyError("mine")
        """,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*KeyError: 'mine'*"])


def test_the_plugin_imports_little_while_nobody_uses_it() -> None:
    program = "import sys, pytest; before = set(sys.modules); import busprobe.pytest_plugin\n"
    program += "print(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    loaded = set(done.stdout.split()) - {"mmap"}
    assert loaded == {
        "busprobe",
        "busprobe._busprobe",
        "busprobe.errors",
        "busprobe.pytest_plugin",
    }

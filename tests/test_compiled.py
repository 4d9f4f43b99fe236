"""Programs in Go and Rust, as their compilers and libraries make them."""

import subprocess
from pathlib import Path

import pytest

from capture import Seen, need, trace

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    at = tmp_path_factory.mktemp("go")
    program = at / "program"
    build = [need("go", "golang-go"), "build", "-o", str(program), str(PROGRAMS / "window.go")]
    subprocess.run(build, check=True, cwd=at)
    return _trace(program, at)


@pytest.fixture(scope="module")
def rust(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    at = tmp_path_factory.mktemp("rust")
    program = at / "program"
    build = ["rustc", "-O", "--edition", "2024", "-o", str(program), str(PROGRAMS / "window.rs")]
    subprocess.run(build, check=True, cwd=at)
    return _trace(program, at)


def _trace(program: Path, at: Path) -> Seen:
    window = at / "window.bin"
    window.write_bytes(bytes(65536))
    return trace(window, [program, window])


def test_go_has_no_libc_and_copies_by_its_own_runtime(go: Seen) -> None:
    (
        pointer,
        index,
        little_endian,
        copy_4,
        copy_24,
        store,
        load,
        add,
        clear,
        threads,
    ) = go.parts()
    # A store through a pointer and a load of an element are what they look like.
    assert pointer == ["W0/4"]
    assert index == ["R3/1"]
    # PutUint32 is written as four stores of a byte, which the compiler merges when it can prove
    # them neighbours: through a slice that another function shares, it cannot.
    assert little_endian in (["W8/1", "W9/1", "Wa/1", "Wb/1"], ["W8/4"])
    # Exactly 4 bytes are one store, where glibc makes two. 24 bytes are two that overlap.
    assert copy_4 == ["W0/4"]
    assert copy_24 == ["W0/16", "W8/16"]
    # sync/atomic stores by an exchange, which reads.
    assert store == ["R4/4", "W4/4"]
    assert load == ["R4/4"]
    assert add == ["R4/4", "W4/4"]
    # The loop that clears a slice becomes a call of the runtime.
    assert clear == ["W10/16", "W20/16"]
    assert {"runtime.memmove", "runtime.memclrNoHeapPointers"} <= go.functions()
    # Four goroutines on as many threads as the runtime likes: 400 additions, none lost or doubled.
    assert threads == ["R40/4", "W40/4"] * 400


def test_go_threads_see_one_another_in_order(go: Seen) -> None:
    counted = [
        int(access["data"], 16)
        for access in go.of("access")
        if access["offset"] == 0x40 and access["dir"] == "W"
    ]
    assert counted == list(range(1, 401))
    assert go.of("loss") == []


def test_rust_is_exact_where_it_is_volatile(rust: Seen) -> None:
    volatile_write, volatile_read, *_ = rust.parts()
    assert volatile_write == ["W0/4"]
    assert volatile_read == ["R0/4"]


def test_rust_copies_slices_as_wide_as_it_can(rust: Seen) -> None:
    _, _, copy_16, copy_64, fill, *_, loop = rust.parts()
    # Of a length that the compiler knows, a slice is copied in place, in one register.
    assert copy_16 == ["W0/16"]
    # Of any other, by memcpy: here the head in order, and then the tail from its end.
    assert copy_64 == ["W0/16", "W10/16", "W30/16", "W20/16"]
    # memset of 48 bytes: two from the start and two up to the end, which overlap.
    assert fill == ["W0/16", "W10/16", "W10/16", "W20/16"]
    # A loop over bytes is no loop over bytes once it is compiled.
    assert loop == ["W0/16", "W10/16", "W20/16", "W30/16"]


def test_rust_atomics_read_unless_they_are_relaxed(rust: Seen) -> None:
    *_, relaxed, sequential, fetch_or, _ = rust.parts()
    assert relaxed == ["W4/4"]
    # A store in sequential consistency is an exchange on x86-64.
    assert sequential == ["R4/4", "W4/4"]
    assert fetch_or == ["R4/4", "W4/4"]
    assert rust.of("loss") == []

"""Folding: a machine that waits takes little, and goes on from exactly where it was."""

import ctypes
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.vm.support import link
from wapo.engine.difference import Difference
from wapo.engine.engine import Engine
from wapo.engine.folding import MAX_FOLD_BYTES, fold, unfold
from wapo.engine.image import MemoryImage, _scanner, own_pages
from wapo.engine.instance import Instance, StoreLimits
from wapo.engine.linker import LinkedModule

SIZE = 64 * 65536
GROWN = SIZE + 65536
PAGE = 4096

WRITES = st.lists(st.tuples(st.integers(0, GROWN - 10_000), st.binary(min_size=1, max_size=10_000)), max_size=12)


@pytest.fixture(scope="module")
def linked(engine: Engine) -> LinkedModule:
    return link(
        engine, '(module (memory (export "memory") 64 1000) (func (export "wapo_poll") (result i32) (i32.const 1)))'
    )


@pytest.fixture(scope="module")
def image(linked: LinkedModule) -> Iterator[MemoryImage]:
    """An image with something on every third page."""
    instance = Instance(linked, StoreLimits())
    for at in range(0, SIZE, 3 * PAGE):
        instance.write(at, os.urandom(100))
    made = MemoryImage.capture(instance)
    instance.close()
    yield made
    made.close()


@pytest.fixture
def instance(linked: LinkedModule, image: MemoryImage) -> Iterator[Instance]:
    made = Instance(linked, StoreLimits())
    image.restore(made)
    yield made
    made.close()


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(writes=WRITES)
def test_what_is_unfolded_is_what_was_folded(
    linked: LinkedModule, image: MemoryImage, writes: list[tuple[int, bytes]]
) -> None:
    """Whatever was written wherever, in the image's part and beyond, and written back to what it was."""
    instance = Instance(linked, StoreLimits())
    image.restore(instance)
    instance.grow_to(GROWN)
    original = instance.read(0, SIZE)
    for at, data in writes:
        instance.write(at, data)
    if writes:
        at, data = writes[0]
        instance.write(min(at, SIZE - len(data)), original[min(at, SIZE - len(data)) :][: len(data)])
    before = instance.read(0, GROWN)
    difference = fold(instance)
    if difference is not None:
        assert own_pages(instance.base, instance.base + GROWN) == []
        assert instance.read(0, SIZE) == original
        unfold(instance, difference)
    else:
        assert not writes
    assert instance.read(0, GROWN) == before
    instance.close()


def test_a_folded_machine_takes_what_it_has_changed(instance: Instance) -> None:
    """A byte in each of a hundred pages is not a hundred pages."""
    for at in range(0, 100 * PAGE, PAGE):
        instance.write(at + 2000, b"\1")
    difference = fold(instance)
    assert difference is not None
    assert difference.bytes_kept < 100 * 1100


def test_a_page_that_is_as_it_was_takes_nothing(instance: Instance) -> None:
    instance.write(0, instance.read(0, 10 * PAGE))
    difference = fold(instance)
    assert difference is not None
    assert difference.bytes_kept == 0


def test_a_machine_can_be_folded_again_and_then_reset(instance: Instance, image: MemoryImage) -> None:
    original = instance.read(0, SIZE)
    for turn in range(3):
        instance.write(5000 * turn, b"turn")
        before = instance.read(0, SIZE)
        difference = fold(instance)
        assert difference is not None
        unfold(instance, difference)
        assert instance.read(0, SIZE) == before
    assert image.reset(instance)
    assert instance.read(0, SIZE) == original


def test_what_cannot_be_folded_is_left_alone(
    linked: LinkedModule, instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No image, an image that was closed, too much written, an old kernel."""
    plain = Instance(linked, StoreLimits())
    plain.write(0, b"kept")
    assert fold(plain) is None
    short_lived = MemoryImage.capture(plain)
    other = Instance(linked, StoreLimits())
    short_lived.restore(other)
    short_lived.close()
    other.write(10, b"kept too")
    assert fold(other) is None
    assert other.read(0, 18) == b"kept\0\0\0\0\0\0kept too"
    plain.close()
    other.close()
    instance.write(0, b"x" * (MAX_FOLD_BYTES + PAGE))
    assert fold(instance) is None
    assert instance.read(MAX_FOLD_BYTES, 1) == b"x"
    monkeypatch.setattr(_scanner, "_works", False)
    assert fold(instance) is None


@given(seed=st.integers(0, 255), changes=st.lists(st.integers(0, 3 * PAGE - 1), max_size=8))
def test_a_difference_survives_being_written_down(seed: int, changes: list[int]) -> None:
    old = bytes((seed + at * at) % 256 for at in range(2 * PAGE))
    new = bytearray(old + bytes(PAGE))
    for at in changes:
        new[at] ^= 0xFF
    before = ctypes.create_string_buffer(old, len(old))
    after = ctypes.create_string_buffer(bytes(new), len(new))
    place = ctypes.create_string_buffer(old + bytes(PAGE), len(new))
    pages = [(0, PAGE), (PAGE, 3 * PAGE)]
    difference = Difference.between(ctypes.addressof(before), len(old), ctypes.addressof(after), pages)
    Difference.decode(difference.encode()).apply(ctypes.addressof(place))
    assert place.raw == new

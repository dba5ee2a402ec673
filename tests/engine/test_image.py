"""Images and pools: every machine starts from the same bytes, whatever ran before."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.vm.support import link
from wapo.engine.engine import Engine
from wapo.engine.errors import InvalidModule
from wapo.engine.image import MAX_RESET_BYTES, MemoryImage, _scanner
from wapo.engine.instance import Instance, MemoryFault, StoreLimits
from wapo.engine.linker import LinkedModule
from wapo.engine.pool import InstancePool

SIZE = 64 * 65536
PAGE = 4096


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


@pytest.fixture(scope="module")
def original(linked: LinkedModule, image: MemoryImage) -> bytes:
    instance = Instance(linked, StoreLimits())
    image.restore(instance)
    data = instance.read(0, SIZE)
    instance.close()
    return data


def test_pages_of_zeros_take_no_room(image: MemoryImage) -> None:
    assert image.size == SIZE
    assert image.stored_bytes <= SIZE // 3 + PAGE


def test_an_image_cannot_be_changed(linked: LinkedModule, image: MemoryImage) -> None:
    """The file is sealed: not even this process can poison it."""
    with pytest.raises(OSError, match="not permitted"):
        os.pwrite(image._descriptor, b"x", 0)
    with pytest.raises(OSError, match="not permitted"):
        os.ftruncate(image._descriptor, 0)


def test_what_one_machine_writes_no_other_sees(linked: LinkedModule, image: MemoryImage, original: bytes) -> None:
    first, second = Instance(linked, StoreLimits()), Instance(linked, StoreLimits())
    image.restore(first)
    image.restore(second)
    first.write(0, b"x" * SIZE)
    assert second.read(0, SIZE) == original
    third = Instance(linked, StoreLimits())
    image.restore(third)
    assert third.read(0, SIZE) == original
    for instance in (first, second, third):
        instance.close()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    runs=st.lists(
        st.lists(st.tuples(st.integers(0, SIZE - 20_000), st.binary(min_size=1, max_size=20_000)), max_size=12),
        min_size=1,
        max_size=4,
    )
)
def test_a_reset_machine_is_the_image_byte_for_byte(
    linked: LinkedModule, image: MemoryImage, original: bytes, runs: list[list[tuple[int, bytes]]]
) -> None:
    """Whatever was written wherever, in whichever run, nothing of it is left."""
    instance = Instance(linked, StoreLimits())
    image.restore(instance)
    for writes in (*runs, runs[0]):
        for at, data in writes:
            instance.write(at, data)
        assert image.reset(instance)
        assert instance.read(0, SIZE) == original
    instance.close()


def test_the_kernel_is_asked_again_only_after_a_page_fault(
    linked: LinkedModule, image: MemoryImage, original: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    scan = _scanner.own_pages
    monkeypatch.setattr(_scanner, "own_pages", lambda start, end: asked.append(start) or scan(start, end))
    instance = Instance(linked, StoreLimits())
    image.restore(instance)
    instance.write(5 * PAGE, b"first")
    assert image.reset(instance)
    assert len(asked) == 1
    page = bytes(PAGE)
    for _ in range(20):  # the interpreter's own heap may cause a fault now and then
        instance.write(5 * PAGE, page)
        assert image.reset(instance)
    assert len(asked) < 20
    before = len(asked)
    instance.write(700 * PAGE, b"a page that was the file's until now")
    assert image.reset(instance)
    assert len(asked) == before + 1
    assert instance.read(0, SIZE) == original
    instance.close()


def test_what_the_kernel_writes_on_behalf_of_the_host_is_noticed(
    linked: LinkedModule, image: MemoryImage, original: bytes
) -> None:
    """As when bytes go from a socket straight into a machine."""
    instance = Instance(linked, StoreLimits())
    image.restore(instance)
    assert image.reset(instance)
    for at in range(0, SIZE, 97 * PAGE):
        reader, writer = os.pipe()
        os.write(writer, b"secret")
        os.readv(reader, [instance.view(at, 6)])
        os.close(reader)
        os.close(writer)
        assert image.reset(instance)
        assert instance.read(0, SIZE) == original
    instance.close()


def test_a_machine_that_wrote_a_lot_is_not_reset(linked: LinkedModule, engine: Engine) -> None:
    big = Instance(linked, StoreLimits())
    big.grow_to(MAX_RESET_BYTES * 4)
    image = MemoryImage.capture(big)
    big.close()
    instance = Instance(linked, StoreLimits())
    image.restore(instance)
    for at in range(0, MAX_RESET_BYTES * 4 - 20 * PAGE, 10 * PAGE):
        instance.write(at, b"x" * (6 * PAGE))
    assert not image.reset(instance)
    instance.close()
    image.close()


def test_a_machine_whose_memory_has_grown_is_not_reset(linked: LinkedModule, image: MemoryImage) -> None:
    instance = Instance(linked, StoreLimits())
    image.restore(instance)
    instance.grow_to(SIZE + 65536)
    assert not image.reset(instance)
    instance.close()


def test_without_the_kernels_help_machines_are_made_anew(
    linked: LinkedModule, image: MemoryImage, original: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before Linux 6.7 there is no PAGEMAP_SCAN: slower, and just as clean."""
    monkeypatch.setattr(_scanner, "_works", False)
    pool = InstancePool(linked, image, StoreLimits())
    first = pool.take()
    first.write(0, b"left behind")
    pool.give_back(first, clean=True)
    assert len(pool) == 0
    second = pool.take()
    assert second.read(0, SIZE) == original
    second.close()
    pool.close()


def test_an_image_does_not_fit_a_smaller_limit(linked: LinkedModule) -> None:
    big = Instance(linked, StoreLimits())
    big.grow_to(SIZE * 2)
    image = MemoryImage.capture(big)
    big.close()
    small = Instance(linked, StoreLimits(memory_bytes=SIZE))
    with pytest.raises(InvalidModule, match="grow"):
        image.restore(small)
    small.close()
    image.close()


def test_a_pool_gives_back_what_is_clean_only(linked: LinkedModule, image: MemoryImage, original: bytes) -> None:
    pool = InstancePool(linked, image, StoreLimits(), max_spare=2)
    taken = [pool.take() for _ in range(4)]
    for index, instance in enumerate(taken):
        instance.write(0, b"left behind")
        pool.give_back(instance, clean=index != 0)
    assert len(pool) == 2
    again = pool.take()
    assert again in taken[1:]
    assert again.read(0, SIZE) == original
    pool.give_back(again, clean=True)
    pool.close()
    assert len(pool) == 0


def test_spares_that_nobody_needs_are_freed(linked: LinkedModule, image: MemoryImage) -> None:
    pool = InstancePool(linked, image, StoreLimits())
    taken = [pool.take() for _ in range(5)]
    for instance in taken:
        pool.give_back(instance, clean=True)
    pool.trim()
    assert len(pool) == 5  # they were all needed since the last look
    pool.give_back(pool.take(), clean=True)
    assert pool.trim() == 1
    pool.close()


@given(st.integers(0, 1 << 32), st.integers(0, 1 << 32))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_ranges_are_checked_whatever_the_numbers(linked: LinkedModule, pointer: int, length: int) -> None:
    """A range is readable exactly if it lies inside the memory."""
    instance = Instance(linked, StoreLimits())
    try:
        instance.check(pointer, length)
        inside = True
    except MemoryFault:
        inside = False
    finally:
        instance.close()
    assert inside == (pointer + length <= SIZE)


def test_an_image_in_a_file_is_the_same_byte_for_byte(
    linked: LinkedModule, image: MemoryImage, original: bytes
) -> None:
    encoded = image.encode()
    assert len(encoded) < image.stored_bytes + 64 * (SIZE // PAGE)  # holes take no room
    again = MemoryImage.decode(memoryview(encoded))
    instance = Instance(linked, StoreLimits())
    again.restore(instance)
    assert instance.read(0, SIZE) == original
    assert (again.size, again.stored_bytes) == (image.size, image.stored_bytes)
    with pytest.raises(OSError, match="not permitted"):
        os.pwrite(again._descriptor, b"x", 0)
    instance.close()
    again.close()


def test_an_image_of_nothing_but_zeros_can_be_in_a_file(linked: LinkedModule) -> None:
    instance = Instance(linked, StoreLimits())
    empty = MemoryImage.capture(instance)
    again = MemoryImage.decode(memoryview(empty.encode()))
    assert (again.size, again.stored_bytes) == (SIZE, 0)
    for closing in (instance, empty, again):
        closing.close()

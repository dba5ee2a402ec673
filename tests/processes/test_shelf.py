"""Images that workers share: made once, by somebody, whoever dies meanwhile."""

import os
from collections.abc import Iterator

import pytest

from wapo.processes.shelf import ImageShelf


class Asker:
    """A worker that wants images."""

    def __init__(self, shelf: ImageShelf) -> None:
        self.shelf = shelf
        self.answers: list[bytes | None] = []

    def want(self, key: str = "key") -> None:
        self.shelf.want(self, key, lambda about, _descriptor: self.answers.append(about))


@pytest.fixture
def shelf() -> Iterator[ImageShelf]:
    opened = ImageShelf(1000)
    yield opened
    opened.close()


def image() -> int:
    return os.memfd_create("image")


def test_who_asks_first_makes_it_and_others_wait_for_it(shelf: ImageShelf) -> None:
    one, two, late = Asker(shelf), Asker(shelf), Asker(shelf)
    one.want()
    two.want()
    assert (one.answers, two.answers) == ([None], [])
    shelf.put("key", image(), 100, b"about")
    late.want()
    assert (one.answers, two.answers, late.answers) == ([None], [b"about"], [b"about"])


@pytest.mark.parametrize("how", ["gone", "give_up"])
def test_when_the_maker_fails_who_waits_longest_makes_it(shelf: ImageShelf, how: str) -> None:
    one, two, three = Asker(shelf), Asker(shelf), Asker(shelf)
    for asker in (one, two, three):
        asker.want()
    shelf.gone(one) if how == "gone" else shelf.give_up(one, "key")
    assert (two.answers, three.answers) == ([None], [])
    shelf.give_up(one, "key")  # it is not one's any more
    assert three.answers == []
    shelf.gone(two)
    assert three.answers == [None]
    shelf.give_up(three, "key")
    one.want()
    assert one.answers == [None, None]


def test_who_is_gone_is_not_told_to_make_it(shelf: ImageShelf) -> None:
    one, two, three = Asker(shelf), Asker(shelf), Asker(shelf)
    for asker in (one, two, three):
        asker.want()
    shelf.gone(two)
    shelf.gone(one)
    assert (two.answers, three.answers) == ([], [None])


def test_those_that_nobody_asks_for_make_room(shelf: ImageShelf) -> None:
    descriptors = {key: image() for key in "abc"}
    shelf.put("a", descriptors["a"], 400, b"a")
    shelf.put("b", descriptors["b"], 400, b"b")
    asker = Asker(shelf)
    asker.want("a")
    shelf.put("c", descriptors["c"], 400, b"c")
    assert len(shelf) == 2
    asker.want("c")
    asker.want("b")
    assert asker.answers == [b"a", b"c", None]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptors["b"])


def test_one_that_is_larger_than_all_may_be_is_kept_until_the_next(shelf: ImageShelf) -> None:
    shelf.put("huge", image(), 5000, b"huge")
    assert len(shelf) == 1
    shelf.put("small", image(), 1, b"small")
    asker = Asker(shelf)
    asker.want("small")
    assert (len(shelf), asker.answers) == (1, [b"small"])


def test_one_that_is_made_twice_is_kept_once(shelf: ImageShelf) -> None:
    before = image()
    shelf.put("key", before, 600, b"before")
    shelf.put("key", image(), 600, b"after")
    asker = Asker(shelf)
    asker.want()
    assert (len(shelf), asker.answers) == (1, [b"after"])
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(before)

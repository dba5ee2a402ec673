"""Paths never lead out of a directory. One suite for the kernel's resolution and for the walk that stands in for it."""

import errno
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wapo.vm.wasi import beneath
from wapo.vm.wasi.beneath import locate
from wapo.vm.wasi.errno import Errno, Failure

Open = Callable[..., int]


def by_kernel(directory: int, path: bytes, flags: int, mode: int = 0) -> int:
    return beneath._open_by_kernel(directory, path, flags, mode)


def by_walking(directory: int, path: bytes, flags: int, mode: int = 0) -> int:
    return beneath.open_by_walking(directory, path, flags, mode)


@pytest.fixture(params=[by_kernel, by_walking])
def opens(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens beneath a directory, either way; so does ``locate`` then."""
    if request.param is by_kernel and not beneath.kernel_resolves():
        pytest.skip("this kernel has no openat2")
    monkeypatch.setattr(beneath, "kernel_resolves", lambda: request.param is by_kernel)
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def tree(tmp_path: Path) -> int:
    """A descriptor of ``root``, with a secret beside it, and symlinks of every kind in it."""
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("secret")
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / "file").write_text("inside")
    (root / "a" / "b" / "deep").write_text("inside")
    for name, target in {
        "up": "..", "up-file": "../secret", "up-dir": "../outside", "absolute": str(tmp_path / "secret"),
        "root-dir": "/", "good": "a/b/deep", "good-dir": "a/b", "around": "a/../a/b/../../file", "self": "self",
        "one": "two", "two": "one", "dangling": "nothing", "slash": "a/b/", "file-slash": "file/",
        "sly": "a/b/../../../secret", "chain": "good-dir/deep", "proc": "/proc/self/root", "back": "root/../file",
    }.items():  # fmt: skip
        (root / name).symlink_to(target)
    (root / "a" / "out").symlink_to("../../secret")
    (root / "a" / "in").symlink_to("../file")
    return os.open(root, os.O_RDONLY | os.O_DIRECTORY)


@pytest.fixture(autouse=True)
def leaks_nothing(tree: int) -> object:
    before = len(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) == before
    os.close(tree)


def number_of(call: Callable[[], object]) -> int | None:
    """The error number that a call ends with."""
    try:
        call()
    except OSError as error:
        return error.errno
    return None


def content(opens: Open, tree: int, path: bytes, flags: int = os.O_RDONLY) -> bytes:
    descriptor = opens(tree, path, flags)
    try:
        assert not os.get_inheritable(descriptor)
        return os.read(descriptor, 100)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(
    "path",
    [
        b"file", b"./file", b"a/../file", b"a//b/./../..//file", b"good", b"around", b"chain", b"good-dir/deep",
        b"good-dir/../../file", b"a/in", b"slash/deep", b"a/b/../../good",
    ],
)  # fmt: skip
def test_what_is_inside_is_found(opens: Open, tree: int, path: bytes) -> None:
    assert content(opens, tree, path) == b"inside"


@pytest.mark.parametrize(
    "path",
    [
        b"..", b"../", b"../secret", b"../root/file", b"a/../../secret", b"a/b/../../../secret", b"/", b"/etc/passwd",
        b"//etc/passwd", b"up", b"up/secret", b"up-file", b"up-dir/file", b"absolute", b"root-dir", b"root-dir/etc",
        b"sly", b"a/out", b"good-dir/../out", b"proc", b"proc/etc", b"good-dir/../../../secret", b"up/root/file",
        b"./..", b"a/./../..",
    ],
)  # fmt: skip
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_PATH, os.O_RDWR | os.O_CREAT])
def test_what_leads_out_is_refused(opens: Open, tree: int, path: bytes, flags: int) -> None:
    with pytest.raises(Failure) as caught:
        opens(tree, path, flags, 0o666 if flags & os.O_CREAT else 0)
    assert caught.value.errno is Errno.PERM


@pytest.mark.parametrize(
    ("path", "number"),
    [
        (b"nothing", errno.ENOENT), (b"nothing/x", errno.ENOENT), (b"file/", errno.ENOTDIR), (b"file/x", errno.ENOTDIR),
        (b"file/.", errno.ENOTDIR), (b"file/..", errno.ENOTDIR), (b"self", errno.ELOOP), (b"one/x", errno.ELOOP),
        (b"dangling", errno.ENOENT), (b"good/", errno.ENOTDIR), (b"file-slash", errno.ENOTDIR),
        (b"x" * 300, errno.ENAMETOOLONG), (b"back", errno.ENOENT),
    ],
)  # fmt: skip
def test_other_errors_are_the_systems(opens: Open, tree: int, path: bytes, number: int) -> None:
    assert number_of(lambda: opens(tree, path, os.O_RDONLY)) == number


@pytest.mark.parametrize("path", [b"good", b"up", b"absolute", b"self", b"dangling"])
def test_without_following_a_symlink_is_one(opens: Open, tree: int, path: bytes) -> None:
    assert number_of(lambda: opens(tree, path, os.O_RDONLY | os.O_NOFOLLOW)) == errno.ELOOP
    descriptor = opens(tree, path, os.O_PATH | os.O_NOFOLLOW)
    assert stat.S_ISLNK(os.fstat(descriptor).st_mode)
    os.close(descriptor)


@pytest.mark.parametrize("path", [b".", b"a", b"a/", b"a/b/..", b"good-dir", b"slash/", b"./", b"a/.", b"good-dir/.."])
def test_directories(opens: Open, tree: int, path: bytes) -> None:
    for flags in (os.O_RDONLY, os.O_RDONLY | os.O_DIRECTORY, os.O_PATH):
        descriptor = opens(tree, path, flags)
        assert stat.S_ISDIR(os.fstat(descriptor).st_mode)
        os.close(descriptor)


def test_making_files(opens: Open, tree: int, tmp_path: Path) -> None:
    make = os.O_RDWR | os.O_CREAT
    os.close(opens(tree, b"a/new", make, 0o600))
    assert stat.S_IMODE((tmp_path / "root" / "a" / "new").stat().st_mode) == 0o600
    os.close(opens(tree, b"dangling", make, 0o666))  # through the symlink, as everywhere
    assert (tmp_path / "root" / "nothing").exists()
    for path in (b"file", b"dangling", b"self", b"up-file"):
        with pytest.raises(FileExistsError):
            opens(tree, path, make | os.O_EXCL, 0o666)
    with pytest.raises(IsADirectoryError):
        opens(tree, b"b/", make, 0o666)
    with pytest.raises(IsADirectoryError):
        opens(tree, b"a/", make, 0o666)
    assert content(opens, tree, b"file", make) == b"inside"


def test_many_levels_and_many_symlinks(opens: Open, tree: int, tmp_path: Path) -> None:
    """Both have bounds, and end in an error."""
    (tmp_path / "root" / "link0").symlink_to("file")
    for number in range(1, 60):
        (tmp_path / "root" / f"link{number}").symlink_to(f"link{number - 1}")
    assert content(opens, tree, b"link39") == b"inside"
    assert number_of(lambda: opens(tree, b"link59", os.O_RDONLY)) == errno.ELOOP
    assert content(opens, tree, b"a/../" * 800 + b"file") == b"inside"
    deep = "/".join(["d"] * 200)
    (tmp_path / "root" / deep).mkdir(parents=True)
    if opens is by_walking:
        with pytest.raises(Failure):
            opens(tree, deep.encode(), os.O_RDONLY)


@pytest.mark.parametrize(
    ("path", "inside", "name"),
    [
        (b"file", b".", b"file"), (b"a/b/x", b"a/b", b"x"), (b"a/b/", b"a", b"b/"), (b"a///b//", b"a", b"b/"),
        (b".", b".", b"."), (b"a/..", b".", b"."), (b"a/b/..", b"a", b"."), (b"good-dir/x", b"a/b", b"x"),
        (b"up", b".", b"up"), (b"./", b".", b"."),
    ],
)  # fmt: skip
def test_the_last_component_and_where_it_is(opens: Open, tree: int, path: bytes, inside: bytes, name: bytes) -> None:
    parent, found = locate(tree, path)
    expected = opens(tree, inside, os.O_PATH)
    assert found == name
    assert os.path.sameopenfile(parent, expected)
    os.close(parent)
    os.close(expected)


@pytest.mark.parametrize(
    "path", [b"..", b"../x", b"/", b"/x", b"up/x", b"a/../..", b"root-dir/x", b"proc/x", b"a/out/x"]
)
def test_the_last_component_is_never_outside(opens: Open, tree: int, path: bytes) -> None:
    with pytest.raises((Failure, NotADirectoryError)) as caught:
        locate(tree, path)
    assert isinstance(caught.value, NotADirectoryError) or caught.value.errno is Errno.PERM


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from(
            ["", ".", "..", "a", "b", "file", "deep", "up", "up-dir", "good", "good-dir", "slash", "absolute", "self",
             "out", "in", "sly", "secret", "root", "nothing", "outside", "chain", "around"]
        ),
        min_size=1, max_size=9,
    )
)  # fmt: skip
def test_both_ways_agree_and_stay_inside(opens: Open, tree: int, tmp_path: Path, parts: list[str]) -> None:
    """Whatever is put together, both give the same file, inside, or the same error."""
    path = "/".join(parts).encode() or b"."

    def outcome(call: Open) -> object:
        try:
            descriptor = call(tree, path, os.O_PATH)
        except Failure as failure:
            return failure.errno
        except OSError as error:
            return error.errno
        try:
            return str(Path(f"/proc/self/fd/{descriptor}").readlink())
        finally:
            os.close(descriptor)

    found = outcome(by_walking)
    if beneath.kernel_resolves():
        assert outcome(by_kernel) == found
    if isinstance(found, str):
        assert found == str(tmp_path / "root") or found.startswith(f"{tmp_path / 'root'}/")


def test_a_tree_that_changes_meanwhile(opens: Open, tree: int, tmp_path: Path) -> None:
    """A directory is swapped with a symlink to the outside, again and again: what comes out is inside, or an error."""
    root = tmp_path / "root"
    (root / "swap").mkdir()
    (root / "swap" / "file").write_text("inside")
    (root / "evil").symlink_to("../outside")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            (root / "swap").rename(root / "saved")
            (root / "evil").rename(root / "swap")
            (root / "swap").rename(root / "evil")
            (root / "saved").rename(root / "swap")

    thread = threading.Thread(target=swap)
    thread.start()
    found = []
    try:
        for _ in range(500):
            try:
                found.append(content(opens, tree, b"a/../swap/../swap/file"))
            except (OSError, Failure):
                continue
    finally:
        stop.set()
        thread.join()
    assert set(found) <= {b"inside"}

"""A guest's paths: a sequence of calls on names, by both ways of resolving, in a tree with a secret beside it."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from tests.fuzz.target import Check, Target
from wapo.vm.wasi import beneath, names
from wapo.vm.wasi.errno import Failure

__all__ = ["FILES"]

_CALLS = 12
_SECRET = "not for guests"


@contextmanager
def _walking(yes: bool) -> Iterator[None]:
    """Whether the walk that stands in for the kernel is used."""
    kernel = beneath.kernel_resolves
    if yes:
        beneath.kernel_resolves = lambda: False  # type: ignore[assignment]
    try:
        yield
    finally:
        beneath.kernel_resolves = kernel


def _read(directory: int, path: bytes, flags: int) -> None:
    descriptor = beneath.open_beneath(directory, path, flags, 0o600 if flags & os.O_CREAT else 0)
    try:
        if not Path(f"/proc/self/fd/{descriptor}").is_dir():
            assert _SECRET.encode() not in os.read(descriptor, 100), path
    finally:
        os.close(descriptor)


def _do(directory: int, call: int, flag: int, path: bytes, other: bytes) -> None:
    match call % 9:
        case 0:
            _read(directory, path, (os.O_RDONLY, os.O_RDWR | os.O_CREAT, os.O_NOFOLLOW, os.O_DIRECTORY)[flag % 4])
        case 1:
            names.create_directory(directory, path)
        case 2:
            names.symlink(other, directory, path)
        case 3:
            names.rename(directory, path, directory, other)
        case 4:
            names.link(directory, path, directory, other)
        case 5:
            names.unlink(directory, path)
        case 6:
            names.remove_directory(directory, path)
        case 7:
            names.status(directory, path, follow=bool(flag & 1))
        case _:
            names.read_link(directory, path)


@asynccontextmanager
async def _opened(folder: Path) -> AsyncIterator[Check]:
    root, secret = folder / "root", folder / "secret"
    secret.write_text(_SECRET)

    async def check(case: bytes) -> None:
        root.mkdir()
        directory = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        before = len(os.listdir("/proc/self/fd"))
        try:
            with _walking(yes=bool(case[:1]) and case[0] & 1 == 1):
                for line in case[1:].split(b"\n")[:_CALLS]:
                    path, _, other = line[2:].partition(b">")
                    with suppress(OSError, Failure, ValueError):  # of NUL, which callers look for
                        _do(directory, line[0] if line else 0, line[1] if len(line) > 1 else 0, path, other)
            assert len(os.listdir("/proc/self/fd")) == before
        finally:
            os.close(directory)
            shutil.rmtree(root)
        assert sorted(path.name for path in folder.iterdir()) == ["secret"]
        assert secret.read_text() == _SECRET
        assert secret.stat().st_nlink == 1

    yield check


FILES: dict[str, Target] = {
    "wasi": Target(
        [
            b"0\x010a\n\x020l>a/../..\n\x000l/secret\n\x000a/../l/secret\n\x030a>b\n\x050b",
            b"1\x010a\n\x010a/b\n\x020a/b/up>../../../secret\n\x000a/b/up\n\x040a/b/up>x\n\x000x\n\x030a/b>c\n\x000c/up",
            b"0\x020s>.\n\x000s/s/s/../../secret\n\x011d/\n\x031d/>e/\n\x060e/\n\x070e/..\n\x080s\n\x001f\n\x070f/",
        ],
        _opened,
        (b"..", b"../", b"/", b"//", b"./", b"secret", b"l/", b"\n\x000", b"\n\x020", b"\n\x030", b"\n\x040", b">", b"\0"),
    ),
}  # fmt: skip

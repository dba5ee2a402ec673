"""What a specifier in an import means, and the source behind it.

A module is named by its address: ``ipfs://<cid>`` or ``ipfs://<cid>/<path>``, the CID in version 1 and the path's
segments percent-encoded where a URL needs that, so that one file of one directory is one module. ``./`` and ``../``
count from the importing module's address and never lead out of its directory. Modules of a file on this machine
(``wapo run``, ``wapo serve --local``) are named by their path below its folder.

Content is believed because of its hash, so what is imported by address is as much a part of a program as its own text.
"""

import asyncio
import hashlib
import re
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote, unquote

from wapo.content.cid import Cid
from wapo.content.errors import ContentNotFound, InvalidCid
from wapo.content.library import Library
from wapo.errors import HostError, UpstreamError, WapoError

__all__ = [
    "SCHEME", "ContentModules", "ImportRefused", "ImportUnavailable", "LocalModules", "Modules", "address_of",
    "imports_relative_files",
]  # fmt: skip

SCHEME: Final = "ipfs://"
_MAX_ASKED: Final = 2000
_MAX_LOCAL_BYTES: Final = 20 << 20
_ALLOWED: Final = (
    "only ipfs://<cid>[/<path>] and, in a published directory, ./ and ../ can be imported; bundle other packages into "
    "the program"
)
_RELATIVE: Final = re.compile(rb"""(?:\bfrom|\bimport\s*\(?)\s*(?:/\*[^*]{0,100}\*/\s*)?\Z""")
_OPENINGS: Final = tuple(quote_mark + dots for quote_mark in (b'"', b"'", b"`") for dots in (b"./", b"../"))
_LOOKED_BACK: Final = 160
_MAX_CANDIDATES: Final = 10_000


class ImportRefused(Exception):
    """An import that can never succeed. The text says why, for the program's author."""


class ImportUnavailable(Exception):
    """An import that has failed now: what it names could not be had."""


class Modules(Protocol):
    """Where a program's imports come from. One for any number of its runs."""

    def name(self, importer: str, specifier: str) -> str:
        """The module that a specifier means, in a file of that name.

        Raises:
            ImportRefused: it means none.
        """

    async def read(self, name: str) -> bytes:
        """The source of a module, by the name that :meth:`name` gave.

        Raises:
            ImportRefused: there is no such file, or it is none that can be imported.
            ImportUnavailable: nobody has it at the moment.
        """


def address_of(root: Cid, segments: tuple[str, ...]) -> str:
    """The name of a module."""
    return SCHEME + "/".join([str(root.v1()), *(quote(segment, safe="~!$&'()*+,;=:@") for segment in segments)])


def imports_relative_files(source: bytes) -> bool:
    """Whether a program's text has an import of ``./`` or ``../``: such a program is not its file alone, but its file
    in its directory. A look at the text, not a parser: what it finds in a comment or a string it finds, too.
    """
    candidates = 0
    for opening in _OPENINGS:
        at = source.find(opening)
        while at >= 0:
            candidates += 1
            if candidates > _MAX_CANDIDATES or _RELATIVE.search(source[max(0, at - _LOOKED_BACK) : at]):
                return True
            at = source.find(opening, at + 1)
    return False


class ContentModules:
    """Modules by hash."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def name(self, importer: str, specifier: str) -> str:
        if specifier.startswith(SCHEME):
            return _content_name(specifier)
        if not _is_relative(specifier):
            raise ImportRefused(_ALLOWED)
        return _content_name_beside(importer, specifier)

    async def read(self, name: str) -> bytes:
        root, _, path = name.removeprefix(SCHEME).partition("/")
        segments = tuple(map(unquote, path.split("/"))) if path else ()
        try:
            program = await self._library.program(Cid.parse(root), segments)
        except (UpstreamError, HostError, ContentNotFound) as error:
            raise ImportUnavailable(str(error)) from None
        except WapoError as error:
            raise ImportRefused(str(error)) from None
        if program.rest:
            raise ImportRefused(f"there is nothing at /{'/'.join(program.rest)} below a file")
        return program.read()


class LocalModules:
    """Files of this machine: those in the folder of the program's own file and below, and content beside them."""

    def __init__(self, folder: Path, content: Callable[[], Awaitable[Library]]) -> None:
        """``content`` gives the library when a program first imports by address."""
        self._folder = folder.resolve()
        self._content = content
        self._library: ContentModules | None = None
        self._asked: set[str] = set()
        self._opening = asyncio.Lock()

    def name(self, importer: str, specifier: str) -> str:
        if specifier.startswith(SCHEME):
            return _content_name(specifier)
        if not _is_relative(specifier):
            raise ImportRefused(_ALLOWED)
        if importer.startswith(SCHEME):
            return _content_name_beside(importer, specifier)
        return "/".join(_joined(tuple(importer.split("/")[:-1]), specifier))

    async def read(self, name: str) -> bytes:
        if name.startswith(SCHEME):
            async with self._opening:
                if self._library is None:
                    self._library = ContentModules(await self._content())
            return await self._library.read(name)
        if len(self._asked) < _MAX_ASKED:
            self._asked.add(name)
        return await asyncio.to_thread(self._file, name)

    def _file(self, name: str) -> bytes:
        try:
            path = (self._folder / name).resolve()
        except (OSError, ValueError):
            raise ImportRefused("that is no name of a file") from None
        if not path.is_relative_to(self._folder):
            raise ImportRefused(f"{name} leads out of {self._folder}")
        try:
            status = path.stat()
        except OSError as error:
            raise ImportRefused(f"{path}: {error.strerror}") from None
        if not stat.S_ISREG(status.st_mode):
            raise ImportRefused(f"{path} is not a file")
        if status.st_size > _MAX_LOCAL_BYTES:
            raise ImportRefused(f"{path} is larger than {_MAX_LOCAL_BYTES} bytes")
        try:
            return path.read_bytes()
        except OSError as error:
            raise ImportUnavailable(f"{path} cannot be read: {error.strerror}") from None

    def fingerprint(self) -> bytes:
        """Changes when a file changes that was imported since this object was made, or that was not there."""
        state = hashlib.sha256()
        for name in sorted(self._asked):
            try:
                content = hashlib.sha256(self._file(name)).digest()
            except (ImportRefused, ImportUnavailable):
                content = b""
            state.update(hashlib.sha256(name.encode(errors="replace")).digest() + content)
        return state.digest()


def _is_relative(specifier: str) -> bool:
    return specifier.startswith(("./", "../"))


def _content_name_beside(importer: str, specifier: str) -> str:
    root, slash, path = importer.removeprefix(SCHEME).partition("/")
    if not importer.startswith(SCHEME) or not slash:
        raise ImportRefused(
            "./ and ../ need a directory, and the importing file was addressed by its own CID, or its text has no "
            "import that begins with ./ or ../"
        )
    try:
        return address_of(Cid.parse(root), _joined(tuple(map(unquote, path.split("/")[:-1])), specifier))
    except InvalidCid as error:
        raise ImportRefused(str(error)) from None


def _content_name(specifier: str) -> str:
    root, _, path = specifier.removeprefix(SCHEME).partition("/")
    if not root or root == "ipfs":
        raise ImportRefused("write ipfs://<cid> or ipfs://<cid>/<path>")
    try:
        return address_of(Cid.parse(root), _joined((), path))
    except InvalidCid as error:
        raise ImportRefused(str(error)) from None


def _joined(folder: tuple[str, ...], path: str) -> tuple[str, ...]:
    """The segments of a relative path, decoded, seen from a folder (RFC 3986 5.2.4). Nothing leads out of the root."""
    if "?" in path or "#" in path:
        raise ImportRefused("a specifier has no query and no fragment; write %3F and %23 in file names")
    segments = list(folder)
    for part in path.split("/"):
        segment = unquote(part)
        if "/" in segment or "\0" in segment:
            raise ImportRefused("a name in a path has neither a slash nor a NUL")
        if segment == "..":
            if not segments:
                raise ImportRefused("the path leads out of the directory")
            segments.pop()
        elif segment not in ("", "."):
            segments.append(segment)
    return tuple(segments)

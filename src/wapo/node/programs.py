"""Programs by address: what a path names, who it is, and what an operator has set for it."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import delete, insert, select

from wapo.agents.messages import AGENT_NAME
from wapo.agents.modules import ContentModules, LocalModules, Modules, address_of, imports_relative_files
from wapo.content.cid import Cid
from wapo.content.errors import InvalidCid
from wapo.content.library import Library, Program
from wapo.errors import CallerError
from wapo.node.limits import AgentLimits
from wapo.store.checksums import checked, summed
from wapo.store.database import Database
from wapo.store.schema import agents

__all__ = ["LOCAL", "LocalProgramMissing", "Located", "Programs"]

#: Identity of the program behind ``/local``: in vaults, logs and derived secrets.
LOCAL: Final = "local"
_LOCAL_MAX_BYTES: Final = 256 << 20
_SETTINGS_FRESH_S: Final = 4.0
_SETTINGS_STALE_S: Final = 8.0
_KEPT: Final = 20_000


class LocalProgramMissing(CallerError):
    """There is no program behind ``/local``."""

    code = "no_local_program"
    status = 404


@dataclass(frozen=True, slots=True)
class Located:
    """A program that was found.

    Attributes:
        identity: its CID in version 1, or ``local``: secrets, logs and derived keys go by it. A program that imports
            files beside it is ``<CID of the directory>/<path>``: with other files it is another program.
        image_key: names its exact content.
        rest: path segments that are the agent's own.
        read: gives its bytes.
        name: of its file, where it has one; its address, where relative imports count from it.
        modules: where its imports come from.
    """

    identity: str
    image_key: str
    rest: tuple[str, ...]
    read: Callable[[], bytes]
    name: str = AGENT_NAME
    modules: Modules | None = None


class Programs:
    """Finds programs and the limits that apply to them."""

    def __init__(self, library: Library, database: Database, limits: AgentLimits, local_file: Path | None) -> None:
        self._library = library
        self._database = database
        self._limits = limits
        self._local_file = local_file
        self._modules = ContentModules(library)
        self._local_modules = LocalModules(local_file.parent, self._get_library) if local_file is not None else None
        # Whether a file in a directory imports others of it, by its CID.
        self._relative: OrderedDict[Cid, bool] = OrderedDict()
        # Root files by the CID's text: all segments after it are the agent's, so nothing else need be looked at.
        self._files: OrderedDict[str, Located] = OrderedDict()
        self._settings: OrderedDict[str, tuple[float, AgentLimits]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[AgentLimits]] = {}

    def known(self, cid_text: str, segments: tuple[str, ...]) -> Located | None:
        """As :meth:`locate`, if it can be told at once."""
        located = self._files.get(cid_text)
        if located is None:
            return None
        rest = segments[1:] if segments[:1] == ("0",) else segments
        return located if rest == located.rest else replace(located, rest=rest)

    async def locate(self, cid_text: str, segments: Sequence[str]) -> Located:
        """The program at ``<cid>/<segments>``.

        Raises:
            whatever ``Library.program`` raises.
        """
        cid = Cid.parse(cid_text)
        program = await self._library.program(cid, segments)
        identity = str(program.cid)
        if program.cid == cid.v1():  # the root is a file
            # Programs stay in the library's cache; keeping the reader here would keep every program's bytes alive.
            self._files[cid_text] = Located(identity, identity, (), lambda: b"", modules=self._modules)
            if len(self._files) > _KEPT:
                self._files.popitem(last=False)
        elif await self._imports_relative_files(program):
            path = tuple(segments[: len(segments) - len(program.rest)])
            identity = "/".join([str(cid.v1()), *path])
            return Located(identity, identity, program.rest, program.read, address_of(cid, path), self._modules)
        return Located(identity, identity, program.rest, program.read, modules=self._modules)

    async def _imports_relative_files(self, program: Program) -> bool:
        known = self._relative.get(program.cid)
        if known is None:
            known = await asyncio.to_thread(imports_relative_files, program.read())
            self._relative[program.cid] = known
            if len(self._relative) > _KEPT:
                self._relative.popitem(last=False)
        return known

    async def _get_library(self) -> Library:
        return self._library

    async def source(self, located: Located) -> bytes:
        """The bytes of a program that :meth:`known` gave without them."""
        data = located.read()
        if data or located.identity == LOCAL:
            return data
        return (await self._library.program(Cid.parse(located.identity))).read()

    def local(self) -> Located:
        """The program behind ``/local``, as its file is now.

        Raises:
            LocalProgramMissing: no file was configured, or it cannot be read.
        """
        if self._local_file is None:
            raise LocalProgramMissing("no local program was given to this node (wapo serve --local FILE)")
        try:
            if self._local_file.stat().st_size > _LOCAL_MAX_BYTES:
                raise LocalProgramMissing(f"{self._local_file} is larger than {_LOCAL_MAX_BYTES} bytes")
            data = self._local_file.read_bytes()
        except OSError as error:
            raise LocalProgramMissing(f"{self._local_file} cannot be read: {error.strerror}") from None
        modules = self._local_modules
        assert modules is not None
        key = hashlib.sha256(hashlib.sha256(data).digest() + modules.fingerprint()).hexdigest()
        return Located(LOCAL, f"local-{key}", (), lambda: data, self._local_file.name, modules)

    async def identity_of(self, path: str) -> str:
        """The identity that an address in a log or vault request means: ``local``, or a CID with or without path,
        with or without ``/ipfs/`` before it.

        A directory or a program that cannot be found stands for itself.
        """
        path = path.removeprefix("/").removeprefix("ipfs/")
        if path == LOCAL:
            return LOCAL
        cid_text, _, rest = path.partition("/")
        segments = tuple(rest.split("/")) if rest else ()
        known = self.known(cid_text, segments)
        if known is not None:
            return known.identity
        try:
            return (await self.locate(cid_text, segments)).identity
        except InvalidCid:
            raise
        except CallerError:
            return str(Cid.parse(cid_text).v1())

    # Limits

    def known_limits(self, identity: str) -> AgentLimits | None:
        """As :meth:`limits`, if they were looked up within the last seconds. If that is a while ago, they are looked up
        again, but nobody waits for it: for a program that is always in use nobody ever does."""
        found = self._settings.get(identity)
        if found is None:
            return None
        age = time.monotonic() - found[0]
        if age >= _SETTINGS_FRESH_S:
            if age >= _SETTINGS_STALE_S:
                return None
            if identity not in self._asking:
                task = self._asking[identity] = asyncio.get_running_loop().create_task(self._ask(identity))
                task.add_done_callback(lambda task: self._asked(identity, task))
        return found[1]

    def _asked(self, identity: str, task: "asyncio.Task[AgentLimits]") -> None:
        del self._asking[identity]
        if not task.cancelled():
            task.exception()  # whoever has to wait for them next will see it

    async def limits(self, identity: str) -> AgentLimits:
        """The node's limits, lowered by what is set for this program."""
        known = self.known_limits(identity)
        return known if known is not None else await self._ask(identity)

    async def _ask(self, identity: str) -> AgentLimits:
        limits = self._limits.lowered(await self.settings(identity))
        self._settings[identity] = (time.monotonic(), limits)
        if len(self._settings) > _KEPT:
            self._settings.popitem(last=False)
        return limits

    async def settings(self, identity: str) -> dict[str, Any]:
        """What was set for this program; empty if nothing was.

        Raises:
            StoreDamaged: it is not what was written.
        """
        query = select(agents).where(agents.c.program == identity)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).mappings().first()
        settings: dict[str, Any] = {} if row is None else msgspec.json.decode(checked(agents, row)["settings"])
        return settings

    async def set_limits(self, identity: str, settings: dict[str, Any]) -> AgentLimits:
        """Sets a program's own limits (names of ``AgentLimits``), replacing what was set; returns what applies.

        Raises:
            InvalidLimit: an unknown name, an impossible value.
        """
        lowered = self._limits.lowered(settings)
        async with self._database.writing() as connection:
            await connection.execute(delete(agents).where(agents.c.program == identity))
            if settings:
                row = {"program": identity, "settings": msgspec.json.encode(settings).decode()}
                await connection.execute(insert(agents).values(summed(row)))
        self._settings.pop(identity, None)
        if identity in self._asking:  # for what has just been replaced
            self._asking[identity].cancel()
        return lowered

"""How ``wapo serve`` puts the wall around the processes that run guests, and who they are."""

import os
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from wapo.cli.output import note
from wapo.confinement.paths import readable_paths
from wapo.confinement.privileges import UnusableUser, become, user_name, user_named
from wapo.confinement.record import record
from wapo.confinement.wall import Layer, Plan, raise_wall, tried
from wapo.engine.image import open_page_map
from wapo.errors import HostError
from wapo.log import Log
from wapo.node.settings import DataDirUnusable, NodeSettings

__all__ = ["Confine", "Confinement", "NotConfined", "RequireConfinement", "User", "plan_of", "use_home_of"]

_PANEL: Final = "Confinement"

User = Annotated[
    str | None,
    typer.Option(
        "--user", help="Who the node is to be once it listens, if it is started as root.", metavar="NAME",
        rich_help_panel=_PANEL,
    ),
]  # fmt: skip
Confine = Annotated[
    bool,
    typer.Option(
        "--confinement/--no-confinement", rich_help_panel=_PANEL, metavar="",
        help="Take from processes that run guests what the system can take from them; see wapo doctor. Without it, "
        "debuggers can look into them.",
    ),
]  # fmt: skip
RequireConfinement = Annotated[
    bool,
    typer.Option(
        "--require-confinement", rich_help_panel=_PANEL, metavar="",
        help="Do not start where some of it cannot be had.",
    ),
]  # fmt: skip

_TEMPORARY: Final = "tmp"
_log = Log("wapo.confinement")


class NotConfined(HostError):
    """This machine does not offer all that --require-confinement demands."""

    code = "not_confined"


def plan_of(settings: NodeSettings) -> Plan:
    """What a node's processes may still reach."""
    readable = [Path(root).absolute() for root in settings.extra_roots]
    if settings.local_file is not None:  # editors replace a file, so it is its directory that must be open
        readable.append(settings.local_file.absolute().parent)
    ports = []
    if settings.worker is not None:
        network = settings.worker.network
        ports = [network.listen_ports] if network.listen_ports is not None else []
        if network.tls_port is not None:
            ports.append((network.tls_port, network.tls_port))
    attesting = settings.attestation.writable if settings.attestation is not None else ()
    writable = (settings.data_dir.absolute(), settings.cache_dir.absolute(), *attesting)
    return Plan(tuple(readable), writable, tuple(ports))


def use_home_of(name: str) -> None:
    """What is in a user's home unless said otherwise is in that user's, not in root's.

    Raises:
        UnusableUser: this process cannot become that user.
    """
    os.environ["HOME"] = user_named(name).pw_dir
    for variable in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        os.environ.pop(variable, None)


@dataclass(frozen=True)
class Confinement:
    """What the operator wants.

    Attributes:
        user: who to be; None: who this process is.
    """

    settings: NodeSettings
    user: str | None = None
    wanted: bool = True
    required: bool = False

    def prepare(self) -> None:
        """In the first process, once it has its sockets: becomes the user, and says what is unclear.

        Raises:
            UnusableUser, DataDirUnusable, NotConfined.
        """
        data, cache = self.settings.data_dir, self.settings.cache_dir
        if self.user is not None:
            user = user_named(self.user)
            for path in (data, cache):
                _give(path, user.pw_uid, user.pw_gid)
            become(user, plan_of(self.settings).capabilities())
            _check_python(self.user)
        elif self.wanted and os.geteuid() == 0:
            _check_owner(data)
        if self.wanted and self.settings.local_file is not None:
            folder = self.settings.local_file.absolute().parent
            if folder in (Path("~").expanduser(), *Path("~").expanduser().parents):
                note(f"warning: --local leaves all of {folder} readable: better in a directory of its own")
        if self.required:
            self._check()

    def _check(self) -> None:
        """In a process of its own: what it finds must not hold for a supervisor, which starts others."""
        try:
            layers, _ = tried(plan_of(self.settings))
        except OSError as error:
            raise NotConfined(f"it cannot be tried whether this machine can confine a node: {error.strerror}") from None
        _demand(layers)

    def around(self, work: Callable[[], Coroutine[Any, Any, int]]) -> Coroutine[Any, Any, int]:
        """Raises the wall, and begins the work, a whole node's, behind it. There is no event loop before: it has
        descriptors of io_uring, if it may.

        Raises:
            NotConfined: it does not stand as demanded.
            DataDirUnusable: the data directory cannot be made.
        """
        data = self.settings.make_data_dir()
        self.settings.make_cache_dir()
        layers = None
        if self.wanted:
            layers = self._confine(data)
        else:
            note("warning: --no-confinement: a hole in the engine would be a hole in this machine")
        try:
            record(data, layers)
        except OSError as error:
            raise DataDirUnusable(f"{data} cannot be written: {error.strerror}") from error
        return work()

    def _confine(self, data: Path) -> list[Layer]:
        _own_temporary(data)
        open_page_map()  # behind the wall only root can
        layers = raise_wall(plan_of(self.settings))
        if self.required:
            _demand(layers)
        missing = {layer.name: layer.detail for layer in layers if layer.state == "none"}
        if missing:
            _log.warning("this machine does not offer all that would confine a node; see wapo doctor", **missing)
        return layers


def _demand(layers: list[Layer]) -> None:
    missing = [f"{layer.name}: {layer.detail}" for layer in layers if layer.state != "full"]
    if missing:
        raise NotConfined(f"--require-confinement: {'; '.join(missing)}")


def _own_temporary(data: Path) -> None:
    """Temporary files in a directory of the node's own: in the one that all programs share there are theirs, too."""
    path = data / _TEMPORARY
    try:
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise DataDirUnusable(f"{path} cannot be made: {error.strerror}") from None
    os.environ["TMPDIR"] = tempfile.tempdir = str(path.absolute())


def _give(path: Path, uid: int, gid: int) -> None:
    """Makes a directory for a user, if there is none.

    Raises:
        UnusableUser: there is one, of somebody else.
        DataDirUnusable: it cannot be made.
    """
    try:
        if not path.exists():
            path.mkdir(parents=True, mode=0o700)
            os.chown(path, uid, gid)
        owner = path.stat().st_uid
    except OSError as error:
        raise DataDirUnusable(f"the directory {path} cannot be made: {error.strerror}") from None
    if owner != uid:
        name, other = user_name(uid), user_name(owner)
        raise UnusableUser(
            f"{path} is {other}'s, and the node is to be {name}: 'chown -R {name} {path}', if that is right"
        )


def _check_owner(path: Path) -> None:
    """Root behind the wall has no right to what is others'."""
    try:
        owner = path.stat().st_uid
    except OSError:
        return
    if owner != 0:
        name = user_name(owner)
        raise UnusableUser(f"{path} is {name}'s: start the node with --user {name}")


def _check_python(name: str) -> None:
    closed = [path for path in readable_paths()[:3] if not os.access(path, os.R_OK | os.X_OK)]
    if closed:
        raise UnusableUser(f"{name} cannot read {closed[0]}, where Wapo's program is: install it where everybody can")

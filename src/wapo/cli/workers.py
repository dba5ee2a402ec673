"""``wapo serve --workers N``: the supervisor's process (``wapo.processes.supervisor``), as the command starts it."""

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import uvloop

from wapo.cli.admin_client import AdminAccess
from wapo.cli.announce import url_of
from wapo.cli.data import NoNode
from wapo.cli.output import note
from wapo.cli.sockets import Sockets
from wapo.node.metrics import sum_counts
from wapo.node.settings import NodeSettings
from wapo.processes.dispatcher import ADMIN, GATEWAY, USER
from wapo.processes.supervisor import Supervisor

__all__ = ["ADMIN_URL", "TLS", "USER_URL", "supervise"]

#: Names of what workers inherit, and are told.
TLS: Final = "tls"
ADMIN_URL: Final = "admin-url"
USER_URL: Final = "user-url"

#: Of the memory that images may take in a worker, for those that wait to be asked for by another one. They stay in
#: memory, where a worker would have let them get cold.
_SHELF_PART: Final = 4


def supervise(
    sockets: Sockets,
    workers: int,
    settings: NodeSettings,
    started: Callable[[], None],
    starting: contextlib.AbstractContextManager[None],
) -> int:
    """Keeps that many processes, each with this process's command line, until told to stop.

    Args:
        started: called when all serve.
        starting: entered until then.

    Returns:
        the exit code.
    """
    listeners = {GATEWAY: sockets.gateway}
    passed, told = {}, {}
    if sockets.admin is not None and sockets.user is not None:
        listeners |= {ADMIN: sockets.admin, USER: sockets.user}
        told = {ADMIN_URL: url_of(sockets.admin), USER_URL: url_of(sockets.user)}
    if sockets.tls is not None:
        passed = {TLS: sockets.tls.fileno()}
    with contextlib.ExitStack() as until_started:
        until_started.enter_context(starting)

        def all_serve() -> None:
            until_started.close()
            started()

        supervisor = Supervisor(
            [sys.executable, "-m", "wapo", *sys.argv[1:]], workers, listeners,
            has_apps=bool(told), say=note, started=all_serve, passed=passed, told=told,
            image_bytes=settings.image_bytes // _SHELF_PART, sum_counts=sum_counts,
        )  # fmt: skip
        try:
            return uvloop.run(supervisor.run())
        finally:
            if told:
                _withdraw(settings.data_dir, told[ADMIN_URL])


def _withdraw(data_dir: Path, admin_url: str) -> None:
    """Whichever worker has written where the apps are: they are not there any more."""
    with contextlib.suppress(NoNode):
        access = AdminAccess.read(data_dir)
        if access.url == admin_url:
            access.withdraw(data_dir)

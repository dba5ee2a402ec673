"""A node's data as commands find it: they share the directory with a running node, which notices by itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from wapo.content.library import Library, open_library
from wapo.errors import CallerError
from wapo.node.limits import AgentLimits
from wapo.node.programs import Programs
from wapo.node.settings import NodeSettings
from wapo.store.database import Database

__all__ = ["NoNode", "existing", "open_records"]


class NoNode(CallerError):
    """There is no node where one was expected."""

    code = "no_node"


def existing(settings: NodeSettings) -> NodeSettings:
    """The settings, if there is a node in their directory: a command that only reads must not leave one behind where
    a directory's name was mistyped.

    Raises:
        NoNode.
    """
    try:
        found = any((settings.data_dir / name).exists() for name in ("wapo.db", "content", "node.key"))
    except OSError as error:
        raise NoNode(f"{settings.data_dir} cannot be read: {error.strerror}") from None
    if not found:
        raise NoNode(f"there is no node in {settings.data_dir}")
    return settings


@asynccontextmanager
async def open_records(settings: NodeSettings) -> AsyncIterator[tuple[Database, Library, Programs]]:
    """A node's database, its local content, and its programs. The directory is made if need be.

    Raises:
        DataDirUnusable, StoreFailed, BlockStoreFailed: what the operator must see to.
    """
    settings.make_data_dir()
    async with (
        Database(settings.data_dir / "wapo.db") as database,
        open_library(settings.data_dir / "content") as library,
    ):
        yield database, library, Programs(library, database, AgentLimits(), None)

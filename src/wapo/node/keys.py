"""The node's key beside what was sealed with it: 32 bytes of which one is another are a key like any other, and every
secret that an agent derived would be another one. So the database knows which key is the right one."""

from pathlib import Path
from typing import Final

from wapo.node.apps.records import AppRecords
from wapo.store.database import Database
from wapo.trust.keys import NodeKeys, UnusableKey

__all__ = ["KEY_FILE", "open_keys"]

KEY_FILE: Final = "node.key"
_STATE: Final = "key-id"


async def open_keys(data_dir: Path, database: Database) -> NodeKeys:
    """The key in ``data_dir``; made if there is none, and never was.

    Raises:
        UnusableKey: the file cannot be read, is missing, or holds another key than the data were sealed with.
    """
    path = data_dir / KEY_FILE
    records = AppRecords(database)
    expected = await records.state(_STATE)
    if expected is not None and not path.exists():
        raise UnusableKey(f"{path} is missing, and the data beside it were sealed with it: put its copy back")
    keys = NodeKeys.load_or_create(path)
    if expected is None:
        await records.set_state(_STATE, keys.id)
    elif expected != keys.id:
        raise UnusableKey(
            f"{path} is damaged, or another node's: the data beside it were sealed with another key; put its copy back"
        )
    return keys

"""The node's key beside what was sealed with it: 32 bytes of which one is another are a key like any other, and every
secret that an agent derived would be another one. So the database knows which key is the right one, and where it is
from: the file in the directory, or a TEE's key service."""

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Final

from wapo.node.apps.records import AppRecords
from wapo.store.database import Database
from wapo.trust.attestation.detection import Choice, choose, provider_of
from wapo.trust.attestation.provider import AttestationProvider, Kind
from wapo.trust.keys import NodeKeys, UnusableKey

__all__ = ["KEY_FILE", "open_keys"]

KEY_FILE: Final = "node.key"
_STATE: Final = "key-id"
#: Whose key service has the key; nothing where it is in the file.
_SERVICE: Final = "key-service"


async def open_keys(data_dir: Path, database: Database, provider: AttestationProvider | None = None) -> NodeKeys:
    """The key that the TEE's key service has for this deployment; else the one in ``data_dir``, which is made if there
    is none, and never was.

    Args:
        provider: what attests; None: where this directory's key is from, for commands beside a node.

    Raises:
        UnusableKey: the file cannot be read, is missing, or it is another key than the data were sealed with.
        QuoteFailed, TeeNotFound: the key service does not answer, or is not here.
    """
    records = AppRecords(database)
    expected, service = await records.state(_STATE), await records.state(_SERVICE)
    if provider is None:
        with closing(provider_of(choose(_choice(service, expected)))) as there:
            return await open_keys(data_dir, database, there)
    root = await asyncio.to_thread(provider.root_key) if provider.kind != "none" else None
    if root is not None:
        return await _from_service(records, data_dir / KEY_FILE, root, provider.kind, expected, service)
    if service is not None:
        raise UnusableKey(
            f"the data in {data_dir} were sealed with a key from the key service of {service}, which is not asked "
            f"here: start this node where {service} is, with --attestation {service}"
        )
    return await _from_file(records, data_dir / KEY_FILE, expected)


async def _from_service(
    records: AppRecords, path: Path, root: bytes, kind: Kind, expected: str | None, service: str | None
) -> NodeKeys:
    keys = NodeKeys(root)
    if await asyncio.to_thread(path.exists) or (expected is not None and service is None):
        raise UnusableKey(
            f"the data beside {path} were sealed with the key in that file, and this node's key would come from the "
            f"key service of {kind}: use another --data-dir, or --attestation none to go on with the file"
        )
    if expected is None:
        await records.set_state(_SERVICE, kind)
        await records.set_state(_STATE, keys.id)
    elif expected != keys.id:
        raise UnusableKey(
            f"the key service of {kind} has another key for this deployment (id {keys.id}) than the data in "
            f"{path.parent} were sealed with (id {expected}): they are another deployment's, or the service has lost "
            "its root"
        )
    return keys


async def _from_file(records: AppRecords, path: Path, expected: str | None) -> NodeKeys:
    if expected is not None and not await asyncio.to_thread(path.exists):
        raise UnusableKey(f"{path} is missing, and the data beside it were sealed with it: put its copy back")
    keys = NodeKeys.load_or_create(path)
    if expected is None:
        await records.set_state(_STATE, keys.id)
    elif expected != keys.id:
        raise UnusableKey(
            f"{path} is damaged, or another node's: the data beside it were sealed with another key; put its copy back"
        )
    return keys


def _choice(service: str | None, expected: str | None) -> Choice:
    """Where the key of a directory is, or will be."""
    if service == "dstack":
        return "dstack"
    return "auto" if expected is None else "none"

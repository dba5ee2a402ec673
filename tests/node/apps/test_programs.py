"""Programs, compiled."""

import os
import threading
from pathlib import Path

from tests.node.apps.conftest import WorkerFactory
from wapo.node.apps import programs
from wapo.node.apps.blobs import BlobName


async def test_who_compiles_makes_way_for_who_serves(open_site: WorkerFactory, tmp_path: Path) -> None:
    seen: list[int] = []

    async with open_site() as site:
        cache = site.worker.programs
        compiled = cache._compile

        def compiling(name: BlobName) -> object:
            seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
            return compiled(name)

        cache._compile = compiling  # type: ignore[method-assign,assignment]
        await cache.get(BlobName.parse(site.code))
    assert seen == [min(19, os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) + programs._NICE)]

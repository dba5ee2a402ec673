"""Examples as apps of a real worker, behind its real listener."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.conftest import Listening, listening, open_listeners, open_worker  # noqa: F401 - fixtures
from tests.sdk.support import built
from wapo.node.apps.app import App
from wapo.node.apps.blobs import BlobName

Deploy = Callable[..., Awaitable[App]]


@pytest.fixture
def deploy(listening: Listening) -> Deploy:  # noqa: F811
    """Deploys a program: ``app = await deploy(EXAMPLES / "counters.c", "--save-ms", "10", env_vars=[...])``."""

    async def deployed(source: Path, *args: str, **manifest: Any) -> App:
        wasm = built(source)
        await asyncio.to_thread(listening.site.worker.blobs.put, BlobName.parse("sha256:", partial=True), wasm)
        code = f"sha256:{hashlib.sha256(wasm).hexdigest()}"
        return await listening.site.deploy(*args, code_hash=code, **manifest)

    return deployed

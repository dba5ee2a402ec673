"""A site for all tests of a module, and a worker behind its two listeners, on real sockets."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.conftest import Site, opened_site, serving
from tests.node.apps.conftest import Site as WorkerSite
from tests.node.apps.conftest import WorkerFactory
from tests.node.apps.conftest import open_site as open_worker  # noqa: F401 - a fixture
from wapo.gateway.admin import AdminListener
from wapo.gateway.rpc.schema import MESSAGES
from wapo.gateway.upgrade import UpgradingDoor
from wapo.gateway.user import UserListener

TOKEN = "a-token"


@dataclass
class Listening:
    """A worker, and clients of its listeners; the admin's has the token."""

    site: WorkerSite
    admin: httpx.AsyncClient
    user: httpx.AsyncClient

    async def call(self, method: str, expect: int = 200, **argument: Any) -> Any:
        """An admin or user method in JSON; its result or error."""
        client = self.user if method.startswith("User.") else self.admin
        response = await client.post(f"/prpc/{method}?json", json=argument)
        assert response.status_code == expect, response.text
        return response.json() if expect == 200 else response.json()["error"]

    async def binary(self, method: str, argument: str, result: str, **fields: Any) -> Any:
        """The same in protobuf."""
        client = self.user if method.startswith("User.") else self.admin
        body = MESSAGES[argument](**fields).SerializeToString()
        response = await client.post(f"/prpc/{method}", content=body)
        assert response.headers["content-type"] == "application/octet-stream"
        return MESSAGES[result if response.status_code == 200 else "Error"].FromString(response.content)


ListeningFactory = Callable[..., AbstractAsyncContextManager[Listening]]


@pytest.fixture
def open_listeners(open_worker: WorkerFactory) -> ListeningFactory:  # noqa: F811
    """Makes them: ``async with open_listeners(admin={...}, max_instances=2) as listening``."""

    @asynccontextmanager
    async def opened(admin: dict[str, Any] | None = None, **options: Any) -> AsyncIterator[Listening]:
        async with open_worker(**options) as site:
            settings = {"token": TOKEN} | (admin or {})
            async with (
                serving(AdminListener(site.worker, **settings)) as admin_url,
                serving(UserListener(site.worker), door=UpgradingDoor) as user_url,
                httpx.AsyncClient(
                    base_url=admin_url, verify=False, timeout=30, headers={"Authorization": f"Bearer {TOKEN}"}
                ) as admin_client,
                httpx.AsyncClient(base_url=user_url, verify=False, timeout=30) as user_client,
            ):
                yield Listening(site, admin_client, user_client)

    return opened


@pytest.fixture
async def listening(open_listeners: ListeningFactory) -> AsyncIterator[Listening]:
    """With the usual settings."""
    async with open_listeners() as opened:
        yield opened


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that use the site of their module run in its loop."""
    for item in items:
        if item.path.parent == Path(__file__).parent and "site" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A site with the default limits, whose agents may connect to loopback. There is one for all tests of a module: they
    ask many small things and leave nothing behind. A test whose limits or figures matter opens its own."""
    async with opened_site(tmp_path_factory.mktemp("site") / "node") as opened:
        yield opened


@pytest.fixture
async def own_site(tmp_path: Path) -> AsyncIterator[Site]:
    """As ``site``, for one test alone."""
    async with opened_site(tmp_path / "node") as opened:
        yield opened

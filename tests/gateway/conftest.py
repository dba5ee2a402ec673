"""A worker behind its two listeners, on real sockets."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.conftest import serving
from tests.node.apps.conftest import Site, WorkerFactory
from tests.node.apps.conftest import open_site as open_worker  # noqa: F401 - a fixture
from wapo.gateway.admin import AdminListener
from wapo.gateway.rpc.schema import MESSAGES
from wapo.gateway.upgrade import UpgradingDoor
from wapo.gateway.user import UserListener

TOKEN = "a-token"


@dataclass
class Listening:
    """A worker, and clients of its listeners; the admin's has the token."""

    site: Site
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

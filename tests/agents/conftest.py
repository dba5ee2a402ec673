"""What tests of agents share."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.agents.support import Workshop, open_workshop
from wapo.agents.profile import JavaScriptProfile


@pytest.fixture
async def workshop(profile: JavaScriptProfile) -> AsyncIterator[Workshop]:
    """Where images are made and requests run."""
    async with open_workshop(profile) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_workshop(profile: JavaScriptProfile) -> AsyncIterator[Workshop]:
    """The same for all tests of a module that only make images and ask them, and run on the module's event loop."""
    async with open_workshop(profile, max_bytes=64 << 20) as opened:
        yield opened

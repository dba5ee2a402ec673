from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from tests.content.gateways import Gateway, running
from wapo.content.blocks import MemoryBlocks

Start = Callable[..., Awaitable[Gateway]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start gateways that run until the test ends."""
    async with AsyncExitStack() as stack:

        async def start(store: MemoryBlocks | None = None, **options: object) -> Gateway:
            gateway = Gateway(store or MemoryBlocks(), **options)  # type: ignore[arg-type]
            return await stack.enter_async_context(running(gateway))

        yield start

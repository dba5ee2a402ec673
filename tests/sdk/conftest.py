"""Fixtures of the C SDK's tests."""

from collections.abc import Iterator

import pytest

from tests.sdk.support import Host
from tests.vm.conftest import authority, network  # noqa: F401 - fixtures
from wapo.engine.engine import Engine, Settings
from wapo.engine.modules import ModuleCache
from wapo.vm.net.network import Network


@pytest.fixture(scope="session")
def program_engine() -> Iterator[Engine]:
    """An engine that counts fuel, as nodes have for programs."""
    with Engine(Settings(consume_fuel=True)).opened() as opened:
        yield opened


@pytest.fixture
async def host(program_engine: Engine, module_cache: ModuleCache, network: Network) -> Host:  # noqa: F811
    """Where programs run; they may listen on any port, and connect to anybody."""
    return Host(program_engine, module_cache, network)

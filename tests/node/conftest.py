"""What tests of the node's parts share: a database, a store of content."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from wapo.content.library import Library, open_library
from wapo.store.database import Database


@pytest.fixture
def database_file(tmp_path: Path) -> Path:
    return tmp_path / "wapo.db"


@pytest.fixture
async def database(database_file: Path) -> AsyncIterator[Database]:
    async with Database(database_file) as opened:
        yield opened


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    """Local content only."""
    async with open_library(tmp_path / "content") as opened:
        yield opened

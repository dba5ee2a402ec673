"""What tests of commands share: a folder to work in, a node's data in it, a program."""

from pathlib import Path

import pytest

AGENT = "export default { fetch: (request, env) => Response.json({ secret: env.name ?? null }) };\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory. A node's data is in ``node``, unless a command says otherwise."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WAPO_DATA_DIR", "node")
    monkeypatch.delenv("WAPO_URL", raising=False)
    return tmp_path


@pytest.fixture
def data(folder: Path) -> Path:
    """The node's data."""
    return folder / "node"


@pytest.fixture
def agent(folder: Path) -> Path:
    """An agent's file."""
    path = folder / "agent.js"
    path.write_text(AGENT)
    return path

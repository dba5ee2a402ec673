"""What tests of packages from npm share."""

import subprocess
from pathlib import Path

import pytest

from tests.npm_packages import environment, node, workspace


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agents of tests/interop/agents, bundled."""
    folder = workspace(Path(__file__).parent / "agents", tmp_path_factory.mktemp("agents") / "src")
    done = subprocess.run(
        [node(), "build.mjs"], cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / "dist"

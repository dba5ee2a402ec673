"""The platform's conformance tests (``js/*.test.js``), in the engine that agents run on.

A build of the guest with the tests among its modules runs them, one file a machine.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from wapo.agents.foreground import run_script
from wapo.agents.profile import JavaScriptProfile
from wapo.engine.modules import ModuleCache
from wapo.vm.egress import EgressPolicy
from wapo.vm.http_client import HttpClient
from wapo.vm.limits import GuestLimits

ROOT = Path(__file__).parent.parent.parent
FILES = sorted(path.name for path in (Path(__file__).parent / "js").glob("*.test.js"))


@pytest.fixture(scope="module")
def test_profile(
    profile: JavaScriptProfile, module_cache: ModuleCache, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[JavaScriptProfile]:
    """The engine with the tests in it."""
    output = tmp_path_factory.mktemp("guest") / "tests.wasm"
    subprocess.run([sys.executable, ROOT / "guest" / "build.py", "--tests", output], check=True, capture_output=True)
    with_tests = JavaScriptProfile(profile.engine, module_cache, output.read_bytes())
    yield with_tests
    with_tests.close()


@pytest.mark.parametrize("name", FILES)
async def test_the_platform_conforms(test_profile: JavaScriptProfile, name: str) -> None:
    """Every test of the file passes; the log has a line for each."""
    lines: list[str] = []
    async with HttpClient(EgressPolicy()) as client:
        outcome = await run_script(
            test_profile, client, f"void runTestFile('{name}')".encode(), name="test.js", arguments=[], environment={},
            limits=GuestLimits(burst_s=None, time_s=60, memory_bytes=512 << 20), log=lambda _level, text: lines.append(text),
        )  # fmt: skip
    text = "\n".join(lines)
    assert outcome.failure is None, text
    total = re.search(r"(\d+) passed, (\d+) failed", text)
    assert total is not None, text
    assert total[2] == "0", "\n".join(line for line in lines if not line.startswith("ok "))
    assert int(total[1]) > 0

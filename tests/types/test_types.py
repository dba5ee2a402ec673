"""``wapo.d.ts`` describes what there is: the compiler accepts what works, refuses mistakes, and a machine agrees.

The compiler is TypeScript's own, from the npm registry.
"""

import asyncio
import json
import re
import shutil
from pathlib import Path

import pytest

from tests.agents.support import open_workshop
from tests.cli.support import wapo
from tests.npm_packages import environment, workspace
from wapo.agents.foreground import run_script
from wapo.agents.profile import JavaScriptProfile
from wapo.vm.egress import EgressPolicy
from wapo.vm.http_client import HttpClient
from wapo.vm.limits import GuestLimits

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent.parent
DECLARATIONS = ROOT / "src" / "wapo" / "agents" / "wapo.d.ts"
npm = pytest.mark.npm


def declared(interface: str) -> set[str]:
    """Members of an interface of the namespace, by their names."""
    text = DECLARATIONS.read_text()
    found = re.search(rf"\n  interface {interface} \{{\n(.*?)\n  \}}\n", text, re.DOTALL)
    assert found is not None
    return set(re.findall(r"^    (?:readonly )?(\w+)(?:<[^>]*>)?[(:?]", found[1], re.MULTILINE))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples with the declarations, as a user would have them, and the examples."""
    folder = workspace(FOLDER, tmp_path_factory.mktemp("types") / "project")
    shutil.copy(DECLARATIONS, folder)
    shutil.copytree(ROOT / "examples" / "agents", folder / "examples")
    return folder


async def compiled(project: Path, configuration: str) -> list[str]:
    """Runs the compiler; its complaints."""
    process = await asyncio.create_subprocess_exec(
        project / "node_modules" / ".bin" / "tsc", "--project", configuration, "--pretty", "false",
        cwd=project, stdout=asyncio.subprocess.PIPE, env=environment(),
    )  # fmt: skip
    out, _ = await process.communicate()
    assert (process.returncode == 0) is (not out)
    return out.decode().splitlines()


def test_the_command_prints_the_declarations() -> None:
    result = wapo("types")
    assert (result.code, result.out, result.err) == (0, DECLARATIONS.read_text(), "")


async def test_every_member_that_there_is_has_a_type(profile: JavaScriptProfile) -> None:
    """And what has none is not there: what only apps have, an agent's global may lack."""
    source = "scriptOutput = JSON.stringify([Object.getOwnPropertyNames(Wapo), Object.getOwnPropertyNames(SCALE)]);"
    async with HttpClient(EgressPolicy()) as client:
        outcome = await run_script(
            profile, client, source.encode(), name="probe.js", arguments=[], environment={}, limits=GuestLimits(),
            log=lambda _level, _text: None,
        )  # fmt: skip
    members, scale = json.loads(outcome.output)
    assert set(members) - declared("Global") == set()
    assert set(scale) == declared("SCALE")


@npm
@pytest.mark.parametrize(
    "configuration", ["tsconfig.json", "tsconfig.script.json", "tsconfig.node.json", "tsconfig.examples.json"]
)
async def test_what_works_compiles(project: Path, configuration: str) -> None:
    """Samples, beside Node's types as well, and the examples as JavaScript. In ``wrong.ts`` every mistake is marked as
    one, and a mark without a mistake is an error."""
    assert await compiled(project, configuration) == []


@npm
async def test_mistakes_do_not_compile(project: Path) -> None:
    """Each one by itself: without its mark it is a complaint."""
    text = (project / "wrong.ts").read_text()
    (project / "unmarked.ts").write_text(re.sub(r"// @ts-expect-error", "// without a mark:", text))
    settings = json.loads((project / "tsconfig.json").read_text())
    settings["files"] = ["wapo.d.ts", "unmarked.ts"]
    (project / "tsconfig.unmarked.json").write_text(json.dumps(settings))
    complaints = [line for line in await compiled(project, "tsconfig.unmarked.json") if line.startswith("unmarked.ts(")]
    lines = {int(found[1]) for line in complaints if (found := re.match(r"unmarked\.ts\((\d+),", line))}
    marked = {number + 1 for number, line in enumerate(text.splitlines(), 1) if "@ts-expect-error" in line}
    assert lines == marked


@npm
async def test_samples_run_as_they_are_typed(project: Path, profile: JavaScriptProfile) -> None:
    for configuration in ("tsconfig.json", "tsconfig.script.json"):
        assert await compiled(project, configuration) == []

    def program(name: str) -> str:
        return (project / "out" / f"{name}.js").read_text()

    async with open_workshop(profile) as workshop:
        agent = await workshop.ask(program("agent"), path="/here", secret='{"apiKey": "abc"}')
        digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        assert (agent.body.hex(), dict(agent.headers)[b"x-hex"]) == (digest, digest.encode())
        main = await workshop.ask(program("main"), path="/?a=1&b=2")
        assert (main.status, json.loads(main.body)) == (201, {"first": "1", "method": "GET"})
        assert [value for name, value in main.headers if name == b"x-names"] == [b"a", b"b"]
        exports = await workshop.ask(program("exports"), secret='{"a": 1}')
        assert exports.body == b"GET object 3"
        scale = await workshop.ask(program("scale"))
        assert scale.body == b"Tom 9 9223372036854775808 x true"

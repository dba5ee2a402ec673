"""wapo.d.ts, as TypeScript's own compiler reads it."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.support import wapo
from tests.npm_packages import environment, node, workspace

pytestmark = pytest.mark.npm

ROOT = Path(__file__).parent.parent.parent
STRICT = {"strict": True, "noUncheckedIndexedAccess": False}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the types that ``wapo types`` prints, and the examples in it."""
    folder = workspace(Path(__file__).parent / "agents", tmp_path_factory.mktemp("types") / "project")
    printed = wapo("types")
    assert printed.code == 0
    (folder / "types" / "wapo.d.ts").write_text(printed.out)
    shutil.copytree(ROOT / "examples" / "agents", folder / "examples")
    return folder


def compiled(project: Path, files: list[str], options: dict[str, object]) -> str:
    """What tsc complains of."""
    settings = {
        "compilerOptions": {
            "target": "es2023", "module": "esnext", "moduleResolution": "bundler", "lib": ["esnext", "webworker"],
            "noEmit": True, "types": [], **options,
        },
        "files": ["types/wapo.d.ts", *files],
    }  # fmt: skip
    (project / "tsconfig.json").write_text(json.dumps(settings))
    command = [node(), "node_modules/typescript/bin/tsc", "-p", "tsconfig.json"]
    done = subprocess.run(command, cwd=project, env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (done.stdout == ""), done.stderr
    return done.stdout


def test_an_agent_is_typed(project: Path) -> None:
    """Every use is accepted, and what is wrong is an error: the file says where one is expected."""
    assert compiled(project, ["types/agent.ts"], STRICT) == ""


def test_the_examples_agree_with_the_types(project: Path) -> None:
    files = sorted(f"examples/{path.name}" for path in (project / "examples").glob("*.js"))
    assert len(files) > 3
    assert compiled(project, files, {"allowJs": True, "checkJs": True, "strict": False}) == ""

"""The build script: one command, the compiler's own words when it fails, the same bytes again, and a cache."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

from tests.sdk.support import EXAMPLES, SDK, build

SCRIPT = SDK / "build.py"


def run(*arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments], cwd=cwd, env=os.environ | environment, capture_output=True, text=True,
        check=False, timeout=300,
    )  # fmt: skip


def test_a_program_is_made_beside_its_source(tmp_path: Path) -> None:
    (tmp_path / "hello.c").write_text((EXAMPLES / "hello.c").read_text())
    done = run("hello.c", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("hello.wasm: ")
    assert (tmp_path / "hello.wasm").read_bytes().startswith(b"\0asm")


def test_the_shown_command_makes_the_same_program(tmp_path: Path) -> None:
    """What the script does is one command, from any folder: nothing but the sources is in the program."""
    built = build.build([EXAMPLES / "hello.c"], tmp_path / "one.wasm")
    shown = run(EXAMPLES / "hello.c", "-o", tmp_path / "two.wasm", "--show", cwd=tmp_path)
    cache = str(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wapo" / "build" / "zig")
    environment = os.environ | {"ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}
    subprocess.run(shlex.split(shown.stdout), check=True, cwd=tmp_path, timeout=300, env=environment)
    assert (tmp_path / "two.wasm").read_bytes() == built.read_bytes()


def test_what_is_wrong_is_said_in_the_compilers_words(tmp_path: Path) -> None:
    (tmp_path / "wrong.c").write_text("#include <wapo.h>\nint nonsense = missing;\n")
    done = run("wrong.c", cwd=tmp_path)
    assert done.returncode != 0
    assert "wrong.c:2" in done.stderr
    assert "missing" in done.stderr
    assert not (tmp_path / "wrong.wasm").exists()


def test_a_header_beside_the_source_is_part_of_it(tmp_path: Path) -> None:
    """A change there is another program."""
    (tmp_path / "own.h").write_text("#define MILLISECONDS 1\n")
    (tmp_path / "own.c").write_text(
        '#include <wapo.h>\n#include "own.h"\nstruct own { wapo_point point; };\n'
        "WAPO_ASYNC(own) { WAPO_BEGIN; WAPO_SLEEP(MILLISECONDS); WAPO_END; }\nWAPO_MAIN(own)\n"
    )
    first = build.build([tmp_path / "own.c"], tmp_path / "own.wasm").read_bytes()
    (tmp_path / "own.h").write_text("#define MILLISECONDS 123456\n")
    assert build.build([tmp_path / "own.c"], tmp_path / "own.wasm").read_bytes() != first


def test_without_a_source_it_says_how(tmp_path: Path) -> None:
    done = run(cwd=tmp_path)
    assert done.returncode != 0
    assert "pip install ziglang" in done.stderr


def test_other_options_of_the_compiler_pass_through(tmp_path: Path) -> None:
    (tmp_path / "program.c").write_text(
        "#include <wapo.h>\nstruct program { wapo_point point; };\n"
        "WAPO_ASYNC(program) { WAPO_BEGIN; WAPO_SLEEP(MILLISECONDS); WAPO_END; }\nWAPO_MAIN(program)\n"
    )
    assert run("program.c", "-DMILLISECONDS=5", "-Werror", cwd=tmp_path).returncode == 0
    assert "MILLISECONDS" in run("program.c", cwd=tmp_path).stderr

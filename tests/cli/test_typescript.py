"""TypeScript files: what ``wapo run`` and ``wapo publish`` make of them."""

from pathlib import Path

import pytest

from tests.cli.support import wapo

AGENT = """
import { greet, type Greeting } from './greeting';
import path from 'node:path';
interface Env { name?: string }
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const greeting: Greeting = { name: env.name ?? path.basename(new URL(request.url).pathname) };
    return new Response(greet(greeting) satisfies string);
  },
};
"""
GREETING = """
export interface Greeting { readonly name: string }
export const enum Words { Hello = 'hello' }
export const greet = (greeting: Greeting): string => `${Words.Hello} ${greeting.name}`;
"""


@pytest.fixture
def project(folder: Path) -> Path:
    (folder / "agent.ts").write_text(AGENT)
    (folder / "greeting.ts").write_text(GREETING)
    return folder


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without npm and esbuild."""
    monkeypatch.setattr("wapo.cli.bundle.default_cache_dir", lambda: tmp_path / "cache")
    monkeypatch.setattr("wapo.cli.bundle.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.npm
def test_a_file_with_imports_runs(project: Path) -> None:
    (project / "main.ts").write_text(
        "import { greet } from './greeting';\nexport default (...words: string[]): string => greet({ name: words.join('+') });"
    )
    result = wapo("run", "main.ts", "a", "b")
    assert (result.code, result.out) == (0, "hello a+b\n"), result.err


@pytest.mark.npm
def test_a_published_file_is_one_program(project: Path) -> None:
    published = wapo("publish", "agent.ts", "--json")
    assert published.code == 0, published.err
    report = wapo("inspect", published.json["cid"], "--upstream", "none", "--json").json
    assert report["convention"] == "fetch"
    (project / "greeting.ts").write_text(GREETING.replace("'hello'", "'hi'"))
    assert wapo("publish", "agent.ts", "--json").json["cid"] != published.json["cid"]


@pytest.mark.npm
def test_jsx_and_packages_of_the_project(project: Path) -> None:
    package = project / "node_modules" / "tiny"
    package.mkdir(parents=True)
    (package / "index.js").write_text("module.exports = (text) => text.toUpperCase() + require('path').sep;")
    (project / "page.tsx").write_text(
        "/** @jsx h */\nimport up from 'tiny';\nconst h = (tag: string, _: unknown, ...children: string[]) => `<${tag}>${children}</${tag}>`;\n"
        "export default () => String(<b>{up('x')}</b>);"
    )
    result = wapo("run", "page.tsx")
    assert (result.code, result.out) == (0, "<b>X/</b>\n"), result.err


@pytest.mark.npm
@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("const a: = 1;", "bad.ts:1:9: Unexpected"),
        ("import x from './nothing';\nx();", 'bad.ts:1:14: Could not resolve "./nothing"'),
    ],
)
def test_an_error_is_told_with_its_place(project: Path, source: str, message: str) -> None:
    (project / "bad.ts").write_text(source)
    for command in ("run", "publish"):
        result = wapo(command, "bad.ts")
        assert result.code != 0
        assert result.error.startswith(message)


def test_without_a_bundler_the_error_says_how_to_get_one(project: Path, nowhere: None) -> None:
    result = wapo("publish", "agent.ts")
    assert result.code != 0
    assert "pip install 'wapo[typescript]'" in result.error


def test_the_bundler_of_the_machine_is_used(project: Path, nowhere: None, tmp_path: Path) -> None:
    """Whatever is called esbuild on the PATH."""
    own = tmp_path / "esbuild"
    own.write_text("#!/bin/sh\necho \"'from the PATH'\"\n")
    own.chmod(0o755)
    assert wapo("run", "agent.ts").out == "from the PATH\n"


def test_an_empty_file_and_one_that_is_not_there(project: Path) -> None:
    (project / "empty.ts").touch()
    assert wapo("publish", "empty.ts").error == "empty.ts is empty"
    assert wapo("publish", "none.ts").error == "none.ts does not exist"

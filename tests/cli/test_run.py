"""``wapo run``: a script's log to stderr, its result to stdout, its failure as the exit code."""

import signal
from pathlib import Path

import pytest

from tests.cli.support import running, wapo, wapo_process


@pytest.fixture
def script(folder: Path):  # type: ignore[no-untyped-def]
    """Writes a script."""

    def write(source: str | bytes, name: str = "script.js") -> str:
        (folder / name).write_bytes(source.encode() if isinstance(source, str) else source)
        return name

    return write


def test_the_readmes_example(script) -> None:  # type: ignore[no-untyped-def]
    name = script(
        "console.log('adding', scriptArgs);\nscriptOutput = scriptArgs.map(Number).reduce((a, b) => a + b, 0);"
    )
    result = wapo("run", name, "1", "2", "39")
    assert (result.code, result.out, result.err) == (0, "42\n", "adding [ '1', '2', '39' ]\n")


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("'text'", b"text\n"),
        ("({ a: 1 })", b'{"a":1}\n'),
        ("scriptOutput = new Uint8Array([0, 255, 10]);", b"\x00\xff\x0a"),
        ("let a;", b""),
        ("export default () => new Response('body');", b"body\n"),
        ("export default async (a, b) => `${a}${b}`;", b"undefinedundefined\n"),
    ],
)
def test_the_result_is_printed_and_bytes_are_left_alone(script, source: str, output: bytes) -> None:  # type: ignore[no-untyped-def]
    result = wapo("run", script(source))
    assert (result.code, result.raw, result.err) == (0, output, "")


def test_levels_are_told_apart(script) -> None:  # type: ignore[no-untyped-def]
    result = wapo("run", script("console.error('a'); console.warn('b'); console.log('c'); console.debug('d');"))
    assert result.err == "error: a\nwarn: b\nc\ndebug: d\n"


def test_arguments_that_begin_with_a_dash_follow_two_dashes(script) -> None:  # type: ignore[no-untyped-def]
    name = script("scriptOutput = scriptArgs;")
    assert wapo("run", name, "--", "-1", "--flag").out == '["-1","--flag"]\n'
    refused = wapo("run", name, "--flag")
    assert refused.code == 2
    assert refused.error.startswith("No such option: --flag")


def test_environment(script) -> None:  # type: ignore[no-untyped-def]
    name = script("scriptOutput = process.env;")
    assert wapo("run", name, "-e", "A=1", "--env", "B=x=y", "-e", "C=").out == '{"A":"1","B":"x=y","C":""}\n'
    assert wapo("run", name).out == "{}\n"


def test_a_script_may_come_from_stdin() -> None:
    assert wapo("run", "-", "a", stdin=b"scriptOutput = scriptArgs[0];").out == "a\n"
    assert "<stdin>:1:11" in wapo("run", "-", stdin=b"throw new Error('x');").err


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("throw new Error('boom');", "error: Error: boom\n    at <eval> (script.js:1:11)\n"),
        ("\n" * 99 + "throw new Error('boom');", "error: Error: boom\n    at <eval> (script.js:100:11)\n"),
        ("throw '[bold]:smile:[/] ' + 'long '.repeat(30);", f"error: '[bold]:smile:[/] {'long ' * 30}'\n"),
        ("let x = ;", "error: SyntaxError: unexpected token in expression: ';'\n    at script.js:1:9\n"),
        ("import 'x.js';", "error: TypeError: cannot import 'x.js' from 'script.js': only ipfs://<cid>[/<path>] and, in a published directory, ./ and ../ can be imported; bundle other packages into the program\n"),
        ("export default { fetch() {} };", "error: this program answers requests: serve it with `wapo serve --local FILE`\n"),
    ],
)  # fmt: skip
def test_a_failure_is_told_as_it_is(script, source: str, text: str) -> None:  # type: ignore[no-untyped-def]
    result = wapo("run", script(source))
    assert (result.code, result.raw, result.err) == (1, b"", text)


def test_a_script_imports_files_of_its_folder_and_content_of_the_node(folder: Path) -> None:
    (folder / "lib").mkdir()
    (folder / "lib" / "a.js").write_text("export const a = 'A'; export { default as d } from '../d.js';")
    (folder / "d.js").write_text("export default 'D';")
    (folder / "elsewhere.js").write_text("export const e = 'E';")
    cid = wapo("publish", folder / "elsewhere.js", "--json").json["cid"]
    (folder / "main.js").write_text(
        f"import {{ a, d }} from './lib/a.js'; import {{ e }} from 'ipfs://{cid}';"
        "export default async (word) => word + a + d + e + (await import('./' + 'd.js')).default;"
    )
    assert (wapo("run", folder / "main.js", "x").out) == "xADED\n"
    (folder / "lib" / "up.js").write_text("import '../d.js';")
    result = wapo("run", folder / "lib" / "up.js")
    assert result.err == "error: TypeError: cannot import '../d.js' from 'up.js': the path leads out of the directory\n"


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("nothing.js", None, "nothing.js cannot be read: No such file or directory"),
        (".", None, ". cannot be read: Is a directory"),
        ("a.js", b"", "the program is empty"),
        ("a.js", b"\x89PNG\r\n\0", "the program is not text: it has a NUL byte at offset 6"),
        ("a.js", b"\xff", "the program is not valid UTF-8: invalid start byte at byte 0"),
    ],
)
def test_what_is_no_script(script, name: str, content: bytes | None, sentence: str) -> None:  # type: ignore[no-untyped-def]
    if content is not None:
        script(content, name)
    result = wapo("run", name)
    assert (result.code, result.error) == (1, sentence)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--max-memory", "1"], "memory of 1 bytes is not possible; allowed are 8 MiB to 4 GiB"),
        (["--max-memory", "x"], "Invalid value for '--max-memory': 'x' is not a size"),
        (["--max-time", "0"], "Invalid value for '--max-time': '0' is no time at all"),
        (["--max-burst", "soon"], "Invalid value for '--max-burst': 'soon' is not a time"),
        (["--env", "A"], "'A' is not NAME=VALUE"),
        (["--env", "=A"], "'=A' is not NAME=VALUE"),
    ],
)
def test_options_that_make_no_sense(script, options: list[str], part: str) -> None:  # type: ignore[no-untyped-def]
    result = wapo("run", script("1"), *options)
    assert result.code == 2
    assert result.error.startswith(part)


def test_limits_hold(script) -> None:  # type: ignore[no-untyped-def]
    endless = script("for (;;);")
    assert wapo("run", endless, "--max-burst", "50ms").error == "more than 0.05 s of CPU between two waits"
    assert wapo("run", endless, "--max-time", "50ms").error == "the time limit of 0.05 s was reached"
    assert wapo("run", endless, "--max-time", "unlimited", "--max-burst", "50ms").code == 1
    hungry = script("const a = []; for (;;) a.push(new Uint8Array(1e6).fill(1));")
    assert wapo("run", hungry, "--max-memory", "16MB").err.startswith("error: InternalError: out of memory\n")


def test_private_addresses_may_be_denied(script) -> None:  # type: ignore[no-untyped-def]
    """They are allowed otherwise: it is one's own script on one's own machine."""
    name = script("export default () => fetch('http://127.0.0.1:4/').then(() => 'reached', (error) => error.message);")
    assert "connect" in wapo("run", name).out
    assert (
        "denied" in wapo("run", name, "--deny-private").out or "not allowed" in wapo("run", name, "--deny-private").out
    )


def test_the_process_is_as_any_other(script) -> None:  # type: ignore[no-untyped-def]
    """Its exit code, its two streams, and an interrupt."""
    result = wapo_process("run", script("console.log('log'); scriptOutput = 'out';"))
    assert (result.code, result.out, result.err) == (0, "out\n", "log\n")
    with running("run", script("console.log('up'); setInterval(() => 0, 1000);")) as endless:
        endless.wait_for("up")
        assert endless.stop(signal.SIGINT) == 130
        assert endless.lines == ["up"]

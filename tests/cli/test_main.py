"""The command line as a whole: what ``--help`` says, mistakes in names, how a command ends."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.support import wapo, wapo_process
from wapo import __version__
from wapo.cli.main import COMMANDS, load_command


def paths_of(name: str) -> list[list[str]]:
    """A command, or the commands of a group."""
    command = load_command(name)
    return [[name, inner] for inner in command.commands] if hasattr(command, "commands") else [[name]]


PATHS = [path for name in COMMANDS for path in paths_of(name)]
TOUCHES_A_NODE = [["serve"], ["publish"], ["secret", "set"], ["secret", "get"], ["logs"], ["inspect"], ["limits"]]


def help_of(path: list[str]) -> str:
    result = wapo(*path, "--help")
    assert (result.code, result.err) == (0, "")
    return " ".join(result.out.replace("│", " ").split())


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_and_the_list_of_commands_say_the_same(name: str) -> None:
    help_text = load_command(name).help
    assert " ".join(help_text.split("\n\n")[0].split()) == COMMANDS[name][1]


def test_help_lists_every_command_without_loading_any() -> None:
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "wapo", "--help"], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0
    assert all(name in result.stdout for name in COMMANDS)
    assert "wapo.node" not in result.stderr


def test_help_comes_by_either_name_and_when_nothing_is_typed() -> None:
    assert wapo("-h").out == wapo("--help").out
    nothing = wapo()
    assert (nothing.code, nothing.out.strip(), nothing.err) == (2, wapo("--help").out.strip(), "")


def test_a_command_without_its_arguments_says_which_is_missing() -> None:
    result = wapo("publish")
    assert (result.code, result.error) == (2, "Missing argument 'FILE'.")
    assert result.err.splitlines()[1] == "See 'wapo publish --help'."


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_the_help_of_a_command_is_for_people(path: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is called wapo, every option has a sentence, and no flag asks for a <bool>."""
    monkeypatch.setenv("COLUMNS", "200")
    text = help_of(path)
    assert text.startswith(f"Usage: wapo {' '.join(path)}")
    assert "python" not in text
    assert text.count("<bool>") == 1  # that of --help, which is not ours
    for parameter in command_at(path).params:
        assert parameter.help, parameter.name


@pytest.mark.parametrize("path", TOUCHES_A_NODE, ids=" ".join)
def test_a_command_that_touches_a_nodes_data_takes_its_directory(path: list[str]) -> None:
    option = next(parameter for parameter in command_at(path).params if parameter.name == "data_dir")
    assert option.opts == ["--data-dir"]
    assert option.envvar == "WAPO_DATA_DIR"


def command_at(path: list[str]):  # type: ignore[no-untyped-def]
    command = load_command(path[0])
    return command.commands[path[1]] if len(path) > 1 else command


def test_the_help_of_serve_tells_the_defaults_of_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    text = help_of(["serve"])
    for value in ("100MB", "60s", "1s", "20MB", "10GB", "unlimited", "public gateways"):
        assert f"[default: ({value})]" in text


def test_help_keeps_what_looks_like_a_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    text = help_of(["serve"])
    assert "/ipfs/<cid>," in text
    assert "/app/<address>/" in text


def test_version() -> None:
    assert wapo("--version").out == f"wapo {__version__}\n"


def test_an_unknown_command_is_named_and_the_nearest_suggested() -> None:
    result = wapo("serv")
    assert result.code == 2
    assert result.error.startswith("No such command 'serv'. Did you mean 'serve'")


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_an_unknown_option_is_named(path: list[str]) -> None:
    result = wapo(*path, "--colour")
    assert result.code == 2
    assert result.error.startswith("No such option: --colour")


def test_an_option_that_is_nearly_right_gets_a_suggestion() -> None:
    result = wapo("serve", "--max-memroy", "64MB")
    assert result.code == 2
    assert "--max-memory" in result.error


@pytest.mark.parametrize("path", TOUCHES_A_NODE, ids=" ".join)
def test_a_data_directory_that_cannot_be_one_is_an_error(path: list[str], agent: Path) -> None:
    """For every command, with exit code 1 and one sentence."""
    arguments = {
        "serve": ["--port", "0"], "publish": [agent], "logs": ["local"], "inspect": [agent], "limits": ["local"],
        "secret set": ["local", "a=b"], "secret get": ["00", "11"],
    }[" ".join(path)]  # fmt: skip
    run = wapo_process if path == ["serve"] else wapo
    result = run(*path, *arguments, "--data-dir", agent)
    assert result.code == 1
    assert result.error in (f"{agent} is not a directory", f"there is no node in {agent}")


@pytest.mark.parametrize("path", [["publish"], ["logs"], ["limits"], ["secret", "set"], ["inspect"]], ids=" ".join)
def test_a_damaged_database_is_an_error(path: list[str], agent: Path, data: Path) -> None:
    data.mkdir()
    (data / "wapo.db").write_bytes(b"this is no database " * 200)
    arguments = {"publish": [agent], "secret": ["local", "a=b"], "inspect": [agent]}.get(path[0], ["local"])
    result = wapo(*path, *arguments)
    assert result.code == 1
    assert result.error == (
        "the database node/wapo.db cannot be opened: file is not a database; "
        "stop the node and bring back a backup with 'wapo restore'"
    )


def test_a_key_that_others_may_read_is_an_error(data: Path) -> None:
    data.mkdir()
    (data / "node.key").write_bytes(bytes(32))
    (data / "node.key").chmod(0o644)
    result = wapo("secret", "set", "local", "a=b")
    assert (result.code, result.error) == (1, "node/node.key may be read by others (mode 0644); run chmod 600 on it")


def test_an_output_that_nobody_reads_is_not_an_accident(agent: Path) -> None:
    """As in ``wapo ... | head -1``: the exit code of SIGPIPE, and no complaint."""
    writer = subprocess.Popen(
        [sys.executable, "-m", "wapo", "publish", "agent.js", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert writer.stdout is not None
    assert writer.stderr is not None
    writer.stdout.close()
    with writer.stderr:
        assert writer.stderr.read() == ""
    assert writer.wait(30) == 141

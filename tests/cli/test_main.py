"""The command line as a whole: what ``--help`` lists, and mistakes in a command's name."""

import subprocess
import sys

import pytest

from wapo.cli.main import COMMANDS, load_command


def wapo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "wapo", *arguments], capture_output=True, text=True, timeout=60)


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


def test_an_unknown_command_is_named_and_the_nearest_suggested() -> None:
    result = wapo("serv")
    assert result.returncode == 2
    assert "'serv'" in result.stderr
    assert "serve" in result.stderr
    assert "Traceback" not in result.stderr

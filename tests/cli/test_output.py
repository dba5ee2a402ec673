"""What is printed: as it is, whatever is in it."""

import os
import select

import pytest

from wapo.cli.output import fail, note, print_json, printable, working


def test_a_message_is_neither_wrapped_nor_read_as_markup(capsys: pytest.CaptureFixture[str]) -> None:
    """``:100:`` is a line number, not the name of an emoji."""
    text = "agent.js:100:5 [bold]x[/] :smile: " + "long " * 60
    note(text)
    fail(text)
    assert capsys.readouterr().err == f"{text}\nerror: {text}\n"


def test_json_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"text": "a\nb", "wide": "é"})
    assert capsys.readouterr().out == '{"text":"a\\nb","wide":"é"}\n'


def test_a_strangers_text_cannot_move_the_cursor() -> None:
    assert printable("\x1b[2J\x07ok\ttab\nline é \x9b1m\x7f") == "\\x1b[2J\\x07ok\ttab\nline é \\x9b1m\\x7f"


def test_an_error_may_quote_a_strangers_text(capsys: pytest.CaptureFixture[str]) -> None:
    """An app's refusal of a query, say, or the labels of others."""
    fail("no: \x1b]0;title\x07")
    assert capsys.readouterr().err == "error: no: \\x1b]0;title\\x07\n"


def test_no_spinner_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with working("Loading"):
        pass
    assert capsys.readouterr() == ("", "")


def test_somebody_at_a_terminal_sees_what_is_going_on_and_nothing_of_it_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    controller, terminal = os.openpty()
    with os.fdopen(controller, "rb", 0) as screen, os.fdopen(terminal, "w") as stderr:
        monkeypatch.setattr("sys.stderr", stderr)
        monkeypatch.setenv("TERM", "xterm")
        seen = b""

        def until(part: bytes) -> None:
            nonlocal seen
            while part not in seen:
                assert select.select([screen], [], [], 20)[0], seen
                seen += screen.read(1024)

        with working("Loading"):
            until(b"Loading")
        stderr.write("done")
        stderr.flush()
        until(b"done")
        assert seen.rpartition(b"Loading")[2].count(b"\x1b[2K") > 0  # its line was erased before

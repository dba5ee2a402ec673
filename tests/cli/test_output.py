"""What is printed: as it is, whatever is in it."""

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


def test_no_spinner_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with working("Loading"):
        pass
    assert capsys.readouterr() == ("", "")

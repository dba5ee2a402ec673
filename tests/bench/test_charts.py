"""Charts are SVG that any reader of XML accepts, and say in words what they show."""

from xml.etree import ElementTree

import pytest
from charts import Panel, draw

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_every_bar_has_its_name_and_figure_in_words() -> None:
    svg = draw("t", [Panel("rate", "more is better", {"wapo": 12345.6, "<other> & more": 0.01234})])
    assert texts(svg) == ["rate", "more is better", "wapo", "12,346", "<other> & more", "0.0123"]


def test_bars_are_as_long_as_their_figures() -> None:
    root = ElementTree.fromstring(draw("t", [Panel("rate", "", {"a": 10.0, "b": 5.0, "c": 0.0})]))
    longest, half, none = [
        float(r.get("width", "0"))
        for r in root.iter(f"{SVG}rect")
        if r.get("class", "").startswith("c") and r.get("class") != "card"
    ]
    assert half == pytest.approx(longest / 2, abs=0.1)
    assert none == 1


def test_a_name_has_one_colour_in_all_panels() -> None:
    svg = draw("t", [Panel("p", "", {"a": 1.0, "b": 2.0}), Panel("q", "", {"b": 1.0})])
    root = ElementTree.fromstring(svg)
    assert [r.get("class") for r in root.iter(f"{SVG}rect")] == ["card", "c0", "c1", "c1"]


def test_dark_readers_get_other_colours() -> None:
    svg = draw("t", [Panel("p", "", {"wapo": 1.0})])
    assert svg.count("prefers-color-scheme: dark") == 2


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to draw for 't'"):
        draw("t", [Panel("p", "", {})])

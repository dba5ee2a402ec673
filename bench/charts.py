"""Bar charts as SVG: panels of horizontal bars, each panel with a scale of its own. No I/O, no dependencies.

The colours follow the reader's light or dark theme; every bar has its name and its figure beside it, so that colour says
nothing that words do not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Panel", "draw"]

_WIDTH = 420
_NAME, _LETTER, _VALUE = 100, 7.5, 74
_BAR, _STEP, _HEAD, _GAP, _EDGE = 16, 24, 46, 28, 20

#: Colours of those who come again and again, the same in every chart: in light and in dark.
_COLOURS = {
    "wapo": ("#1f6feb", "#4c8dff"), "wapo, 2 workers": ("#7fb0ff", "#2a5db0"), "workerd": ("#e36209", "#f0883e"),
    "node": ("#2da44e", "#3fb950"), "deno": ("#6e7781", "#9ea7b3"), "quickjs-wasi": ("#8250df", "#a371f7"),
    "quickjs-rs": ("#bf3989", "#db61a2"),
}  # fmt: skip
_OTHER = ("#57606a", "#8b949e")

_STYLE = """
text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: #1f2328; }
.title { font-weight: 600; font-size: 14px; } .note { fill: #656d76; font-size: 12px; }
.card { fill: #ffffff; stroke: #d0d7de; } .axis { stroke: #d0d7de; } .mark { stroke: #656d76; stroke-dasharray: 3 3; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .note { fill: #9198a1; } .card { fill: #0d1117; stroke: #30363d; } .axis { stroke: #30363d; }
  .mark { stroke: #9198a1; }
}
"""


@dataclass(frozen=True)
class Panel:
    """Bars by name. ``note`` says which way is better; ``mark`` is a figure to compare with, drawn across.

    All bars have the colour of the one that they are ``like``, if that is said, and otherwise each its own name's.
    """

    title: str
    note: str
    bars: Mapping[str, float]
    mark: float | None = None
    like: str | None = None

    def colour_of(self, name: str) -> str:
        return self.like or name


def draw(title: str, panels: Sequence[Panel], columns: int = 2) -> str:
    """The panels, in rows of so many.

    Raises:
        ValueError: there is nothing to draw.
    """
    if not panels or not all(panel.bars for panel in panels):
        raise ValueError(f"nothing to draw for {title!r}")
    columns = min(columns, len(panels))
    names = list(dict.fromkeys(panel.colour_of(name) for panel in panels for name in panel.bars))
    colours = {name: _COLOURS.get(name, _OTHER) for name in names}
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    heights = [_HEAD + _STEP * max(len(panel.bars) for panel in row) + _GAP for row in rows]
    width, height = columns * (_WIDTH + _GAP) - _GAP + 2 * _EDGE, sum(heights) - _GAP + 2 * _EDGE
    body, y = "", _EDGE
    for row, tall in zip(rows, heights, strict=True):
        for index, panel in enumerate(row):
            body += _panel(panel, _EDGE + index * (_WIDTH + _GAP), y, names)
        y += tall
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}{_colour_rules(colours)}</style>\n"
        f'<rect class="card" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>\n{body}</svg>\n'
    )


def _colour_rules(colours: Mapping[str, tuple[str, str]]) -> str:
    light = "".join(f".c{index} {{ fill: {pair[0]}; }} " for index, pair in enumerate(colours.values()))
    dark = "".join(f".c{index} {{ fill: {pair[1]}; }} " for index, pair in enumerate(colours.values()))
    return f"{light}\n@media (prefers-color-scheme: dark) {{ {dark}}}\n"


def _panel(panel: Panel, x: int, y: int, names: Sequence[str]) -> str:
    most = max(*panel.bars.values(), panel.mark or 0, 1e-12)
    name_width = max(_NAME, round(_LETTER * max(map(len, panel.bars))) + 8)
    room = _WIDTH - name_width - _VALUE
    left = x + name_width
    text = (
        f'<text class="title" x="{x}" y="{y + 12}">{escape(panel.title)}</text>\n'
        f'<text class="note" x="{x}" y="{y + 30}">{escape(panel.note)}</text>\n'
    )
    top = y + _HEAD
    bottom = top + _STEP * len(panel.bars)
    text += f'<line class="axis" x1="{left - 0.5}" y1="{top - 4}" x2="{left - 0.5}" y2="{bottom}"/>\n'
    for number, (name, value) in enumerate(panel.bars.items()):
        at = top + number * _STEP
        length = max(value / most * room, 1)
        text += (
            f'<text x="{left - 8}" y="{at + 13}" text-anchor="end">{escape(name)}</text>'
            f'<rect class="c{names.index(panel.colour_of(name))}" x="{left}" y="{at}" width="{length:.1f}" height="{_BAR}" rx="2"/>'
            f'<text x="{left + length + 6:.1f}" y="{at + 13}">{escape(_short(value))}</text>\n'
        )
    if panel.mark is not None:
        at_x = left + panel.mark / most * room
        text += f'<line class="mark" x1="{at_x:.1f}" y1="{top - 4}" x2="{at_x:.1f}" y2="{bottom}"/>\n'
    return text


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"

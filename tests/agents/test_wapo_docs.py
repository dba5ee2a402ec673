"""The table of docs/wapo-global.md is true: which members of Wapo there are, and where."""

import json
import re
from pathlib import Path

from tests.agents.support import Workshop
from wapo.agents.foreground import run_script
from wapo.agents.profile import JavaScriptProfile
from wapo.vm.egress import EgressPolicy
from wapo.vm.http_client import HttpClient
from wapo.vm.limits import GuestLimits

DOCS = Path(__file__).parents[2] / "docs" / "wapo-global.md"
#: Has pages of its own, or is there as soon as the platform has WebSocket.
ELSEWHERE = {"SCALE", "wsOpen", "wsSend", "wsClose"}


def documented() -> dict[str, set[str]]:
    """Members by column."""
    columns: dict[str, set[str]] = {"agent": set(), "host": set(), "isolate": set()}
    for line in DOCS.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 4 or not cells[0].startswith("`"):
            continue
        names = []
        for name in re.findall(r"`(\w+(?:/\w+)?)`", cells[0]):
            first, _, second = name.partition("/")
            names.append(first)
            if second:  # hexEncode/Decode
                names.append(first.removesuffix("Encode") + second)
        for column, cell in zip(columns, cells[1:], strict=True):
            if cell == "yes":
                columns[column].update(names)
            elif cell != "-":
                columns[column].update(name for name in names if f"`{name}`" in cell)
    return {column: members - ELSEWHERE for column, members in columns.items()}


async def test_each_place_has_what_the_table_says(workshop: Workshop, profile: JavaScriptProfile) -> None:
    table = documented()
    answer = await workshop.ask("export default { fetch: () => Response.json(Object.keys(Wapo)) }")
    assert set(json.loads(answer.body)) - ELSEWHERE == table["agent"]
    source = b"module = { exports: async () => [Object.keys(Wapo), (await Wapo.run('module = { exports: () => Object.keys(Wapo) }')).value] }"
    async with HttpClient(EgressPolicy()) as client:
        outcome = await run_script(
            profile, client, source, name="script.js", arguments=(), environment={}, limits=GuestLimits(time_s=20),
            log=lambda _level, _text: None,
        )  # fmt: skip
    host, isolate = json.loads(outcome.output)
    assert set(host) - ELSEWHERE == table["host"]
    assert set(isolate) - ELSEWHERE == table["isolate"]

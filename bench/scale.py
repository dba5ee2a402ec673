"""How fast is Wapo.SCALE, against a codec in JavaScript in the same engine, and one in Python on this machine?"""

import base64
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import ROOT, a_node, report, run
from scalecodec.base import RuntimeConfigurationObject, ScaleBytes
from scalecodec.type_registry import load_type_registry_preset

from wapo.agents.messages import AgentRequest

sys.path.insert(0, str(ROOT))

from tests.npm_packages import environment, node, workspace

FOLDER = Path(__file__).parent / "scale"
REPEAT = 3

#: The types of scale/agent.js, as py-scale-codec spells them.
PYTHON_TYPES = {
    "Transfer": {"type": "struct", "type_mapping": [["to", "[u8; 32]"], ["amount", "Compact<u128>"]]},
    "Kind": {"type": "enum", "type_mapping": [["Idle", "Null"], ["Transfer", "Transfer"], ["Batch", "Vec<u32>"]]},
    "Record": {
        "type": "struct",
        "type_mapping": [
            ["id", "u32"], ["owner", "[u8; 32]"], ["name", "String"], ["nonce", "Compact<u64>"], ["free", "u128"],
            ["reserved", "u128"], ["at", "u64"], ["frozen", "bool"], ["parent", "Option<u32>"], ["kind", "Kind"],
            ["tags", "Vec<String>"], ["votes", "Vec<(u32, u8)>"],
        ],
    },
}  # fmt: skip


def bundle() -> bytes:
    """The agent with scale-ts in it."""
    with tempfile.TemporaryDirectory(prefix="wapo-bench-") as name:
        folder = workspace(FOLDER, Path(name) / "src")
        command = [
            node(), "node_modules/esbuild/bin/esbuild", "agent.js", "--bundle", "--format=esm", "--outfile=bundle.js",
            "--log-level=warning",
        ]  # fmt: skip
        subprocess.run(command, cwd=folder, env=environment(), check=True)
        return (folder / "bundle.js").read_bytes()


async def in_an_agent(source: bytes) -> dict[str, Any]:
    async with a_node(burst_s=60, time_s=60) as open_node:
        cid = await open_node.library.publish(source)
        located = await open_node.programs.locate(str(cid), ())
        request = AgentRequest("GET", "http://localhost/", [], request_id="bench")
        response = await (await open_node.invoke(located, request, "GET /")).response()
        return json.loads(response.body)  # type: ignore[no-any-return]


def fastest_ms(work: Callable[[], Any]) -> tuple[float, Any]:
    best, result = float("inf"), None
    for _ in range(REPEAT):
        begin = time.perf_counter()
        result = work()
        best = min(best, (time.perf_counter() - begin) * 1e3)
    return best, result


def in_python(data: bytes) -> tuple[float, float]:
    """Milliseconds to encode and to decode the same."""
    configuration = RuntimeConfigurationObject()
    configuration.update_type_registry(load_type_registry_preset("core"))
    configuration.update_type_registry({"types": PYTHON_TYPES})

    def codec(given: ScaleBytes | None = None) -> Any:
        return configuration.create_scale_object("Vec<Record>", data=given)

    decode, value = fastest_ms(lambda: codec(ScaleBytes(bytearray(data))).decode())
    encode, encoded = fastest_ms(lambda: codec().encode(value))
    assert bytes(encoded.data) == data
    return encode, decode


async def main() -> None:
    agent = await in_an_agent(bundle())
    data = base64.b64decode(agent["bytes"])
    encode, decode = in_python(data)
    report(
        "SCALE: 2000 records of 12 fields, encoded and decoded (ms; times as fast)",
        {
            "kilobytes": round(len(data) / 1e3),
            "Wapo.SCALE": {"encode": round(agent["encode"], 2), "decode": round(agent["decode"], 2)},
            "scale-ts in the same engine": {"encode": round(agent["jsEncode"], 2), "decode": round(agent["jsDecode"], 2)},
            "scalecodec in CPython": {"encode": round(encode, 2), "decode": round(decode, 2)},
            "against scale-ts": {
                "encode": round(agent["jsEncode"] / agent["encode"], 1), "decode": round(agent["jsDecode"] / agent["decode"], 1),
            },
            "against scalecodec": {
                "encode": round(encode / agent["encode"], 1), "decode": round(decode / agent["decode"], 1),
            },
        },
        {"against scale-ts encode": "target: at least 5", "against scale-ts decode": "target: at least 5"},
    )  # fmt: skip


if __name__ == "__main__":
    run(main)

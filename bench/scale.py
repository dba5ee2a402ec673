"""How fast is Wapo.SCALE, against a codec in JavaScript in the same engine, and one in Python on this machine?"""

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
ROUNDS = 3
#: How often each kind of work is done in a request: a tenth of a second or more.
TIMES = {"encode": 60, "decode": 40, "tsEncode": 2, "tsDecode": 3, "handEncode": 6, "handDecode": 6}

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


async def in_an_agent(source: bytes) -> tuple[dict[str, float], bytes]:
    """CPU milliseconds by kind of work, and the bytes. A machine's CPU is this process's."""
    async with a_node(burst_s=60, time_s=60) as open_node:
        cid = await open_node.library.publish(source)
        located = await open_node.programs.locate(str(cid), ())

        async def ask(query: str) -> bytes:
            request = AgentRequest("GET", f"http://localhost/{query}", [], request_id="bench")
            return (await (await open_node.invoke(located, request, "GET /")).response()).body

        data = await ask("")
        best = dict.fromkeys(TIMES, float("inf"))
        for _ in range(ROUNDS):
            for name, times in TIMES.items():
                begin = time.process_time()
                await ask(f"?work={name}&times={times}")
                best[name] = min(best[name], (time.process_time() - begin) * 1e3 / times)
        return best, data


def fastest_ms(work: Callable[[], Any]) -> tuple[float, Any]:
    best, result = float("inf"), None
    for _ in range(ROUNDS):
        begin = time.process_time()
        result = work()
        best = min(best, (time.process_time() - begin) * 1e3)
    return best, result


def in_python(data: bytes) -> tuple[float, float]:
    """CPU milliseconds to encode and to decode the same."""
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
    agent, data = await in_an_agent(bundle())
    encode, decode = in_python(data)
    codecs = {
        "Wapo.SCALE": (agent["encode"], agent["decode"]),
        "scale-ts in the same engine": (agent["tsEncode"], agent["tsDecode"]),
        "closures for speed in the same engine": (agent["handEncode"], agent["handDecode"]),
        "scalecodec in CPython": (encode, decode),
    }
    ours = codecs["Wapo.SCALE"]
    results: dict[str, Any] = {"kilobytes": round(len(data) / 1e3)}
    for name, times in codecs.items():
        results[f"{name}:"] = {"encode ms": round(times[0], 2), "decode ms": round(times[1], 2)}
        if times is not ours:
            results[f"{name}: times ours"] = {
                "encode": round(times[0] / ours[0], 1),
                "decode": round(times[1] / ours[1], 1),
            }
    report(
        "SCALE: 2000 records of 12 fields (CPU time)", results,
        {
            f"{codec} in the same engine: times ours {what}": "target: at least 5"
            for codec in ("scale-ts", "closures for speed") for what in ("encode", "decode")
        },
    )  # fmt: skip


if __name__ == "__main__":
    run(main)

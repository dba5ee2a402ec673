"""How much memory do 1,000 long-running programs take that wait, in one process, and how long is one's deployment?

The program is the SDK's ``counters.c``, which waits for queries. Deployments are timed until the program has run to its
first wait; the first one of a code compiles it.
"""

import gc
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from harness import SDK, a_worker_node, asyncio, build_program, memory_kb, quantiles, report, run

from wapo.abi.manifest import Manifest
from wapo.node.apps.blobs import BlobName

PROGRAMS = 1000


async def main() -> None:
    with tempfile.TemporaryDirectory(prefix="wapo-bench-") as folder:
        code = build_program(SDK / "examples" / "counters.c", Path(folder)).read_bytes()
    async with a_worker_node(max_instances=PROGRAMS + 1) as worker:
        name = worker.blobs.put(BlobName.parse("sha256:", partial=True), code)
        await worker.begin_session(b"", bytes(32))
        manifest = Manifest(f"{name.algorithm}:{name.digest}", max_query_size=1 << 16)

        async def deploy(label: str) -> float:
            begin = time.perf_counter()
            app = await worker.deploy(replace(manifest, label=label), reuse_instances=False)
            while not all(instance.guest.settled for instance in app.instances):
                await asyncio.sleep(0)
            return time.perf_counter() - begin

        first = await deploy("first")
        gc.collect()
        before = memory_kb()
        times = [await deploy(str(number)) for number in range(PROGRAMS)]
        gc.collect()
        report(
            f"{PROGRAMS} long-running programs that wait, in one process",
            {
                "memory of one KB": round((memory_kb() - before) / PROGRAMS, 1),
                "deploy to ready, code never seen ms": round(first * 1e3, 1),
                "deploy to ready, code compiled ms": quantiles(times, 1e3),
            },
        )


if __name__ == "__main__":
    run(main)

"""How long does a machine take to start: a new one from an image, and one that is reset?"""

import time

from harness import AGENTS, a_node, quantiles, report, run

from wapo.engine.image import MemoryImage
from wapo.engine.instance import Instance

REPEAT = 2000


async def main() -> None:
    async with a_node() as node:
        cid = await node.library.publish((AGENTS / "hello.js").read_bytes())
        located = await node.programs.locate(str(cid), ())
        image = await node.inspect(located)
        limits = (await node.programs.limits(located.identity)).guest.store
        assert image.memory is not None
        profile = node._profile
        starts, drops = [], []
        for _ in range(REPEAT):
            begin = time.perf_counter()
            instance = Instance(profile.serving, limits)
            image.memory.restore(instance)
            starts.append(time.perf_counter() - begin)
            begin = time.perf_counter()
            instance.close()
            drops.append(time.perf_counter() - begin)
        captures = []
        instance = Instance(profile.serving, limits)
        image.memory.restore(instance)
        for _ in range(20):
            begin = time.perf_counter()
            MemoryImage.capture(instance).close()
            captures.append(time.perf_counter() - begin)
        resets = []
        view = instance.view(0, image.memory.size)
        for _ in range(REPEAT):
            for page in range(256, 256 + 60):  # what a small request writes, spread over the heap
                view[page * 4096 + 8 * 4096] ^= 1
            begin = time.perf_counter()
            assert image.memory.reset(instance)
            resets.append(time.perf_counter() - begin)
        view.release()
        instance.close()
        report(
            "Starting a machine (us)",
            {
                "new machine from an image": quantiles(starts),
                "drop it": quantiles(drops),
                "reset a machine with 60 written pages": quantiles(resets),
                "take an image": quantiles(captures),
                "image size MB": round(image.memory.size / 1e6, 2),
                "image stored MB": round(image.memory.stored_bytes / 1e6, 2),
            },
            {"new machine from an image median": "target: at most 60"},
        )


if __name__ == "__main__":
    run(main)

"""Finds out which of the platform's objects requests write, and writes their numbers into wapojs/heap_layout.txt.

    python guest/train.py

An object's number is that of its allocation while the platform starts (wapojs/c/layout.h). A build of the guest in
which every block has an address of its own is made to note its stores (stores.py), the agents in ``samples`` are run on
it, and what they have written is told by address. Then the guest is built with the new list. That takes about ten
seconds; do it after a change of the guest, or when ``tests/agents/test_layout.py`` says so.

It needs the package (``pip install -e .``), because samples run in real machines. Two runs may differ in a few blocks:
entropy, clocks and the network decide some.
"""

import asyncio
import struct
import sys
import tempfile
import textwrap
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent))

from build import GUEST, LAYOUT, build
from stores import GRANULE, exported_addresses, with_marked_stores

from wapo.agents.image import AgentImage
from wapo.agents.images import ImageStore
from wapo.agents.invoke import finish, start
from wapo.agents.messages import AgentRequest
from wapo.agents.profile import JavaScriptProfile
from wapo.engine.engine import Engine
from wapo.engine.image import MemoryImage
from wapo.engine.instance import Instance
from wapo.engine.modules import ModuleCache
from wapo.engine.pool import InstancePool
from wapo.errors import GuestError
from wapo.vm.egress import EgressPolicy
from wapo.vm.guest import Guest
from wapo.vm.http_client import HttpClient
from wapo.vm.limits import GuestLimits
from wapo.vm.scheduler import Scheduler
from wapo.vm.services import Services

#: Of layout.c: TRAINING_BYTES.
_ARENA_BYTES: Final = 64 << 20
#: What is larger has pages of its own anyway.
_MAX_BLOCK: Final = 4096
#: The table in the guest has a byte for the group.
_MAX_GROUPS: Final = 255


@dataclass(frozen=True, slots=True)
class Sample:
    """A request to an agent in ``samples``.

    Attributes:
        fails: the answer is an error.
    """

    name: str
    method: str = "GET"
    path: str = "/?name=training"
    body: bytes | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()
    fails: bool = False

    @property
    def source(self) -> bytes:
        return (GUEST / "samples" / f"{self.name}.js").read_bytes()


def _type(text: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return ((b"content-type", text),)


#: What matters most first: see Training.groups.
SAMPLES: Final = (
    Sample("text"),
    Sample("hello"),
    Sample("json", "POST", body=b'{"items": [1, 2.5, "3", null, {"a": 4}]}', headers=_type(b"application/json")),
    Sample("timer"),
    Sample("upstream"),
    Sample("router", path="/users/17?name=training"),
    Sample("main"),
    Sample("stream"),
    Sample("log"),
    Sample("throws", fails=True),
    Sample("proxy", path="/a/b"),
    Sample("posting"),
    Sample("script"),
    Sample("exports"),
    Sample("listener"),
    Sample("transform"),
    Sample("form", "POST", body=b"name=x&other=y+z", headers=_type(b"application/x-www-form-urlencoded")),
    Sample("bytes", "PUT", body=bytes(range(200)), headers=_type(b"application/octet-stream")),
    Sample("digest"),
    Sample("signature"),
    Sample("caught"),
    Sample("copies", "POST", body=b"text", headers=_type(b"text/plain")),
    Sample("node"),
    Sample("language"),
    Sample("abort"),
    Sample("websocket", headers=((b"upgrade", b"websocket"), (b"connection", b"upgrade"))),
)

_LIMITS: Final = GuestLimits(memory_bytes=1 << 30, burst_s=20.0, time_s=60.0)
_HEADERS: Final = [(b"host", b"localhost"), (b"accept", b"*/*"), (b"user-agent", b"training")]


class _Log:
    program = "training"

    def add(self, level: int, message: str) -> None: ...


class _Services(Services):
    def __init__(self, client: HttpClient) -> None:
        self.http_client = client
        self.egress = client.policy

    def log(self, guest: Guest, level: int, text: str) -> None: ...

    def derive_secret(self, guest: Guest, path: bytes) -> bytes:
        return bytes(64)


class _Machines(InstancePool):
    """Machines whose map of stores is empty at the start of a run, and kept at its end."""

    map_address: int
    map_bytes: int
    map: bytes

    def take(self) -> Instance:
        instance = super().take()
        instance.view(self.map_address, self.map_bytes)[:] = bytes(self.map_bytes)
        return instance

    def give_back(self, instance: Instance, *, clean: bool) -> None:
        self.map = bytes(instance.view(self.map_address, self.map_bytes))
        instance.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The upstream: JSON for everybody, nothing for who asks for /slow."""
    head = await reader.read(1 << 16)
    if b"/slow" in head:
        await reader.read()  # until the caller goes away
    elif head:
        body = b'{"name":"upstream","items":[1,2,3]}'
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n"
            b"content-length: %d\r\n\r\n%s" % (len(body), body)
        )
        await writer.drain()
    writer.close()


class Training:
    """The platform's blocks, and which samples have written to them.

    Attributes:
        addresses: of each block, by its number less one; 0 if it is not in the arena.
        writers: names of samples by the number of the block.
    """

    def __init__(self, module: bytes) -> None:
        self._at = exported_addresses(module)
        self._module = with_marked_stores(module, self._at["layout_map"])
        self.addresses: list[int] = []
        self.writers: dict[int, set[str]] = defaultdict(set)

    async def run(self) -> None:
        """Runs the samples."""
        server = await asyncio.start_server(_answer, "127.0.0.1", 0)
        upstream = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with tempfile.TemporaryDirectory() as folder, Engine().opened() as engine:
            profile = JavaScriptProfile(engine, ModuleCache(Path(folder)), self._module)
            scheduler = Scheduler()
            images = ImageStore(profile, scheduler, 1 << 30)
            async with HttpClient(EgressPolicy(allow_private=True)) as client, server:
                self.addresses = self._read_blocks(profile, await images.base())
                for sample in SAMPLES:
                    image = await images.make(sample.name, partial(getattr, sample, "source"), _LIMITS, sample.name)
                    machines = _Machines(profile.serving, image.memory, _LIMITS.store)
                    machines.map_address = self._at["layout_map"] + self._at["layout_arena"] // GRANULE
                    machines.map_bytes = _ARENA_BYTES // GRANULE
                    image._pool = machines
                    await _ask(profile, scheduler, _Services(client), image, sample, upstream)
                    self._note(sample.name, machines.map)
            scheduler.stop_all()
            await images.aclose()
            profile.close()

    def _read_blocks(self, profile: JavaScriptProfile, base: MemoryImage) -> list[int]:
        instance = Instance(profile.serving, _LIMITS.store)
        try:
            base.restore(instance)
            count = int.from_bytes(instance.view(self._at["layout_sealed_at"], 4), "little")
            return list(struct.unpack(f"<{count}I", instance.view(self._at["layout_blocks"] + 4, 4 * count)))
        finally:
            instance.close()

    def _note(self, name: str, written: bytes) -> None:
        arena = self._at["layout_arena"]
        begins = [address for address in self.addresses if address]
        numbers = [number for number, address in enumerate(self.addresses, 1) if address]
        at = written.find(1)
        while at >= 0:
            index = bisect_right(begins, arena + at * GRANULE) - 1
            if index + 1 >= len(begins):  # what the program has allocated
                return
            self.writers[numbers[index]].add(name)
            at = written.find(1, at + 1)

    def groups(self) -> list[tuple[int, list[int]]]:
        """Bytes and numbers of each group: blocks that the same samples write. What the first sample writes comes
        first, of this and of the rest what the second one writes, and so on: so each finds what it writes on few pages,
        the first ones above all."""
        places = [address for address in [*self.addresses, 0] if address]
        following = dict(pairwise(places))
        sizes = {n: following.get(a, a) - a for n, a in enumerate(self.addresses, 1) if a}
        by_writers: dict[tuple[bool, ...], list[int]] = defaultdict(list)
        for number, names in self.writers.items():
            if sizes[number] <= _MAX_BLOCK:
                by_writers[tuple(sample.name in names for sample in SAMPLES)].append(number)
        groups = [by_writers[writers] for writers in sorted(by_writers, reverse=True)]
        if len(groups) > _MAX_GROUPS:
            groups[_MAX_GROUPS - 1 :] = [[number for group in groups[_MAX_GROUPS - 1 :] for number in group]]
        # Up to eight bytes a group are lost to alignment that were none in training, where other blocks lie between.
        return [(-(-sum(sizes[n] for n in group) // 16) * 16 + 16, sorted(group)) for group in groups]


async def _ask(
    profile: JavaScriptProfile,
    scheduler: Scheduler,
    services: Services,
    image: AgentImage,
    sample: Sample,
    upstream: str,
) -> None:
    headers = [*_HEADERS, (b"x-upstream", upstream.encode()), *sample.headers]
    request = AgentRequest(
        sample.method, f"http://localhost{sample.path}", headers, sample.body, request_id="training",
        websocket=(b"upgrade", b"websocket") in headers,
    )  # fmt: skip
    over = asyncio.Event()
    run = start(
        profile, scheduler, services, image, request, log=_Log(), limits=_LIMITS, max_response_bytes=1 << 20,
        owner="", on_end=lambda _end, _guest: over.set(),
    )  # fmt: skip
    try:
        response = await run.answer()
        while response.stream is not None and await response.stream.read():
            pass
    except GuestError as error:
        if not sample.fails:
            raise SystemExit(f"the sample {sample.name} fails: {error}") from error
    finish(run)
    await over.wait()
    await asyncio.sleep(0)  # the machine is given back


def layout_text(training: Training) -> str:
    """The contents of ``heap_layout.txt``."""
    lines = [
        "# Written by guest/train.py. What requests write of the platform's blocks, by the number of their allocation",
        f"# while it starts, of {len(training.addresses)}: a group for each set of samples, with its bytes.",
    ]
    for size, numbers in training.groups():
        lines.append(f"group {size}")
        lines += textwrap.wrap(" ".join(map(str, numbers)), 120)
    return "\n".join(lines) + "\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        training = Training(build(Path(folder, "training.wasm"), training=True).read_bytes())
    asyncio.run(training.run())
    LAYOUT.write_text(layout_text(training))
    total = sum(size for size, _ in training.groups())
    sys.stderr.write(f"{len(training.writers)} of {len(training.addresses)} blocks, {total >> 10} KiB\n")
    build()


if __name__ == "__main__":
    main()

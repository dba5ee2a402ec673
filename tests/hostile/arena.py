"""Where guests attack: ``wapo serve`` in a process of its own, a neighbour that is asked all the time, and what is seen
from outside while they do."""

import asyncio
import contextlib
import hashlib
import json
import mmap
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.hostile.evil import HOST
from tests.hostile.guest_files import LIMITS, OPTIONS, Guest
from wapo.cli.admin_client import AdminAccess, AdminClient
from wapo.cli.data import open_records
from wapo.content.library import Library
from wapo.node.logs import read_records
from wapo.node.programs import Programs
from wapo.node.settings import NodeSettings
from wapo.store.database import Database

__all__ = ["Arena", "Outcome", "a_server", "open_arena", "p99_ms"]

_ROOT = Path(__file__).parent.parent.parent

_SETTLED_BYTES = 4 << 20

#: Answers with the number that it is asked for, and what somebody may have left for it.
NEIGHBOUR = b"""
const names = Object.getOwnPropertyNames(globalThis).length;
export default { fetch(request) {
  const n = new URL(request.url).searchParams.get('n');
  const now = Object.getOwnPropertyNames(globalThis).length - names;
  const text = JSON.stringify([n, typeof left, Object.keys(Object.prototype), now, [3, 1, 2].sort(), 'a-b'.split('-')]);
  return new Response(text, { headers: { 'x-n': n } });
} };
"""

WARM = b"""export default { async fetch(request) {
  const evil = new URL(request.url).searchParams.get('evil');
  await (await fetch(`http://${evil}/hello`)).text();
  await new Promise((done) => { new WebSocket(`ws://${evil}/hello`).onclose = done; });
  const packed = new Blob(['x']).stream().pipeThrough(new CompressionStream('gzip'));
  await crypto.subtle.digest('SHA-256', await new Response(packed).arrayBuffer());
  return new Response(await Wapo.run('1').then(String, String));
} };"""


@dataclass(slots=True)
class Answer:
    """What a caller got; ``seconds`` from its first byte to the last of the answer."""

    status: int
    error: str | None
    headers: httpx.Headers
    text: str
    size: int
    cut: bool
    seconds: float


@dataclass(slots=True)
class Outcome:
    """What was seen of one guest.

    Attributes:
        memory_bytes: the most that the node's private memory was above its level before.
        neighbour_s: how long each of the neighbour's answers took from when it was due.
        wrong: answers of the neighbour that were not its own, or not sound.
        named: whether the log has the words that the head promises.
        descriptors: sockets, and other files, that are open afterwards and were not before.
        machines: those that are left.
        visits: connections to the canary.
    """

    answers: list[Answer] = field(default_factory=list)
    memory_bytes: int = 0
    neighbour_s: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    descriptors: tuple[int, int] = (0, 0)
    machines: int = 0
    visits: int = 0
    alive: bool = True

    @property
    def seconds(self) -> float:
        """The longest that one of its requests took."""
        return max(answer.seconds for answer in self.answers)


def p99_ms(seconds: Sequence[float]) -> float:
    """The 99th percentile, in milliseconds."""
    ordered = sorted(seconds)
    return ordered[min(int(len(ordered) * 0.99), len(ordered) - 1)] * 1e3


async def until(condition: Any, limit_s: float = 10.0) -> bool:
    """Waits until something is so; whether it has become so in time."""
    ends = time.monotonic() + limit_s
    while not (found := condition()) and time.monotonic() < ends:
        await asyncio.sleep(0.02)
    return bool(found)


class Neighbour:
    """Asks its agent at a fixed rate, whether or not the answers come in time: a late one makes the next no earlier."""

    def __init__(self, url: str, rate: float) -> None:
        self.url = urlsplit(url)
        self.rate = rate
        self.seconds: list[float] = []
        self.wrong: list[str] = []
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._number = 0
        self.connections = 0

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        """It is asked in this block; at its end all answers are there."""
        over = asyncio.Event()
        task = asyncio.create_task(self._ask(over))
        try:
            yield
        finally:
            over.set()
            await task

    async def _ask(self, over: asyncio.Event) -> None:
        begin, count = time.perf_counter(), 0
        async with asyncio.TaskGroup() as group:
            while not over.is_set():
                due = begin + count / self.rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                group.create_task(self._one(due))
                count += 1

    async def _one(self, due: float) -> None:
        self._number += 1
        number = self._number
        pair = None
        try:
            pair = self._idle() or await self._connect()
            reader, writer = pair
            writer.write(f"GET {self.url.path}?n={number} HTTP/1.1\r\nHost: neighbour\r\n\r\n".encode())
            async with asyncio.timeout(20):
                head = await reader.readuntil(b"\r\n\r\n")
                fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
                body = await reader.readexactly(int(fields[b"content-length"]))
        except Exception as error:
            self.wrong.append(f"{number}: {error!r}")
            if pair is not None:
                self.connections -= 1
                pair[1].close()
            return
        self.seconds.append(time.perf_counter() - due)
        wanted = json.dumps([str(number), "undefined", [], 0, [1, 2, 3], ["a", "b"]], separators=(",", ":"))
        if not head.startswith(b"HTTP/1.1 200 ") or fields[b"x-n"] != b"%d" % number or body.decode() != wanted:
            self.wrong.append(f"{number}: {head!r} {body!r}")
        self._free.append(pair)

    def _idle(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """A connection that the node has not closed meanwhile, as it does with those that are idle."""
        while self._free:
            pair = self._free.pop()
            if not pair[0].at_eof() and not pair[1].is_closing():
                return pair
            self.connections -= 1
            pair[1].close()
        return None

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        pair = await asyncio.open_connection(self.url.hostname, self.url.port)
        self.connections += 1
        return pair

    def close(self) -> None:
        """Ends its connections."""
        for _, writer in self._free:
            writer.close()
        self._free.clear()
        self.connections = 0


class Process:
    """The node, from outside."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    @property
    def alive(self) -> bool:
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
        except OSError:
            return False

    @property
    def private_bytes(self) -> int:
        """Memory that it alone has: of a machine, the pages that it has written. An image is shared, and every machine
        that maps it would count it again."""
        _, resident, shared = Path(f"/proc/{self.pid}/statm").read_bytes().split()[:3]
        return (int(resident) - int(shared)) * mmap.PAGESIZE

    def descriptors(self) -> tuple[int, int]:
        """Sockets, other files."""
        sockets = others = 0
        for entry in Path(f"/proc/{self.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                if str(entry.readlink()).startswith("socket:"):
                    sockets += 1
                else:
                    others += 1
        return sockets, others


class Arena:
    """Made by :func:`open_arena`."""

    def __init__(self, url: str, process: Process, folder: Path, evil: str, rate: float) -> None:
        self.url = url
        self.process = process
        self.folder = folder
        self.evil = evil
        self.token = (folder / "operator.token").read_text().strip()
        self.access = AdminAccess.read(folder)
        self.admin = AdminClient(self.access)
        self.client = httpx.AsyncClient(
            timeout=30, verify=False, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )
        self.rate = rate
        self.visits = 0
        self.canary_port = 0
        self.neighbour: Neighbour | None = None
        self._addresses: dict[str, str] = {}

    async def publish(self, source: bytes) -> str:
        """The address of an agent."""
        headers = {"Authorization": f"Bearer {self.token}"}
        response = await self.client.post(f"{self.url}/ipfs", content=source, headers=headers)
        return f"{self.url}/ipfs/{response.raise_for_status().json()['cid']}"

    async def address_of(self, guest: Guest) -> str:
        """Its URL or, of an app, its address."""
        if guest.name not in self._addresses:
            program = guest.program()
            if guest.is_app:
                address = await asyncio.to_thread(self._deploy, guest, program)
            else:
                address = await self.publish(program)
                await self._lower(address, LIMITS[guest.limit].settings)
            self._addresses[guest.name] = address
        return self._addresses[guest.name]

    def _records(self) -> AbstractAsyncContextManager[tuple[Database, Library, Programs]]:
        return open_records(NodeSettings(data_dir=self.folder, upstreams=()))

    async def _lower(self, address: str, settings: dict[str, float]) -> None:
        """Limits of its own, before the node has heard of it."""
        if settings:
            async with self._records() as (_, _, programs):
                await programs.set_limits(await programs.identity_of(address.rsplit("/", 1)[1]), settings)

    def _deploy(self, guest: Guest, program: bytes) -> str:
        self.admin.upload(program)
        if self.admin.call("Info")["session"] == "0x":
            self.admin.call("WorkerInit", recipient="")
        manifest = {
            "version": 1, "code_hash": f"sha256:{hashlib.sha256(program).hexdigest()}", "args": [], "env_vars": [],
            "on_demand": True, "resizable": False, "max_query_size": 1 << 20, "label": guest.name, "required_blobs": [],
        }  # fmt: skip
        address: str = self.admin.call("AppDeploy", manifest=manifest, reuse_instances=False)["address"]
        return address

    async def ask(self, guest: Guest) -> Answer:
        """One request to it."""
        address = await self.address_of(guest)
        begin = time.perf_counter()
        if guest.is_app:
            query = {"address": address, "path": "/", "payload": "0x"}
            request = self.client.stream("POST", f"{self.access.user_url}/prpc/User.Query?json", json=query)
        else:
            parameters = {
                "evil": self.evil, "canary": str(self.canary_port), "node": str(urlsplit(self.url).port),
                "admin": str(urlsplit(self.access.url).port),
            }  # fmt: skip
            request = self.client.stream("GET", address + "/", params=parameters)
        status, headers, text, size, cut = 0, httpx.Headers(), b"", 0, False
        try:
            async with request as response:
                status, headers = response.status_code, response.headers
                async for part in response.aiter_raw():
                    size += len(part)
                    text = (text + part)[:4096]
        except (httpx.RemoteProtocolError, httpx.ReadError):
            cut = True
        taken = time.perf_counter() - begin
        return Answer(status, headers.get("x-wapo-error"), headers, text.decode("latin-1"), size, cut, taken)

    async def machines(self) -> int:
        """Machines of agents, and instances of apps."""
        headers = {"Authorization": f"Bearer {self.token}"}
        text = (await self.client.get(f"{self.url}/metrics", headers=headers)).text
        agents = next(float(line.split()[1]) for line in text.splitlines() if line.startswith("wapo_machines "))
        apps = (await asyncio.to_thread(self.admin.call, "AppList"))["apps"]
        return int(agents) + sum(int(one["instances"]) for one in apps)

    async def log_of(self, guest: Guest) -> list[str]:
        """Its records, levels and messages."""
        address = await self.address_of(guest)
        async with self._records() as (database, _, programs):
            if guest.is_app:
                identity = f"app/{address.removeprefix('0x')}"
            else:
                identity = await programs.identity_of(address.rsplit("/", 1)[1])
            records = await read_records(database, identity, limit=200)
        return [f"{record.level} {record.message}" for record in records]

    async def attack(self, guest: Guest, *, least_s: float = 0.0) -> Outcome:
        """Lets it attack, for at least so long, and looks at what becomes of everything."""
        assert self.neighbour is not None
        outcome = Outcome()
        await self.address_of(guest)
        before, visits = self.process.descriptors(), self.visits
        level = self.process.private_bytes
        self.neighbour.seconds, self.neighbour.wrong = [], []
        watching = asyncio.create_task(self._watch(level, outcome))
        async with self.neighbour.asking():
            ends = time.monotonic() + least_s
            while True:
                for _ in range(guest.requests):
                    outcome.answers += await asyncio.gather(*(self.ask(guest) for _ in range(guest.at_once)))
                if time.monotonic() >= ends:
                    break
                # A machine's memory is given back in pieces: what is left of the last one is not the next one's.
                await until(lambda: self.process.private_bytes - level < _SETTLED_BYTES, 0.5)
        watching.cancel()
        self.neighbour.close()
        outcome.neighbour_s, outcome.wrong = self.neighbour.seconds, self.neighbour.wrong
        outcome.alive = self.process.alive
        if outcome.alive:
            await self._look_back(guest, outcome, before)
        outcome.visits = self.visits - visits
        return outcome

    async def _watch(self, level: int, outcome: Outcome) -> None:
        while True:
            with contextlib.suppress(OSError, IndexError):
                outcome.memory_bytes = max(outcome.memory_bytes, self.process.private_bytes - level)
            await asyncio.sleep(0.005)

    async def _look_back(self, guest: Guest, outcome: Outcome, before: tuple[int, int]) -> None:
        ends = time.monotonic() + 10
        while (machines := await self.machines()) and time.monotonic() < ends:
            await asyncio.sleep(0.02)
        outcome.machines = machines

        def left() -> tuple[int, int]:
            sockets, others = self.process.descriptors()
            return sockets - before[0], others - before[1]

        await until(lambda: left()[0] <= 0, 5)
        outcome.descriptors = left()
        while True:
            outcome.log = await self.log_of(guest)
            if guest.log is None or guest.log in "\n".join(outcome.log) or time.monotonic() > ends:
                break
            await asyncio.sleep(0.05)


async def _line_of(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().strip()


@asynccontextmanager
async def a_server(folder: Path, *options: str) -> AsyncIterator[tuple[str, Process]]:
    """``wapo serve`` as users run it; its URL. Its complaints are in ``folder/stderr``."""
    command = [
        sys.executable, "-m", "wapo", "serve", "--data-dir", str(folder), "--port", "0", "--admin-port", "0",
        "--user-port", "0", "--upstream", "none", "--allow", HOST, *options,
    ]  # fmt: skip
    errors = folder / "stderr"
    with errors.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(*command, stdout=stderr, stderr=stderr, cwd=folder)
    try:
        found: list[str] = []

        def listening() -> bool:
            text = errors.read_text()
            found[:] = [word for word in text.split() if word.startswith("http://127.0.0.1:")]
            return bool(found) and "apps: wapo app" in text

        assert await until(listening, 60), errors.read_text()
        yield found[0].rstrip("/,."), Process(process.pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


@asynccontextmanager
async def open_arena(rate: float = 50.0) -> AsyncIterator[Arena]:
    """A node with the suite's limits, its neighbour asked ``rate`` times a second."""
    with tempfile.TemporaryDirectory(prefix="wapo-hostile-") as name:
        evil = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.hostile.evil", cwd=_ROOT, stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            port = await _line_of(evil)
            async with a_server(Path(name), *OPTIONS) as (url, process):
                arena = Arena(url, process, Path(name), f"{HOST}:{port}", rate)

                async def visit(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                    arena.visits += 1
                    writer.close()

                six = socket.has_dualstack_ipv6()
                listening = socket.create_server(
                    ("::" if six else "", 0), family=socket.AF_INET6 if six else socket.AF_INET, dualstack_ipv6=six
                )
                canary = await asyncio.start_server(visit, sock=listening)
                arena.canary_port = canary.sockets[0].getsockname()[1]
                arena.neighbour = Neighbour(await arena.publish(NEIGHBOUR), rate)
                async with arena.neighbour.asking():
                    await asyncio.sleep(0.5)
                arena.neighbour.close()
                assert not arena.neighbour.wrong
                # What the node loads when an agent first asks for it is nothing that a guest takes.
                await arena.client.get(await arena.publish(WARM) + f"/?evil={arena.evil}")
                try:
                    yield arena
                finally:
                    arena.neighbour.close()
                    canary.close()
                    await arena.client.aclose()
        finally:
            if evil.stdin is not None:
                evil.stdin.close()
            await evil.wait()

"""Agents in real machines, without a node around them."""

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from wapo.agents.image import AgentImage
from wapo.agents.images import ImageStore
from wapo.agents.invoke import start
from wapo.agents.messages import AgentRequest, AgentResponse, Header
from wapo.agents.profile import JavaScriptProfile
from wapo.agents.run import Run
from wapo.vm.ends import End
from wapo.vm.guest import Guest
from wapo.vm.http_client import HttpClient
from wapo.vm.limits import GuestLimits
from wapo.vm.resources.pipe import Pipe
from wapo.vm.scheduler import Scheduler
from wapo.vm.services import Services

LIMITS = GuestLimits()


class Log:
    """The log of one run."""

    def __init__(self, program: str = "program") -> None:
        self.program = program
        self.lines: list[tuple[int, str]] = []

    def add(self, level: int, message: str) -> None:
        self.lines.append((level, message))

    add_own = add

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.lines]


class NodeServices(Services):
    """What agents may ask for: logs go to their run, a derived secret follows from the path."""

    def __init__(self, client: HttpClient | None = None) -> None:
        self.http_client = client

    def log(self, guest: Guest, level: int, text: str) -> None:
        guest.session.log.add(level, text)

    def derive_secret(self, guest: Guest, path: bytes) -> bytes:
        return hashlib.sha512(path).digest()


class Workshop:
    """Makes images and runs requests on them."""

    def __init__(self, profile: JavaScriptProfile, max_bytes: int = 1 << 30, **store: Any) -> None:
        self.profile = profile
        self.scheduler = Scheduler()
        self.images = ImageStore(profile, self.scheduler, max_bytes, **store)
        self.services = NodeServices()
        self.ends: list[End] = []

    async def image(self, source: str | bytes, limits: GuestLimits = LIMITS, key: str | None = None) -> AgentImage:
        """The image of a program."""
        data = source.encode() if isinstance(source, str) else source
        name = key or hashlib.sha256(data).hexdigest()
        return await self.images.make(name, lambda: data, limits, name)

    def start(
        self, image: AgentImage, method: str = "GET", path: str = "/", *, headers: Sequence[Header] = (),
        body: bytes | None = None, stream: Pipe | None = None, secret: str | None = None, log: Log | None = None,
        limits: GuestLimits = LIMITS, max_response_bytes: int = 1 << 20,
        on_end: Callable[[End, Guest], None] | None = None,
    ) -> Run:  # fmt: skip
        """A request under way."""
        request = AgentRequest(
            method, f"http://agent.example{path}", list(headers), body, stream, secret, request_id="request"
        )

        def ended(end: End, guest: Guest) -> None:
            self.ends.append(end)
            if on_end is not None:
                on_end(end, guest)

        return start(
            self.profile, self.scheduler, self.services, image, request, log=log or Log(), limits=limits,
            max_response_bytes=max_response_bytes, owner="", on_end=ended,
        )  # fmt: skip

    async def ask(
        self, source: str | AgentImage, method: str = "GET", path: str = "/", **options: Any
    ) -> AgentResponse:
        """The response to one request."""
        image = await self.image(source) if isinstance(source, str) else source
        return await self.start(image, method, path, **options).answer()


@asynccontextmanager
async def open_workshop(profile: JavaScriptProfile, max_bytes: int = 1 << 30, **store: Any) -> AsyncIterator[Workshop]:
    """A workshop for a block, with a store of images as asked for; guests that still run are stopped at its end."""
    workshop = Workshop(profile, max_bytes, **store)
    try:
        yield workshop
    finally:
        workshop.scheduler.stop_all()
        await workshop.images.aclose()

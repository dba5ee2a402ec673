"""Requests and responses as they are on the wire, trailers and all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import h11

from tests.conftest import Site
from tests.gateway.support import connect


@dataclass
class Heard:
    """A response as it was on the wire."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)

    def __getitem__(self, name: str) -> str:
        return ", ".join(value for key, value in self.headers if key == name)

    @property
    def id(self) -> str:
        return self["x-request-id"]


async def ask(
    site: Site, method: str, target: str, headers: list[tuple[str, str]], body: bytes | None = None,
    chunked: bool = False,
) -> Heard:  # fmt: skip
    """Sends a request, and reads the response with its trailers."""
    reader, writer = await connect(site)
    connection = h11.Connection(h11.CLIENT)
    lines = [("host", "agents.example"), *headers]
    if body is not None:
        lines.append(("transfer-encoding", "chunked") if chunked else ("content-length", str(len(body))))
    out = connection.send(h11.Request(method=method, target=target, headers=lines)) or b""
    if body:
        out += connection.send(h11.Data(data=body)) or b""
    writer.write(out + (connection.send(h11.EndOfMessage()) or b""))
    heard = None
    async with asyncio.timeout(20), closing(writer):
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(65536))
            elif isinstance(event, h11.Response):
                heard = Heard(event.status_code, _texts(event.headers))
            elif isinstance(event, h11.Data):
                assert heard is not None
                heard.body += event.data
            elif isinstance(event, h11.EndOfMessage):
                assert heard is not None
                heard.trailers = _texts(event.headers)
                return heard


@asynccontextmanager
async def closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        writer.close()


def _texts(headers: Any) -> list[tuple[str, str]]:
    return [(name.decode(), value.decode("latin-1")) for name, value in headers]

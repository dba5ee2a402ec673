"""One listener's HTTP server: uvicorn's, on a loop that it shares with others and with guests."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

__all__ = ["Server"]


class _Connections(set[Any]):
    """Those that are open. ``changed`` hears of each more, and each less."""

    def __init__(self, changed: Callable[[int], None]) -> None:
        super().__init__()
        self._changed = changed

    def add(self, connection: Any) -> None:
        before = len(self)
        super().add(connection)
        self._changed(len(self) - before)

    def discard(self, connection: Any) -> None:
        before = len(self)
        super().discard(connection)
        self._changed(len(self) - before)


class Server(uvicorn.Server):
    """Leaves signals to the process, and says when to stop to whoever waits for that. Its connections come from its own
    socket, or from another process (:meth:`adopt`).

    Args:
        changed: told how many connections more, or less, there are.
    """

    def __init__(self, config: uvicorn.Config, changed: Callable[[int], None] | None = None) -> None:
        super().__init__(config)
        self._tell = changed
        self._gone = asyncio.Event()
        self._connections = _Connections(self._changed)
        self.server_state.connections = self._connections
        self._adopting: set[asyncio.Task[Any]] = set()
        self._draining = False

    def _changed(self, more: int) -> None:
        if more < 0:
            self._gone.set()
        if self._tell is not None:
            self._tell(more)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def adopt(self, connection: socket.socket) -> None:
        """Serves a connection that another process has accepted. Not before :attr:`started`."""
        self._changed(1)
        loop = asyncio.get_running_loop()
        task = loop.create_task(loop.connect_accepted_socket(self._protocol, connection))
        self._adopting.add(task)
        task.add_done_callback(self._adopted)

    def _protocol(self) -> asyncio.Protocol:
        protocol: Any = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        if self._draining:
            protocol.drain()
        return protocol  # type: ignore[no-any-return]

    def _adopted(self, task: "asyncio.Task[Any]") -> None:
        self._adopting.discard(task)
        self._changed(-1)  # it is among the connections now
        if not task.cancelled():
            task.exception()  # seen: a client that has gone away meanwhile

    async def drain(self, within_s: float) -> None:
        """Every connection's next answer is its last. Returns when none is left, or when the time is up; to be followed
        by the end of this server."""
        self._draining = True
        for connection in list(self._connections):
            if hasattr(connection, "drain"):  # one that has left HTTP has no next answer
                connection.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while (self._connections or self._adopting) and not self.force_exit:
                    self._gone.clear()
                    await self._gone.wait()

    def hurry(self) -> None:
        """Whoever is still being served need not be waited for."""
        self.should_exit = self.force_exit = True
        self._gone.set()

"""Names to addresses, by the system's resolver, on threads of their own: a guest that asks for slow names delays
neither the event loop nor anybody's disk, and one owner cannot take all the threads."""

import asyncio
import functools
import socket
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

__all__ = ["Resolver"]

_THREADS: Final = 32
_PER_OWNER: Final = 8
_MAX_WAITING: Final = 256


class Resolver:
    """One a process. Close it with :meth:`close`."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="wapo-dns")
        self._busy: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def lookup(
        self, host: str, port: int, owner: str = "", family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[tuple[socket.AddressFamily, Any]]:
        """The addresses of a name, as (family, socket address), in the system's order.

        Raises:
            OSError: it cannot be resolved, or this owner asks for too many names at once.
        """
        await self._enter(owner)
        try:
            call = functools.partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM, family=family)
            found = await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except UnicodeError as error:
            raise OSError(f"{host!r} is not a name") from error
        finally:
            self._leave(owner)
        return [(kind, address) for kind, _, _, _, address in found]

    async def _enter(self, owner: str) -> None:
        if self._busy[owner] < _PER_OWNER:
            self._busy[owner] += 1
            return
        queue = self._waiting.setdefault(owner, deque())
        if len(queue) >= _MAX_WAITING:
            raise OSError("too many names are being looked up")
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave(owner)
            raise

    def _leave(self, owner: str) -> None:
        queue = self._waiting.get(owner)
        while queue:
            turn = queue.popleft()
            if not turn.done():
                turn.set_result(None)  # the place goes on to who waits
                return
        self._waiting.pop(owner, None)
        self._busy[owner] -= 1
        if not self._busy[owner]:
            del self._busy[owner]

    def close(self) -> None:
        """Lookups that are under way go on to nobody. Idempotent."""
        self._threads.shutdown(wait=False, cancel_futures=True)

"""Looking up a name's addresses (docs/abi.md, 1121)."""

import asyncio
from typing import TYPE_CHECKING, ClassVar, Final

from wapo.abi.results import ERR, PENDING, OcallError
from wapo.log import Log
from wapo.vm.net.network import Network
from wapo.vm.resources.base import Resource
from wapo.vm.tasks import Slot

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["NameLookup"]

_IO_ERROR: Final = ERR | OcallError.IO_ERROR
_RESOURCE_LIMITED: Final = ERR | OcallError.RESOURCE_LIMITED
_log = Log("wapo.net")


class NameLookup(Resource):
    """Begins when it is first polled, and then takes a place among the owner's sockets until it is over. Its message is
    the addresses, joined by NUL."""

    kind: ClassVar[str] = "name-lookup"
    __slots__ = ("_addresses", "_host", "_network", "_over", "_owner", "_slot", "_task")

    def __init__(self, network: Network, host: str, owner: str) -> None:
        self._network = network
        self._host = host
        self._owner = owner
        self._slot = Slot()
        self._task: asyncio.Task[None] | None = None
        self._addresses: list[str] = []
        self._over = False

    @property
    def waiting(self) -> bool:
        return not self._slot.empty

    def poll(self, guest: "Guest", task: int, waker: int) -> bytes | int:
        if self._task is None:
            if not self._network.budget.take(self._owner):
                return _RESOURCE_LIMITED
            self._task = asyncio.get_running_loop().create_task(self._run())
        if not self._over:
            self._slot.set(guest.registration(task, waker))
            return PENDING
        return "\0".join(self._addresses).encode() if self._addresses else _IO_ERROR

    async def _run(self) -> None:
        try:
            self._addresses = await self._network.dialer.look_up(self._host, self._owner)
        except OSError:
            pass
        except Exception as error:  # a bug: the program must not wait for ever
            _log.error("a lookup failed unexpectedly", host=self._host, exc_info=error)
        self._finish()
        self._slot.wake()

    def _finish(self) -> None:
        if not self._over:
            self._over = True
            self._network.budget.give_back(self._owner)

    def close(self) -> None:
        self._slot.drop()
        if self._task is not None:
            self._task.cancel()
            self._finish()

"""Who gets a client's connection: the supervisor accepts, and hands over to the worker that has the fewest.

A socket that several processes accept from is no scheduler: whoever wakes first takes all that wait, and connections
that stay open stay where they are. Nor is ``SO_REUSEPORT``, which throws dice, and loses what waits in the queue of a
process that dies (docs/decisions/workers.md has the figures). Here one process accepts, so the ports are open whoever
comes and goes, and a connection that no worker has taken yet can be given to another.
"""

import asyncio
import errno
import os
import socket
from collections import deque
from typing import Final

from wapo.log import Log
from wapo.processes.board import Row
from wapo.processes.channel import MAX_DESCRIPTORS, receive_descriptors, send_descriptors, socket_pair

__all__ = ["ADMIN", "GATEWAY", "USER", "Dispatcher", "Seat"]

#: Listeners by number, which is the first byte of a message with connections.
GATEWAY, ADMIN, USER = range(3)

#: Accepted at a time; then the supervisor's other duties have their turn.
_BATCH: Final = MAX_DESCRIPTORS
#: A worker whose loop stands still for so long is in trouble, and others get what it was given.
_STALLED_S: Final = 1.0
_LOOK_EVERY_S: Final = 0.25
#: How long nobody is accepted when there is no descriptor left, or no worker has room.
_PAUSE_S: Final = 0.05
_EXHAUSTED: Final = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))

_log = Log("wapo.supervisor")


class _Pipe:
    """A socket with connections for a worker. Its other end, which the worker inherits, stays open here, too: what the
    worker does not take, we do."""

    def __init__(self) -> None:
        self._end, self.worker_end = socket_pair()

    def put(self, listener: int, connections: list[int]) -> bool:
        """Hands connections over and closes them here; False, and they are still here, if there is no room."""
        if not send_descriptors(self._end, bytes((listener,)), connections):
            return False
        for number in connections:
            os.close(number)
        return True

    def take_back(self) -> list[tuple[int, list[int]]]:
        """What the worker has not taken: listeners and connections, which are the caller's again."""
        found = []
        while (message := receive_descriptors(self.worker_end)) is not None and message[0]:
            found.append((message[0][0], message[1]))
        return found

    def close(self) -> None:
        self._end.close()
        self.worker_end.close()


class Seat:
    """A worker, as the dispatcher sees it: a pipe for connections to the gateway, one for those to apps, which come and
    go with the apps, and its row of the board.

    Attributes:
        handed: connections to the gateway that it was given and nobody took back, ever.
    """

    def __init__(self, row: Row) -> None:
        row.clear()
        self.row = row
        self.gateway = _Pipe()
        self.apps = _Pipe()
        self.handed = 0
        self._seen_beats = -1
        self._beat_s = 0.0

    @property
    def load(self) -> int:
        """Connections that it has, or will have when it has taken what it was given."""
        return self.row.open + self.handed - self.row.taken

    def stalled(self, now_s: float) -> bool:
        """Whether its event loop stands still. To be asked a few times a second."""
        beats = self.row.beats
        if beats != self._seen_beats:
            self._seen_beats, self._beat_s = beats, now_s
        return now_s - self._beat_s > _STALLED_S

    def give(self, listener: int, connections: list[int]) -> bool:
        """Hands connections over; False, and they are still here, if there is no room."""
        if listener != GATEWAY:
            return self.apps.put(listener, connections)
        if not self.gateway.put(listener, connections):
            return False
        self.handed += len(connections)
        return True

    def take_back(self) -> list[tuple[int, list[int]]]:
        """What the worker has not taken: listeners and connections, which are the caller's again."""
        found = self.gateway.take_back()
        self.handed -= sum(len(connections) for _, connections in found)
        return found + self.apps.take_back()

    def close(self) -> None:
        """Idempotent."""
        self.gateway.close()
        self.apps.close()


class Dispatcher:
    """Accepts on a node's listeners and hands over. Belongs to the running loop.

    Args:
        listeners: the gateway's, and the apps' two where there are any; by number.
    """

    def __init__(self, listeners: dict[int, socket.socket]) -> None:
        self._loop = asyncio.get_running_loop()
        self._listeners = listeners
        for listener in listeners.values():
            listener.setblocking(False)
        #: Who was not given anything for longest is first.
        self._seats: deque[Seat] = deque()
        self._apps: Seat | None = None
        self._reading: set[int] = set()
        self._held: list[tuple[int, list[int]]] = []
        self._pause: asyncio.TimerHandle | None = None
        self._closed = False
        self._look_timer = self._loop.call_later(_LOOK_EVERY_S, self._look)

    # Who there is

    def set_seats(self, seats: list[Seat]) -> None:
        """These get the gateway's connections from now on. What others have not taken, they get too."""
        left = [seat for seat in self._seats if seat not in seats]
        self._seats = deque(seats)
        for seat in left:
            self.empty(seat)
        self._go_on()

    def set_apps(self, seat: Seat | None) -> None:
        """This one gets the apps' connections, or they wait where they are."""
        self._apps = seat
        self._go_on()

    def empty(self, seat: Seat) -> None:
        """Gives others what a worker has not taken."""
        for listener, connections in seat.take_back():
            self._hand(listener, connections)

    def close(self) -> None:
        """Nobody is accepted any more; who is not handed over yet goes. The listeners are closed. Idempotent."""
        self._closed = True
        self._look_timer.cancel()
        if self._pause is not None:
            self._pause.cancel()
        for kind, listener in self._listeners.items():
            self._stop_reading(kind)
            listener.close()
        for _, connections in self._held:
            for number in connections:
                os.close(number)
        self._held.clear()

    # Accepting

    def _candidates(self, kind: int) -> list[Seat]:
        if kind == GATEWAY:
            return list(self._seats)
        return [self._apps] if self._apps is not None else []

    def _go_on(self) -> None:
        """Accepts where there is somebody to serve, and only there: others wait in the kernel's queue."""
        if self._closed or self._pause is not None:
            return
        held, self._held = self._held, []
        for kind, connections in held:
            self._hand(kind, connections)
        for kind, listener in self._listeners.items():
            if self._candidates(kind) and self._pause is None:
                if kind not in self._reading:
                    self._reading.add(kind)
                    self._loop.add_reader(listener.fileno(), self._accept, kind)
            else:
                self._stop_reading(kind)

    def _stop_reading(self, kind: int) -> None:
        if kind in self._reading:
            self._reading.discard(kind)
            self._loop.remove_reader(self._listeners[kind].fileno())

    def _accept(self, kind: int) -> None:
        listener, accepted = self._listeners[kind], []
        for _ in range(_BATCH):
            try:
                connection, _address = listener.accept()
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    continue  # the client's fault, or its network's
                _log.warning("connections wait: there is no descriptor for another one", cause=str(error))
                self._wait()
                break
            accepted.append(connection.detach())
        if accepted:
            self._hand(kind, accepted)

    def _hand(self, kind: int, connections: list[int]) -> None:
        """Each to whoever has the fewest; if nobody can take them, they are held until somebody can."""
        now_s = self._loop.time()
        candidates = self._candidates(kind)
        stalled = {seat for seat in candidates if seat.stalled(now_s)}
        if len(stalled) < len(candidates):
            candidates = [seat for seat in candidates if seat not in stalled]
        shares: dict[Seat, list[int]] = {}
        if len(candidates) == 1:
            shares[candidates[0]] = connections
        elif candidates:
            loads = [[seat.load, index] for index, seat in enumerate(candidates)]
            for number in connections:
                least = min(loads)
                least[0] += 1
                shares.setdefault(candidates[least[1]], []).append(number)
        else:
            self._held.append((kind, connections))
        for seat, share in shares.items():
            if kind == GATEWAY:
                self._seats.remove(seat)
                self._seats.append(seat)
            if not seat.give(kind, share):
                self._held.append((kind, share))
                self._wait()

    def _wait(self) -> None:
        if self._pause is None:
            for kind in self._listeners:
                self._stop_reading(kind)
            self._pause = self._loop.call_later(_PAUSE_S, self._resume)

    def _resume(self) -> None:
        self._pause = None
        self._go_on()

    def _look(self) -> None:
        """Whether somebody has got stuck with what others could serve."""
        self._look_timer = self._loop.call_later(_LOOK_EVERY_S, self._look)
        now_s = self._loop.time()
        stalled = [seat for seat in self._seats if seat.stalled(now_s)]
        if len(stalled) < len(self._seats):
            for seat in stalled:
                self.empty(seat)

"""Who gets which connection. The workers here are sockets that the test reads."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable

import pytest

from wapo.processes.board import Board
from wapo.processes.channel import receive_descriptors
from wapo.processes.dispatcher import ADMIN, GATEWAY, Dispatcher, Seat


class Site:
    """A dispatcher with two listeners and seats for workers."""

    def __init__(self) -> None:
        self.listeners = {number: socket.create_server(("127.0.0.1", 0), backlog=512) for number in (GATEWAY, ADMIN)}
        self.addresses = {number: listener.getsockname() for number, listener in self.listeners.items()}
        self.dispatcher = Dispatcher(self.listeners)
        self.board = Board.new()
        self.seats = [Seat(self.board.row(number)) for number in range(3)]
        self.clients: list[socket.socket] = []
        self.taken: list[int] = []
        self.still: list[Seat] = []

    def connect(self, count: int = 1, listener: int = GATEWAY) -> None:
        self.clients += [socket.create_connection(self.addresses[listener]) for _ in range(count)]

    def take(self, seat: Seat) -> int:
        """Does as a worker: takes what it was given, and has it open from then on; how many."""
        count = 0
        for end in (seat.gateway.worker_end, seat.apps.worker_end):
            while (found := receive_descriptors(end)) is not None:
                self.taken += found[1]
                count += len(found[1])
        seat.row.open += count
        seat.row.taken += count
        return count

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                for seat in self.seats:
                    seat.row.beats += seat not in self.still
                await asyncio.sleep(0.005)

    async def handed(self, *seats: Seat, count: int) -> None:
        await self.until(lambda: sum(seat.handed for seat in seats) == count)

    def close(self) -> None:
        self.dispatcher.close()
        for seat in self.seats:
            seat.close()
        for client in self.clients:
            client.close()
        for number in self.taken:
            os.close(number)
        self.board.close()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    opened = Site()
    yield opened
    opened.close()


async def test_whoever_has_the_fewest_gets_the_next(site: Site) -> None:
    one, two, _ = site.seats
    site.dispatcher.set_seats([one, two])
    site.connect(16)
    await site.handed(one, two, count=16)
    assert (site.take(one), site.take(two)) == (8, 8)
    one.row.open -= 6
    site.connect(6)
    await site.handed(one, two, count=22)
    assert (site.take(one), site.take(two)) == (6, 0)


async def test_a_newcomer_catches_up(site: Site) -> None:
    one, two, new = site.seats
    site.dispatcher.set_seats([one, two])
    site.connect(20)
    await site.handed(one, two, count=20)
    site.take(one), site.take(two)
    site.dispatcher.set_seats([one, two, new])
    site.connect(10)
    await site.handed(one, two, new, count=30)
    assert site.take(new) == 10


async def test_nobody_is_refused_while_there_is_no_worker(site: Site) -> None:
    one = site.seats[0]
    site.connect(40)
    site.dispatcher.set_seats([one])
    await site.handed(one, count=40)
    assert site.take(one) == 40


async def test_others_get_what_one_that_leaves_has_not_taken(site: Site) -> None:
    one, two, _ = site.seats
    site.dispatcher.set_seats([one, two])
    site.connect(10)
    await site.handed(one, two, count=10)
    site.dispatcher.set_seats([two])
    assert (one.handed, two.handed) == (0, 10)
    assert (site.take(one), site.take(two)) == (0, 10)


async def test_others_get_what_one_that_stands_still_has_not_taken_and_what_comes(site: Site) -> None:
    one, two, _ = site.seats
    site.dispatcher.set_seats([one, two])
    site.connect(8)
    await site.handed(one, two, count=8)
    site.still = [one]
    taken = 0

    def all_taken() -> bool:
        nonlocal taken
        taken += site.take(two)
        return taken == 8

    await site.until(all_taken)
    assert (one.handed, one.load) == (0, 0)
    site.connect(2)
    await site.handed(one, two, count=10)
    assert site.take(two) == 2
    site.still = []
    beats = one.row.beats
    await site.until(lambda: one.row.beats > beats + 100)
    site.connect(2)
    await site.handed(one, two, count=12)
    assert site.take(one) == 2  # it is trusted again


async def test_apps_connections_wait_until_somebody_has_the_apps(site: Site) -> None:
    one, two, _ = site.seats
    site.dispatcher.set_seats([one, two])
    site.connect(3, ADMIN)
    site.dispatcher.set_apps(one)
    await site.until(lambda: site.take(one) == 0 and len(site.taken) == 3)
    # What one has not taken when the apps go is two's, as soon as that has them.
    site.connect(4, ADMIN)
    await asyncio.sleep(0.05)
    site.dispatcher.set_apps(None)
    site.dispatcher.empty(one)
    site.dispatcher.set_apps(two)
    await site.until(lambda: site.take(two) == 0 and len(site.taken) == 7)
    assert site.take(one) == 0


async def test_more_than_a_worker_has_room_for_are_kept_until_it_has(site: Site) -> None:
    one = site.seats[0]
    one.gateway._end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    site.dispatcher.set_seats([one])
    site.connect(200)
    taken = 0

    def all_taken() -> bool:
        nonlocal taken
        taken += site.take(one)
        return taken == 200

    await site.until(all_taken)

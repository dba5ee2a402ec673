"""A worker's side: what its supervisor gives it, and what it says and asks."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from wapo.processes.board import Board
from wapo.processes.channel import Channel, receive_descriptors
from wapo.processes.dispatcher import ADMIN, GATEWAY, USER
from wapo.processes.inheritance import Inheritance
from wapo.processes.messages import (
    Answers,
    AppsEnded,
    AppsFailed,
    AppsRunning,
    Ask,
    Asked,
    Counted,
    FromSupervisor,
    ImageGiven,
    ImageGivenUp,
    ImageMade,
    ImageWanted,
    Leaving,
    Ready,
    Reply,
    Retire,
    RunApps,
    StopAll,
)  # fmt: skip

__all__ = ["Member"]

#: More than the supervisor gives those that are asked.
_ANSWERS_S: Final = 3.0
#: How long somebody else's image is waited for. An image that is made twice does no harm.
_IMAGE_S: Final = 20.0
#: Messages with connections that are read at once; then those that are there have their turn.
_BATCH: Final = 8
#: The supervisor minds when none has come for a second.
_BEAT_S: Final = 0.2
_BEATS_A_COUNT: Final = 5


Adopt = Callable[[socket.socket], None]
"""Serves a connection that was accepted elsewhere."""


class _Source:
    """A socket that gives connections, while it is read."""

    def __init__(self, end: socket.socket, took: Callable[[int], None]) -> None:
        self._end = end
        self._took = took
        self._adopters: dict[int, Adopt] = {}

    def open(self, adopters: dict[int, Adopt]) -> None:
        self._adopters = adopters
        asyncio.get_running_loop().add_reader(self._end.fileno(), self._take)

    def close(self) -> None:
        if self._adopters:
            self._adopters = {}
            asyncio.get_running_loop().remove_reader(self._end.fileno())

    def _take(self) -> None:
        for _ in range(_BATCH):
            found = receive_descriptors(self._end)
            if found is None or not found[0]:
                return
            adopt = self._adopters[found[0][0]]
            for number in found[1]:
                adopt(socket.socket(fileno=number))
            self._took(len(found[1]))


class Member:
    """This process, as one of several. Belongs to the running loop; close it at the end.

    Attributes:
        run_apps: set when the apps are this worker's.
        retire: set when others have taken its place.
        orphaned: set when there is no supervisor any more.
        on_question: answers what other workers ask, by the question's name.
        counts: gives what has been counted here, which is to outlive this process.
        row: figures for the supervisor.
    """

    def __init__(self, inheritance: Inheritance) -> None:
        self.run_apps = asyncio.Event()
        self.retire = asyncio.Event()
        self.orphaned = asyncio.Event()
        self.on_question: dict[str, Callable[[str], Awaitable[bytes]]] = {}
        self.inheritance = inheritance
        self.counts: Callable[[], bytes] | None = None
        self._counted = b""
        self._loop = asyncio.get_running_loop()
        self._board = Board(inheritance.board)
        self.row = self._board.row(inheritance.row)
        self._gateway = _Source(socket.socket(fileno=inheritance.connections), self._took)
        self._apps = _Source(socket.socket(fileno=inheritance.app_connections), lambda _count: None)
        self._channel = Channel(
            socket.socket(fileno=inheritance.control), FromSupervisor, self._heard, self._is_orphaned
        )
        self._next_number = 0
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._beat()

    def _beat(self) -> None:
        self.row.beats += 1
        if self.row.beats % _BEATS_A_COUNT == 0:
            self._say_counted()
        self._heart = self._loop.call_later(_BEAT_S, self._beat)

    # Connections

    def serve_gateway(self, adopt: Adopt) -> None:
        """From now on connections to the gateway are given to ``adopt``."""
        self._gateway.open({GATEWAY: adopt})

    def serve_apps(self, admin: Adopt, user: Adopt) -> None:
        """From now on connections to the apps' listeners are given to these."""
        self._apps.open({ADMIN: admin, USER: user})

    def leave_gateway(self) -> None:
        """Takes no connections to the gateway any more. What comes is left for others. Idempotent."""
        self._gateway.close()

    def leave_apps(self) -> None:
        """The same for the apps' listeners."""
        self._apps.close()

    def _took(self, count: int) -> None:
        # After they were counted as open: between the two nobody is to look less busy than it is.
        self.row.taken += count

    # What is said

    def say_ready(self) -> None:
        self._channel.send(Ready())

    def say_leaving(self) -> None:
        self._channel.send(Leaving())

    def stop_all(self) -> None:
        self._channel.send(StopAll())

    def say_apps_run(self) -> None:
        self._channel.send(AppsRunning())

    def say_apps_ended(self) -> None:
        self._channel.send(AppsEnded())

    def say_apps_failed(self, reason: str) -> None:
        self._channel.send(AppsFailed(reason))

    def _say_counted(self) -> None:
        counted = self.counts() if self.counts is not None else b""
        if counted != self._counted:
            self._counted = counted
            self._channel.send(Counted(counted))

    async def ask(self, question: str, text: str = "") -> list[bytes]:
        """What the other workers say. Those that do not answer within a second are left out."""
        answer = self._question(lambda number: Ask(number, question, text))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ANSWERS_S):
                replies: list[bytes] | None = await answer
                return replies or []
        return []

    async def want_image(self, key: str) -> tuple[bytes, int] | None:
        """The image of that key, as :meth:`share_image` was told of it, and its descriptor; None: make it, and then say
        so with :meth:`share_image` or :meth:`give_image_up`. Waits while another worker makes it."""
        answer = self._question(lambda number: ImageWanted(number, key))
        try:
            async with asyncio.timeout(_IMAGE_S):
                found: tuple[bytes, int] | None = await asyncio.shield(answer)
                return found
        except BaseException as error:
            answer.add_done_callback(partial(self._refuse_image, key))
            if not isinstance(error, TimeoutError):
                raise
        return None

    def _refuse_image(self, key: str, answer: "asyncio.Future[Any]") -> None:
        """Nobody waits for it any more."""
        if answer.result() is None:
            self.give_image_up(key)
        else:
            os.close(answer.result()[1])

    def share_image(self, key: str, descriptor: int, size: int, about: bytes) -> None:
        """An image that was made here: a sealed memory file."""
        self._channel.send(ImageMade(key, size, about), [descriptor])

    def give_image_up(self, key: str) -> None:
        self._channel.send(ImageGivenUp(key))

    def _question(self, message: Callable[[int], Ask | ImageWanted]) -> "asyncio.Future[Any]":
        future: asyncio.Future[Any] = self._loop.create_future()
        if self.orphaned.is_set():
            future.set_result(None)
        else:
            number, self._next_number = self._next_number, self._next_number + 1
            self._asked[number] = future
            self._channel.send(message(number))
        return future

    # What is heard

    def _heard(self, message: Any, descriptors: list[int]) -> None:
        match message:
            case RunApps():
                self.run_apps.set()
            case Retire():
                self.retire.set()
            case Asked(number, question, text):
                task = self._loop.create_task(self._answer(number, question, text))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case Answers(number, replies):
                self._resolve(number, replies)
            case ImageGiven(number, about):
                if about is None or not descriptors:  # there was none left for it here
                    self._resolve(number, None)
                elif self._resolve(number, (about, descriptors[0])):
                    descriptors.pop()
        for number in descriptors:
            os.close(number)

    def _resolve(self, number: int, value: object) -> bool:
        future = self._asked.pop(number, None)
        if future is None or future.done():
            return False
        future.set_result(value)
        return True

    def _is_orphaned(self) -> None:
        """Nobody answers any more."""
        self.orphaned.set()
        for number in list(self._asked):
            self._resolve(number, None)

    async def _answer(self, number: int, question: str, text: str) -> None:
        answer = self.on_question.get(question)
        if answer is not None:
            self._channel.send(Reply(number, await answer(text)))

    def close(self) -> None:
        """Idempotent."""
        if not self.orphaned.is_set():
            self._say_counted()
        self._heart.cancel()
        self.leave_gateway()
        self.leave_apps()
        for task in self._tasks:
            task.cancel()
        self._is_orphaned()
        self._channel.close()

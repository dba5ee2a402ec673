"""Messages with descriptors between two processes; here, two ends in one."""

import asyncio
import os
from typing import Any

from wapo.processes.channel import Channel, receive_descriptors, send_descriptors, socket_pair
from wapo.processes.messages import Ask, FromSupervisor, FromWorker, ImageGiven, ImageMade, Ready


async def test_messages_arrive_in_order_with_their_descriptors_and_then_the_end() -> None:
    mine, theirs = socket_pair()
    heard: list[tuple[Any, int]] = []
    ended = asyncio.Event()

    def receive(message: Any, descriptors: list[int]) -> None:
        heard.append((message, len(descriptors)))
        for number in descriptors:
            os.close(number)

    worker = Channel(theirs, FromSupervisor, receive, lambda: None)
    supervisor = Channel(mine, FromWorker, receive, ended.set)
    image = os.memfd_create("image")
    # More than the socket has room for: the rest follows when it is read.
    sent: list[Any] = []
    for number in range(2000):
        sent += [Ask(number, "question", "text" * 20), ImageMade("key", number, b"about")]
        worker.send(sent[-2])
        worker.send(sent[-1], [image])
    assert worker.clogged
    async with asyncio.timeout(30):
        while len(heard) < len(sent):
            await asyncio.sleep(0)
    assert [message for message, _ in heard] == sent
    assert [count for _, count in heard] == [0, 1] * 2000
    assert not worker.clogged
    worker.close()
    async with asyncio.timeout(30):
        await ended.wait()
    supervisor.send(ImageGiven(1))  # nobody hears it
    supervisor.close()
    worker.send(Ready())
    os.close(image)


def test_what_was_sent_is_there_when_the_receiver_has_died() -> None:
    sender, receiver = socket_pair()
    copy = os.dup(receiver.fileno())  # as a worker inherits it
    image = os.memfd_create("image")
    assert send_descriptors(sender, b"x", [image])
    os.close(copy)
    found = receive_descriptors(receiver)
    assert found is not None
    assert found[0] == b"x"
    assert os.fstat(found[1][0]).st_ino == os.fstat(image).st_ino
    assert receive_descriptors(receiver) is None
    sender.close()
    assert receive_descriptors(receiver) == (b"", [])
    receiver.close()
    for number in (image, *found[1]):
        os.close(number)

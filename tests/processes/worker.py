"""A worker without a node: answers each connection with one line that says who it is, and does what a file tells it.

    python -m tests.processes.worker FOLDER

In the folder are files whose names are orders: ``fail`` (exit at the start), ``hang`` (never be ready), ``no-apps``,
``clumsy`` (die of the first connection).
"""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

from wapo.processes.inheritance import Inheritance
from wapo.processes.member import Member


async def main(folder: Path) -> int:
    inheritance = Inheritance.find()
    assert inheritance is not None
    member, stop = Member(inheritance), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)

    def told(order: str) -> bool:
        return (folder / order).exists()

    def adopt(connection: socket.socket) -> None:
        if told("clumsy"):
            os._exit(9)
        connection.sendall(f"{os.getpid()}\n".encode())
        connection.close()

    async def have_apps() -> None:
        while True:
            await member.run_apps.wait()
            member.run_apps.clear()
            if told("no-apps"):
                member.say_apps_failed("they are not to")
            else:
                member.serve_apps(adopt, adopt)
                member.say_apps_run()

    async def name(text: str) -> bytes:
        return f"{os.getpid()} {text}".encode()

    if told("fail"):
        return 3
    if told("hang"):
        await stop.wait()
        return 0
    member.on_question["name"] = name
    apps = asyncio.create_task(have_apps())
    member.serve_gateway(adopt)
    member.say_ready()
    if told("ask"):
        answers = await member.ask("name", "hello")
        (folder / f"answers-{os.getpid()}").write_bytes(b"\n".join(answers))
    waits = [asyncio.create_task(event.wait()) for event in (stop, member.retire, member.orphaned)]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    apps.cancel()
    member.say_leaving()
    member.close()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]))))

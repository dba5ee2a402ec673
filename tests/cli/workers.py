"""What tests of several workers look at: the processes of a node, and which of them has a connection."""

import http.client
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from wapo.cli.admin_client import AdminAccess


def children(pid: int) -> set[int]:
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def state(pid: int) -> str:
    """As in proc_pid_stat(5); Z, if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "Z"


def alive(pid: int) -> bool:
    return state(pid) != "Z"


def connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return socket.create_connection((parts.hostname, parts.port), timeout=30)


def worker_of(connection: socket.socket, workers: set[int]) -> int:
    """The worker that has the other end of a connection."""
    found: list[int] = []

    def look() -> bool:  # it has no inode before it is accepted
        link = f"socket:[{_inode(connection.getpeername(), connection.getsockname())}]"
        found[:] = [pid for pid in workers if alive(pid) and link in _links(pid)]
        return len(found) == 1

    until(look, f"nobody has {connection}")
    return found[0]


def _links(pid: int) -> set[str]:
    links = set()
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            links.add(str(path.readlink()))
    return links


def _inode(local: tuple[str, int], remote: tuple[str, int]) -> str:
    def packed(address: tuple[str, int]) -> str:
        return f"{int.from_bytes(socket.inet_aton(address[0]), 'little'):08X}:{address[1]:04X}"

    wanted = [packed(local), packed(remote)]
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    return next(row[9] for row in rows if row[1:3] == wanted)


def app_worker(data_dir: Path, workers: set[int]) -> int:
    """The worker that runs the apps."""
    with connect(AdminAccess.read(data_dir).url) as connection:
        return worker_of(connection, workers)


class Load:
    """Clients that ask as fast as they are answered, each on a connection that it keeps for as long as it may, or on a
    new one each time. Any answer but a right one, and any connection that is refused or cut, is an error."""

    def __init__(self, url: str, expected: bytes, *, keep: int = 4, new: int = 4) -> None:
        self.answers = 0
        self.connections = 0
        self.errors: list[str] = []
        self._url = urlsplit(url)
        self._expected = expected
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(number < keep,)) for number in range(keep + new)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def more(self, answers: int) -> None:
        """Returns when so many more have been answered."""
        wanted = self.answers + answers
        until(lambda: self.answers >= wanted or self.errors, "nobody is answered any more")

    def _run(self, keep: bool) -> None:
        client: http.client.HTTPConnection | None = None
        while not self._stop.is_set():
            try:
                if client is None:
                    assert self._url.hostname is not None
                    client = http.client.HTTPConnection(self._url.hostname, self._url.port, timeout=30)
                    self.connections += 1
                client.request("GET", self._url.path)
                response = client.getresponse()
                body = response.read()
                if response.status != 200 or body != self._expected:
                    self.errors.append(f"{response.status} {body!r}")
                if not keep or response.will_close:
                    client.close()
                    client = None
                with self._lock:
                    self.answers += 1
            except (OSError, http.client.HTTPException) as error:
                self.errors.append(repr(error))
                client = None
        if client is not None:
            client.close()

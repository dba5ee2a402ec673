"""A node that is killed in the middle of its work (design.md, "Requirements": what was acknowledged is kept)."""

import hashlib
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cli.support import Running, running
from tests.programs import compile_program
from wapo.cli.admin_client import AdminAccess, AdminClient, AdminUnreachable
from wapo.scale.primitives import Reader

OPERATIONS = 200
KILLS = 5

Key = tuple[str, str]

#: With a place for every app: one without would be deployed and not run.
SERVE = ("serve", "--port", "0", "--admin-port", "0", "--user-port", "0", "--max-instances", "64")


class Model:
    """What a client knows: of each thing, the values that it may have. One, unless the node died before it answered."""

    def __init__(self) -> None:
        self.possible: dict[Key, set[Any]] = {}

    def __getitem__(self, key: Key) -> Any:
        (value,) = self.possible[key]
        return value

    def having(self, kind: str, value: Any) -> list[str]:
        return [name for (found, name), values in self.possible.items() if found == kind and values == {value}]

    def changes(self, key: Key, value: Any, before: Any = None) -> Callable[[], None]:
        """Something is asked for. What this returns is to be called when the answer has come."""
        self.possible.setdefault(key, {before}).add(value)

        def acknowledged() -> None:
            self.possible[key] = {value}

        return acknowledged

    def is_now(self, key: Key, value: Any) -> None:
        assert value in self.possible[key], f"{key} is {value!r}, not one of {self.possible[key]!r}"
        self.possible[key] = {value}


class Operator:
    """Somebody who does things at random with a node."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.model = Model()
        self.made = 0
        self.address: dict[str, str] = {}
        self.code = ""

    def begin(self, client: AdminClient) -> None:
        self.code = client.upload(compile_program("app"))
        client.call("WorkerInit", recipient="")

    def step(self, client: AdminClient) -> None:
        """One operation, of those that are possible."""
        up, down = self.model.having("app", 1), self.model.having("app", 0)
        choices = [self.put_blob, self.deploy]
        choices += [self.remove_blob] * bool(self.model.having("blob", True))
        choices += [self.stop, self.set_boot_data, self.set_boot_data] * bool(up)
        choices += [self.start] * bool(down)
        choices += [self.remove] * (2 * (len(up) + len(down) > 4))
        self.random.choice(choices)(client)

    def put_blob(self, client: AdminClient) -> None:
        content = self.random.randbytes(self.random.choice((1, 1000, 300_000)))
        name = hashlib.sha256(content).hexdigest()
        done = self.model.changes(("blob", name), True, False)
        assert client.upload(content) == f"sha256:{name}"
        done()

    def remove_blob(self, client: AdminClient) -> None:
        name = self.random.choice(self.model.having("blob", True))
        done = self.model.changes(("blob", name), False)
        client.call("BlobRemove", hash=f"sha256:{name}", body="0x")
        done()

    def deploy(self, client: AdminClient) -> None:
        self.made += 1
        label = f"app-{self.made}"
        manifest = {
            "version": 1, "code_hash": self.code, "args": [], "env_vars": [], "on_demand": False, "resizable": False,
            "max_query_size": 100_000, "label": label, "required_blobs": [],
        }  # fmt: skip
        done = self.model.changes(("app", label), 1)
        self.model.changes(("boot", label), b"", b"")()
        client.call("AppDeploy", manifest=manifest, reuse_instances=True)
        done()
        self.look_up(client)

    def look_up(self, client: AdminClient) -> list[dict[str, Any]]:
        apps: list[dict[str, Any]] = client.call("AppList")["apps"]
        self.address = {one["manifest"]["label"]: one["address"] for one in apps}
        return apps

    def _one(self, target: int) -> str:
        return self.random.choice(self.model.having("app", target))

    def stop(self, client: AdminClient) -> None:
        label = self._one(1)
        done = self.model.changes(("app", label), 0)
        client.call("AppStop", address=self.address[label])
        done()

    def start(self, client: AdminClient) -> None:
        label = self._one(0)
        done = self.model.changes(("app", label), 1)
        client.call("AppStart", address=self.address[label])
        done()

    def remove(self, client: AdminClient) -> None:
        label = self.random.choice(self.model.having("app", 0) + self.model.having("app", 1))
        done = self.model.changes(("app", label), None)
        client.call("AppRemove", address=self.address[label])
        done()

    def set_boot_data(self, client: AdminClient) -> None:
        label = self._one(1)
        data = self.random.randbytes(self.random.choice((1, 100, 60_000)))
        done = self.model.changes(("boot", label), data)
        assert self._ask(client, label, "/boot-set", data) == b"0"
        done()

    def _ask(self, client: AdminClient, label: str, path: str, payload: bytes = b"") -> bytes:
        answer = client.call("AppQuery", address=self.address[label], path=path, payload=f"0x{payload.hex()}")
        return bytes.fromhex(answer["output"][2:])

    def check(self, client: AdminClient, folder: Path) -> None:
        """After a restart: everything is as it was acknowledged, or as it was about to be."""
        labels = [name for kind, name in self.model.possible if kind == "app"]
        until = time.monotonic() + 20
        while True:  # programs come back one after the other, when the node already listens
            there = {one["manifest"]["label"]: min(one["instances"], 1) for one in self.look_up(client)}
            wrong = [label for label in labels if there.get(label) not in self.model.possible["app", label]]
            if not wrong or time.monotonic() > until:
                break
        assert set(there) <= set(labels)
        for label in labels:
            self.model.is_now(("app", label), there.get(label))
            if there.get(label) == 1:
                record = Reader(self._ask(client, label, "/boot"))
                self.model.is_now(("boot", label), record.bytes() if record.option() else b"")
        names = [name for kind, name in self.model.possible if kind == "blob"]
        for name in names:
            self.model.is_now(("blob", name), client.call("BlobExists", hash=f"sha256:{name}", body="0x")["value"])
        files = [path for path in (folder / "blobs").rglob("*") if path.is_file()]
        assert not [path for path in files if "tmp" in path.name]
        for path in files:
            if len(path.name) == 64 and path.name in names:
                assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name


def _started(node: Running, data: Path) -> AdminClient:
    node.wait_for("apps: wapo app")
    return AdminClient(AdminAccess.read(data))


def test_a_node_killed_at_any_moment_keeps_what_it_acknowledged(data: Path) -> None:
    operator = Operator(seed := random.randrange(1 << 30))
    sys.stderr.write(f"seed {seed}\n")
    done = 0
    for life in range(KILLS + 1):
        with running(*SERVE) as node:
            client = _started(node, data)
            if life == 0:
                operator.begin(client)
            else:
                operator.check(client, data)
            last = life == KILLS
            until = OPERATIONS if last else done + operator.random.randrange(10, 2 * OPERATIONS // KILLS)
            while done < until:
                operator.step(client)
                done += 1
            if last:
                assert node.stop(signal.SIGTERM) == 0
                return
            killer = threading.Timer(operator.random.random() * 0.02, node.process.kill)
            killer.start()
            try:
                while True:
                    operator.step(client)
                    done += 1
            except (AdminUnreachable, ConnectionError):
                pass
            killer.join()

"""``wapo serve --workers``: processes that are one node, whichever of them answers and whichever dies."""

import http.client
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import Running, running, wapo
from tests.cli.workers import Load, alive, app_worker, children, connect, state, until, worker_of
from tests.programs import compile_program
from wapo.cli.admin_client import AdminAccess, AdminClient
from wapo.trust.oblivious.binary_http import encode_request
from wapo.trust.oblivious.configuration import decode_configurations
from wapo.trust.oblivious.sending import Sender

OPTIONS = ("--port", "0", "--admin-port", "0", "--user-port", "0", "--upstream", "none")
HELLO = "export default { fetch: () => new Response('hello') }"
SLOW = """export default {
    async fetch() { await new Promise((resolve) => setTimeout(resolve, 1500)); return new Response('slow'); },
}"""


class Fleet:
    """A node of several workers."""

    def __init__(self, command: Running, data: Path, count: int) -> None:
        self.command = command
        self.data = data
        self.url = command.wait_for(f"with {count} workers").split(" on ")[1].split()[0]
        self.pid = command.process.pid

    @property
    def workers(self) -> set[int]:
        return children(self.pid)

    @property
    def token(self) -> str:
        return (self.data / "operator.token").read_text().strip()

    def publish(self, source: str) -> str:
        """The program's URL."""
        request = urllib.request.Request(
            f"{self.url}/ipfs", source.encode(), {"Authorization": f"Bearer {self.token}"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return f"{self.url}/ipfs/{json.loads(response.read())['cid']}"

    def ends_well(self, number: int = signal.SIGTERM) -> None:
        assert self.command.stop(number) == 0
        assert not any("Traceback" in line or "rror" in line for line in self.command.lines), self.command.lines


@contextmanager
def fleet(data: Path, count: int = 2, *options: str, **more: Any) -> Iterator[Fleet]:
    with running("serve", *OPTIONS, "--workers", str(count), *options, **more) as command:
        yield Fleet(command, data, count)


class Client:
    """One connection, and the worker at its other end."""

    def __init__(self, node: Fleet) -> None:
        host, port = node.url.removeprefix("http://").split(":")
        self.http = http.client.HTTPConnection(host, int(port), timeout=30)
        self.http.connect()
        self.node = node

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    @property
    def worker(self) -> int:
        assert isinstance(self.http.sock, socket.socket)
        return worker_of(self.http.sock, self.node.workers)

    def ask(self, url: str, method: str = "GET", body: str | None = None) -> bytes:
        path = url.removeprefix(self.node.url)
        self.http.request(method, path, body, {"Authorization": f"Bearer {self.node.token}"})
        response = self.http.getresponse()
        answer = response.read()
        assert response.status in (200, 201), answer
        return answer


@contextmanager
def one_client_each(node: Fleet) -> Iterator[list[Client]]:
    """A client for each worker, on connections that stay."""
    with ExitStack() as stack:
        clients = {client.worker: client for client in (stack.enter_context(Client(node)) for _ in node.workers)}
        assert clients.keys() == node.workers
        yield list(clients.values())


def pending(pid: int, number: int) -> bool:
    """Whether a signal waits for a process that is stopped."""
    found = re.search(r"^ShdPnd:\s*(\w+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return bool(int(found[1], 16) & (1 << (number - 1)))


class TestConnections:
    def test_they_are_spread_evenly_and_those_that_go_make_room(self, data: Path) -> None:
        with fleet(data) as node, ExitStack() as stack:
            open_now = [stack.enter_context(connect(node.url)) for _ in range(16)]
            by_worker = Counter(worker_of(connection, node.workers) for connection in open_now)
            assert sorted(by_worker.values()) == [8, 8]
            emptied = worker_of(open_now[0], node.workers)
            for connection in [c for c in open_now if worker_of(c, node.workers) == emptied][:6]:
                connection.close()
                open_now.remove(connection)
            link_count = len(open_now)
            # Each of these is asked something, so that the ends of the others have been seen.
            for _ in range(6):
                client = stack.enter_context(Client(node))
                client.ask("/healthz")
                assert isinstance(client.http.sock, socket.socket)
                open_now.append(client.http.sock)
            assert link_count == 10
            by_worker = Counter(worker_of(connection, node.workers) for connection in open_now)
            assert sorted(by_worker.values()) == [8, 8]
            node.ends_well()

    def test_what_a_worker_that_stands_still_was_given_is_served_by_another(self, data: Path) -> None:
        with fleet(data) as node:
            url = node.publish(HELLO)
            stuck, other = node.workers
            os.kill(stuck, signal.SIGSTOP)
            until(lambda: state(stuck) == "T", "it is not stopped")
            for _ in range(4):
                with urllib.request.urlopen(url, timeout=30) as response:
                    assert response.read() == b"hello"
            assert alive(other)
            os.kill(stuck, signal.SIGCONT)
            node.ends_well()


class TestDeath:
    def test_a_worker_that_dies_is_replaced_and_nobody_else_notices(self, data: Path) -> None:
        with fleet(data) as node:
            url = node.publish(HELLO)
            before = node.workers
            with Client(node) as mine:
                others = before - {mine.worker}
                victim = others.pop()
                mine.ask(url)
                with Load(url, b"hello", keep=0, new=2) as load:
                    load.more(20)
                    os.kill(victim, signal.SIGKILL)
                    until(lambda: len(node.workers - {victim}) == 2, "no worker was started in its place")
                    load.more(200)
                assert mine.ask(url) == b"hello"
            # Those that it had at that moment go with it: two clients, one request each.
            assert len(load.errors) <= 2
            assert any("a worker ended with -9; starting another" in line for line in node.command.lines)
            node.ends_well()

    def test_no_worker_outlives_its_supervisor(self, data: Path) -> None:
        with fleet(data) as node:
            left = node.workers
            node.command.process.kill()
            node.command.process.wait(30)
            until(lambda: not any(map(alive, left)), "workers run on without their supervisor")


class TestStopping:
    def test_requests_that_are_under_way_are_answered(self, data: Path) -> None:
        with fleet(data) as node:
            url = node.publish(SLOW)
            with one_client_each(node) as clients:
                workers = node.workers
                for client in clients:
                    client.http.request("GET", url.removeprefix(node.url))
                until(lambda: _machines(node) == 2, "they do not run")
                node.command.process.send_signal(signal.SIGTERM)
                assert [client.http.getresponse().read() for client in clients] == [b"slow", b"slow"]
            assert node.command.end() == 0
            assert not any(map(alive, workers))

    def test_a_worker_that_does_not_listen_is_killed_by_the_third_interrupt(self, data: Path) -> None:
        with fleet(data) as node:
            workers, process = node.workers, node.command.process
            stuck = app_worker(data, workers)
            os.kill(stuck, signal.SIGSTOP)
            until(lambda: state(stuck) == "T", "it is not stopped")
            process.send_signal(signal.SIGINT)
            until(lambda: not any(map(alive, workers - {stuck})), "the other does not end")
            until(lambda: pending(stuck, signal.SIGTERM), "it is not told")
            process.send_signal(signal.SIGINT)
            until(lambda: pending(stuck, signal.SIGINT), "it is not hurried")
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 1
            assert not alive(stuck)

    def test_a_terminal_that_is_closed_ends_the_node(self, data: Path) -> None:
        terminal, end = pty.openpty()
        command = [sys.executable, "-m", "wapo", "serve", *OPTIONS, "--workers", "2"]
        # A process that leads a session gets the terminal that it opens first.
        code = "import os, sys; os.setsid(); os.close(os.open(sys.argv[1], os.O_RDWR)); os.execv(sys.argv[2], sys.argv[2:])"
        process = subprocess.Popen(
            [sys.executable, "-c", code, os.ttyname(end), *command], stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        os.close(end)
        try:
            assert process.stderr is not None
            assert any("with 2 workers" in line for line in process.stderr)
            workers = children(process.pid)
            os.close(terminal)
            assert process.wait(30) == 0
            assert not any(map(alive, workers))
        finally:
            process.kill()
            process.wait(30)
            process.stderr.close()


def _machines(node: Fleet) -> int:
    with urllib.request.urlopen(f"{node.url}/healthz", timeout=30) as response:
        machines: int = json.loads(response.read())["machines"]
        return machines


class TestReload:
    def test_nobody_is_refused_or_cut_off(self, data: Path) -> None:
        with fleet(data) as node:
            url = node.publish(HELLO)
            with Client(node) as idle, Load(url, b"hello") as load:
                idle.ask(url)
                for round_number in range(2):
                    before = node.workers
                    load.more(100)
                    node.command.process.send_signal(signal.SIGHUP)
                    until(
                        lambda: sum("reloaded" in line for line in node.command.lines) == round_number + 1,
                        "it does not reload",
                    )
                    load.more(100)
                    new = node.workers - before
                    assert len(new) == 2
                    if not round_number:
                        # One that was idle the while is still served, once, where it was.
                        assert idle.worker in before
                        assert idle.ask(url) == b"hello"
                    until(lambda: node.workers == new, "those of before do not end")
                assert load.errors == []
                assert load.connections > 8
            node.ends_well()

    def test_requests_that_are_under_way_are_answered_by_whom_they_were_sent_to(self, data: Path) -> None:
        with fleet(data) as node:
            url = node.publish(SLOW)
            with Client(node) as client:
                before = client.worker
                client.http.request("GET", url.removeprefix(node.url))
                until(lambda: _machines(node) == 1, "it does not run")
                node.command.process.send_signal(signal.SIGHUP)
                response = client.http.getresponse()
                assert response.read() == b"slow"
                assert before
            node.ends_well()

    def test_one_that_fails_leaves_everything_as_it_is(self, data: Path, folder: Path) -> None:
        with fleet(data) as node:
            url = node.publish(HELLO)
            before = node.workers
            (folder / "Wapod.toml").write_text("nonsense = 1")
            node.command.process.send_signal(signal.SIGHUP)
            node.command.wait_for("the reload has failed")
            assert node.command.wait_for("nonsense")
            until(lambda: node.workers == before, "new workers stay")
            (folder / "Wapod.toml").unlink()
            with urllib.request.urlopen(url, timeout=30) as response:
                assert response.read() == b"hello"
            node.command.process.send_signal(signal.SIGHUP)
            node.command.wait_for("reloaded")
            until(lambda: not node.workers & before, "those of before do not end")
            assert node.command.stop(signal.SIGTERM) == 0

    def test_apps_move_and_their_clients_wait(self, data: Path, folder: Path) -> None:
        (folder / "tool.wasm").write_bytes(compile_program("app"))
        with fleet(data) as node:
            deployed = wapo("app", "deploy", "tool.wasm", "--json").json
            before = app_worker(data, node.workers)
            with urllib.request.urlopen(f"{deployed['url']}seen", timeout=30) as response:
                expected = response.status
            assert expected == 200
            node.command.process.send_signal(signal.SIGHUP)
            node.command.wait_for("reloaded")
            assert wapo("app", "query", "tool", "/echo", "moved").out == "moved"
            assert app_worker(data, node.workers) != before
            assert wapo("app", "list", "--json").out.count('"instances":1') == 1
            node.ends_well()
        assert not (data / "admin.json").exists()


class TestOneNode:
    """Whichever worker answers."""

    def test_a_secret_that_one_stores_the_others_give(self, data: Path) -> None:
        with fleet(data) as node, one_client_each(node) as (one, other):
            agent = node.publish("export default { fetch: (_, env) => new Response(env.name ?? 'none') }")
            cid = agent.rsplit("/", 1)[1]
            receipt = json.loads(one.ask("/vaults", "POST", json.dumps({"cid": cid, "data": {"name": "secret"}})))
            assert other.ask(f"{agent}?key={receipt['key']}") == b"secret"
            assert one.ask(f"{agent}?key={receipt['key']}") == b"secret"

    def test_an_encrypted_request_is_taken_once_by_all_together(self, data: Path) -> None:
        """Whichever of them it is sent to again; and a key that one of them tells, all take."""
        path = "/.well-known/ohttp-gateway"
        with fleet(data) as node, one_client_each(node) as (one, other):
            url = node.publish("export default { fetch: () => new Response('done') };")
            (configuration,) = decode_configurations(one.ask(f"{node.url}{path}"))
            sender = Sender(configuration)
            target = url.removeprefix(node.url).encode()
            sealed = sender.seal(encode_request("GET", b"http", b"a.example", target, [], b""))
            answers = []
            for client in (one, other, one, other):
                client.http.request("POST", path, sealed, {"content-type": "message/ohttp-req"})
                answers.append(sender.open(client.http.getresponse().read()))
            assert [b"done" in answer for answer in answers] == [True, False, False, False]
            assert all(b"request_replayed" in answer for answer in answers[1:])

    def test_logs_are_whole_at_once(self, data: Path) -> None:
        source = """console.log('loaded'); export default { fetch(request) {
            console.log(new URL(request.url).searchParams.get('n')); return new Response('ok'); } }"""
        with fleet(data, 3) as node, one_client_each(node) as clients:
            agent = node.publish(source)
            for round_number in range(5):
                for number, client in enumerate(clients):
                    client.ask(f"{agent}?n={round_number}-{number}")
                reader = clients[round_number % 3]
                log = reader.ask(f"/logs/all/ipfs/{agent.rsplit('/', 1)[1]}?format=json")
                messages = [record["message"] for record in json.loads(log)]
                assert [f"{round_number}-{number}" in messages for number in range(3)] == [True, True, True]
            # One of them has made the image, for all.
            assert messages.count("loaded") == 1

    def test_metrics_are_of_all_and_outlive_who_counted(self, data: Path) -> None:
        with fleet(data) as node:
            agent = node.publish(HELLO)
            with one_client_each(node) as clients:
                for client in clients:
                    for _ in range(3):
                        client.ask(agent)
                victim = clients[1].worker
                os.kill(victim, signal.SIGTERM)
                until(lambda: not alive(victim), "it does not end")
                found = re.search(rb'wapo_requests_total{outcome="\w+"} (\S+)', clients[0].ask("/metrics"))
            assert found is not None
            assert float(found[1]) == 6

    def test_limits_that_one_process_sets_hold_in_all(self, data: Path) -> None:
        """A command writes them to the store; each worker looks there again after some seconds at most."""
        with fleet(data) as node, one_client_each(node) as clients:
            agent = node.publish(HELLO)
            wapo("limits", agent.rsplit("/", 1)[1], "--max-response", "2")
            for client in clients:
                client.http.request("GET", agent.removeprefix(node.url))
                response = client.http.getresponse()
                response.read()
                assert response.status != 200

    def test_the_tls_port_that_the_system_has_chosen_is_told(self, data: Path) -> None:
        with fleet(data, 2, "--tls-port", "0") as node:
            line = node.command.wait_for("with TLS")
            with socket.create_connection(("127.0.0.1", int(line.split(":")[-1].split(",")[0])), timeout=30):
                pass
            access = AdminAccess.read(data)
            assert any(access.url in line and access.user_url in line for line in node.command.lines)
            assert AdminClient(access).call("WorkerExit") == {}
            assert node.command.end() == 0


class TestBadInput:
    @pytest.mark.parametrize("count", ["0", "-1", "257", "two"])
    def test_a_number_of_workers_that_makes_no_sense(self, count: str) -> None:
        assert "'--workers'" in wapo("serve", "--workers", count).error

    def test_more_than_the_memory_is_enough_for(self) -> None:
        result = wapo("serve", "--workers", "16", "--max-node-memory", "1GB")
        assert result.code == 2
        assert result.error == (
            "16 workers would have 64 MB each, and need 256 MB: 1024 MB are enough for 4 (see --max-node-memory)"
        )

    def test_more_than_there_are_cores_is_told(self, data: Path) -> None:
        count = len(os.sched_getaffinity(0)) + 1
        with fleet(data, count) as node:
            assert node.command.wait_for("workers share")
            assert len(node.workers) == count
            node.ends_well()

    def test_a_port_that_is_taken(self, data: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            result = wapo("serve", "--workers", "2", "--port", port)
            assert result.code == 1
            assert result.error == f"cannot listen on 127.0.0.1:{port}: Address already in use"

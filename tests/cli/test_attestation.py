"""``wapo serve --attestation``: what vouches for a node that runs behind its wall."""

import json
import os
import signal
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import Running, running, wapo, wapo_process
from tests.trust.attestation.agent import guest_agent
from tests.trust.attestation.platform import Platform, needs_quotes
from wapo.cli.confinement import plan_of
from wapo.confinement.landlock import LEAST_ABI, abi_version
from wapo.confinement.wall import tried
from wapo.node.settings import NodeSettings
from wapo.trust.attestation.provider import QuoteFailed
from wapo.trust.attestation.tdx import Tdx

SERVE = ("serve", "--port", "0", "--upstream", "none", "--no-apps")
NONCE = "cd" * 16


def attestation(node: Running) -> dict[str, Any]:
    url = node.wait_for("listening").split(" on ")[1].split()[0]
    with urllib.request.urlopen(f"{url}/attestation?nonce={NONCE}", timeout=30) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def environment(endpoint: Path | None, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "DSTACK_SIMULATOR_ENDPOINT"}
    return kept | ({"DSTACK_SIMULATOR_ENDPOINT": str(endpoint)} if endpoint is not None else {}) | more


def test_a_node_without_a_tee_says_so_when_it_starts(tmp_path: Path) -> None:
    with running(*SERVE, "--data-dir", tmp_path / "node", "--attestation", "none") as node:
        assert attestation(node)["attested"] is False
        node.wait_for("Nothing is attested: no TEE vouches for this node")
        assert node.stop(signal.SIGTERM) == 0


@needs_quotes
@pytest.mark.parametrize("workers", [1, 2])
def test_a_node_behind_its_wall_asks_dstack(tmp_path: Path, workers: int) -> None:
    """It may connect to no Unix socket: the process beside it does. Its key comes from the key service."""
    data = tmp_path / "node"
    with guest_agent(tmp_path / "s", Platform()) as agent:
        options = (*SERVE, "--data-dir", data, "--workers", str(workers))
        with running(*options, env=environment(tmp_path / "s")) as node:
            answer = attestation(node)
            assert (answer["kind"], answer["attested"]) == ("dstack", False)
            assert "do not lead to Intel's root" in answer["statement"]
            assert json.loads(answer["event_log"])[0]["event"] == "app-id"
            assert node.stop(signal.SIGTERM) == 0
        assert not (data / "node.key").exists()
        assert {"GetKey", "GetQuote"} <= {method for method, _ in agent.asked}
        with running(*options, env=environment(tmp_path / "s")) as node:
            assert attestation(node)["node"] == answer["node"]  # the same keys after a restart
            assert node.stop(signal.SIGTERM) == 0
        # Commands beside the node find the key where it is.
        (tmp_path / "a.js").write_text("export default { fetch: () => new Response('a') };")
        for command in (("secret", "set", "local", "A=1"), ("inspect", tmp_path / "a.js"), ("keys", "show")):
            done = wapo_process(*command, "--data-dir", data, env=environment(tmp_path / "s"))
            assert done.code == 0, done.err
    done = wapo_process(*SERVE, "--data-dir", data, env=environment(None))
    assert done.code == 1
    assert "from the key service of dstack, which is not asked here" in done.err


def test_a_tee_that_is_not_there_keeps_a_node_from_starting(tmp_path: Path) -> None:
    for kind in ("tdx", "sgx", "dstack"):
        result = wapo(*SERVE, "--data-dir", tmp_path / "node", "--attestation", kind)
        assert result.code == 2
        assert result.error.startswith(f"--attestation {kind}: ")
    assert "none of auto, none, dstack, tdx, sgx" in wapo(*SERVE, "--attestation", "trust me").error


def test_an_agent_that_gives_no_quote_keeps_a_node_from_starting(tmp_path: Path) -> None:
    with guest_agent(tmp_path / "s") as agent:
        agent.answers["GetQuote"] = 500, {}
        done = wapo_process(
            *SERVE, "--data-dir", tmp_path / "node", "--attestation", "dstack", env=environment(tmp_path / "s")
        )
    assert done.code == 1
    assert "a quote could not be had from dstack's guest agent" in done.err


def test_the_doctor_says_what_would_attest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DSTACK_SIMULATOR_ENDPOINT", raising=False)
    checks = {check["name"]: check for check in wapo("doctor", "--json", "--data-dir", tmp_path).json["checks"]}
    assert checks["attestation"]["text"].startswith("none: nothing is attested here")
    monkeypatch.setenv("DSTACK_SIMULATOR_ENDPOINT", "http://127.0.0.1:1")
    checks = {check["name"]: check for check in wapo("doctor", "--json", "--data-dir", tmp_path).json["checks"]}
    assert checks["attestation"]["text"].startswith("dstack: dstack's guest agent at http://127.0.0.1:1")


@pytest.mark.skipif(abi_version() < LEAST_ABI, reason="a kernel without Landlock")
def test_a_node_behind_its_wall_may_ask_the_kernel(tmp_path: Path) -> None:
    """What it wants to write for that is in the plan of its wall, and nothing beside it."""
    reports, other = tmp_path / "tsm", tmp_path / "other"
    for path in (reports, other):
        path.mkdir()
    plan = plan_of(NodeSettings(data_dir=tmp_path / "node", cache_dir=tmp_path / "cache", attestation=Tdx(reports)))

    def told() -> list[str]:
        found = []
        for path in (reports, other):
            try:
                Tdx(path).quote(bytes(64))
            except QuoteFailed as error:
                found.append(str(error).rpartition(": ")[2])
        return found

    # No kernel answers here; but the one request can be made, and the other cannot.
    assert tried(plan, told)[1] == ["No such file or directory", "Permission denied"]

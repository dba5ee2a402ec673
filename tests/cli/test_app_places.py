"""What ``wapo app deploy`` says where a node has no place for another instance."""

from pathlib import Path

from tests.cli.support import running, wapo
from tests.sdk.support import EXAMPLES, built


def test_an_app_without_a_place_is_deployed_and_said_not_to_run(folder: Path) -> None:
    """Otherwise its first query fails, and nothing says why."""
    Path("counters.wasm").write_bytes(built(EXAMPLES / "counters.c"))
    with running("serve", "--port", "0", "--max-instances", "1") as node:
        node.wait_for("apps: wapo app")
        first = wapo("app", "deploy", "counters.wasm", "--label", "first")
        assert first.code == 0
        assert "it does not run yet" not in first.err
        second = wapo("app", "deploy", "counters.wasm", "--label", "second")
        assert second.code == 0
        assert "it does not run yet: the node has no place for another instance" in second.err
        on_demand = wapo("app", "deploy", "counters.wasm", "--label", "third", "--on-demand")
        assert "it does not run yet" not in on_demand.err
        assert wapo("app", "stop", "first").code == 0
        assert wapo("app", "start", "second").code == 0
        assert wapo("app", "query", "second", "/value/x").out == "0"

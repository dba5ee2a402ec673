"""Every peer runs every agent and answers what is right: what is measured is the same work."""

from contextlib import ExitStack

import http_hello
import http_json
import http_page
import http_router
import http_stream
import http_upstream
import pytest
from peers import packages
from peers.rounds import WrongAnswer, check
from peers.servers import APART, BESIDE
from peers.upstream import an_upstream

pytestmark = pytest.mark.npm

CASES = {
    module.CASE.name: module.CASE for module in (http_hello, http_router, http_page, http_json, http_stream)
}  # fmt: skip
ONE_PROCESS = [name for name in BESIDE if name != "wapo, 2 workers"]


@pytest.mark.parametrize("peer", ONE_PROCESS)
@pytest.mark.parametrize("name", [*CASES, "upstream"])
def test_a_peer_answers_what_is_right(peer: str, name: str) -> None:
    with ExitStack() as stack:
        case = CASES.get(name) or http_upstream.case(stack.enter_context(an_upstream()))
        server = stack.enter_context(BESIDE[peer](case.agent()))
        check(case, peer, server)
        assert server.pss_kb() > 1000


def test_engines_apart_answer_hello() -> None:
    pytest.importorskip("quickjs_rs", reason="the extra 'bench' is not installed")
    for peer, start in APART.items():
        with start(packages.agent("hello")) as server:
            check(http_hello.CASE, peer, server)


def test_a_wrong_answer_is_not_measured() -> None:
    with BESIDE["node"](packages.agent("hello")) as server, pytest.raises(WrongAnswer, match="node, asked for page"):
        check(http_page.CASE, "node", server)

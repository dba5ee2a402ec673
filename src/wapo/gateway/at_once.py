"""Requests to agents that are answered in the connection's own callback.

Most requests are small GETs of programs whose image is in memory, and most programs answer them without waiting. For
those a task, a scope and two messages cost more than the program. So the connection asks here first; an answer that is
complete goes out in one write. Whatever needs more (a body, a secret that is not known, a response that streams or
takes its time, an error) goes the way of ASGI, where ``AgentRoutes`` continues what was begun.
"""

import time
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from wapo.agents.messages import AgentRequest
from wapo.gateway.addresses import agent_url, path_for_log, vault_key
from wapo.gateway.content import ContentRoutes
from wapo.gateway.cors import add_defaults
from wapo.gateway.paths import ContentPath
from wapo.gateway.receipts import ASKS, LARGE_BYTES, Making, Receipts
from wapo.gateway.replies import NO_BODY_STATUS, OWN_HEADERS, Headers, common_lines, new_id
from wapo.node.node import Invocation, Node
from wapo.node.programs import Located
from wapo.trust.receipts import told_target

__all__ = ["BEGUN", "AtOnce", "Begun"]

#: The key of a scope under which what was begun is found.
BEGUN: Final = "wapo.begun"
_PREFIX: Final = b"/ipfs/"
_PATH_BYTES: Final = 256
_MAX_FOUND: Final = 10_000
#: What proxies say is for the ASGI server to weigh, and who accepts blocks is answered elsewhere.
_WEIGHED: Final = frozenset((b"accept", ASKS, b"x-forwarded-for", b"x-forwarded-proto"))


@dataclass(slots=True)
class Begun:
    """A request whose program was started, or refused, and has not answered.

    Attributes:
        started: of ``time.perf_counter``.
        error: why there is no invocation.
        making: its receipt, if there is to be one.
    """

    request_id: str
    started: float
    invocation: Invocation | None
    error: Exception | None = None
    making: Making | None = None


@lru_cache(600)
def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


class AtOnce:
    """Answers what can be answered at once."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._receipts = Receipts(node)
        self._always = self._receipts.always
        self._found: dict[bytes, tuple[Located, bytes]] = {}

    def __call__(self, target: bytes, headers: Headers, scheme: str, server_headers: Headers) -> bytes | Begun | None:
        """The response to a GET without a body, on a connection that stays open.

        Args:
            target: as it was sent (RFC 9112 3.2.1).
            headers: names in lower case.
            server_headers: of every response.

        Returns:
            the whole response; what has begun; or None if nothing has, and the request is to go the long way.
        """
        path, _, query = target.partition(b"?")
        if not path.startswith(_PREFIX) or len(path) > _PATH_BYTES or b"#" in target:
            return None
        started = time.perf_counter()
        node = self._node
        asked = False
        for name, _ in headers:
            if name in _WEIGHED:
                if name == ASKS:
                    asked = True
                elif name != b"accept" or ContentRoutes.wants_blocks(headers) is not None:
                    return None
        found = self._found.get(path) or self._find(path)
        ready = node.ready(found[0]) if found is not None else None
        if found is None or ready is None:
            return None
        located, own_path = found
        image, limits = ready
        key = vault_key(query) if query else None
        given = node.vaults.cached(located.identity, key) if key is not None else None
        if key is not None and given is None:
            return None
        request_id, making = new_id(), None
        try:
            if asked:
                making = self._receipts.begin(request_id, located.identity, "GET", scheme, target, headers)
            url = agent_url(scheme, headers, own_path, query)
            request = AgentRequest("GET", url, headers, request_id=request_id)
            if given is not None:
                request.secret, request.credentials = given.secret, given.credentials
            report = f"GET {path_for_log(path, query, hide=key is not None)}"
            invocation = node.begin(image, located.identity, limits, request, report)
        except Exception as error:
            return Begun(request_id, started, None, error)
        response = invocation.run.response
        if (
            response is None
            or response.stream is not None
            or response.websocket is not None
            or response.status in NO_BODY_STATUS
            or (len(response.body) > LARGE_BYTES and (making is not None or self._always is not None))
        ):
            if self._always is not None and making is None:
                making = self._receipts.begin(request_id, located.identity, "GET", scheme, target, headers)
            return Begun(request_id, started, invocation, making=making)
        invocation.finish()
        headers = [header for header in response.headers if header[0] not in OWN_HEADERS]
        add_defaults(headers)
        if making is not None:
            headers = making.whole(response.status, headers, response.body)
        lines = _lines(headers)
        head = _status_line(response.status), _lines(server_headers), lines
        answer = b"".join((*head, common_lines(request_id, started, len(response.body)), b"\r\n", response.body))
        if self._always is not None and making is None:
            told = told_target(target.decode("latin-1")).encode("latin-1") if query else path
            common = node.identity.key_id, located.identity, told, response.status, lines
            self._always.add_brief(common, request_id, response.body, started)
        return answer

    def _find(self, path: bytes) -> tuple[Located, bytes] | None:
        """The program at a path, and the path inside it. A CID never means another one."""
        where = ContentPath.parse(path[len(_PREFIX) :])
        located = self._node.programs.known(where.cid, where.segments)
        if located is None:
            return None
        if len(self._found) >= _MAX_FOUND:
            self._found.clear()
        found = self._found[path] = located, where.own(len(located.rest))
        return found


def _lines(headers: Headers) -> bytes:
    """Names and values have been checked, those of the program too (``Run.respond``)."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])

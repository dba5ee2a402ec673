"""One request out for one in, over HTTP: the upstream is a process of its own on loopback that answers at once."""

import json
from functools import partial

from harness import options
from peers import packages
from peers.rounds import Case, compare
from peers.upstream import an_upstream


def right(body: bytes) -> bool:
    return bool(json.loads(body) == {"status": 200, "got": {"up": "stream"}})


def case(upstream: str) -> Case:
    return Case("upstream", partial(packages.agent, "upstream"), right, f"/?to={upstream}/")


def main() -> None:
    parsed = options(__doc__)
    with an_upstream() as url:
        compare("A request to an upstream for each request, over HTTP", [case(url)], parsed)


if __name__ == "__main__":
    main()

"""One request out for one in, over HTTP: the upstream is a process of its own on loopback that answers at once."""

import json

from harness import options
from peers import packages
from peers.rounds import Case, compare
from peers.upstream import a_upstream


def main() -> None:
    parsed = options(__doc__)
    with a_upstream() as url:
        case = Case(
            "upstream", lambda: packages.agent("upstream"),
            lambda body: json.loads(body) == {"status": 200, "got": {"up": "stream"}}, f"/?to={url}/",
        )  # fmt: skip
        compare("A request to an upstream for each request, over HTTP", [case], parsed)


if __name__ == "__main__":
    main()

"""A Hono application with ten routes and two middlewares over HTTP; asked for one with two parameters and a query."""

import json
from functools import partial

from harness import options
from peers import packages
from peers.rounds import Case, compare


def right(body: bytes) -> bool:
    return bool(json.loads(body) == {"id": "17", "post": "4", "user": "ann"})


CASE = Case("router", partial(packages.agent, "router"), right, "/api/users/17/posts/4?user=ann")


def main() -> None:
    parsed = options(__doc__)
    compare("A Hono router with ten routes, over HTTP", [CASE], parsed)


if __name__ == "__main__":
    main()

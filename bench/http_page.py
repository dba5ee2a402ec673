"""A page rendered on the server with Preact over HTTP: 50 products, 16 KB of HTML, one bundle for all."""

from functools import partial

from harness import options
from peers import packages
from peers.rounds import Case, compare


def right(body: bytes) -> bool:
    return body.startswith(b"<!doctype html><html") and body.count(b"<article ") == 50 and body.endswith(b"</html>")


CASE = Case("page", partial(packages.agent, "page"), right, "/?title=Bench")


def main() -> None:
    parsed = options(__doc__)
    compare("A page rendered with Preact, over HTTP", [CASE], parsed)


if __name__ == "__main__":
    main()

"""A page rendered on the server with Preact over HTTP: 50 products, 16 KB of HTML, one bundle for all."""

from harness import options
from peers import packages
from peers.rounds import Case, compare


def right(body: bytes) -> bool:
    return body.startswith(b"<!doctype html><html") and body.count(b"<article ") == 50 and body.endswith(b"</html>")


def main() -> None:
    parsed = options(__doc__)
    case = Case("page", lambda: packages.agent("page"), right, "/?title=Bench")
    compare("A page rendered with Preact, over HTTP", [case], parsed)


if __name__ == "__main__":
    main()

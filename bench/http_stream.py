"""A stream of 10 MB over HTTP, in chunks of 64 KiB that JavaScript makes one by one; 4 connections."""

from functools import partial

from harness import options
from peers import packages
from peers.rounds import Case, compare

CASE = Case("stream", partial(packages.agent, "stream"), lambda body: body == b"x" * (160 * 65536), connections=4)


def main() -> None:
    parsed = options(__doc__)
    compare("10 MB streamed, over HTTP", [CASE], parsed, columns=("MB a second", "median ms", "p99 ms"))


if __name__ == "__main__":
    main()

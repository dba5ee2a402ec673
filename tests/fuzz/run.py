"""Long runs of the fuzzers, from the repository's root::

    python tests/fuzz/run.py --target all --minutes 10       # each of them for so long
    python tests/fuzz/run.py --target rpc --seed 7
    python tests/fuzz/run.py --target rpc --replay FILE

A run with the same seed tries the same cases; what the network does meanwhile is its own. A case that fails is saved,
with the command that tries it again, and the run of its target ends; the result is 1 then. What was found becomes a
test, in ``test_found.py`` or ``test_targets.py``.
"""

import argparse
import asyncio
import contextlib
import hashlib
import os
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.fuzz import border
from tests.fuzz.answers import ANSWERS
from tests.fuzz.files import FILES
from tests.fuzz.listeners import LISTENERS
from tests.fuzz.mutations import mutated
from tests.fuzz.oblivious import OBLIVIOUS
from tests.fuzz.parsers import PARSERS
from tests.fuzz.servers import SERVERS
from tests.fuzz.target import Check, Target

TARGETS: dict[str, Target] = {**PARSERS, **FILES, **SERVERS, **LISTENERS, **OBLIVIOUS, **ANSWERS}
BORDER = "border"
FOUND = Path("fuzz-found")
#: What a case that hangs is given.
_HANGS_S = 60.0


async def failure(check: Check, case: bytes, longest_s: float) -> BaseException | None:
    """What goes wrong with a case."""
    begin = time.process_time()
    try:
        async with asyncio.timeout(_HANGS_S):
            await check(case)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return error
    took = time.process_time() - begin
    return TimeoutError(f"it took {took:.2f} s of CPU") if took > longest_s else None


async def fuzz(name: str, seconds: float, seed: int, most: int | None = None) -> tuple[int, bytes | None]:
    """Tries cases of a target; how many, and the one that failed."""
    target, tried = TARGETS[name], 0
    until = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        async with target.opened(Path(folder)) as check:
            while time.monotonic() < until and tried != most:
                case = mutated(Random(f"{name} {seed + tried}"), target.seeds, target.tokens)
                error = await failure(check, case, target.longest_s)
                tried += 1
                if error is not None:
                    traceback.print_exception(error, limit=-8)
                    return tried, case
    return tried, None


async def replay(name: str, case: bytes) -> bool:
    """Whether a case passes."""
    with tempfile.TemporaryDirectory() as folder:
        async with TARGETS[name].opened(Path(folder)) as check:
            error = await failure(check, case, TARGETS[name].longest_s)
    if error is not None:
        traceback.print_exception(error)
    return error is None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="all", choices=("all", BORDER, *TARGETS))
    parser.add_argument("--minutes", type=float, default=10, help="for each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--replay", type=Path, help="tries one case that was saved")
    parser.add_argument("--longest-ms", type=float, default=50, help="of the border: CPU that a guest's turn may take")
    options = parser.parse_args()
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", category=ResourceWarning)
    if options.replay is not None:
        passes = asyncio.run(replay(options.target, options.replay.read_bytes()))
        print("passes" if passes else "fails")
        return 0 if passes else 1
    found = 0
    for name in [BORDER, *TARGETS] if options.target == "all" else [options.target]:
        begin = time.monotonic()
        if name == BORDER:
            found += border.main(options.minutes, options.seed, options.longest_ms)
            continue
        tried, case = asyncio.run(fuzz(name, options.minutes * 60, options.seed))
        print(f"{name}: {tried} cases in {(time.monotonic() - begin) / 60:.2f} minutes, ", end="")
        if case is None:
            print("nothing found", flush=True)
            continue
        found += 1
        FOUND.mkdir(exist_ok=True)
        file = FOUND / f"{name}-{hashlib.sha256(case).hexdigest()[:12]}"
        file.write_bytes(case)
        print(f"found one:\n    python tests/fuzz/run.py --target {name} --replay {file}", flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    with contextlib.suppress(AttributeError):
        os.nice(15)
    sys.exit(main())

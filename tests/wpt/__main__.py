"""``python -m tests.wpt CHECKOUT``: the exit code says whether all went as expected.

0 as expected, 1 not, 2 the checkout or the arguments are wrong
"""

import argparse
import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.wpt.discovery import InvalidCheckout, Test, discover
from tests.wpt.expectations import Expectations
from tests.wpt.machine import Ending, Report, run_test
from wapo.agents.profile import JAVASCRIPT, JavaScriptProfile
from wapo.engine.engine import Engine
from wapo.engine.modules import ModuleCache
from wapo.node.settings import default_cache_dir
from wapo.vm.egress import EgressPolicy
from wapo.vm.http_client import HttpClient

ROOT = Path(__file__).parent.parent.parent
EXPECTED = Path(__file__).parent / "expected.json"


def arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make wpt", description="Runs the .any.js tests of a checkout of web-platform-tests in the runtime."
    )
    parser.add_argument("checkout", type=Path, help="the checkout's directory")
    parser.add_argument("--filter", default="", help="only tests whose path begins so: streams/, url/url-constructor")
    parser.add_argument("--jobs", type=int, default=4, help="tests at once (4)")
    parser.add_argument("--timeout", type=float, default=10, help="seconds for a test that is not marked as long (10)")
    parser.add_argument("--expected", type=Path, default=EXPECTED, help="the list of expected failures")
    parser.add_argument("--update", action="store_true", help="write what fails now into that list")
    parser.add_argument("--verbose", action="store_true", help="every subtest that does not pass, expected or not")
    return parser.parse_args(words)


@contextmanager
def served(checkout: Path) -> Iterator[str]:
    """The origin under which the checkout is served."""
    command = [sys.executable, "-m", "tests.wpt.server", str(checkout)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise InvalidCheckout(f"its resources cannot be served: {process.stderr.read().strip()[-500:]}")
        yield f"http://localhost:{json.loads(line)['port']}"
    finally:
        process.stdin.close()
        process.wait(20)


async def run_all(options: argparse.Namespace, tests: list[Test], origin: str) -> int:
    expectations = Expectations.load(options.expected)
    total: Counter[str] = Counter()
    unexpected = 0
    places = asyncio.Semaphore(options.jobs)
    engine = Engine(JAVASCRIPT)
    profile = JavaScriptProfile(engine, ModuleCache(default_cache_dir() / "modules"))
    with engine.opened():
        try:
            async with HttpClient(EgressPolicy(allow_private=True)) as client:

                async def one(test: Test) -> Report:
                    async with places:
                        return await run_test(profile, client, options.checkout, test, origin, options.timeout)

                running = [(test, asyncio.create_task(one(test))) for test in tests]
                for test, task in running:
                    report = await task
                    differences = expectations.differences(test.id, report)
                    if options.update:
                        expectations.learn(test.id, report)
                    unexpected += len(differences)
                    total.update(count(report))
                    print_report(test, report, differences, options.verbose)
        finally:
            profile.close()
    if options.update:
        expectations.save(options.expected)
    say(f"\n{len(tests)} tests: {summary(total)}; {unexpected} not as expected")
    return 0 if options.update or not unexpected else 1


def count(report: Report) -> Counter[str]:
    passed = report.count("PASS")
    crashed = 1 if report.ending is Ending.CRASH else 0
    return Counter(passed=passed, failed=len(report.subtests) - passed, crashed=crashed)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def summary(counts: Counter[str]) -> str:
    return f"{counts['passed']} passed, {counts['failed']} failed, {counts['crashed']} crashed"


def print_report(test: Test, report: Report, differences: list[str], verbose: bool) -> None:
    ending = "" if report.ending is Ending.OK else f" ({report.ending.value}: {report.detail})"
    say(f"{test.id}: {summary(count(report))}{ending}")
    for difference in differences:
        say(f"    {difference}")
    if verbose and not differences:
        for name, (status, message) in report.subtests.items():
            if status != "PASS":
                say(f"    {status}: {name}: {message}")


def main(words: list[str]) -> int:
    options = arguments(words)
    try:
        tests = list(discover(options.checkout, options.filter))
        if not tests:
            raise InvalidCheckout(f"{options.checkout} has no .any.js tests whose path begins with {options.filter!r}")
        with served(options.checkout.resolve()) as origin:
            return asyncio.run(run_all(options, tests, origin))
    except InvalidCheckout as error:
        sys.stderr.write(f"make wpt: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

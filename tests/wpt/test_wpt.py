"""``make wpt``, on a small checkout of our own with the project's real testharness.js."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.npm_packages import workspace
from tests.wpt.discovery import InvalidCheckout, discover
from tests.wpt.expectations import Expectations
from tests.wpt.machine import Ending, Report

ROOT = Path(__file__).parent.parent.parent

FILES = {
    "resources/testharness.js": "",
    "streams/good.any.js": """
        // META: title=Good ones
        // META: script=helper.js
        // META: script=/common/host.sub.js
        test(() => assert_equals(helper(1), 2), 'a script beside it');
        test(() => assert_equals(host, 'localhost'), 'a script that the server fills in');
        promise_test(async () => assert_equals(await (await fetch('data.txt')).text(), 'data'), 'a relative URL');
        promise_test(async () => {
          const response = await fetch('/common/say.py?words=hello');
          assert_equals(await response.text(), 'hello');
          assert_equals(response.headers.get('x-said'), 'yes');
        }, 'a handler of the server');
        async_test((t) => { setTimeout(t.step_func_done(), 1); }, 'later');
        setTimeout(() => {}, 60000);
    """,
    "streams/helper.js": "const helper = (x) => x + 1;",
    "streams/data.txt": "data",
    "streams/only-pages.any.js": "// META: global=window\ntest(() => {}, 'a page is near enough');",
    "streams/only-service-workers.any.js": "// META: global=serviceworker\ntest(() => {}, 'not for us');",
    "url/variants.any.js": """
        // META: variant=?one
        // META: variant=?two
        test(() => assert_equals(location.search, '?one'), 'the variant');
        test(() => {}, 'passes');
    """,
    "url/ends/throws.any.js": "test(() => {}, 'before'); throw new Error('after');",
    "url/ends/loop.any.js": "test(() => {}, 'before'); for (;;);",
    "url/ends/waits.any.js": "async_test(() => {}, 'never'); setTimeout(() => {}, 1e9);",
    "url/ends/syntax.any.js": "test(() => {}, 'never'; ",
    "common/host.sub.js": "const host = '{{host}}';",
    "common/say.py": "def main(request, response):\n    return [('X-Said', 'yes')], request.GET.first(b'words')\n",
    "tools/other.js": "",
}  # fmt: skip


def write(folder: Path) -> Path:
    for name, text in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("\n        ", "\n").lstrip("\n"))
    return folder


def test_tests_are_found_with_their_variants_and_scripts(tmp_path: Path) -> None:
    found = list(discover(write(tmp_path)))
    assert [test.id for test in found] == [
        "streams/good.any.js", "streams/only-pages.any.js", "url/ends/loop.any.js",
        "url/ends/syntax.any.js", "url/ends/throws.any.js", "url/ends/waits.any.js", "url/variants.any.js?one", "url/variants.any.js?two",
    ]  # fmt: skip
    assert found[0].scripts == ("streams/helper.js", "common/host.sub.js")
    assert found[0].title == "Good ones"
    assert [test.id for test in discover(tmp_path, "/streams/g")] == ["streams/good.any.js"]
    assert [test.id for test in discover(tmp_path, "url/variants.any.js")] == [
        f"url/variants.any.js?{n}" for n in ("one", "two")
    ]


def test_a_script_outside_the_checkout_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "checkout")
    (tmp_path / "checkout" / "bad.any.js").write_text("// META: script=../outside.js\n")
    with pytest.raises(InvalidCheckout, match=r"bad\.any\.js asks for \.\./outside\.js"):
        list(discover(tmp_path / "checkout", "bad"))


def report(ending: Ending = Ending.OK, **statuses: str) -> Report:
    made = Report(ending)
    for name, status in statuses.items():
        made.add(name, status, "why")
    return made


def test_expectations_are_checked_both_ways(tmp_path: Path) -> None:
    known = Expectations.load(tmp_path / "expected.json")
    assert known.differences("a", report(one="PASS")) == []
    seen = report(Ending.TIMEOUT, one="PASS", two="FAIL")
    assert known.differences("a", seen) == ["ended with TIMEOUT, expected OK: ", "FAIL, expected PASS: two: why"]
    known.learn("a", seen)
    known.learn("good", report(one="PASS"))
    known.save(tmp_path / "expected.json")
    assert json.loads((tmp_path / "expected.json").read_text()) == {"a": {"ending": "TIMEOUT", "failing": ["two"]}}
    again = Expectations.load(tmp_path / "expected.json")
    assert again.differences("a", seen) == []
    assert again.differences("a", report(one="PASS", two="PASS")) == [
        "ended with OK, expected TIMEOUT: ", "PASS, expected to fail: two",
    ]  # fmt: skip
    assert "not there, expected to fail: two" in again.differences("a", report(one="PASS"))


def make(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.wpt", *words], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def test_what_is_no_checkout_is_said(tmp_path: Path) -> None:
    done = make(str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"make wpt: {tmp_path} has no resources/testharness.js")
    write(tmp_path)
    done = make(str(tmp_path), "--filter", "nothing/")
    assert done.returncode == 2
    assert "no .any.js tests whose path begins with 'nothing/'" in done.stderr


@pytest.mark.npm
def test_a_run_reports_every_file_and_compares(tmp_path: Path) -> None:
    packages = workspace(Path(__file__).parent / "packages", tmp_path / "packages")
    checkout = write(tmp_path / "checkout")
    harness = packages / "node_modules" / "wpt-runner" / "testharness" / "testharness.js"
    shutil.copy(harness, checkout / "resources" / "testharness.js")
    options = [str(checkout), "--timeout", "1.5", "--expected", str(tmp_path / "expected.json")]
    done = make(*options, "--update")
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert "streams/good.any.js: 5 passed, 0 failed, 0 crashed" in lines
    assert "url/variants.any.js?one: 2 passed, 0 failed, 0 crashed" in lines
    assert "url/variants.any.js?two: 1 passed, 1 failed, 0 crashed" in lines
    endings = {line.split(":")[0]: line for line in lines if line.startswith("url/ends/")}
    assert endings["url/ends/throws.any.js"].startswith(
        "url/ends/throws.any.js: 1 passed, 0 failed, 0 crashed (ERROR: Error: after"
    )
    assert "0 passed, 0 failed, 1 crashed (CRASH: SyntaxError: " in endings["url/ends/syntax.any.js"]
    assert "(TIMEOUT: " in endings["url/ends/loop.any.js"]
    assert "(TIMEOUT: " in endings["url/ends/waits.any.js"]
    assert "8 tests: " in lines[-1]

    assert set(json.loads((tmp_path / "expected.json").read_text())) == {
        "url/ends/throws.any.js", "url/ends/loop.any.js", "url/ends/syntax.any.js", "url/ends/waits.any.js",
        "url/variants.any.js?two",
    }  # fmt: skip

    done = make(*options, "--filter", "url/variants")
    assert done.returncode == 0
    assert "; 0 not as expected" in done.stdout.splitlines()[-1]
    (tmp_path / "expected.json").write_text("{}")
    done = make(*options, "--filter", "url/variants")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "2 tests: 3 passed, 1 failed, 0 crashed; 1 not as expected"

"""The page that verifies in a browser: its code run by Node's WebCrypto against a real node, and lied to."""

import asyncio
import base64
import json
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.cli.support import wapo
from tests.conftest import Site, opened_site
from tests.npm_packages import wheel_node
from tests.trust.attestation.platform import Hardware, Platform, needs_quotes, sample
from wapo.gateway.verification_page import content_security_policy, page
from wapo.trust.receipts import told_target

pytestmark = needs_quotes  # for the site's platform

NODE = wheel_node()
LIBRARY = Path(__file__).parents[2] / "src/wapo/gateway/verification_page/verify.js"
AGENT = """
export default { fetch: (request) => new Response('hello ' + request.url, { status: 201, headers: { 'x-a': '1' } }) };
"""


def ran(code: str) -> Any:
    """What a script that has everything of the page's library in ``page`` prints as JSON."""
    script = f"import * as page from {json.dumps(LIBRARY.as_uri())};\nconsole.log(JSON.stringify(await (async () => {{ {code} }})()));"
    done = subprocess.run(
        [NODE, "--no-warnings", "--input-type=module", "-e", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def answered(site: Site, code: str) -> Any:
    """As :func:`ran`, while the site answers."""
    return await asyncio.to_thread(ran, code)


def states(steps: list[dict[str, Any]]) -> dict[str, str]:
    return {step["name"]: step["state"] for step in steps}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform() -> Platform:
    return Platform()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with opened_site(tmp_path_factory.mktemp("page") / "node", attestation=Hardware(platform)) as opened:
        yield opened


async def test_it_is_one_file_that_loads_nothing(site: Site) -> None:
    response = await site.client.get("/verify")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.content == page()
    (script,) = re.findall(r'<script type="module">(.*?)</script>', response.text, re.DOTALL)
    assert not re.search(r"^(import|export) ", script, re.MULTILINE)
    assert not re.search(r"(src|href)=", response.text)
    assert response.headers["content-security-policy"] == content_security_policy()
    assert wapo("verify", "--page").raw == page()


def test_the_page_s_script_is_javascript() -> None:
    (script,) = re.findall(r'<script type="module">(.*?)</script>', page().decode(), re.DOTALL)
    done = subprocess.run(
        [NODE, "--check", "--input-type=module", "-"],
        input=script,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("size", [0, 700_000])
async def test_a_response_is_verified_as_far_as_a_page_can(site: Site, platform: Platform, size: int) -> None:
    path = await site.publish(AGENT + "//" + "x" * size)
    url = json.dumps(f"{site.url}{path}/a%20b?c=d")
    steps = await answered(site, f"return page.verify({url}, '{platform.root_sha256}')")
    assert states(steps) == {
        "fresh": "ok", "node key": "ok", "binding": "ok", "hardware": "ok", "platform": "open", "software": "open",
        "receipt": "ok", "headers": "ok", "code": "ok",
    }, steps  # fmt: skip
    told = await answered(site, f"return page.verdict({json.dumps(steps)})")
    assert told == ["open", "NOT PROVEN: what was looked at holds, but nothing here proves: platform, software."]


async def test_a_root_that_is_not_intel_s_is_refused(site: Site) -> None:
    steps = await answered(site, f"return page.verify({json.dumps(site.url)})")
    assert states(steps)["hardware"] == "failed"
    assert "do not lead to Intel's root" in json.dumps(steps)


async def test_a_file_in_a_directory_is_found(site: Site, tmp_path: Path) -> None:
    (tmp_path / "agent.js").write_text(AGENT + "//" + "x" * 700_000)
    cid = await site.node.library.publish(tmp_path)
    steps = await answered(site, f"return page.verify({json.dumps(f'{site.url}/ipfs/{cid}/agent.js/x')})")
    assert states(steps)["code"] == states(steps)["receipt"] == "ok", steps


def test_real_quotes_are_read_and_lead_to_intel_s_root() -> None:
    """Every signature, and none once a byte of what is signed is another."""
    for name in ("tdx_quote", "sgx_quote", "tdx_quote_outdated"):
        quote = base64.b64encode(sample(name)[0]).decode()
        tee, *found = ran(f"""
          const tried = (bytes) => page.checkGenuine(page.parseQuote(bytes)).then(() => 'ok', () => 'refused');
          const quote = page.unbase64('{quote}');
          const changed = [100, 300, 1000, 1500, 2000, 2500, 3000, 4000].map((at) => quote.with(at, quote[at] ^ 1));
          return [page.parseQuote(quote).tee, await tried(quote), ...await Promise.all(changed.map((bytes) => {{
            try {{ return tried(bytes); }} catch {{ return 'refused'; }}
          }}))];
        """)
        assert (tee, found) == ("sgx" if name == "sgx_quote" else "tdx", ["ok", *["refused"] * 8])


CHANGES = {
    "answer.nonce = '00'.repeat(32)": ("fresh", "node key"),
    "answer.programs = 'wapo/9'": ("node key",),
    "answer.node.agreement.public = '11'.repeat(32)": ("node key",),
    "answer.node.key_id = 'x'": ("node key",),
    "answer.kind = 'sgx'": ("node key",),
    "answer.signature.value = btoa('x'.repeat(64))": ("node key",),
    "answer.quote = btoa(String.fromCharCode(...page.unbase64(answer.quote).with(700, 1)))": ("hardware",),
    "answer.quote = btoa(String.fromCharCode(...page.unbase64(answer.quote).with(200, 1)))": ("hardware",),
    "answer.quote = btoa(String.fromCharCode(...page.unbase64(answer.quote).with(580, 1)))": ("binding",),
    "answer.quote = btoa(String.fromCharCode(...page.unbase64(answer.quote).with(2000, 1)))": ("hardware",),
    "answer.quote = answer.quote.slice(0, 4000)": ("binding",),
    "answer.quote = null; answer.attested = true": ("TEE",),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_changed_answer_is_refused(site: Site, platform: Platform, change: str) -> None:
    answer = (await site.client.get("/attestation", params={"nonce": "ab" * 32})).text
    code = f"""
      const answer = {answer}; const nonce = page.unhex('ab'.repeat(32));
      {change};
      return page.checkAttestation(answer, nonce, '{platform.root_sha256}');
    """
    found = states(await answered(site, code))
    assert all(found[name] == "failed" for name in CHANGES[change]), found


RECEIPT_CHANGES = (
    "known.status = 200", "known.body[0] ^= 1", "known.target += '?a'", "known.nonce = 'x'", "receipt.program += 'x'",
    "known.headers.push(['x-b', '1'])", "known.headers.find(([name]) => name === 'x-a')[1] = '2'", "receipt.ended += 1",
    "receipt.signature = receipt.signature.replace(/^./, c => c === 'A' ? 'B' : 'A')", "key = key.with(0, 9)",
    "receipt.response.status = 200", "receipt.response.headers.names.reverse()",
)  # fmt: skip


@pytest.mark.parametrize(
    "target",
    ["/a", "/a?", "/a?b", "/a?key=1&b=2", "/a?b=key&k%65y=1", "/a?key", "/a?key&%20", "/a?key==1&", "/a?%ff=1&key="],
)
def test_a_target_is_told_as_the_node_tells_it(target: str) -> None:
    assert ran(f"return page.toldTarget({json.dumps(target)})") == told_target(target)


async def test_a_changed_receipt_or_response_is_refused(site: Site) -> None:
    path = await site.publish(AGENT)
    code = f"""
      const nonce = 'n', target = {json.dumps(path)}, base = {json.dumps(site.url)};
      const response = await fetch(base + target, {{ headers: {{ 'accept-signature': 'wapo=();nonce="n"' }} }});
      const body = new Uint8Array(await response.arrayBuffer());
      const whole = await (await fetch(base + '/receipts/' + response.headers.get('x-request-id'))).json();
      const found = [];
      for (const change of [known => known, {", ".join(f"(known, receipt) => {{ let key = known.key; {change}; known.key = key; }}" for change in RECEIPT_CHANGES)}]) {{
        const receipt = structuredClone(whole);
        const key = page.unhex({json.dumps(site.node.identity.public.hex())});
        const known = {{ target, nonce, status: response.status, headers: [...response.headers], body: body.slice(), key }};
        change(known, receipt);
        found.push((await page.checkReceipt(receipt, known.key, known)).map(step => step.state));
      }}
      return found;
    """
    first, *rest = await answered(site, code)
    assert first == ["ok", "ok"]
    for change, found in zip(RECEIPT_CHANGES, rest, strict=True):
        assert "failed" in found, change


def test_a_target_is_told_as_receipts_tell_it() -> None:
    targets = [
        "/a",
        "/a?b=c",
        "/a?key=1",
        "/a?x&key=1&key=2=3&b",
        "/a&key=1?k%65y=1",
        "/a?x?key=1",
        "/a?key",
        "/a?%zz=1&keys=2",
    ]
    assert ran(f"return {json.dumps(targets)}.map(page.toldTarget)") == [told_target(target) for target in targets]


async def test_code_with_another_hash_is_refused(site: Site) -> None:
    path = await site.publish(AGENT + "//" + "x" * 700_000)
    code = f"""
      const target = {json.dumps(path)};
      const block = async (name) => new Uint8Array(await (await fetch({json.dumps(site.url)} + '/ipfs/' + name, {{
        headers: {{ accept: 'application/vnd.ipld.raw' }} }})).arrayBuffer());
      const results = [];
      let count = 0;
      for (const fetchBlock of [block, async (name) => (count++ === 2 ? (await block(name)).with(0, 255) : block(name))]) {{
        results.push(await page.checkCode(target, undefined, fetchBlock).then((found) => found.text, (error) => 'ERROR ' + error.message));
      }}
      results.push(await page.checkCode(target, 'bafkother', block).catch((error) => 'ERROR ' + error.message));
      return results;
    """
    right, damaged, other = await answered(site, code)
    assert right.startswith("all 4 blocks")
    assert damaged.startswith("ERROR a block has not the hash")
    assert other.startswith("ERROR the address leads to")


DOCUMENT = """
  class Element {
    constructor(name) { this.name = name; this.children = []; this.textContent = ''; this.className = ''; this.elements = { url: { value: '' } }; }
    append(...children) { this.children.push(...children); }
    replaceChildren() { this.children = []; }
    addEventListener(type, listener) { this[type] = listener; }
    get text() { return [this.textContent, ...this.children.map((child) => child.text)].filter(Boolean).join(' '); }
  }
  const found = { form: new Element('form'), ol: new Element('ol'), output: new Element('output') };
  globalThis.document = { querySelector: (name) => found[name], createElement: (name) => new Element(name) };
  globalThis.location = new URL('file:///verify.html');
"""


async def test_the_page_shows_each_step_and_a_verdict(site: Site) -> None:
    """With as much of a document as it uses; what it shows is text, whatever a node says."""
    (script,) = re.findall(r'<script type="module">(.*?)</script>', page().decode(), re.DOTALL)
    shown = await answered(
        site,
        f"""
          {DOCUMENT}
          await import('data:text/javascript;base64,{base64.b64encode(script.encode()).decode()}');
          const told = [];
          for (const url of [{json.dumps(site.url)}, 'http://127.0.0.1:1/']) {{
            found.form.elements.url.value = url;
            await found.form.submit({{ preventDefault() {{}} }});
            told.push([found.output.className, found.output.textContent, found.ol.children.map((item) => item.text)]);
          }}
          return told;
        """,
    )
    (state, verdict, steps), (failure, why, none) = shown
    assert (state, verdict[:8]) == ("failed", "REFUSED:")  # its root is not Intel's
    assert [step.split()[:2] for step in steps[:2]] == [["OK", "fresh"], ["OK", "node"]]
    assert (failure, why.startswith("It cannot be verified: "), none) == ("failed", True, [])
    assert "innerHTML" not in script

"""Providers, each against what it talks with: a socket, a directory of the kernel's, a device."""

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.trust.attestation.agent import guest_agent
from tests.trust.attestation.platform import Platform, needs_quotes
from wapo.trust.attestation import detection, dstack, sgx, tdx
from wapo.trust.attestation.detection import TeeNotFound, choose, detect, provider_of
from wapo.trust.attestation.dstack import Dstack
from wapo.trust.attestation.helper import InHelper
from wapo.trust.attestation.measurements import parse_quote
from wapo.trust.attestation.provider import NoAttestation, QuoteFailed
from wapo.trust.attestation.sgx import Sgx
from wapo.trust.attestation.tdx import Tdx

REPORT_DATA = bytes(range(64))


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without a TEE, whatever this one has."""
    monkeypatch.delenv(dstack.SIMULATOR, raising=False)
    monkeypatch.setattr(dstack, "SOCKETS", (str(tmp_path / "dstack.sock"),))
    monkeypatch.setattr(tdx, "REPORTS", tmp_path / "tsm")
    monkeypatch.setattr(sgx, "DEVICE", tmp_path / "attestation")


# dstack


def asked(path: Path, what: str, *arguments: bytes) -> Any:
    with closing(Dstack(str(path))) as provider:
        return getattr(provider, what)(*arguments)


@needs_quotes
def test_dstack_gives_a_quote_and_its_event_log(tmp_path: Path) -> None:
    with guest_agent(tmp_path / "s", Platform()) as agent:
        evidence = asked(tmp_path / "s", "evidence", REPORT_DATA)
    assert parse_quote(evidence.quote).report_data == REPORT_DATA
    assert evidence.event_log is not None
    assert "app-id" in evidence.event_log
    assert agent.asked == [("GetQuote", {"report_data": REPORT_DATA.hex()})]


def test_the_root_key_is_derived_from_the_key_service_s(tmp_path: Path) -> None:
    """The same wherever this app runs, another app's another, and never the service's key itself."""
    roots = []
    for key in (b"1" * 32, b"1" * 32, b"2" * 32):
        path = tmp_path / f"s{len(roots)}"
        with guest_agent(path, key=key) as agent:
            roots.append(asked(path, "root_key"))
    assert roots[0] == roots[1] != roots[2]
    assert len(roots[0]) == 32
    assert roots[0] != b"1" * 32
    assert agent.asked == [("GetKey", {"path": "wapo/node-root", "purpose": "wapo/v1", "algorithm": "secp256k1"})]


@pytest.mark.parametrize("key", ["", "00" * 32, "11" * 31])
def test_a_key_that_is_none_is_refused(tmp_path: Path, key: str) -> None:
    with guest_agent(tmp_path / "s") as agent:
        agent.answers["GetKey"] = 200, {"key": key, "signature_chain": []}
        with pytest.raises(QuoteFailed, match="no key"):
            asked(tmp_path / "s", "root_key")


@pytest.mark.parametrize(
    "answer", [(500, {"error": "no"}), (200, {}), (200, [1]), (200, {"quote": "zz", "event_log": ""})]
)
def test_an_agent_that_answers_wrongly_gives_no_quote(tmp_path: Path, answer: tuple[int, object]) -> None:
    with guest_agent(tmp_path / "s") as agent:
        agent.answers["GetQuote"] = answer
        with pytest.raises(QuoteFailed, match="dstack's guest agent"):
            asked(tmp_path / "s", "evidence", REPORT_DATA)


def test_an_agent_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(QuoteFailed, match="is not there"):
        asked(tmp_path / "s", "evidence", REPORT_DATA)


# In a process of its own


@needs_quotes
def test_a_helper_does_what_its_provider_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with guest_agent(tmp_path / "s", Platform()) as agent:
        monkeypatch.setenv(dstack.SIMULATOR, str(tmp_path / "s"))
        helper = InHelper("dstack")
        helper.prepare()
        try:
            assert helper.root_key() == asked(tmp_path / "s", "root_key")
            assert parse_quote(helper.evidence(REPORT_DATA).quote).report_data == REPORT_DATA
            agent.answers["GetQuote"] = 500, {}
            with pytest.raises(QuoteFailed, match="could not be had"):
                helper.quote(REPORT_DATA)
            agent.answers.clear()
            assert helper.quote(REPORT_DATA)  # one failure is not the end
        finally:
            helper.close()
        with pytest.raises(QuoteFailed, match="has ended"):
            helper.quote(REPORT_DATA)


def test_a_helper_ends_with_its_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(dstack.SIMULATOR, str(tmp_path / "s"))
    helper = InHelper("dstack")
    helper.prepare()
    process = helper._process
    assert process is not None
    helper.close()
    assert process.wait(60) == 0


# The kernel's report interface


@contextmanager
def kernel(reports: Path, quote: bytes, provider: str = "tdx_guest", generations: tuple[int, int] = (4, 5)) -> Iterator[list[bytes]]:  # fmt: skip
    """Plays the kernel for one request: a request's files as pipes, read and written in the order that is documented."""
    entry = reports / f"wapo-{os.getpid()}"
    entry.mkdir(parents=True)
    written: list[bytes] = []
    (entry / "provider").write_text(f"{provider}\n")
    for name in ("generation", "inblob", "outblob"):
        os.mkfifo(entry / name)

    def play() -> None:
        (entry / "generation").write_text(f"{generations[0]}\n")
        written.append((entry / "inblob").read_bytes())
        (entry / "outblob").write_bytes(quote)
        (entry / "generation").write_text(f"{generations[1]}\n")

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    yield written


def test_the_kernel_s_quote_is_over_the_report_data(tmp_path: Path) -> None:
    with kernel(tmp_path / "tsm", b"a quote") as written:
        assert Tdx(tmp_path / "tsm").evidence(REPORT_DATA).quote == b"a quote"
    assert written == [REPORT_DATA]


def test_a_quote_over_somebody_else_s_data_is_refused(tmp_path: Path) -> None:
    with kernel(tmp_path / "tsm", b"a quote", generations=(4, 6)), pytest.raises(QuoteFailed, match="somebody else"):
        Tdx(tmp_path / "tsm").evidence(REPORT_DATA)


def test_another_kind_of_machine_is_no_tdx(tmp_path: Path) -> None:
    with kernel(tmp_path / "tsm", b"", provider="sev_guest"), pytest.raises(QuoteFailed, match="sev_guest"):
        Tdx(tmp_path / "tsm").evidence(REPORT_DATA)


def test_a_kernel_without_reports_is_told(tmp_path: Path) -> None:
    with pytest.raises(QuoteFailed, match="No such file"):
        Tdx(tmp_path / "missing").evidence(REPORT_DATA)


# Gramine


def gramine(device: Path, kind: str = "dcap", quote: bytes = b"a quote") -> Path:
    device.mkdir(exist_ok=True)
    (device / "attestation_type").write_text(kind)
    (device / "user_report_data").write_bytes(b"")
    (device / "quote").write_bytes(quote)
    return device


def test_gramine_s_quote_is_over_the_report_data(tmp_path: Path) -> None:
    device = gramine(tmp_path / "d")
    assert Sgx(device).evidence(REPORT_DATA).quote == b"a quote"
    assert (device / "user_report_data").read_bytes() == REPORT_DATA


@pytest.mark.parametrize(("kind", "quote"), [("none", b"a quote"), ("epid", b"a quote"), ("dcap", b"")])
def test_gramine_without_dcap_gives_no_quote(tmp_path: Path, kind: str, quote: bytes) -> None:
    with pytest.raises(QuoteFailed):
        Sgx(gramine(tmp_path / "d", kind, quote)).evidence(REPORT_DATA)


@pytest.mark.parametrize("length", [0, 32, 63, 65])
@pytest.mark.parametrize("provider", [Dstack("/missing"), Tdx(), Sgx()], ids=lambda provider: provider.kind)
def test_report_data_have_64_bytes(provider: Dstack | Tdx | Sgx, length: int) -> None:
    with pytest.raises(ValueError, match="64 bytes"):
        provider.evidence(bytes(length))


# Which of them


def test_a_machine_without_a_tee_has_none() -> None:
    assert (detect(), choose("auto"), choose("none")) == ([], "none", "none")
    none = provider_of("none")
    assert isinstance(none, NoAttestation)
    assert (none.evidence(REPORT_DATA), none.quote(REPORT_DATA), none.root_key()) == (None, None, None)


@pytest.mark.parametrize("choice", ["dstack", "tdx", "sgx"])
def test_what_is_wanted_and_is_not_there_is_an_error(choice: detection.Choice) -> None:
    """A node that was told what is to attest it does not go on without."""
    with pytest.raises(TeeNotFound, match=f"--attestation {choice}: "):
        choose(choice)


def test_each_kind_is_found_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "tsm").mkdir()
    assert choose("auto") == "tdx"
    gramine(tmp_path / "attestation")
    assert choose("auto") == "sgx"
    (tmp_path / "dstack.sock").touch()
    assert choose("auto") == "dstack"
    assert [found.kind for found in detect()] == ["dstack", "sgx", "tdx"]
    assert choose("none") == "none"
    assert choose("tdx") == "tdx"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_what_this_user_may_not_ask_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "tsm").mkdir(mode=stat.S_IRUSR)
    assert choose("auto") == "none"
    with pytest.raises(TeeNotFound, match="closed to this user"):
        choose("tdx")

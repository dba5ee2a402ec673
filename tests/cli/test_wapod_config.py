"""``Wapod.toml`` and its variables (node-and-gateway 6.3): what is read, in which order, and what is refused."""

from pathlib import Path

import pytest

from tests.cli.support import wapo
from wapo.cli.wapod_config import InvalidConfig, ListenerConfig, WapodConfig

ORIGINAL = """
[default]
workers = 8
max_blocking = 64
ident = "Wapod"
temp_dir = "/tmp"
keep_alive = 10
log_level = "normal"
[default.limits]
"Operation.BlobPut" = "50MiB"
[admin]
address = "127.0.0.1"
port = 8001
[user]
address = "0.0.0.0"
port = 8002
[runtime]
tcp_connect_blacklist = ["192.168.0.0/16", "localhost", "127.0.0.1", "::1"]
"""


@pytest.fixture
def file(folder: Path) -> Path:
    return folder / "Wapod.toml"


def loaded(file: Path, text: str, **environment: str) -> WapodConfig:
    file.write_text(text)
    return WapodConfig.load(file, environment)


class TestReading:
    def test_the_originals_file(self, file: Path) -> None:
        limits = {"Operation.BlobPut": 50 << 20}
        assert loaded(file, ORIGINAL) == WapodConfig(
            admin=ListenerConfig("127.0.0.1", 8001, "Wapod", limits),
            user=ListenerConfig("0.0.0.0", 8002, "Wapod", limits),
            denied=("192.168.0.0/16", "localhost", "127.0.0.1", "::1"),
        )

    def test_the_file_in_the_working_directory_is_read_unless_another_is_named(self, file: Path, folder: Path) -> None:
        file.write_text("[user]\nport = 1")
        (folder / "other.toml").write_text("[user]\nport = 2")
        assert WapodConfig.load(None, {}).user.port == 1
        assert WapodConfig.load(folder / "other.toml", {}).user.port == 2
        file.unlink()
        assert WapodConfig.load(None, {}) == WapodConfig()

    def test_a_listener_has_what_the_default_says_unless_its_own_table_does(self, file: Path) -> None:
        config = loaded(
            file, '[default]\nident = "a"\nport = 1\n[default.limits]\nx = "1KB"\ny = 2\n[user]\nident = "b"\n'
            "[user.limits]\ny = 3\n",
        )  # fmt: skip
        assert config.admin == ListenerConfig(None, 1, "a", {"x": 1024, "y": 2})
        assert config.user == ListenerConfig(None, 1, "b", {"x": 1024, "y": 3})

    def test_variables_go_before_the_file(self, file: Path) -> None:
        config = loaded(
            file, "[default]\nport = 1", WAPOD_USER_PORT="2", WAPOD_ADMIN_ADDRESS="::1", WAPOD_USER_IDENT="me",
            WAPOD_DATA_DIR="elsewhere",
        )  # fmt: skip
        assert config.admin == ListenerConfig("::1", 1)
        assert config.user == ListenerConfig(None, 2, "me")

    def test_no_list_is_not_an_empty_list(self, file: Path) -> None:
        assert loaded(file, "[runtime]").denied is None
        assert loaded(file, "[runtime]\ntcp_connect_blacklist = []").denied == ()


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("x", "is not TOML"),
        ("[users]\nport = 1", "there is no section 'users'"),
        ("user = 1", "[user] must be a table"),
        ("[user]\nprot = 1", "[user] prot: there is no such key; there are address, port, ident and limits"),
        ("[user]\nport = 70000", "[user] port: 70000 makes no sense"),
        ("[user]\nport = -1", "[user] port: -1 makes no sense"),
        ("[user]\nport = true", "[user] port: True makes no sense"),
        ('[user]\nport = "80"', "[user] port: '80' makes no sense"),
        ('[admin]\naddress = ""', "[admin] address: '' makes no sense"),
        ('[admin]\nident = "a\\r\\nb"', "[admin] ident"),
        ("[user]\nlimits = 1", "[user] limits: 1 makes no sense"),
        ('[user.limits]\nx = "many"', "[user] limits.x: 'many' is not a size"),
        ("[user.limits]\nx = -1", "[user] limits.x: '-1' is not a size"),
        ("[user.limits]\nx = true", "[user] limits.x: 'True' is not a size"),
        ("runtime = 1", "[runtime] is a table with one key, tcp_connect_blacklist"),
        ("[runtime]\ntcp_connect_blaklist = []", "[runtime] is a table with one key, tcp_connect_blacklist"),
        ('[runtime]\ntcp_connect_blacklist = "localhost"', "runtime.tcp_connect_blacklist must be a list of strings"),
        ("[runtime]\ntcp_connect_blacklist = [1]", "runtime.tcp_connect_blacklist must be a list of strings"),
    ],
)
def test_a_file_that_makes_no_sense(file: Path, text: str, part: str) -> None:
    file.write_text(text)
    with pytest.raises(InvalidConfig) as caught:
        WapodConfig.load(file, {})
    assert str(caught.value).startswith(str(file))
    assert part in str(caught.value)


@pytest.mark.parametrize("value", ["", "http", "-1", "70000", "٣", "8 0"])
def test_a_variable_that_makes_no_sense(value: str) -> None:
    with pytest.raises(InvalidConfig, match="WAPOD_USER_PORT"):
        WapodConfig.load(None, {"WAPOD_USER_PORT": value})


class TestServing:
    @pytest.fixture(autouse=True)
    def never_serving(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("wapo.cli.serve.run_async", lambda _work: pytest.fail("the node was about to start"))

    @pytest.mark.parametrize(
        ("text", "part"),
        [
            ("[user]\nprot = 1", "there is no such key"),
            ('[runtime]\ntcp_connect_blacklist = ["a b"]', "'a b' is not a rule"),
        ],
    )
    def test_a_file_in_the_working_directory_that_makes_no_sense(
        self, file: Path, data: Path, text: str, part: str
    ) -> None:
        file.write_text(text)
        result = wapo("serve", "--port", "0")
        assert result.code == 2
        assert part in result.error
        assert not data.exists()

    def test_a_file_that_is_not_there(self) -> None:
        result = wapo("serve", "--config", "nothing.toml")
        assert (result.code, result.error) == (2, "nothing.toml cannot be read: No such file or directory")

    @pytest.mark.parametrize("where", [["--admin-host", "0.0.0.0"], ["--admin-host", "host.example"], []])
    def test_an_admin_rpc_without_a_token_is_for_loopback_only(self, file: Path, where: list[str]) -> None:
        if not where:
            file.write_text('[admin]\naddress = "::"')
        result = wapo("serve", "--port", "0", "--insecure-admin", *where)
        assert (result.code, result.error) == (
            2, "--insecure-admin is for loopback only: anybody could run programs here",
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("options", "part"),
        [
            (["--allow", ""], "'--allow': '' is no rule"),
            (["--deny", " "], "'--deny': ' ' is no rule"),
            (["--deny", "# all"], "'--deny': '# all' is no rule"),
            (["--host", ""], "'--host': '' is no address"),
            (["--admin-host", ""], "'--admin-host': '' is no address"),
            (["--admin-api-token", ""], "'--admin-api-token'"),
            (["--admin-api-token", "a b"], "'--admin-api-token'"),
            (["--admin-port", "65536"], "'--admin-port'"),
            (["--user-port", "-1"], "'--user-port'"),
            (["--instance-memory-size", "5GB"], "'5GB' is not possible; a program has 64KB to 4GB of memory"),
            (["-m", "1"], "'1' is not possible"),
            (["--max-instances", "0"], "'--max-instances'"),
            (["--module-cache-size", "0"], "'--module-cache-size'"),
            (["-l", "9..1"], "'9..1' is not a range of ports; write 8000..8010, one port, or none"),
            (["-l", "1..70000"], "is not a range of ports"),
            (["--tls-port", "x"], "'--tls-port'"),
            (["--on-demand-instance-time-secs", "0"], "'--on-demand-instance-time-secs'"),
            (["--max-query-time", "0"], "'--max-query-time': '0' is no time at all"),
            (["--idle-grace", "soon"], "'--idle-grace': 'soon' is not a time"),
        ],
    )
    def test_options_of_the_worker_that_make_no_sense(self, data: Path, options: list[str], part: str) -> None:
        result = wapo("serve", "--port", "0", *options)
        assert result.code == 2
        assert part in result.error
        assert not data.exists()

"""Settings: one name for flag, environment and file; a clear line for what is wrong."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from lossd_server import settings
from lossd_server.settings import Settings, read

ROOT = Path(__file__).parents[3]


def test_flags_win_over_environment_over_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each source is read, and the nearer one wins."""
    file = tmp_path / "lossd.toml"
    file.write_text('threads = 1\ndrain_seconds = 1.5\nlog_level = "debug"\n')
    monkeypatch.setenv("LOSSD_THREADS", "2")
    monkeypatch.setenv("LOSSD_DRAIN_SECONDS", "2.5")
    chosen = read(["--config", str(file), "--threads", "3"])
    assert (chosen.threads, chosen.drain_seconds, chosen.log_level) == (3, 2.5, "debug")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--address", "0.0.0.0:50051"], "reachable beyond this machine"),
        (["--devices", "tpu"], "'tpu' is no device"),
        (["--devices", "cpu,cpu:0"], "names a device twice"),
        (["--devices", "auto,cpu"], "beside auto"),
        (["--tls-cert", __file__], "go together"),
        (["--tls-cert", "cert.pem"], "there is no file 'cert.pem'"),
        (["--address", "127.0.0.1:65536"], "a port from 0 to 65535"),
        (["--address", "nonsense"], "expected HOST:PORT"),
        (["--metrics-address", "nonsense"], "expected HOST:PORT"),
        (["--state-dir", "s3:/bucket/x"], "did you mean s3://bucket/x?"),
        (["--state-dir", "file:/srv/x"], "did you mean file:///srv/x?"),
        (["--threads", "-1"], "threads"),
        (["--max-inflight-bytes", "many"], "max_inflight_bytes"),
        (["--config", "/nowhere.toml"], "No such file"),
        (["--bogus"], "unrecognized arguments: --bogus; `lossd serve --help` lists"),
        (["--port", "50051"], "unrecognized arguments: --port 50051; did you mean --address? `lossd serve --help`"),
        (["--thread-count=3", "--adress", "x"], "unrecognized arguments: --thread-count=3 --adress x"),
        (["--adress", "x"], "did you mean --address?"),
    ],
)
def test_a_mistake_is_one_clear_line(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and the reason on stderr; never a traceback."""
    with pytest.raises(SystemExit) as ended:
        read(arguments)
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert "Traceback" not in error


def test_the_file_may_be_written_as_the_flags_are(tmp_path: Path) -> None:
    """`drain-seconds` in the file is `drain_seconds`."""
    file = tmp_path / "lossd.toml"
    file.write_text("drain-seconds = 1.5\n")
    assert read(["--config", str(file)]).drain_seconds == 1.5


def test_an_unknown_key_of_the_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt key would otherwise be a setting that is silently not set."""
    file = tmp_path / "lossd.toml"
    file.write_text("thread = 1\n")
    with pytest.raises(SystemExit):
        read(["--config", str(file)])
    assert capsys.readouterr().err == "lossd serve: thread: there is no such setting; did you mean threads?\n"


def test_beyond_loopback_needs_tls_or_a_word() -> None:
    """The safe default holds however the settings are made."""
    with pytest.raises(ValueError, match="reachable beyond"):
        Settings(address="0.0.0.0:1")
    assert Settings(address="0.0.0.0:1", insecure=True).insecure
    assert Settings(address="[::1]:1").address == "[::1]:1"


def test_the_page_of_settings_is_fresh() -> None:
    """docs/settings.md is what docs/settings.py writes."""
    page = runpy.run_path(str(ROOT / "docs/settings.py"))["page"]
    assert (ROOT / "docs/settings.md").read_text() == page(), "run `python docs/settings.py`"
    assert set(settings.Settings.model_fields) >= {"address", "metrics_address", "devices"}

"""Every setting of the server: a flag, an environment variable and a TOML key of one name each.

`--max-inflight-bytes`, `LOSSD_MAX_INFLIGHT_BYTES` and `max_inflight_bytes` in the file given by `--config` are
one setting; flags win over the environment, the environment over the file.
"""

from __future__ import annotations

import argparse
import ipaddress
import re
import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    CliSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_DEVICE = re.compile(r"auto|cpu|cpu:\d+|cuda|cuda:\d+")
_HALF_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/(?!/)")
"""How a path begins that was meant as a URL; one letter and a colon is a drive."""


class Settings(BaseModel):
    """Exact PyTorch losses, gradients and training steps as a gRPC service."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: str = Field(
        "127.0.0.1:50051", description="HOST:PORT, or unix:PATH, of the gRPC server; port 0 picks one."
    )
    metrics_address: str = Field(
        "127.0.0.1:9464",
        description="HOST:PORT of the Prometheus endpoint, which is never protected; empty for none, port 0 picks one.",
    )
    devices: str = Field(
        "auto", description="Devices by name, comma-separated: cpu:0,cpu:1 or cuda:0; auto takes every GPU, else cpu:0."
    )
    engine: Literal["process", "inline"] = Field(
        "process", description="process: a supervised worker process per device; inline: inside the server, for tests."
    )
    threads: int = Field(
        0, ge=0, description="Threads that one kernel may use in each worker; 0 leaves torch's default."
    )
    programs: Literal["on", "off"] = Field(
        "on", description="Whether losses that callers exported by torch.export are evaluated; off refuses them."
    )
    insecure: bool = Field(False, description="Serve beyond loopback without TLS.")
    tls_cert: Path | None = Field(None, description="PEM certificate chain of the server.")
    tls_key: Path | None = Field(None, description="PEM private key of the server.")
    tls_client_ca: Path | None = Field(
        None, description="PEM certificates that clients must be signed by (mutual TLS)."
    )
    token_file: Path | None = Field(
        None, description="File of bearer tokens, one a line; any of them opens the services."
    )
    default_deadline_seconds: float = Field(60.0, gt=0, description="Time a call without a deadline may take.")
    max_deadline_seconds: float = Field(600.0, gt=0, description="Time any call may take.")
    max_inflight_bytes: int = Field(
        2**30, ge=2**20, description="Bytes of requests held at once; the largest single one."
    )
    max_sessions_per_device: int = Field(1000, ge=0, description="Training sessions that a device may hold.")
    state_dir: str = Field(
        "",
        description="Where sessions survive: a path, or a URL of fsspec such as s3://bucket/prefix, which takes "
        "checkpoints and saved sessions but no durability of each step, and has no locks: one server for each prefix; "
        "empty for nowhere.",
    )
    session_ttl_seconds: float = Field(
        0.0,
        ge=0,
        description="Time that sessions without a ttl of their own stay in memory after the last call that named them; "
        "0 is for ever.",
    )
    max_series: int = Field(
        100,
        ge=0,
        le=1000,
        description="Production series whose quality is exported; evaluations that name others are answered and not "
        "counted in one.",
    )
    series_window_seconds: float = Field(300.0, gt=0, description="Time that the rolling loss of a series looks back.")
    series_idle_seconds: float = Field(
        86_400.0, gt=0, description="Time after which a series that no evaluation named is forgotten."
    )
    max_connection_age_seconds: float = Field(0.0, ge=0, description="Time after which clients reconnect; 0 is never.")
    drain_delay_seconds: float = Field(0.0, ge=0, description="Time between NOT_SERVING and the end of admission.")
    drain_seconds: float = Field(30.0, ge=0, description="Time that calls in flight may still take after that.")
    reflection: bool = Field(True, description="Serve grpc.reflection, which grpcurl asks.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level logged.")
    log_format: Literal["json", "console"] = Field("json", description="One JSON object a line, or lines for people.")

    @field_validator("address", "metrics_address")
    @classmethod
    def _dialable(cls, value: str, info: ValidationInfo) -> str:
        if value.startswith("unix:") and info.field_name == "address":
            return value
        if not value and info.field_name == "metrics_address":
            return value
        host, _, port = value.rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65_535:
            raise ValueError(f"{value!r} is no address; expected HOST:PORT with a port from 0 to 65535")
        return value

    @field_validator("tls_cert", "tls_key", "tls_client_ca", "token_file")
    @classmethod
    def _readable(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError(f"there is no file {str(value)!r}")
        return value

    @field_validator("devices")
    @classmethod
    def _known_devices(cls, value: str) -> str:
        names = [name.strip() for name in value.split(",")]
        if len(set(numbered(value))) < len(names) or ("auto" in names and len(names) > 1):
            raise ValueError(f"{value!r} names a device twice, or others beside auto")
        for name in names:
            if not _DEVICE.fullmatch(name):
                raise ValueError(f"{name!r} is no device; expected auto, cpu:0, cpu:1, cuda:0, …")
        return value

    @field_validator("state_dir")
    @classmethod
    def _path_or_url(cls, value: str) -> str:
        half = _HALF_URL.match(value)
        if half:
            meant = value.replace(":/", ":///" if half[1] == "file" else "://", 1)
            raise ValueError(f"{value!r} is neither a path nor a URL; did you mean {meant}?")
        return value

    @model_validator(mode="after")
    def _safe(self) -> Settings:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("--tls-cert and --tls-key go together; give both or neither")
        if self.tls_client_ca is not None and self.tls_cert is None:
            raise ValueError("--tls-client-ca needs --tls-cert and --tls-key")
        if not (self.insecure or self.tls_cert or is_local(self.address)):
            raise ValueError(
                f"address {self.address} is reachable beyond this machine; give --tls-cert and --tls-key, or --insecure"
            )
        return self


_ELSEWHERE = {"port": "address", "host": "address", "bind": "address", "listen": "address", "gpu": "devices",
              "workers": "devices", "cert": "tls-cert", "key": "tls-key", "token": "token-file"}  # fmt: skip
"""What other servers call some of these settings."""


def _nearest(given: str) -> str:
    """A hint at the setting that may be meant, "" where none is like it.

    >>> _nearest("port"), _nearest("thread"), _nearest("bogus")
    ('; did you mean address?', '; did you mean threads?', '')
    """
    word = given.replace("_", "-").lower()
    known: Iterable[str] = (name.replace("_", "-") for name in Settings.model_fields)
    near = [_ELSEWHERE[word]] if word in _ELSEWHERE else get_close_matches(word, known, 1)
    return f"; did you mean {near[0]}?" if near else ""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in a line, with the option that may be meant."""

    def error(self, message: str) -> NoReturn:
        unknown = re.match(r"unrecognized arguments: .*?--([^\s=]+)", message)
        hint = _nearest(unknown[1]).replace("mean ", "mean --") if unknown else ""
        self.exit(2, f"{self.prog}: {message}{hint or ';'} `{self.prog} --help` lists the options\n")


class _Sources(BaseSettings, Settings):
    __doc__ = Settings.__doc__
    model_config = SettingsConfigDict(env_prefix="LOSSD_", extra="forbid", frozen=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # what is passed to the constructor is the file's, which comes last; the flags' source is put first
        return env_settings, init_settings


def read(arguments: Sequence[str]) -> Settings:
    """The settings that flags, environment and file say together; ends the program with a line each if they cannot."""
    parser = _Parser(prog="lossd serve", description=Settings.__doc__)
    parser.add_argument("--config", metavar="FILE", help="TOML file of settings, named as the flags")
    flags: CliSettingsSource[Any] = CliSettingsSource(
        _Sources,
        root_parser=parser,
        cli_implicit_flags=True,
        cli_kebab_case=True,
        cli_hide_none_type=True,
        cli_avoid_json=True,
    )
    config = parser.parse_args(arguments).config
    try:
        file = tomllib.loads(Path(config).read_text()) if config else {}
        file = {name.replace("-", "_"): value for name, value in file.items()}
        return _Sources(_cli_settings_source=flags(args=list(arguments)), **file)
    except ValidationError as error:
        for problem in error.errors():
            name = ".".join(map(str, problem["loc"]))
            said = problem["msg"].removeprefix("Value error, ")
            if problem["type"] == "extra_forbidden":
                said = f"there is no such setting{_nearest(name)}"
            print(": ".join(filter(None, ["lossd serve", name, said])), file=sys.stderr)
    except (OSError, tomllib.TOMLDecodeError, SettingsError) as error:
        print(f"lossd serve: {config or 'settings'}: {error}", file=sys.stderr)
    raise SystemExit(2)


def numbered(devices: str) -> list[str]:
    """The devices of a setting, each with its number.

    >>> numbered("cpu, cuda:1")
    ['cpu:0', 'cuda:1']
    """
    names = [name.strip() for name in devices.split(",")]
    return [name if ":" in name else f"{name}:0" for name in names]


def is_local(address: str) -> bool:
    """Whether only this machine can reach an address.

    >>> is_local("127.0.0.1:1"), is_local("[::1]:1"), is_local("unix:/tmp/s"), is_local("0.0.0.0:1")
    (True, True, True, False)
    """
    if address.startswith("unix:"):
        return True
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

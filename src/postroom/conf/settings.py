"""How this process is set up: `POSTROOM_…` environment variables over `postroom.toml` over the defaults.

Nothing else sets up a process. Durations end in `_seconds`, sizes in `_octets`. Unknown names in the file are refused,
all at once. Read once (`settings()`); tests call `reset()` after changing the environment.
"""

from __future__ import annotations

import os
import socket
import tomllib
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from postroom.conf.errors import UsageError

PREFIX = "POSTROOM_"


class Settings(BaseModel):
    """The settings of a process. Each is `POSTROOM_NAME` in the environment and `name` in `postroom.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data_dir: Path = Field(Path("postroom-data"), description="Folder of the database, the key, large contents, spool.")
    database_url: str = Field(
        "", description="sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME; empty: SQLite in the data folder."
    )
    key_file: Path | None = Field(None, description="File of the sealing key; default: key in the data folder.")
    web_bind: str = Field("127.0.0.1:8080", description="Address and port of the web role.")
    log_format: str = Field("text", pattern="^(text|json)$", description="Form of the log on standard error.")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="Least level that is logged.")
    host_name: str = Field(
        default_factory=socket.gethostname, description="Name of this machine in leases, listings and Message-IDs."
    )
    message_id_domain: str = Field("", description="Domain of our Message-IDs; empty: that of the profile's address.")
    inline_content_octets: int = Field(
        262_144,
        ge=0,
        description="Raw contents up to this size (compressed) stand in the database, larger ones in files.",
    )
    batch_messages: int = Field(200, ge=1, le=5000, description="Most events that are processed in one transaction.")
    batch_octets: int = Field(
        8_388_608, ge=65_536, description="Most octets of messages that are processed in one transaction."
    )
    connections_per_second: float = Field(
        20.0, gt=0, description="How fast a receiver opens connections to mail servers when many profiles start."
    )
    lease_seconds: float = Field(20.0, ge=2, description="How long a receiver's lease of a profile lasts unrenewed.")
    notice_minutes: int = Field(
        15, ge=0, description="Failure mail to a response group's administrator is grouped over this time."
    )


@cache
def settings() -> Settings:
    """The settings of this process.

    Raises `UsageError` naming every bad setting and where it was set.
    """
    found: dict[str, object] = {}
    where: dict[str, str] = {}
    for path in (Path(os.environ.get(PREFIX + "CONFIG", "postroom.toml")),):
        if path.is_file():
            try:
                values = tomllib.loads(path.read_text(encoding="utf-8"))
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise UsageError(f"{path} is not valid TOML: {error}.") from None
            found.update(values)
            where.update(dict.fromkeys(values, str(path)))
    for name in Settings.model_fields:
        if (value := os.environ.get(PREFIX + name.upper())) is not None:
            found[name], where[name] = value, PREFIX + name.upper()
    try:
        return Settings.model_validate(found)
    except ValidationError as error:
        told = [f"{where.get(str(e['loc'][0]), str(e['loc'][0]))}: {e['loc'][0]}: {e['msg']}" for e in error.errors()]
        raise UsageError("The settings are wrong. " + "; ".join(told) + ".") from None


def reset() -> None:
    """Read the settings anew at the next call."""
    settings.cache_clear()


def key_path() -> Path:
    return settings().key_file or settings().data_dir / "key"

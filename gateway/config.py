"""Every setting, in one place: its default, its meaning, and where its value came from.

Flags over environment over file over defaults. Handed down by the composition root.
"""

from __future__ import annotations

import difflib
import functools
import logging
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, SecretStr, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

log = logging.getLogger(__name__)

PREFIX = "LABELGATE_"
FILE_NAME = "labelgate.toml"
# Read by others (the command line, the test suite), so they are neither settings nor mistakes.
_RESERVED = re.compile(r"LABELGATE_(ENDPOINT|S3TESTS|OPENLINEAGE_SPEC|(S3TESTS|TEST|BENCH)_.*)")
# Kubernetes puts variables into every pod for each service beside it; one that is called
# `labelgate`, or `labelgate-admin`, makes names like ours.
_SERVICE_LINK = re.compile(
    r"LABELGATE_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)"
)
_SERVICE_LINK_VALUE = re.compile(r"(tcp|udp|sctp)://")
CACHE_BYTES_MIN = 16 * 1024 * 1024
PERSON_KEY_BYTES_MIN = 16
_SECRETS = frozenset(
    {"secret_access_key", "lineage_person_key", "openlineage_api_key", "labelstudio_token"}
)
_PATHS = frozenset(
    {
        "data_dir",
        "credentials_file",
        "lineage_person_key_file",
        "openlineage_api_key_file",
        "openlineage_file",
        "labelstudio_token_file",
    }
)
# What OpenLineage's own clients read. Ours count more.
_ALIASES = {
    "OPENLINEAGE_URL": "openlineage_url",
    "OPENLINEAGE_ENDPOINT": "openlineage_endpoint",
    "OPENLINEAGE_API_KEY": "openlineage_api_key",
    "OPENLINEAGE_NAMESPACE": "openlineage_namespace",
}
_OPENLINEAGE_DISABLED = "OPENLINEAGE_DISABLED"
_SECRETS_IN_FILES = ("lineage_person_key", "openlineage_api_key", "labelstudio_token")
_SWITCH = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}


class SettingsError(Exception):
    """Settings that cannot be understood: one line for each, with its origin, never a secret."""


class SettingsRefused(Exception):
    """Settings that are well formed but cannot be served; the text says what to change."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from.

    name: the variable or flag, or `key in file`; "" for a default.
    """

    kind: Literal["default", "file", "environment", "flag"]
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".strip()


DEFAULT = Origin("default")


def _switch(value: object) -> object:
    if isinstance(value, bool):
        return value
    try:
        return _SWITCH[str(value).strip().lower()]
    except KeyError:
        raise ValueError("not a switch") from None


def _cache_bytes(value: int) -> int:
    if value < CACHE_BYTES_MIN:
        raise PydanticCustomError("bytes", "too small")
    return value


def _urls(value: object) -> object:
    """Base URLs, from a list or from one text with commas, each without a slash at its end."""
    given = value.split(",") if isinstance(value, str) else value
    if not isinstance(given, list | tuple) or not all(isinstance(one, str) for one in given):
        raise PydanticCustomError("urls", "not a list of URLs")
    return tuple(_url(one) for one in given if one.strip())


def _url(value: object) -> object:
    return _checked_url(value, path=False)


def _url_with_path(value: object) -> object:
    return _checked_url(value, path=True)


def _checked_url(value: object, *, path: bool) -> object:
    """A URL without credentials and query, and without a slash at its end."""
    if not isinstance(value, str):
        return value
    url = value.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        bare = f"{parts.scheme}://{parts.netloc}{parts.path if path else ''}" == url
        if (
            bare
            and not parts.username
            and parts.scheme in {"http", "https"}
            and parts.hostname
            and parts.port != 0
        ):
            return url
    except ValueError:  # a port that is none, half an IPv6 address
        pass
    raise PydanticCustomError("urls", "not a base URL")


def _count(value: int) -> int:
    if value < 1:
        raise PydanticCustomError("count", "too small")
    return value


Port = Annotated[int, Field(ge=0, le=65535)]
Name = Annotated[str, Field(min_length=1)]
Switch = Annotated[bool, BeforeValidator(_switch)]
CacheBytes = Annotated[int, AfterValidator(_cache_bytes)]
Url = Annotated[str, BeforeValidator(_url)]
UrlWithPath = Annotated[str, BeforeValidator(_url_with_path)]
Urls = Annotated[tuple[str, ...], BeforeValidator(_urls)]
Count = Annotated[int, AfterValidator(_count)]


class Settings(BaseSettings):
    """The settings of one gateway. Made by `load`; a value given directly has no origin."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    data_dir: Path = Field(
        default_factory=lambda: default_data_dir(os.environ),
        description="The directory of the store, of the generated key and of `labelgate.toml`.",
        json_schema_extra={
            "default_text": "`$XDG_DATA_HOME/labelgate`, else `~/.local/share/labelgate`"
        },
    )
    host: Name = Field(
        "127.0.0.1",
        description="The address S3 listens on; `0.0.0.0` or `::` for every one of the machine.",
    )
    port: Port = Field(
        9000,
        description="The port of S3, and of `/-/` unless `admin_port` is set. 0 takes a free one.",
    )
    admin_host: Name | None = Field(
        None,
        description="The address of the admin port.",
        json_schema_extra={"default_text": "as `host`"},
    )
    admin_port: Port | None = Field(
        None,
        description="A port of its own for `/-/` (API, metrics, health), which then leaves the S3 "
        "port; `/-/healthz` stays on both.",
    )
    store: Literal["embedded", "pachyderm"] = Field(
        "embedded",
        description="What keeps the repos; `pachyderm` needs `labelgate[pachyderm]`, see "
        "[Pachyderm](pachyderm.md).",
    )
    pachd_address: Name | None = Field(
        None,
        description="Where Pachyderm is: `host:port`, `grpc://` or, with TLS, `grpcs://`. Its "
        "token is no setting: it is `PACH_TOKEN`, else the context's.",
        json_schema_extra={
            "default_text": "`PACHD_ADDRESS`, else the service of the same cluster, the active "
            "context of `~/.pachyderm/config.json`, `127.0.0.1:30650`"
        },
    )
    pachyderm_cache_bytes: CacheBytes = Field(
        10 * 1024**3,
        description="How much of `data_dir` the contents read from Pachyderm may take up, in "
        "bytes. What was not read for longest goes first.",
    )
    replicas: Urls = Field(
        (),
        description="The base URLs of the S3 ports of all replicas in front of one Pachyderm, this "
        "one's too, with commas between. Each repo's writes then go through one of them.",
    )
    replica_url: Url | None = Field(
        None,
        description="Which of `replicas` this one is.",
    )
    access_key_id: Name | None = Field(
        None,
        description="With `secret_access_key`: one key pair with all rights, of account `default`.",
    )
    secret_access_key: SecretStr | None = Field(
        None,
        description="The secret of `access_key_id`.",
    )
    credentials_file: Path | None = Field(
        None,
        description="A file of key pairs, JSON or TOML; see [below](#credentials-file).",
    )
    default_versioning: Literal["enabled", "unset"] = Field(
        "enabled",
        description="The S3 versioning state of new buckets. History is kept whatever it is; "
        "`unset` shows S3 clients objects without versions, as AWS does until a bucket is asked "
        "to keep them.",
    )
    bucket_names: Literal["any", "s3"] = Field(
        "any",
        description="Which names CreateBucket takes: `any` that the gateway can have, or only "
        "those that AWS would take too (`s3`: at most 63 lower-case letters, digits, dots and "
        "inner hyphens).",
    )
    lineage_headers: Switch = Field(
        True,
        description="Whether a label is answered with its lineage in `x-amz-meta-lineage-*`.",
    )
    lineage_embed: Switch = Field(
        False,
        description="Whether files of tasks (`.json`, `.jsonl`) are served with the field "
        "`labelgate_source` in each task's data, which names their exact version, see "
        "[Lineage](lineage.md#tasks-from-json-files).",
    )
    lineage_person_key: SecretStr | None = Field(
        None,
        description="A secret of at least 16 bytes: with it records tell a hash of the annotator's "
        "address, see [Lineage](lineage.md#personal-data).",
    )
    lineage_person_key_file: Path | None = Field(
        None,
        description="A file that holds `lineage_person_key`; white space at its ends does not "
        "count. It is read once, at the start.",
    )
    labelstudio_url: UrlWithPath | None = Field(
        None,
        description="The address of Label Studio, to ask it from which file each task was made, "
        "see [Lineage](lineage.md#tasks-from-json-files).",
    )
    labelstudio_token: SecretStr | None = Field(
        None,
        description="A token of a user of it who may see the projects, legacy or personal access "
        "token. It is used for reading only.",
    )
    labelstudio_token_file: Path | None = Field(
        None,
        description="A file that holds `labelstudio_token`. It is read once, at the start.",
    )
    openlineage_transport: Literal["off", "http", "file", "console"] | None = Field(
        None,
        description="Where an OpenLineage event of each commit goes, see "
        "[Lineage for other programs](lineage-exports.md#sent-as-commits-land).",
        json_schema_extra={
            "default_text": "`http` with `openlineage_url`, `file` with `openlineage_file`, "
            "else `off`; with `OPENLINEAGE_DISABLED=true` `off`"
        },
    )
    openlineage_url: UrlWithPath | None = Field(
        None,
        description="The base URL of what takes OpenLineage events.",
        json_schema_extra={"default_text": "`OPENLINEAGE_URL`"},
    )
    openlineage_endpoint: Name = Field(
        "api/v1/lineage",
        description="What follows on the base URL.",
        json_schema_extra={"default_text": "`OPENLINEAGE_ENDPOINT`, else `api/v1/lineage`"},
    )
    openlineage_api_key: SecretStr | None = Field(
        None,
        description="Sent to it as a bearer token.",
        json_schema_extra={"default_text": "`OPENLINEAGE_API_KEY`"},
    )
    openlineage_api_key_file: Path | None = Field(
        None,
        description="A file that holds `openlineage_api_key`. It is read once, at the start.",
    )
    openlineage_file: Path | None = Field(
        None,
        description="The file that events are appended to, one a line.",
    )
    openlineage_namespace: Name | None = Field(
        None,
        description="The namespace of jobs.",
        json_schema_extra={
            "default_text": "`OPENLINEAGE_NAMESPACE`, else `label-studio` for what Label Studio "
            "wrote and `labelgate`"
        },
    )
    openlineage_datasets: Literal["prefix", "object"] = Field(
        "prefix",
        description="What one dataset is: the beginning of keys, or each object.",
    )
    openlineage_depth: Count = Field(
        1,
        description="How many parts of a key, cut at `/`, a prefix has at most.",
    )
    openlineage_tries: Count = Field(
        20,
        description="How often an event may be refused before it is parked.",
    )
    openlineage_hours: Count = Field(
        24,
        description="How many hours an event is tried before it is parked, whatever the reason.",
    )
    trigger_commands: Switch = Field(
        False,
        description="Whether triggers may run programs of this machine, see "
        "[Triggers](triggers.md#commands). Only keys with all rights may make such triggers.",
    )
    trigger_private_webhooks: Switch = Field(
        False,
        description="Whether webhooks may go to addresses that are not public: this machine, its "
        "networks, a cloud's metadata service.",
    )
    sigv2: Switch = Field(
        True,
        description="Whether requests signed with Signature Version 2 are accepted; boto3 presigns "
        "so at custom endpoints unless told otherwise.",
    )

    _origins: dict[str, Origin] = PrivateAttr(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is passed in: `load` reads the layers itself, to know and name each origin."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    def origin(self, name: str) -> Origin:
        """Where the value of setting `name` came from."""
        return self._origins.get(name, DEFAULT)


NAMES: tuple[str, ...] = tuple(Settings.model_fields)


@dataclass(frozen=True, slots=True)
class _Given:
    """A value as it was given. folder: what a relative path in it is relative to."""

    value: object
    origin: Origin
    folder: Path


def load(
    flags: Mapping[str, object], environ: Mapping[str, str], config_file: Path | None
) -> Settings:
    """The settings in force.

    flags: by the name of the setting; None means that the flag was not given.
    config_file: what `--config` names; None for `labelgate.toml` in the data directory, which
        need not exist. Relative paths are taken from the working directory, in a file from the
        file's own folder. An empty variable counts as not set.
    Raises SettingsError with every mistake found. Warns once of each unknown variable.
    """
    _refuse_unknown((_key(name) for name in flags), "flags", flag_name)
    given = _from_environment(environ) | _from_flags(flags)
    if config_file is None:
        data_dir = _data_dir(given, environ)
        config_file = data_dir / FILE_NAME
        if config_file.is_file():
            given = _from_file(config_file, own_data_dir=data_dir) | given
    else:
        given = _from_file(config_file, own_data_dir=None) | given
    values: dict[str, Any] = {name: _made(name, item, environ) for name, item in given.items()}
    values.setdefault("data_dir", default_data_dir(environ))
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise SettingsError("\n".join(_complaints(error, given))) from None
    _refuse_half_a_pair(given)
    _refuse_lost_replica(settings)
    _refuse_nowhere(settings)
    _refuse_half_a_studio(settings)
    _refuse_two_keys(given)
    settings._origins.update({name: item.origin for name, item in given.items()})  # noqa: SLF001
    return settings


def person_key(settings: Settings) -> bytes | None:
    """The key for hashes of people; None where none is set.

    Raises SettingsRefused where its file cannot be read, or where it could be guessed.
    """
    name, key = _secret(settings, "lineage_person_key")
    if key is not None and len(key) < PERSON_KEY_BYTES_MIN:
        raise SettingsRefused(
            f"{name}: the key has {len(key)} bytes, and whoever guesses it knows everybody; give "
            f"at least {PERSON_KEY_BYTES_MIN} random ones (openssl rand -hex 32)"
        )
    return key


def bearer(settings: Settings, setting: str) -> str | None:
    """A secret that is sent in a header; None where none is set.

    Raises SettingsRefused where its file cannot be read, or where it cannot stand in a header.
    """
    name, key = _secret(settings, setting)
    if key is None:
        return None
    if not key.isascii() or not key.decode("ascii").isprintable() or not key:
        raise SettingsRefused(f"{name}: a token is printable ASCII")
    return key.decode("ascii")


def _secret(settings: Settings, name: str) -> tuple[str, bytes | None]:
    """A secret and the setting that gave it: itself or a file. Raises SettingsRefused."""
    given: SecretStr | None = getattr(settings, name)
    file: Path | None = getattr(settings, f"{name}_file")
    if given is not None:
        return name, given.get_secret_value().encode("utf-8", "surrogateescape")
    if file is None:
        return name, None
    name = f"{name}_file"
    try:
        return name, file.read_bytes().strip()
    except OSError as error:
        raise SettingsRefused(f"{name}: {file} cannot be read: {error.strerror}") from None


def default_data_dir(environ: Mapping[str, str]) -> Path:
    """`$XDG_DATA_HOME/labelgate`, else `~/.local/share/labelgate`; absolute."""
    # A relative XDG_DATA_HOME is to be ignored, says the XDG specification.
    base = Path(environ.get("XDG_DATA_HOME", ""))
    if not base.is_absolute():
        base = _home(environ) / ".local" / "share"
    return (base / "labelgate").absolute()


def environment_name(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def flag_name(name: str) -> str:
    """The command line's flag for a setting."""
    return "--data" if name == "data_dir" else "--" + name.replace("_", "-")


def _from_flags(flags: Mapping[str, object]) -> dict[str, _Given]:
    return {
        _key(name): _Given(value, Origin("flag", flag_name(_key(name))), Path.cwd())
        for name, value in flags.items()
        if value is not None
    }


def _from_environment(environ: Mapping[str, str]) -> dict[str, _Given]:
    by_variable = {environment_name(name): name for name in NAMES}
    given = _from_aliases(environ)
    for variable, value in environ.items():
        if not variable.startswith(PREFIX) or _SERVICE_LINK_VALUE.match(value):
            continue
        if variable not in by_variable:
            if not _RESERVED.fullmatch(variable) and not _SERVICE_LINK.fullmatch(variable):
                _warn_of_variable(variable)
        elif value:
            given[by_variable[variable]] = _Given(
                value, Origin("environment", variable), Path.cwd()
            )
    return given


def _from_aliases(environ: Mapping[str, str]) -> dict[str, _Given]:
    """What variables of other programs say; ours count more."""

    def of(variable: str, value: str) -> _Given:
        return _Given(value, Origin("environment", variable), Path.cwd())

    given = {
        name: of(variable, environ[variable])
        for variable, name in _ALIASES.items()
        if environ.get(variable) and not environ.get(environment_name(f"{name}_file"))
    }
    if environ.get(_OPENLINEAGE_DISABLED, "").strip().lower() in {"true", "1"}:
        given["openlineage_transport"] = of(_OPENLINEAGE_DISABLED, "off")
    return given


def _from_file(file: Path, *, own_data_dir: Path | None) -> dict[str, _Given]:
    """The file's settings. own_data_dir: the data directory that the file was found in."""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}") from None
    except ValueError as error:  # of tomllib, and bytes that are not UTF-8
        raise SettingsError(f"{file} is not valid TOML: {error}") from None
    _refuse_unknown(document, str(file), str)
    if own_data_dir is not None and "data_dir" in document:
        raise SettingsError(
            f"{file} was found by the data directory and cannot name another; set data_dir with "
            f"{flag_name('data_dir')}, {environment_name('data_dir')}, or in a file for --config"
        )
    folder = file.absolute().parent
    return {
        name: _Given(value, Origin("file", f"{name} in {file}"), folder)
        for name, value in document.items()
    }


def _data_dir(given: Mapping[str, _Given], environ: Mapping[str, str]) -> Path:
    if "data_dir" not in given:
        return default_data_dir(environ)
    return cast("Path", _made("data_dir", given["data_dir"], environ))


def _made(name: str, given: _Given, environ: Mapping[str, str]) -> object:
    """The value as it goes into Settings: paths become absolute, what is none is left as it is."""
    value = given.value
    if name not in _PATHS or not isinstance(value, str | Path):
        return value
    path = Path(value)
    if path.parts[:1] == ("~",):
        path = _home(environ).joinpath(*path.parts[1:])
    return (given.folder / path).absolute()


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ["HOME"]) if environ.get("HOME") else Path.home()


def _key(flag: str) -> str:
    return flag.replace("-", "_")


def _refuse_unknown(names: Iterable[str], where: str, spelled: Callable[[str], str]) -> None:
    """Raise SettingsError for names that are no settings. spelled: how `where` writes a name."""
    lines = [
        f"{where}: there is no setting {spelled(name)!r}{_nearest(name, spelled)}"
        for name in names
        if name not in NAMES
    ]
    if lines:
        raise SettingsError("\n".join(lines))


def _nearest(name: str, spelled: Callable[[str], str]) -> str:
    near = difflib.get_close_matches(name.lower(), NAMES, n=1, cutoff=0.5)
    return f"; did you mean {spelled(near[0])!r}?" if near else f"; there are {', '.join(NAMES)}"


@functools.cache
def _warn_of_variable(variable: str) -> None:
    """Warn of an unknown variable, once in the life of the process."""
    hint = _nearest(variable.removeprefix(PREFIX), environment_name)
    log.warning("environment: there is no setting %r%s; ignored", variable, hint)


def _refuse_half_a_pair(given: Mapping[str, _Given]) -> None:
    pair = ("access_key_id", "secret_access_key")
    for one, other in (pair, pair[::-1]):
        if one in given and other not in given:
            raise SettingsError(f"{one} needs {other} beside it (from {given[one].origin})")


def _refuse_two_keys(given: Mapping[str, _Given]) -> None:
    for name in _SECRETS_IN_FILES:
        one, other = given.get(name), given.get(f"{name}_file")
        if one and other:
            raise SettingsError(
                f"{name} and {name}_file are two keys, take one of them (from "
                f"{one.origin}, {other.origin})"
            )


def _refuse_half_a_studio(settings: Settings) -> None:
    token = settings.labelstudio_token or settings.labelstudio_token_file
    if (settings.labelstudio_url is None) == (token is not None):
        raise SettingsError("labelstudio_url and labelstudio_token (or its file) go together")


def _refuse_nowhere(settings: Settings) -> None:
    for transport, needed in (("http", "openlineage_url"), ("file", "openlineage_file")):
        if settings.openlineage_transport == transport and getattr(settings, needed) is None:
            raise SettingsError(f"openlineage_transport = {transport!r} needs {needed} beside it")


def _refuse_lost_replica(settings: Settings) -> None:
    if settings.replicas and settings.replica_url is None:
        raise SettingsError("replicas needs replica_url beside it: which of them this one is")
    if settings.replica_url is not None and settings.replica_url not in settings.replicas:
        raise SettingsError(
            f"replica_url: {settings.replica_url!r} is not one of replicas "
            f"({', '.join(settings.replicas) or 'unset'})"
        )


_WANTED = {
    "int_parsing": "is not a whole number",
    "int_type": "is not a whole number",
    "int_from_float": "is not a whole number",
    "greater_than_equal": "is not a port (0 to 65535)",
    "less_than_equal": "is not a port (0 to 65535)",
    "count": "is less than 1",
    "bytes": f"is less than {CACHE_BYTES_MIN} bytes",
    "value_error": "is not a switch (on or off)",
    "urls": "is not a base URL like http://host:port (several: with commas between)",
    "string_too_short": "is empty",
    "string_type": "is not text",
    "path_type": "is not a path",
}


def _complaints(error: ValidationError, given: Mapping[str, _Given]) -> Iterator[str]:
    """One line for each mistake: the setting, what is wrong with it, and where it came from."""
    for mistake in error.errors(include_url=False):
        name = str(mistake["loc"][0])
        if mistake["type"] == "literal_error":
            wanted = f"is not {mistake['ctx']['expected']}"
        else:
            wanted = _WANTED.get(mistake["type"], f"cannot be used: {mistake['msg']}")
        shown = "its value" if name in _SECRETS else repr(given[name].value)
        yield f"{name}: {shown} {wanted} (from {given[name].origin})"

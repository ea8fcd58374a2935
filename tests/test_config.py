"""gateway.config: the layers, their names, and what is said of mistakes."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from gateway import config
from gateway.config import (
    NAMES,
    Settings,
    SettingsError,
    SettingsRefused,
    bearer,
    load,
    person_key,
)

SECRET = "hush-this-is-the-secret"


@pytest.fixture(autouse=True)
def _forget_warnings() -> None:
    """Each test is the first to meet a variable."""
    config._warn_of_variable.cache_clear()


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """The environment of a user who configured nothing."""
    return {"HOME": str(tmp_path)}


def refusal(*args: Any) -> str:
    with pytest.raises(SettingsError) as refused:
        load(*args)
    assert SECRET not in str(refused.value)
    assert refused.value.__context__ is None or refused.value.__suppress_context__
    return str(refused.value)


def test_the_defaults_are_those_of_the_interface(home, tmp_path):
    settings = load({}, home, None)
    assert settings.model_dump() == {
        "data_dir": tmp_path / ".local" / "share" / "labelgate",
        "host": "127.0.0.1",
        "port": 9000,
        "admin_host": None,
        "admin_port": None,
        "store": "embedded",
        "pachd_address": None,
        "pachyderm_cache_bytes": 10 * 1024**3,
        "replicas": (),
        "replica_url": None,
        "access_key_id": None,
        "secret_access_key": None,
        "credentials_file": None,
        "default_versioning": "enabled",
        "bucket_names": "any",
        "lineage_headers": True,
        "lineage_embed": False,
        "lineage_person_key": None,
        "lineage_person_key_file": None,
        "labelstudio_url": None,
        "labelstudio_token": None,
        "labelstudio_token_file": None,
        "openlineage_transport": None,
        "openlineage_url": None,
        "openlineage_endpoint": "api/v1/lineage",
        "openlineage_api_key": None,
        "openlineage_api_key_file": None,
        "openlineage_file": None,
        "openlineage_namespace": None,
        "openlineage_datasets": "prefix",
        "openlineage_depth": 1,
        "openlineage_tries": 20,
        "openlineage_hours": 24,
        "trigger_commands": False,
        "trigger_private_webhooks": False,
        "sigv2": True,
    }
    assert {settings.origin(name).kind for name in NAMES} == {"default"}


def test_every_setting_says_what_it_means():
    assert all(field.description for field in Settings.model_fields.values())


def test_flags_go_over_environment_over_file_over_defaults(home, tmp_path):
    file = tmp_path / "some.toml"
    file.write_text('host = "file"\nport = 1\nadmin_port = 1\n')
    environ = {**home, "LABELGATE_PORT": "2", "LABELGATE_ADMIN_PORT": "2"}
    settings = load({"admin_port": "3", "store": None}, environ, file)
    assert (settings.host, settings.port, settings.admin_port) == ("file", 2, 3)
    assert str(settings.origin("host")) == f"file host in {file}"
    assert str(settings.origin("port")) == "environment LABELGATE_PORT"
    assert str(settings.origin("admin_port")) == "flag --admin-port"
    assert str(settings.origin("store")) == "default"


def test_the_real_environment_is_not_looked_at(home, monkeypatch):
    monkeypatch.setenv("LABELGATE_PORT", "7")
    monkeypatch.setenv("PORT", "7")
    assert load({}, home, None).port == 9000


def test_the_file_in_the_data_directory_is_read_wherever_the_directory_came_from(home, tmp_path):
    (tmp_path / "labelgate.toml").write_text("port = 5\n")
    assert load({"data_dir": str(tmp_path)}, home, None).port == 5
    assert load({}, {**home, "LABELGATE_DATA_DIR": str(tmp_path)}, None).port == 5


def test_a_file_that_is_named_takes_the_place_of_the_one_in_the_data_directory(home, tmp_path):
    (tmp_path / "labelgate.toml").write_text("port = 5\nhost = 'own'\n")
    file = tmp_path / "other.toml"
    file.write_text("port = 6\n")
    settings = load({"data_dir": tmp_path}, home, file)
    assert (settings.port, settings.host) == (6, "127.0.0.1")


def test_a_file_that_is_named_must_exist(home, tmp_path):
    assert "cannot be read" in refusal({}, home, tmp_path / "absent.toml")


def test_the_file_of_a_data_directory_cannot_name_another(home, tmp_path):
    (tmp_path / "labelgate.toml").write_text('data_dir = "elsewhere"\n')
    assert "cannot name another" in refusal({"data_dir": tmp_path}, home, None)


def test_the_data_directory_follows_xdg_only_where_that_is_absolute(home, tmp_path):
    xdg = {**home, "XDG_DATA_HOME": str(tmp_path / "xdg")}
    assert load({}, xdg, None).data_dir == tmp_path / "xdg" / "labelgate"
    relative = {**home, "XDG_DATA_HOME": "xdg"}
    assert load({}, relative, None).data_dir == tmp_path / ".local" / "share" / "labelgate"


def test_a_relative_path_becomes_absolute_from_where_it_was_written(home, tmp_path, monkeypatch):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    monkeypatch.chdir(here)
    file = there / "some.toml"
    file.write_text('credentials_file = "keys.toml"\n')
    settings = load({"data_dir": "data"}, home, file)
    assert settings.data_dir == here / "data"
    assert settings.credentials_file == there / "keys.toml"
    assert load({"data_dir": "~/x"}, home, None).data_dir == tmp_path / "x"


@pytest.mark.parametrize(
    ("given", "meant"),
    [("on", True), ("off", False), ("true", True), ("FALSE", False), ("1", True), ("0", False)],
)
def test_a_switch_is_understood(given, meant, home):
    assert load({}, {**home, "LABELGATE_SIGV2": given}, None).sigv2 is meant


@pytest.mark.parametrize("value", [True, '"on"', 1])
def test_a_switch_is_understood_in_a_file(value, home, tmp_path):
    file = tmp_path / "some.toml"
    file.write_text(f"lineage_headers = {str(value).lower()}\n")
    assert load({}, home, file).lineage_headers is True


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("port", "70000", "port: '70000' is not a port (0 to 65535)"),
        ("port", "-1", "port: '-1' is not a port (0 to 65535)"),
        ("admin_port", "http", "admin_port: 'http' is not a whole number"),
        ("sigv2", "maybe", "sigv2: 'maybe' is not a switch (on or off)"),
        ("store", "git", "store: 'git' is not 'embedded' or 'pachyderm'"),
        ("bucket_names", "aws", "bucket_names: 'aws' is not 'any' or 's3'"),
        ("default_versioning", "off", "default_versioning: 'off' is not 'enabled' or 'unset'"),
        (
            "pachyderm_cache_bytes",
            "1000",
            "pachyderm_cache_bytes: '1000' is less than 16777216 bytes",
        ),
        (
            "pachyderm_cache_bytes",
            "10 GiB",
            "pachyderm_cache_bytes: '10 GiB' is not a whole number",
        ),
    ],
)
def test_a_wrong_value_is_named_with_its_origin(name, value, complaint, home, tmp_path):
    variable = config.environment_name(name)
    assert refusal({}, {**home, variable: value}, None) == (
        f"{complaint} (from environment {variable})"
    )
    assert refusal({name: value}, home, None) == f"{complaint} (from flag {config.flag_name(name)})"
    file = tmp_path / "some.toml"
    file.write_text(f'{name} = "{value}"\n')
    assert refusal({}, home, file) == f"{complaint} (from file {name} in {file})"


@pytest.mark.parametrize("name", ["replicas", "replica_url"])
@pytest.mark.parametrize(
    "value", ["one:9000", "ftp://one", "http://one/x", "http://one:x", "http://"]
)
def test_what_is_no_base_url_is_refused(name, value, home):
    said = refusal({name: value}, home, None)
    assert said.startswith(f"{name}: {value!r} is not a base URL like http://host:port ")


@pytest.mark.parametrize("value", ["http://one:1/, https://two,", ["http://one:1", "https://two"]])
def test_replicas_are_given_as_text_or_as_a_list(value, home):
    settings = load({"replicas": value, "replica_url": "http://one:1/"}, home, None)
    assert settings.replicas == ("http://one:1", "https://two")
    assert settings.replica_url == "http://one:1"


def test_a_replica_knows_which_of_them_it_is(home):
    assert "needs replica_url" in refusal({"replicas": "http://one"}, home, None)
    said = refusal({"replicas": "http://one", "replica_url": "http://two"}, home, None)
    assert said == "replica_url: 'http://two' is not one of replicas (http://one)"
    assert "(unset)" in refusal({"replica_url": "http://two"}, home, None)


def test_the_key_for_hashes_of_people_comes_from_a_variable_or_a_file(home, tmp_path):
    assert person_key(load({}, home, None)) is None
    environ = {**home, "LABELGATE_LINEAGE_PERSON_KEY": SECRET}
    settings = load({}, environ, None)
    assert person_key(settings) == SECRET.encode()
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump_json()}"
    (tmp_path / "labelgate.toml").write_text('lineage_person_key_file = "people.key"\n')
    (tmp_path / "people.key").write_text(f"{SECRET}\n")
    assert person_key(load({"data_dir": tmp_path}, home, None)) == SECRET.encode()
    assert "take one of them" in refusal({"data_dir": tmp_path}, environ, None)


def test_a_key_for_hashes_of_people_that_cannot_serve_is_refused(home, tmp_path):
    with pytest.raises(SettingsRefused, match="cannot be read"):
        person_key(load({"lineage_person_key_file": tmp_path / "absent"}, home, None))
    short = "only-15-letters"
    with pytest.raises(SettingsRefused, match="15 bytes") as refused:
        person_key(load({}, {**home, "LABELGATE_LINEAGE_PERSON_KEY": short}, None))
    assert short not in str(refused.value)
    file = tmp_path / "some.toml"
    file.write_text(f'lineage_person_key = ["{SECRET}"]\n')
    assert "lineage_person_key: its value is not text" in refusal({}, home, file)


def bearer_of(settings):
    return bearer(settings, "openlineage_api_key")


def test_an_address_of_label_studio_and_a_token_go_together(home):
    assert "go together" in refusal({"labelstudio_url": "http://x"}, home, None)
    assert "go together" in refusal({"labelstudio_token": SECRET}, home, None)
    settings = load({"labelstudio_url": "http://x", "labelstudio_token": SECRET}, home, None)
    assert bearer(settings, "labelstudio_token") == SECRET
    assert SECRET not in f"{settings!r}"


def test_what_openlineage_clients_read_counts_less_than_ours(home, tmp_path):
    theirs = {
        "OPENLINEAGE_URL": "https://theirs/base/",
        "OPENLINEAGE_ENDPOINT": "v9",
        "OPENLINEAGE_API_KEY": SECRET,
        "OPENLINEAGE_NAMESPACE": "prod",
    }
    settings = load({}, {**home, **theirs}, None)
    assert settings.openlineage_url == "https://theirs/base"
    assert (settings.openlineage_endpoint, settings.openlineage_namespace) == ("v9", "prod")
    assert bearer_of(settings) == SECRET
    assert str(settings.origin("openlineage_url")) == "environment OPENLINEAGE_URL"
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump_json()}"
    ours = {"LABELGATE_OPENLINEAGE_URL": "http://ours", "LABELGATE_OPENLINEAGE_NAMESPACE": "own"}
    settings = load({}, {**home, **theirs, **ours}, None)
    assert (settings.openlineage_url, settings.openlineage_namespace) == ("http://ours", "own")
    file = tmp_path / "key"
    file.write_text("of the file\n")
    ours = {"LABELGATE_OPENLINEAGE_API_KEY_FILE": str(file)}
    assert bearer_of(load({}, {**home, **theirs, **ours}, None)) == "of the file"


@pytest.mark.parametrize(("said", "transport"), [("true", "off"), ("TRUE", "off"), ("no", None)])
def test_openlineage_can_be_disabled_as_its_clients_are(home, said, transport):
    environ = {**home, "OPENLINEAGE_DISABLED": said, "OPENLINEAGE_URL": "http://x"}
    assert load({}, environ, None).openlineage_transport == transport
    environ["LABELGATE_OPENLINEAGE_TRANSPORT"] = "http"
    assert load({}, environ, None).openlineage_transport == "http"


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("openlineage_url", "http://user:secret@host", "is not a base URL"),
        ("openlineage_url", "http://host/?q=1", "is not a base URL"),
        ("openlineage_url", "ftp://host", "is not a base URL"),
        ("openlineage_tries", "0", "is less than 1"),
        ("openlineage_transport", "kafka", "is not 'off', 'http', 'file' or 'console'"),
    ],
)
def test_openlineage_settings_that_cannot_be_are_refused(home, setting, value, said):
    assert said in refusal({setting: value}, home, None)


def test_a_transport_needs_to_know_where(home):
    for transport, needed in (("http", "openlineage_url"), ("file", "openlineage_file")):
        assert needed in refusal({"openlineage_transport": transport}, home, None)


def test_a_key_that_cannot_stand_in_a_header_is_refused(home):
    for key in ("two\nlines", "kürzel"):
        with pytest.raises(SettingsRefused, match="printable") as refused:
            bearer_of(load({"openlineage_api_key": key}, home, None))
        assert key not in str(refused.value)


def test_all_wrong_values_are_said_at_once(home):
    said = refusal({"port": "x"}, {**home, "LABELGATE_SIGV2": "x"}, None)
    assert [line.partition(":")[0] for line in said.splitlines()] == ["port", "sigv2"]


def test_a_wrong_secret_is_not_shown(home, tmp_path):
    file = tmp_path / "some.toml"
    file.write_text(f'access_key_id = "id"\nsecret_access_key = ["{SECRET}"]\n')
    assert "secret_access_key: its value is not text" in refusal({}, home, file)


def test_no_secret_is_in_what_settings_print(home):
    environ = {
        **home,
        "LABELGATE_ACCESS_KEY_ID": "id",
        "LABELGATE_SECRET_ACCESS_KEY": SECRET,
    }
    settings = load({}, environ, None)
    assert settings.secret_access_key == SecretStr(SECRET)
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_half_a_key_pair_is_refused(home):
    said = refusal({}, {**home, "LABELGATE_SECRET_ACCESS_KEY": SECRET}, None)
    assert said == (
        "secret_access_key needs access_key_id beside it "
        "(from environment LABELGATE_SECRET_ACCESS_KEY)"
    )


def test_an_unknown_key_in_a_file_is_refused_with_the_nearest(home, tmp_path):
    file = tmp_path / "some.toml"
    file.write_text("prot = 1\n")
    assert refusal({}, home, file) == (f"{file}: there is no setting 'prot'; did you mean 'port'?")


def test_an_unknown_flag_is_refused_with_the_nearest(home):
    assert refusal({"admin_prot": 1}, home, None) == (
        "flags: there is no setting '--admin-prot'; did you mean '--admin-port'?"
    )


def test_a_file_that_is_no_toml_is_refused(home, tmp_path):
    file = tmp_path / "some.toml"
    file.write_text(f"secret_access_key: {SECRET}\n")
    assert "is not valid TOML" in refusal({}, home, file)


def test_an_unknown_variable_is_warned_of_once_and_ignored(home, caplog):
    for _ in range(2):
        load({}, {**home, "LABELGATE_PROT": "1"}, None)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "did you mean 'LABELGATE_PORT'" in caplog.text


@pytest.mark.parametrize(
    "variable",
    [
        "LABELGATE_ENDPOINT",
        "LABELGATE_TEST_PACHD",
        "LABELGATE_S3TESTS",
        "LABELGATE_S3TESTS_DIR",
        "LABELGATE_OPENLINEAGE_SPEC",
        "LABELGATE_BENCH_SECONDS",
        "LABELGATE_SERVICE_HOST",
        "LABELGATE_SERVICE_PORT",
        "LABELGATE_SERVICE_PORT_S3",
        "LABELGATE_PORT_9000_TCP",
        "LABELGATE_PORT_9000_TCP_ADDR",
        "LABELGATE_ADMIN_SERVICE_HOST",
        "LABELGATE_ADMIN_PORT_9001_TCP_PROTO",
    ],
)
def test_variables_that_others_read_bring_no_warning(variable, home, caplog):
    load({}, {**home, variable: "x"}, None)
    assert not caplog.records


def test_the_links_of_kubernetes_services_are_no_settings(home, caplog):
    links = {"LABELGATE_PORT": "tcp://10.0.0.1:80", "LABELGATE_ADMIN_PORT": "tcp://10.0.0.2:80"}
    settings = load({}, {**home, **links}, None)
    assert (settings.port, settings.admin_port) == (9000, None)
    assert not caplog.records


def test_an_empty_variable_counts_as_not_set(home):
    settings = load({}, {**home, "LABELGATE_PORT": "", "LABELGATE_SECRET_ACCESS_KEY": ""}, None)
    assert (settings.port, settings.secret_access_key) == (9000, None)


def test_settings_cannot_be_changed(home):
    settings = load({}, home, None)
    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]

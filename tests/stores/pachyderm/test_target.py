"""Which pachd is meant, by setting, environment and the file of pachctl."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from gateway.stores.pachyderm.target import Target, TargetError, find_target

PEM = b"-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n"


def configured(home: Path, context: object, name: str = "here") -> dict[str, str]:
    """A home with a context of pachctl."""
    file = home / ".pachyderm" / "config.json"
    file.parent.mkdir()
    file.write_text(
        json.dumps({"v2": {"active_context": name, "contexts": {"here": context, "": None}}})
    )
    return {"HOME": str(home)}


@pytest.mark.parametrize(
    ("text", "address", "tls"),
    [
        ("pachd:1234", "pachd:1234", False),
        ("pachd", "pachd:30650", False),
        ("grpc://pachd:80", "pachd:80", False),
        ("http://pachd:80/", "pachd:80", False),
        ("grpcs://pachd.example:443", "pachd.example:443", True),
        ("https://pachd.example", "pachd.example:30650", True),
        ("[::1]:30650", "[::1]:30650", False),
        ("grpcs://[2001:db8::1]", "[2001:db8::1]:30650", True),
    ],
)
def test_an_address_may_be_spelled_as_pachctl_takes_it(text: str, address: str, tls: bool):
    assert find_target({}, text) == Target(address, tls)
    assert find_target({"PACHD_ADDRESS": text}) == Target(address, tls)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("ftp://pachd", "grpcs://"),
        ("pachd:port", "host:port"),
        ("pachd:0", "host:port"),
        ("pachd:99999", "host:port"),
        (":30650", "host:port"),
        ("pachd:1/path", "host:port"),
        ("grpc://pachd:1?x=y", "host:port"),
        ("[::1", "host:port"),
        ("grpc://user:hush@pachd:1", "PACH_TOKEN"),
    ],
)
def test_an_address_that_is_none_is_refused_with_what_to_write(text: str, hint: str):
    with pytest.raises(TargetError, match=hint) as caught:
        find_target({"PACHD_ADDRESS": text})
    assert "PACHD_ADDRESS" in str(caught.value)
    assert "hush" not in str(caught.value)


def test_the_setting_goes_before_the_environment_that_before_the_cluster_that_before_the_file(
    tmp_path: Path,
):
    environ = configured(tmp_path, {"pachd_address": "grpc://file:1"})
    assert find_target(environ).address == "file:1"
    environ |= {"PACHD_PEER_SERVICE_HOST": "10.0.0.1", "PACHD_PEER_SERVICE_PORT": "2"}
    assert find_target(environ).address == "10.0.0.1:2"
    environ |= {"PACHD_ADDRESS": "environ:3"}
    assert find_target(environ).address == "environ:3"
    assert find_target(environ, "setting:4").address == "setting:4"


def test_without_any_sign_it_is_the_port_that_pachctl_forwards(tmp_path: Path):
    assert find_target({}) == Target("127.0.0.1:30650")
    assert find_target({"HOME": str(tmp_path)}) == Target("127.0.0.1:30650")


def test_the_token_is_of_the_environment_else_of_the_context(tmp_path: Path):
    environ = configured(tmp_path, {"session_token": "of-the-file"})
    assert find_target(environ) == Target("127.0.0.1:30650", token="of-the-file")
    assert find_target(environ, "pachd:1").token == "of-the-file"
    environ["PACH_TOKEN"] = "of-the-environment"
    assert find_target(environ).token == "of-the-environment"
    assert find_target(environ, "pachd:1").token == "of-the-environment"


def test_a_target_shows_no_token():
    target = find_target({"PACH_TOKEN": "hush"}, "pachd:1")
    assert target.token == "hush"
    assert "hush" not in f"{target!r} {target}"


def test_certificates_of_the_context_are_for_its_own_pachd_only(tmp_path: Path):
    context = {
        "pachd_address": "grpcs://pachd.example:443",
        "server_cas": base64.b64encode(PEM).decode(),
    }
    environ = configured(tmp_path, context)
    assert find_target(environ) == Target("pachd.example:443", True, PEM)
    assert find_target(environ, "grpcs://pachd.example:443").root_certificates == PEM
    assert find_target(environ, "grpcs://other.example:443").root_certificates is None
    assert find_target(environ, "pachd.example:443").root_certificates is None


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({"pachd_address": "pachd:1", "server_cas": "AAAA"}, "grpcs://"),
        ({"pachd_address": "grpcs://pachd:1", "server_cas": "?"}, "base64"),
        ({"pachd_address": "unix://x", "session_token": "hush"}, "here"),
    ],
)
def test_a_context_that_makes_no_sense_is_refused(tmp_path: Path, context: object, said: str):
    with pytest.raises(TargetError, match=said) as caught:
        find_target(configured(tmp_path, context))
    assert "hush" not in str(caught.value)


def test_a_context_that_is_not_there_is_named(tmp_path: Path):
    environ = configured(tmp_path, {"pachd_address": "pachd:1"}, name="gone")
    with pytest.raises(TargetError, match="gone"):
        find_target(environ)
    assert find_target(environ | {"PACH_CONTEXT": "here"}).address == "pachd:1"


def test_a_named_file_must_be_there_and_be_one(tmp_path: Path):
    missing = {"PACH_CONFIG": str(tmp_path / "none.json")}
    with pytest.raises(TargetError, match=r"none\.json"):
        find_target(missing)
    for text in ("{", "[]", '{"v2": 1}', '{"v2": {"contexts": [], "active_context": "x"}}'):
        file = tmp_path / "config.json"
        file.write_text(text)
        with pytest.raises(TargetError, match=r"config\.json"):
            find_target({"PACH_CONFIG": str(file)})
    file.write_text("{}")
    assert find_target({"PACH_CONFIG": str(file)}).address == "127.0.0.1:30650"


def test_no_file_is_read_where_nothing_is_missing(tmp_path: Path):
    environ = {"PACH_CONFIG": str(tmp_path / "none.json"), "PACH_TOKEN": "hush"}
    assert find_target(environ, "pachd:1") == Target("pachd:1", token="hush")

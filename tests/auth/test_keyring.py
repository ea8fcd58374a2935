"""The keyring while it serves: when a change of its files counts, and when it does not."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest

from gateway.auth.credentials import (
    CredentialsError,
    Keyring,
    generated_key,
    pair_key,
    read_credentials,
    write_private,
)

ROW = {"name": "n", "account": "a", "access_key_id": "ID", "secret_access_key": "first"}
BESIDE = {"name": "n", "account": "a", "access_key_id": "ID", "secret_access_key_file": "secret"}


class Clock:
    """Time as the test says."""

    def __init__(self) -> None:
        self.ms = 1_000_000

    def __call__(self) -> int:
        return self.ms


def written(file: Path, *rows: Any) -> Path:
    """A credentials file, seen as changed even where a file system's clock is coarse."""
    before = file.stat().st_mtime_ns if file.exists() else 0
    file.write_text(json.dumps({"keys": rows}))
    os.utime(file, ns=(before + 1_000_000_000, before + 1_000_000_000))
    return file


def secret_of(keyring: Keyring) -> str | None:
    key = keyring.find("ID")
    return key.secret_access_key if key else None


def test_a_changed_file_counts_after_a_second_and_not_before(tmp_path: Path) -> None:
    clock = Clock()
    file = written(tmp_path / "k.json", ROW)
    keyring = Keyring([], file, clock=clock)
    written(file, {**ROW, "secret_access_key": "second"})
    clock.ms += 999
    assert secret_of(keyring) == "first"
    clock.ms += 1
    assert secret_of(keyring) == "second"


def test_an_account_is_known_by_its_keys(tmp_path: Path) -> None:
    clock = Clock()
    file = written(tmp_path / "k.json", ROW)
    keyring = Keyring([pair_key("n", "ID2", "s")], file, clock=clock)
    assert [name for name in ("a", "b", "default") if keyring.has_account(name)] == ["a", "default"]


def test_a_renewed_secret_counts_though_the_list_of_keys_did_not_change(tmp_path: Path) -> None:
    clock = Clock()
    secret = tmp_path / "secret"
    secret.write_text("first")
    keyring = Keyring([], written(tmp_path / "k.json", BESIDE), clock=clock)
    (tmp_path / "renewed").write_text("another")
    (tmp_path / "renewed").replace(secret)
    clock.ms += 1000
    assert secret_of(keyring) == "another"


@pytest.mark.parametrize("damage", ["broken", "gone", "secret gone", "secret empty"])
def test_a_file_that_turns_wrong_leaves_the_last_good_keys(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    secret = tmp_path / "secret"
    secret.write_text("first")
    file = written(tmp_path / "k.json", BESIDE)
    keyring = Keyring([], file, clock=clock)
    match damage:
        case "broken":
            written(file, {"name": "half"})
        case "gone":
            file.unlink()
        case "secret gone":
            secret.unlink()
        case _:
            secret.write_text("")
    clock.ms += 1000
    with caplog.at_level(logging.ERROR):
        assert secret_of(keyring) == "first"
    assert "last good keys stay" in caplog.text
    secret.write_text("mended")
    written(file, BESIDE)
    clock.ms += 1000
    assert secret_of(keyring) == "mended"


def test_the_configured_pair_goes_before_the_file(tmp_path: Path) -> None:
    fixed = pair_key("environment", "ID", "fixed")
    keyring = Keyring([fixed], written(tmp_path / "k.json", ROW), clock=Clock())
    assert keyring.find("ID") == fixed
    assert keyring.find("other") is None


def test_a_keyring_does_not_begin_without_its_file(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="cannot be read"):
        Keyring([], tmp_path / "none.json", clock=Clock())


@pytest.mark.parametrize("content", ["", " \n"])
def test_a_secret_file_that_holds_nothing_makes_no_key(tmp_path: Path, content: str) -> None:
    (tmp_path / "secret").write_text(content)
    with pytest.raises(CredentialsError, match="is empty"):
        read_credentials(written(tmp_path / "k.json", BESIDE))


@pytest.mark.parametrize("value", ["false", 0, None])
def test_disabled_is_a_truth_value_and_nothing_like_one(tmp_path: Path, value: Any) -> None:
    with pytest.raises(CredentialsError, match="true or false"):
        read_credentials(written(tmp_path / "k.json", {**ROW, "disabled": value}))


def test_a_file_nested_beyond_reading_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "k.json"
    file.write_text("[" * 100_000)
    with pytest.raises(CredentialsError, match="not valid"):
        read_credentials(file)


def test_a_generated_file_without_a_key_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="holds no key"):
        generated_key(written(tmp_path / "keys.json"))


def test_a_private_file_is_replaced_whole_and_leaves_nothing_beside(tmp_path: Path) -> None:
    file = tmp_path / "f"
    for text in ("one", "two"):
        write_private(file, text)
        assert file.read_text() == text
    assert list(tmp_path.iterdir()) == [file]

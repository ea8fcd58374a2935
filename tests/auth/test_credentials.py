"""Where key pairs come from, and what a file of them may say."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from gateway.auth.credentials import (
    REREAD_MS_MIN,
    CredentialsError,
    Keyring,
    generated_key,
    pair_key,
    read_credentials,
)
from gateway.auth.grants import Scope

SECRET = "a-secret-that-nothing-may-show"


def row(**changed: Any) -> dict[str, Any]:
    plain = {"name": "n", "account": "team", "access_key_id": "ID1", "secret_access_key": SECRET}
    return {name: value for name, value in {**plain, **changed}.items() if value is not None}


def written(folder: Path, *rows: dict[str, Any]) -> Path:
    file = folder / "keys.json"
    file.write_text(json.dumps({"keys": rows}))
    return file


class Clock:
    now = 0

    def __call__(self) -> int:
        return self.now


def test_a_json_and_a_toml_file_say_the_same(tmp_path: Path) -> None:
    toml = tmp_path / "keys.toml"
    lines = "\n".join(f'{name} = "{value}"' for name, value in row().items())
    toml.write_text(f"[[keys]]\n{lines}\n")
    assert read_credentials(toml) == read_credentials(written(tmp_path, row()))


def test_a_key_is_for_its_own_account_unless_it_says_more(tmp_path: Path) -> None:
    own, everything = read_credentials(
        written(tmp_path, row(), row(access_key_id="ID2", grants="all"))
    )
    assert (own.grants.scope, everything.grants.scope) == (Scope.OWN, Scope.ALL)


def test_a_secret_may_lie_in_a_file_beside(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    file = written(tmp_path, row(secret_access_key=None, secret_access_key_file="secret"))
    assert read_credentials(file)[0].secret_access_key == SECRET


@pytest.mark.parametrize(
    "wrong",
    [
        row(account=None),
        row(name=""),
        row(account="anonymous"),
        row(grants=[{"rights": ["read"], "buckets": "a.b.c.d"}]),
        row(access_key_id=7),
        row(secret_access_key=None),
        row(secret_access_key_file="both"),
        row(secret_access_key=None, secret_access_key_file="missing"),
        row(grants="most"),
        row(grants=[{"rights": ["read"]}]),
        row(expires="tomorrow"),
        row(colour="red"),
    ],
)
def test_a_key_that_cannot_be_used_as_written_is_refused_without_its_secret(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    with pytest.raises(CredentialsError) as caught:
        read_credentials(written(tmp_path, wrong))
    assert SECRET not in str(caught.value)


def test_two_keys_of_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="ID1"):
        read_credentials(written(tmp_path, row(), row()))


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    for text in ("", "[]", "{}", '{"keys": 1}', '{"keys": [1]}'):
        file.write_text(text)
        with pytest.raises(CredentialsError):
            read_credentials(file)


def test_a_changed_file_counts_without_a_restart_and_a_broken_one_does_not(tmp_path: Path) -> None:
    clock = Clock()
    fixed = pair_key("fixed", "FIXED", SECRET)
    file = written(tmp_path, row())
    ring = Keyring([fixed], file, clock=clock)
    assert ring.find("ID1")
    assert ring.find("FIXED") == fixed
    written(tmp_path, row(access_key_id="ANOTHER"))
    clock.now += REREAD_MS_MIN
    assert ring.find("ANOTHER")
    assert ring.find("ID1") is None
    file.write_text("{broken")
    clock.now += REREAD_MS_MIN
    assert ring.find("ANOTHER")


def test_an_expiry_is_a_moment(tmp_path: Path) -> None:
    key = read_credentials(written(tmp_path, row(expires="2026-11-24T00:00:00Z")))[0]
    assert key.expires_ms == 1_795_478_400_000


def test_the_generated_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "data" / "keys.json"
    made, new = generated_key(file)
    again, new_again = generated_key(file)
    assert (new, new_again) == (True, False)
    assert made == again
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert made.secret_access_key not in repr(made)


def test_of_two_first_starts_at_once_both_use_the_key_that_was_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "keys.json"
    first, _ = generated_key(file)
    answers = iter([False])  # the second one looked before the first had written
    monkeypatch.setattr(Path, "exists", lambda _: next(answers, True))
    assert generated_key(file) == (first, False)
    assert [one.name for one in tmp_path.iterdir()] == ["keys.json"]

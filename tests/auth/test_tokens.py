"""Tokens as keys: who they are, what they may do, and what is never told of them."""

from __future__ import annotations

import pytest
from shelf import Shelf
from signing import KEY_ID, NOW_MS, SECRET, signed_v2, signed_v4

from gateway.auth.access import Access, Asked, readable_repos
from gateway.auth.credentials import Key, Keyring
from gateway.auth.gate import Gate
from gateway.auth.grants import Grants, Scope
from gateway.auth.identity import Identity
from gateway.auth.tokens import KNOWN_MS, PERMITTED_MS, REFUSED_MS, Tokens, masked
from gateway.protocol.errors import S3Error
from gateway.protocol.operations import Right
from gateway.protocol.request import Request
from gateway.versioning.errors import Denied, Unavailable
from gateway.versioning.names import RepoName

TOKEN = "0123456789abcdef0123456789abcdef"
LABELS = RepoName("labels")


class Issuer:
    """Gives out tokens (TokenVerifier), and counts what it is asked."""

    def __init__(self) -> None:
        self.accounts = {TOKEN: "robot:gw"}
        self.granted = {(TOKEN, Right.READ, LABELS)}
        self.asked: list[str] = []
        self.made: list[tuple[str, RepoName]] = []
        self.away = False

    async def verify(self, access_key_id: str) -> str | None:
        self.asked.append(access_key_id)
        if self.away:
            raise Unavailable("pachd does not answer")
        return self.accounts.get(access_key_id)

    async def permits(self, token: str, right: Right, repo: RepoName) -> bool:
        self.asked.append(right)
        return (token, right, repo) in self.granted

    async def create_repo(self, token: str, repo: RepoName) -> None:
        if repo.name == "forbidden":
            raise Denied("needs permissions [PROJECT_CREATE_REPO]")
        self.made.append((token, repo))


class House:
    """A gate in front of tokens, on a clock of its own."""

    def __init__(self, *keys: Key) -> None:
        self.now = NOW_MS
        self.issuer = Issuer()
        tokens = Tokens(self.issuer, clock=lambda: self.now)
        # The gate's own clock stands, so that one signature is good for the whole of a test.
        keyring = Keyring(keys, clock=lambda: NOW_MS)
        self.gate = Gate(keyring, sigv2_accepted=True, clock=lambda: NOW_MS, tokens=tokens)

    async def key(self, request: Request) -> Key:
        return (await self.gate.identify(request)).key

    async def refusal(self, request: Request) -> S3Error:
        with pytest.raises(S3Error) as caught:
            await self.gate.identify(request)
        return caught.value


def access(key: Key, shelf: Shelf | None = None) -> Access:
    identity = Identity(key, "UNSIGNED-PAYLOAD")
    return Access(shelf or Shelf(), identity, Request("GET", "/", "", (), {}), lambda: 0)  # type: ignore[arg-type]


def with_token(monkeypatch: pytest.MonkeyPatch, key_id: str = TOKEN, secret: str = TOKEN) -> None:
    from botocore.credentials import Credentials

    monkeypatch.setattr("signing.CREDENTIALS", Credentials(key_id, secret))


@pytest.fixture
def house() -> House:
    return House(Key("k", "team", KEY_ID, SECRET, Grants(Scope.OWN)))


@pytest.mark.parametrize("signed", [signed_v4, signed_v2])
@pytest.mark.parametrize("expires", [None, 60])
async def test_a_token_is_a_key_in_every_form_of_signature(
    house: House, monkeypatch: pytest.MonkeyPatch, signed, expires
) -> None:
    with_token(monkeypatch)
    key = await house.key(signed("GET", "/labels/a", expires=expires))
    assert key.account == "robot:gw"


async def test_configured_keys_work_beside_and_cost_no_question(house: House) -> None:
    house.issuer.away = True
    assert (await house.key(signed_v4("GET", "/labels/a"))).account == "team"
    assert house.issuer.asked == []


async def test_who_did_not_sign_with_the_token_costs_no_question(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_token(monkeypatch, secret="another")
    error = await house.refusal(signed_v4("GET", "/labels/a"))
    assert error.code == "InvalidAccessKeyId"
    assert "secret access key at once" in error.message
    assert house.issuer.asked == []


async def test_a_token_nobody_gave_out_is_no_key(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_token(monkeypatch, "f" * 32, "f" * 32)
    for _ in range(3):
        assert (await house.refusal(signed_v4("GET", "/b"))).code == "InvalidAccessKeyId"
    assert len(house.issuer.asked) == 1
    house.issuer.accounts["f" * 32] = "robot:new"
    house.now += REFUSED_MS
    assert (await house.key(signed_v4("GET", "/b"))).account == "robot:new"


async def test_a_revoked_token_stops_within_the_minute(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_token(monkeypatch)
    request = signed_v4("GET", "/b")
    await house.key(request)
    house.issuer.accounts.clear()
    house.now += KNOWN_MS - 1
    await house.key(request)
    house.now += 1
    assert (await house.refusal(request)).code == "InvalidAccessKeyId"


async def test_where_nobody_can_be_asked_the_store_is_unavailable(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_token(monkeypatch)
    house.issuer.away = True
    with pytest.raises(Unavailable):
        await house.key(signed_v4("GET", "/b"))
    house.issuer.away = False
    assert (await house.key(signed_v4("GET", "/b"))).account == "robot:gw"


async def test_what_a_token_may_do_is_the_stores_to_say(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_token(monkeypatch)
    key = await house.key(signed_v4("GET", "/b"))
    # Whose it is by our own books does not count.
    shelf, mine = Shelf(account="default"), Shelf(account="robot:gw", name="mine")
    assert await readable_repos(access(key), shelf) == [shelf.one]  # type: ignore[arg-type]
    assert await readable_repos(access(key), mine) == []  # type: ignore[arg-type]
    writing = Asked(Right.WRITE, "s3:PutObject", "a")

    async def may_write() -> bool:
        return await access(key).permits(shelf.branch(), writing)

    with pytest.raises(S3Error, match="may not do s3:PutObject"):
        await access(key).demand(shelf.branch(), writing)
    house.issuer.granted |= {(TOKEN, Right.WRITE, LABELS)}
    assert not await may_write()
    house.now += REFUSED_MS
    assert await may_write()
    house.issuer.granted.clear()
    house.now += PERMITTED_MS - 1
    assert await may_write()
    house.now += 1
    assert not await may_write()


async def test_a_repo_is_made_in_the_name_of_the_tokens_holder(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_token(monkeypatch)
    key = await house.key(signed_v4("PUT", "/b"))
    await access(key).demand_repo(LABELS, "master")
    assert house.issuer.made == [(TOKEN, LABELS)]
    with pytest.raises(Denied):
        await access(key).demand_repo(RepoName("forbidden"), "master")


async def test_no_token_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    with_token(monkeypatch)
    key = await house.key(signed_v4("GET", "/b"))
    for text in (key.name, repr(key), str(key)):
        assert TOKEN not in text
        assert TOKEN[4:8] not in text
    assert key.name == "token 0123..."
    assert masked("short") == "s..."
    with pytest.raises(S3Error) as caught:
        await access(key).demand(
            Shelf().branch(), Asked(Right.ERASE, "s3:DeleteObjectVersion", "a")
        )
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("text", ["x" * 2000, "tök", "a\nb", ""])
async def test_what_cannot_be_sent_as_a_token_is_none(text: str) -> None:
    issuer = Issuer()
    assert await Tokens(issuer, clock=lambda: 0).key(text) is None
    assert issuer.asked == []

"""Who may do what, and where: grants, policies, ACLs and blocks together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from shelf import Shelf

from gateway.auth.access import Access, Asked, Reach, common, overlapping, readable_refs
from gateway.auth.credentials import Key
from gateway.auth.grants import EVERYWHERE, Grants, Scope, parse_grants
from gateway.auth.identity import NOBODY, Identity
from gateway.protocol.acl import Acl, Grant, Group, Permission, private
from gateway.protocol.errors import S3Error
from gateway.protocol.operations import RIGHT_BY_ACTION, Right
from gateway.protocol.request import Request, parse_query
from gateway.versioning.model import RefKind, Snapshot
from gateway.versioning.names import RepoName

OWNER = Key("owner", "team", "o", "s", Grants(Scope.OWN))
ROOT = Key("root", "default", "r", "s", Grants(Scope.ALL))
ALICE = Key("alice", "alice", "a", "s", Grants(Scope.OWN))
EVERY_ACTION = sorted(RIGHT_BY_ACTION)


def limited(*rows: tuple[str, str, str]) -> Key:
    grants = parse_grants(
        [{"rights": rights.split(), "buckets": glob, "prefix": at} for rights, glob, at in rows]
    )
    return Key("limited", "elsewhere", "l", "s", grants)


def access(shelf: Shelf, key: Key | None, query: str = "", **headers: str) -> Access:
    identity = Identity(key or NOBODY, "UNSIGNED-PAYLOAD")
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request("GET", "/labels/k", query, parse_query(query), sent, client="10.1.2.3")
    return Access(shelf, identity, request, lambda: 0)  # type: ignore[arg-type]


async def may(
    shelf: Shelf,
    key: Key | None,
    action: str,
    name: str | None = "k",
    at: Snapshot | None = None,
    **more: Any,
) -> bool:
    """Whether `key` (None: nobody) may do that on master, or on `at`."""
    asked = Asked(RIGHT_BY_ACTION[action], action, name, **more)
    return await access(shelf, key).permits(at or shelf.branch(), asked)


def policy(*statements: Mapping[str, Any]) -> dict[str, str]:
    rows = [
        {"Effect": "Allow", "Principal": "*", "Resource": ["arn:aws:s3:::labels/*"], **one}
        for one in statements
    ]
    return {"policy": json.dumps({"Version": "2012-10-17", "Statement": rows})}


def allowing_all() -> dict[str, str]:
    resources = ["arn:aws:s3:::labels", "arn:aws:s3:::labels/*"]
    return policy({"Action": "*", "Resource": resources})


def acl(*grants: tuple[Group | str, str]) -> Any:
    return Acl("team", tuple(Grant(who, Permission(what)) for who, what in grants)).to_json()


@pytest.mark.parametrize("action", EVERY_ACTION)
async def test_without_policy_and_acl_only_grants_open_anything(action: str) -> None:
    shelf = Shelf(objects={"k": {}})
    for key, wanted in [(OWNER, True), (ROOT, True), (ALICE, False), (None, False)]:
        assert await may(shelf, key, action) == wanted
        assert await may(shelf, key, action, None) == wanted


async def test_a_grant_reaches_its_rights_its_buckets_and_its_prefix() -> None:
    shelf = Shelf(branches={"master": {}, "dev": {}})
    key = limited(("read", "master.labels", "a/"), ("write", "labels", "b/"))
    assert await may(shelf, key, "s3:GetObject", "a/1")
    assert not await may(shelf, key, "s3:GetObject", "b/1")
    assert await may(shelf, key, "s3:PutObject", "b/1")
    assert not await may(shelf, key, "s3:PutObject", "a/1")
    assert not await may(shelf, key, "s3:DeleteObject", "b/1")
    assert await may(shelf, key, "s3:PutObject", "b/1", shelf.branch("dev"))
    assert not await may(shelf, key, "s3:GetObject", "a/1", shelf.branch("dev"))


async def test_a_part_of_a_bucket_is_enough_to_see_it_and_not_to_change_it() -> None:
    key = limited(("read write admin", "labels", "a/"))
    shelf = Shelf()
    assert await may(shelf, key, "s3:ListBucket", None, reach=Reach.SOME)
    assert not await may(shelf, key, "s3:ListBucket", None)
    assert not await may(shelf, key, "s3:PutBucketPolicy", None)
    sight = await access(shelf, key).sight(shelf.branch(), Asked(Right.READ, "s3:ListBucket"))
    assert sight == ("a/",)


async def test_what_everybody_may_list_a_limited_key_may_list_too() -> None:
    key = limited(("read", "labels", "a/"))
    listing = Asked(Right.READ, "s3:ListBucket", reach=Reach.SOME)
    public = {"acl": acl((Group.EVERYBODY, "READ"))}
    for properties, wanted in [
        ({}, ("a/",)),
        ({"acl": acl()}, ("a/",)),
        (public, EVERYWHERE),
        (allowing_all(), EVERYWHERE),
        (policy({"Action": "s3:GetObject"}), ("a/",)),
    ]:
        shelf = Shelf(branches={"master": properties})
        assert await access(shelf, key).sight(shelf.branch(), listing) == wanted


@pytest.mark.parametrize("action", EVERY_ACTION)
async def test_a_policy_never_gives_admin_or_erase(action: str) -> None:
    shelf = Shelf(branches={"master": allowing_all()}, objects={"k": {}})
    wanted = RIGHT_BY_ACTION[action] not in {Right.ADMIN, Right.ERASE}
    for key in (ALICE, None):
        assert await may(shelf, key, action) == wanted
        assert await may(shelf, key, action, None) == wanted


@pytest.mark.parametrize("action", EVERY_ACTION)
async def test_full_control_never_gives_admin_or_erase(action: str) -> None:
    full = acl(("alice", "FULL_CONTROL"), (Group.EVERYBODY, "FULL_CONTROL"))
    shelf = Shelf(branches={"master": {"acl": full}}, objects={"k": {"acl": full}})
    if RIGHT_BY_ACTION[action] in {Right.ADMIN, Right.ERASE}:
        for key in (ALICE, None):
            assert not await may(shelf, key, action)
            assert not await may(shelf, key, action, None)


@pytest.mark.parametrize("action", EVERY_ACTION)
async def test_a_policy_that_denies_binds_everybody_but_for_itself(action: str) -> None:
    resources = ["arn:aws:s3:::labels", "arn:aws:s3:::labels/*"]
    denying = policy(
        {"Action": "s3:*", "Resource": resources},
        {"Effect": "Deny", "Action": "s3:*", "Resource": resources},
    )
    shelf = Shelf(
        branches={"master": denying}, objects={"k": {"acl": acl((ALICE.account, "READ"))}}
    )
    itself = action.endswith("BucketPolicy")
    for key in (OWNER, ROOT):
        assert await may(shelf, key, action, None) == itself
    for key in (ALICE, None):
        assert not await may(shelf, key, action)
        assert not await may(shelf, key, action, None)


@pytest.mark.parametrize(
    "name", ["labels", "master.labels", "master.labels.default", "mas*.l?bels"]
)
async def test_a_policy_may_spell_its_bucket_in_any_way(name: str) -> None:
    text = policy({"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/*"})
    shelf = Shelf(branches={"master": text}, objects={"k": {}})
    assert await may(shelf, None, "s3:GetObject")


async def test_a_bucket_acl_gives_lists_writes_and_no_reads() -> None:
    given = acl((Group.EVERYBODY, "READ"), (Group.SIGNED, "WRITE"), ("alice", "READ_ACP"))
    shelf = Shelf(branches={"master": {"acl": given}}, objects={"k": {}})
    assert await may(shelf, None, "s3:ListBucket", None)
    assert not await may(shelf, None, "s3:PutObject")
    assert not await may(shelf, None, "s3:GetBucketAcl", None)
    assert not await may(shelf, None, "s3:GetObject")
    assert await may(shelf, ALICE, "s3:PutObject")
    assert await may(shelf, ALICE, "s3:DeleteObject")
    assert await may(shelf, ALICE, "s3:GetBucketAcl", None)


async def test_an_object_acl_gives_reads_of_that_object() -> None:
    shelf = Shelf(
        branches={"master": {"region": "r"}},
        objects={"k": {"acl": acl(("alice", "READ"), (Group.EVERYBODY, "READ_ACP"))}, "other": {}},
    )
    assert await may(shelf, ALICE, "s3:GetObject")
    assert await may(shelf, ALICE, "s3:GetObjectVersion")
    assert not await may(shelf, ALICE, "s3:GetObject", "other")
    assert not await may(shelf, None, "s3:GetObject")
    assert await may(shelf, None, "s3:GetObjectAcl")
    assert not await may(shelf, ALICE, "s3:PutObject")


async def test_enforced_ownership_switches_acls_off() -> None:
    given = acl((Group.EVERYBODY, "FULL_CONTROL"))
    shelf = Shelf(
        branches={"master": {"acl": given, "ownership": "BucketOwnerEnforced"}},
        objects={"k": {"acl": given}},
    )
    assert not await may(shelf, None, "s3:ListBucket", None)
    assert not await may(shelf, ALICE, "s3:GetObject")


async def test_public_acls_can_be_ignored_and_others_still_count() -> None:
    given = acl((Group.EVERYBODY, "READ"), (Group.SIGNED, "READ"), ("bob", "READ"))
    block = {"ignore_acls": True}
    shelf = Shelf(branches={"master": {"acl": given, "public_access": block}})
    bob = Key("bob", "bob", "b", "s", Grants(Scope.OWN))
    assert not await may(shelf, None, "s3:ListBucket", None)
    assert not await may(shelf, ALICE, "s3:ListBucket", None)
    assert await may(shelf, bob, "s3:ListBucket", None)


async def test_a_restricted_bucket_lets_in_nobody_by_a_public_policy() -> None:
    public = policy({"Action": "s3:GetObject"})
    named = policy({"Action": "s3:GetObject", "Principal": {"AWS": "alice"}})
    block = {"public_access": {"restrict": True}}
    for text, wanted in [(public, False), (named, True)]:
        shelf = Shelf(branches={"master": {**text, **block}}, objects={"k": {}})
        assert await may(shelf, ALICE, "s3:GetObject") == wanted
        assert await may(shelf, OWNER, "s3:GetObject")


async def test_that_a_key_is_missing_is_told_to_who_may_list_it() -> None:
    reading = {"Action": "s3:GetObject"}
    listing = {
        "Action": "s3:ListBucket",
        "Resource": "arn:aws:s3:::labels",
        "Condition": {"StringLike": {"s3:prefix": "public/*"}},
    }
    shelf = Shelf(branches={"master": policy(reading, listing)}, objects={"k": {}})
    assert await may(shelf, None, "s3:GetObject")
    assert await may(shelf, None, "s3:GetObject", "public/missing")
    assert not await may(shelf, None, "s3:GetObject", "missing")
    assert await may(shelf, OWNER, "s3:GetObject", "missing")


async def test_tags_of_the_object_are_looked_up_where_a_policy_asks() -> None:
    text = policy(
        {
            "Action": "s3:GetObject",
            "Condition": {"StringEquals": {"s3:ExistingObjectTag/open": "yes"}},
        }
    )
    objects = {"k": {"tags": {"open": "yes"}}, "shut": {"tags": {"open": "no"}}, "bare": {}}
    shelf = Shelf(branches={"master": text}, objects=objects)
    assert await may(shelf, None, "s3:GetObject")
    assert not await may(shelf, None, "s3:GetObject", "shut")
    assert not await may(shelf, None, "s3:GetObject", "bare")


async def test_a_commit_is_readable_where_a_branch_that_contains_it_is() -> None:
    shelf = Shelf(branches={"master": {}, "dev": {}}, tags=("v1",))
    key = limited(("read", "dev.labels", "a/"))
    for at in (shelf.commit(), shelf.tag("v1")):
        assert await may(shelf, key, "s3:GetObject", "a/1", at)
        assert not await may(shelf, key, "s3:GetObject", "b/1", at)
        assert await access(shelf, key).sight(at, Asked(Right.READ, "s3:ListBucket")) == ("a/",)
        assert not await may(shelf, limited(("read", "other", "")), "s3:GetObject", "a/1", at)
    del shelf.branches["dev"]
    assert not await may(shelf, key, "s3:GetObject", "a/1", shelf.commit())


async def test_a_state_of_no_branch_is_for_who_may_read_every_branch() -> None:
    shelf = Shelf(branches={}, tags=("v1",))
    for key in (OWNER, ROOT, limited(("read", "labels", ""))):
        assert await may(shelf, key, "s3:GetObject", "k", shelf.commit())
    assert not await may(
        shelf, limited(("read", "m*.labels", "")), "s3:GetObject", "k", shelf.commit()
    )
    assert await may(
        shelf, limited(("read", "v1.labels", "")), "s3:GetObject", "k", shelf.tag("v1")
    )


async def test_a_commit_is_as_public_as_its_branches() -> None:
    head, versions = "s3:GetObject", "s3:GetObjectVersion"
    for actions, wanted in [([head, versions], True), ([versions], True), ([head], False)]:
        public = policy({"Action": actions})
        shelf = Shelf(branches={"master": public, "dev": {}}, objects={"k": {}})
        assert await may(shelf, None, head, "k", shelf.commit()) == wanted


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:GetObjectVersion"])
async def test_what_a_policy_denies_is_not_read_by_way_of_a_commit(action: str) -> None:
    denying = policy({"Action": action, "Effect": "Deny"})
    shelf = Shelf(branches={"master": denying}, tags=("v1",), objects={"k": {}})
    for at in (shelf.commit(), shelf.tag("v1")):
        assert not await may(shelf, OWNER, "s3:GetObject", "k", at)


async def test_to_erase_what_a_tag_shows_takes_the_right_on_the_tag() -> None:
    shelf = Shelf(tags=("v1",))
    by_branch, by_tag = limited(("erase", "master.labels", "")), limited(("erase", "v1.labels", ""))
    asked = Asked(Right.ERASE, "s3:DeleteObjectVersion", "k")
    assert not await access(shelf, by_branch).permits(shelf.tag("v1"), asked)
    assert await access(shelf, by_tag).permits(shelf.tag("v1"), asked)


async def test_lists_show_the_branches_that_grants_give_and_not_what_is_public() -> None:
    shelf = Shelf(branches={"master": allowing_all(), "dev": {}}, tags=("v1",))
    for key, branches, tags in [
        (OWNER, ["master", "dev"], ["v1"]),
        (limited(("read", "dev.labels", "a/")), ["dev"], ["v1"]),
        (limited(("write", "labels", "")), [], []),
        (ALICE, [], []),
    ]:
        asking = access(shelf, key)
        for kind, wanted in [(RefKind.BRANCH, branches), (RefKind.TAG, tags)]:
            found = await readable_refs(asking, shelf, kind)  # type: ignore[arg-type]
            assert [ref.name for ref in found] == wanted


async def test_a_repo_is_made_with_admin_on_what_it_begins_with() -> None:
    shelf, new = Shelf(), RepoName("new")
    for key, branch, wanted in [
        (OWNER, "master", True),
        (ALICE, None, True),
        (None, "master", False),
        (limited(("admin", "master.new", "")), "master", True),
        (limited(("admin", "master.new", "")), "dev", False),
        (limited(("admin", "master.new", "")), None, False),
        (limited(("admin", "new", "")), None, True),
        (limited(("admin", "new", "a/")), "master", False),
        (limited(("read write delete erase", "*", "")), "master", False),
    ]:
        try:
            await access(shelf, key).demand_repo(new, branch)
        except S3Error as error:
            assert (error.code, wanted) == ("AccessDenied", False)
        else:
            assert wanted


async def test_a_refusal_says_who_may_not_do_what_and_nothing_to_nobody() -> None:
    shelf = Shelf()
    asked = Asked(Right.WRITE, "s3:PutObject", "a/b")
    with pytest.raises(S3Error, match="key 'alice' may not do s3:PutObject on "):
        await access(shelf, ALICE).demand(shelf.branch(), asked)
    with pytest.raises(S3Error) as caught:
        await access(shelf, None).demand(shelf.branch(), asked)
    assert caught.value.message == "Access Denied"


async def test_nobody_is_no_account() -> None:
    shelf = Shelf(account="anonymous", branches={"master": {"acl": private("anonymous").to_json()}})
    assert not await may(shelf, None, "s3:ListBucket", None)
    assert not await may(shelf, None, "s3:PutObject")


def test_what_two_sights_have_in_common() -> None:
    assert common(EVERYWHERE, ("a/", "b/")) == ("a/", "b/")
    assert common(("a/", "b/"), ("a/x", "c/")) == ("a/x",)
    assert common(("a/",), ("b/",)) == ()
    assert overlapping(("a/", "b/x"), "b/") == ("b/x",)
    assert overlapping(("a/",), "a/deep") == ("a/deep",)
    with pytest.raises(S3Error):
        overlapping((), "")


async def test_keys_that_are_judged_one_by_one_need_no_right_on_the_bucket() -> None:
    shelf = Shelf()
    for rights, wanted in [("delete", True), ("erase", True), ("read write admin", False)]:
        key = limited((rights, "labels", "a/"))
        assert await may(shelf, key, "s3:DeleteObject", None, reach=Reach.EACH) == wanted
        assert not await may(shelf, key, "s3:DeleteObject", None)
    for properties, wanted in [({}, False), ({"acl": acl()}, True), (allowing_all(), True)]:
        shelf = Shelf(branches={"master": properties})
        assert await may(shelf, None, "s3:DeleteObject", None, reach=Reach.EACH) == wanted


def test_only_grants_for_all_reach_what_is_gone() -> None:
    for key, wanted in [(ROOT, True), (OWNER, False), (limited(("read", "*.*.*", "")), False)]:
        assert access(Shelf(), key).granted_everywhere() == wanted
    assert not access(Shelf(), replace(ROOT, roles=object())).granted_everywhere()  # type: ignore[arg-type]

"""Access control lists: botocore writes and reads them, we read and write them."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore.parsers import RestXMLParser
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol import acl
from gateway.protocol.acl import Acl, Grant, Group, Permission, private
from gateway.protocol.errors import S3Error

EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"
SIGNED = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
ACCOUNTS = {"main", "alt", "an other"}
GRANTS = st.lists(
    st.builds(
        Grant, st.sampled_from([*Group, "main", "alt", "<&>"]), st.sampled_from(list(Permission))
    ),
    max_size=5,
).map(tuple)


def known(name: str) -> bool:
    return name in ACCOUNTS


def of_headers(**headers: str) -> Acl | None:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return acl.of_headers(sent, owner="alt", bucket_owner="main", known=known)


def refusal(**headers: str) -> S3Error:
    with pytest.raises(S3Error) as caught:
        of_headers(**headers)
    return caught.value


CLIENT: Any = botocore.session.Session().create_client(
    "s3", aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1"
)


def written(policy: dict[str, Any]) -> bytes:
    """The document that botocore sends for an AccessControlPolicy."""
    model = CLIENT.meta.service_model.operation_model("PutBucketAcl")
    sent = CLIENT._serializer.serialize_to_request(
        {"Bucket": "b", "AccessControlPolicy": policy}, model
    )
    return bytes(sent["body"])


def read(document: bytes) -> dict[str, Any]:
    """What botocore reads in the answer of GetBucketAcl."""
    shape = CLIENT.meta.service_model.operation_model("GetBucketAcl").output_shape
    answer = {"status_code": 200, "headers": {}, "body": document}
    return dict(RestXMLParser().parse(answer, shape))


def grantee(who: Group | str) -> dict[str, str]:
    if isinstance(who, Group):
        return {"Type": "Group", "URI": who.uri}
    return {"Type": "CanonicalUser", "ID": who, "DisplayName": who}


@given(GRANTS)
def test_what_is_shown_is_what_botocore_reads_and_may_set_again(grants: tuple[Grant, ...]) -> None:
    given_ = Acl("an other", grants)
    found = read(acl.render(given_))
    assert found["Owner"] == {"ID": "an other", "DisplayName": "an other"}
    rows = [{"Grantee": grantee(g.grantee), "Permission": g.permission.value} for g in grants]
    assert found["Grants"] == rows
    policy = {"Owner": found["Owner"], "Grants": rows}
    again = acl.of_document(written(policy), owner="an other", known=lambda _: True)
    assert set(again.grants) == set(grants)
    assert Acl.from_json(again.to_json()) == again


@pytest.mark.parametrize(
    ("canned", "grants"),
    [
        ("private", []),
        ("public-read", [(Group.EVERYBODY, "READ")]),
        ("public-read-write", [(Group.EVERYBODY, "READ"), (Group.EVERYBODY, "WRITE")]),
        ("authenticated-read", [(Group.SIGNED, "READ")]),
        ("bucket-owner-read", [("main", "READ")]),
        ("bucket-owner-full-control", [("main", "FULL_CONTROL")]),
    ],
)
def test_a_canned_acl_is_groups_and_bucket_owner_and_the_owner_in_the_end(
    canned: str, grants: list[tuple[Any, str]]
) -> None:
    found = of_headers(x_amz_acl=canned)
    assert found is not None
    wanted = [Grant(who, Permission(what)) for who, what in grants]
    assert found == Acl("alt", (*wanted, Grant("alt", Permission.FULL_CONTROL)))


def test_nothing_said_is_no_acl() -> None:
    assert of_headers(x_amz_meta_acl="private") is None
    assert not acl.asked({"x-amz-meta-acl": "private"})
    assert acl.asked({"x-amz-acl": "private"})
    assert acl.asked({"x-amz-grant-read": "id=main"})


def test_grants_in_headers_are_read_in_every_spelling() -> None:
    found = of_headers(
        x_amz_grant_read=f'id="main", uri="{EVERYBODY}",ID=an other',
        x_amz_grant_full_control="id=alt",
    )
    assert found is not None
    assert found.grants == (
        Grant(Group.EVERYBODY, Permission.READ),
        Grant("main", Permission.READ),
        Grant("an other", Permission.READ),
        Grant("alt", Permission.FULL_CONTROL),
    )


@pytest.mark.parametrize(
    ("header", "value", "code", "message"),
    [
        ("x_amz_acl", "public-ready", "InvalidArgument", ""),
        ("x_amz_acl", "log-delivery-write", "NotImplemented", "services of AWS"),
        ("x_amz_acl", "aws-exec-read", "NotImplemented", "services of AWS"),
        ("x_amz_grant_read", "id=nobody", "InvalidArgument", "Invalid id"),
        ("x_amz_grant_read", "main", "InvalidArgument", "format"),
        ("x_amz_grant_read", "", "InvalidArgument", "format"),
        ("x_amz_grant_read", "id=main,", "InvalidArgument", "format"),
        ("x_amz_grant_read", f'id={" " * 60_000}"x', "InvalidArgument", "format"),
        ("x_amz_grant_read", "uri=http://elsewhere", "InvalidArgument", "Invalid group uri"),
        (
            "x_amz_grant_write",
            "uri=http://acs.amazonaws.com/groups/s3/LogDelivery",
            "NotImplemented",
            "LogDelivery",
        ),
        (
            "x_amz_grant_read_acp",
            'emailAddress="a@example.org"',
            "UnresolvableGrantByEmailAddress",
            "e-mail",
        ),
    ],
)
def test_what_cannot_be_granted_is_refused(
    header: str, value: str, code: str, message: str
) -> None:
    error = refusal(**{header: value})
    assert error.code == code
    assert message in error.message


def test_canned_and_single_grants_do_not_go_together() -> None:
    error = refusal(x_amz_acl="private", x_amz_grant_read="id=main")
    assert (error.code, error.status) == ("InvalidRequest", 400)


def document(inner: str) -> bytes:
    return f"<AccessControlPolicy>{inner}</AccessControlPolicy>".encode()


OWNER = "<Owner><ID>main</ID></Owner>"
READ = "<Permission>READ</Permission>"


def row(inner: str) -> bytes:
    return document(f"{OWNER}<AccessControlList><Grant>{inner}</Grant></AccessControlList>")


def test_a_list_may_be_empty() -> None:
    found = acl.of_document(document(f"{OWNER}<AccessControlList/>"), owner="main", known=known)
    assert found == Acl("main", ())
    assert not found.gives("main", Permission.READ)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<",
        b"<Other/>",
        document(OWNER),
        document("<AccessControlList/>"),
        document("<Owner/><AccessControlList/>"),
        row(READ),
        row("<Grantee><ID>main</ID></Grantee>"),
        row(f"<Grantee/>{READ}"),
        row(f"<Grantee><ID>main</ID><URI>{EVERYBODY}</URI></Grantee>{READ}"),
        row("<Grantee><ID>main</ID></Grantee><Permission>ALL</Permission>"),
        b'<!DOCTYPE a [<!ENTITY e "x">]>' + row(f"<Grantee><ID>&e;</ID></Grantee>{READ}"),
    ],
)
def test_a_document_that_is_none_is_malformed(body: bytes) -> None:
    with pytest.raises(S3Error) as caught:
        acl.of_document(body, owner="main", known=known)
    assert (caught.value.code, caught.value.status) == ("MalformedACLError", 400)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (row(f"<Grantee><ID>nobody</ID></Grantee>{READ}"), "InvalidArgument"),
        (row(f"<Grantee><URI>x</URI></Grantee>{READ}"), "InvalidArgument"),
        (
            row(f"<Grantee><EmailAddress>a@b</EmailAddress></Grantee>{READ}"),
            "UnresolvableGrantByEmailAddress",
        ),
        (document("<Owner><ID>alt</ID></Owner><AccessControlList/>"), "AccessDenied"),
        (
            document(
                f"{OWNER}<AccessControlList>"
                + f"<Grant><Grantee><ID>main</ID></Grantee>{READ}</Grant>" * 101
                + "</AccessControlList>"
            ),
            "InvalidRequest",
        ),
    ],
)
def test_a_document_of_the_wrong_things_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(S3Error) as caught:
        acl.of_document(body, owner="main", known=known)
    assert caught.value.code == code


@given(
    GRANTS, st.sampled_from(["main", "alt", "somebody", None]), st.sampled_from(list(Permission))
)
def test_an_acl_gives_what_one_of_its_grants_gives(
    grants: tuple[Grant, ...], account: str | None, permission: Permission
) -> None:
    mine = {Group.EVERYBODY} | (set() if account is None else {Group.SIGNED, account})
    wanted = any(
        g.grantee in mine and g.permission in {permission, Permission.FULL_CONTROL} for g in grants
    )
    assert Acl("main", grants).gives(account, permission) == wanted
    only = tuple(g for g in grants if not isinstance(g.grantee, Group))
    ignoring = Acl("main", grants).gives(account, permission, ignoring_public=True)
    assert ignoring == Acl("main", only).gives(account, permission)
    assert Acl("main", grants).public == (only != grants)


def test_who_is_given_something() -> None:
    assert private("main").gives_only(["main"])
    assert not private("main").gives_only(["alt"])
    assert not Acl("main", (Grant(Group.SIGNED, Permission.READ),)).gives_only(ACCOUNTS)

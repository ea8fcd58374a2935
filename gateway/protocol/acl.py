"""Access control lists: who is given what, as headers and XML say it and as it is kept.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html

An account is named by its name, which is its ID and its DisplayName on the wire. Nothing here
knows e-mail addresses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from gateway.protocol.documents import Element, child, optional, parse, required, rows
from gateway.protocol.errors import S3Error, escape
from gateway.protocol.responses import document

GRANTS_MAX = 100
HEADER = "x-amz-acl"
BODY_BYTES_MAX = 128 * 1024
_GROUPS = "http://acs.amazonaws.com/groups/"
_XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


class Permission(StrEnum):
    """What a grant gives."""

    READ = "READ"
    WRITE = "WRITE"
    READ_ACP = "READ_ACP"
    WRITE_ACP = "WRITE_ACP"
    FULL_CONTROL = "FULL_CONTROL"


class Group(StrEnum):
    """Whom a grant may be for beside an account. The value is the end of the group's URI."""

    EVERYBODY = "global/AllUsers"
    SIGNED = "global/AuthenticatedUsers"

    @property
    def uri(self) -> str:
        """The group's name on the wire."""
        return _GROUPS + self.value


@dataclass(frozen=True, slots=True)
class Grant:
    """A permission, and the group or the account that has it."""

    grantee: Group | str
    permission: Permission


@dataclass(frozen=True, slots=True)
class Acl:
    """Whose a bucket or an object is, and who else may do what with it."""

    owner: str
    grants: tuple[Grant, ...]

    def gives(
        self, account: str | None, permission: Permission, *, ignoring_public: bool = False
    ) -> bool:
        """Whether `account` has that permission. None: whoever did not sign.

        ignoring_public: what is given to groups does not count.
        """
        return any(
            grant.permission in {permission, Permission.FULL_CONTROL}
            and _names(grant.grantee, account, ignoring_public=ignoring_public)
            for grant in self.grants
        )

    @property
    def public(self) -> bool:
        """Whether it gives anything to a group; any account will do for the smaller one."""
        return any(isinstance(grant.grantee, Group) for grant in self.grants)

    def gives_only(self, accounts: Iterable[str]) -> bool:
        """Whether nobody but those accounts is given anything."""
        among = set(accounts)
        return all(
            not isinstance(grant.grantee, Group) and grant.grantee in among for grant in self.grants
        )

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "owner": self.owner,
            "grants": [
                ["group" if isinstance(one.grantee, Group) else "account", *_plain(one)]
                for one in self.grants
            ],
        }

    @classmethod
    def from_json(cls, form: Mapping[str, Any]) -> Acl:
        """The inverse of to_json."""
        return cls(
            form["owner"],
            tuple(
                Grant(Group(who) if kind == "group" else who, Permission(permission))
                for kind, who, permission in form["grants"]
            ),
        )


def _names(grantee: Group | str, account: str | None, *, ignoring_public: bool) -> bool:
    match grantee:
        case Group.EVERYBODY:
            return not ignoring_public
        case Group.SIGNED:
            return not ignoring_public and account is not None
    return grantee == account


def _plain(grant: Grant) -> list[str]:
    return [str(grant.grantee), grant.permission.value]


def private(owner: str) -> Acl:
    """The list of what nobody else was given anything of."""
    return Acl(owner, (Grant(owner, Permission.FULL_CONTROL),))


Canned = Callable[[str, str], list[Grant]]
"""Owner and the bucket's owner -> what is granted beside the owner's FULL_CONTROL."""

_CANNED: Final[Mapping[str, Canned]] = {
    "private": lambda _owner, _bucket: [],
    "public-read": lambda _owner, _bucket: [Grant(Group.EVERYBODY, Permission.READ)],
    "public-read-write": lambda _owner, _bucket: [
        Grant(Group.EVERYBODY, Permission.READ),
        Grant(Group.EVERYBODY, Permission.WRITE),
    ],
    "authenticated-read": lambda _owner, _bucket: [Grant(Group.SIGNED, Permission.READ)],
    "bucket-owner-read": lambda owner, bucket: (
        [] if owner == bucket else [Grant(bucket, Permission.READ)]
    ),
    "bucket-owner-full-control": lambda owner, bucket: (
        [] if owner == bucket else [Grant(bucket, Permission.FULL_CONTROL)]
    ),
}
# AWS's own services, none of which are here to be let in.
_OF_SERVICES = ("aws-exec-read", "log-delivery-write")
BUCKET_OWNER_FULL_CONTROL = "bucket-owner-full-control"

_HEADERS: Final[Mapping[str, Permission]] = {
    "x-amz-grant-read": Permission.READ,
    "x-amz-grant-write": Permission.WRITE,
    "x-amz-grant-read-acp": Permission.READ_ACP,
    "x-amz-grant-write-acp": Permission.WRITE_ACP,
    "x-amz-grant-full-control": Permission.FULL_CONTROL,
}
_GRANTEE = re.compile(
    r'\s*(id|uri|emailAddress)\s*=\s*(?:"([^"]*)"|([^",\s](?:[^",]*[^",\s])?))\s*',
    re.IGNORECASE,
)
_GRANTEES = re.compile(rf"{_GRANTEE.pattern}(?:,{_GRANTEE.pattern})*", re.IGNORECASE)


def asked(headers: Mapping[str, str]) -> bool:
    """Whether a request's headers say anything of an ACL."""
    return HEADER in headers or not _HEADERS.keys().isdisjoint(headers)


def of_headers(
    headers: Mapping[str, str],
    *,
    owner: str,
    bucket_owner: str,
    known: Callable[[str], bool],
) -> Acl | None:
    """The ACL that `x-amz-acl` or `x-amz-grant-*` ask for; None where neither is there.

    known: whether there is an account of that name. Raises InvalidRequest (both), InvalidArgument,
    NotImplemented (grants to AWS's services), UnresolvableGrantByEmailAddress.
    """
    given = [(name, headers[name]) for name in _HEADERS if name in headers]
    if HEADER in headers:
        if given:
            raise S3Error(
                "InvalidRequest", "Specifying both Canned ACLs and Header Grants is not allowed"
            )
        return _canned(headers[HEADER], owner, bucket_owner)
    if not given:
        return None
    grants = [
        Grant(grantee, _HEADERS[name])
        for name, value in given
        for grantee in _grantees(name, value, known)
    ]
    return _checked(owner, grants)


def _canned(name: str, owner: str, bucket_owner: str) -> Acl:
    if name in _OF_SERVICES:
        raise S3Error(
            "NotImplemented",
            f"The canned ACL {name} is for services of AWS, which are not here.",
            Header=HEADER,
        )
    if name not in _CANNED:
        raise S3Error("InvalidArgument", "", ArgumentName=HEADER, ArgumentValue=name)
    granted = _CANNED[name](owner, bucket_owner)
    return _checked(owner, [*granted, Grant(owner, Permission.FULL_CONTROL)])


def _grantees(header: str, value: str, known: Callable[[str], bool]) -> list[Group | str]:
    if _GRANTEES.fullmatch(value) is None:
        raise S3Error(
            "InvalidArgument",
            'Argument format not recognized: write id="...", uri="..." or emailAddress="...".',
            ArgumentName=header,
            ArgumentValue=value,
        )
    found = []
    for match in _GRANTEE.finditer(value):
        kind, who = match[1].lower(), match[2] if match[2] is not None else match[3]
        found.append(_grantee(kind, who, known))
    return found


def _grantee(kind: str, who: str, known: Callable[[str], bool]) -> Group | str:
    """kind: id, uri or emailaddress."""
    if kind == "emailaddress":
        raise S3Error(
            "UnresolvableGrantByEmailAddress",
            "The e-mail address you provided does not match any account on record: accounts have "
            "no e-mail addresses here. Grant to an account by its name, as id.",
        )
    if kind == "uri":
        return _group(who)
    if not known(who):
        raise S3Error(
            "InvalidArgument", "Invalid id", ArgumentName="CanonicalUser/ID", ArgumentValue=who
        )
    return who


def _group(uri: str) -> Group:
    for group in Group:
        if uri == group.uri:
            return group
    if uri == f"{_GROUPS}s3/LogDelivery":
        raise S3Error("NotImplemented", "No access logs are delivered here: no group LogDelivery.")
    raise S3Error(
        "InvalidArgument", "Invalid group uri", ArgumentName="Group/URI", ArgumentValue=uri
    )


def of_document(body: bytes, *, owner: str, known: Callable[[str], bool]) -> Acl:
    """The ACL of an AccessControlPolicy document. owner: whose it is, which no ACL changes.

    Raises MalformedACLError, AccessDenied (another owner), and what of_headers does.
    """
    try:
        form = parse(body, "AccessControlPolicy")
        said, listed = child(form, "Owner"), child(form, "AccessControlList")
        if said is None or listed is None:
            raise S3Error("MalformedACLError")
        owner_said = required(said, "ID")
        grants = [_of_row(row, known) for row in rows(listed, "Grant")]
    except S3Error as error:
        if error.code == "MalformedXML":
            raise S3Error("MalformedACLError") from None
        raise
    if owner_said != owner:
        raise S3Error(
            "AccessDenied",
            f"Access Denied: the owner is {owner!r}, and stays it whatever an ACL says.",
        )
    return _checked(owner, grants)


def _of_row(row: Element, known: Callable[[str], bool]) -> Grant:
    grantee, permission = child(row, "Grantee"), required(row, "Permission")
    if grantee is None or permission not in list(Permission):
        raise S3Error("MalformedACLError")
    named = [
        (kind, value)
        for kind, tag in (("id", "ID"), ("uri", "URI"), ("emailaddress", "EmailAddress"))
        if (value := optional(grantee, tag)) is not None
    ]
    if len(named) != 1:
        raise S3Error("MalformedACLError")
    return Grant(_grantee(*named[0], known), Permission(permission))


def _checked(owner: str, grants: Sequence[Grant]) -> Acl:
    if len(grants) > GRANTS_MAX:
        raise S3Error("InvalidRequest", f"The specified ACL grants more than {GRANTS_MAX} times.")
    kept = list(dict.fromkeys(grants))
    kept.sort(key=lambda grant: not isinstance(grant.grantee, Group))
    return Acl(owner, tuple(kept))


def render(acl: Acl) -> bytes:
    """AccessControlPolicy; groups stand first."""
    listed = "".join(
        f"<Grant>{_rendered(grant.grantee)}<Permission>{grant.permission}</Permission></Grant>"
        for grant in acl.grants
    )
    return document(
        "AccessControlPolicy",
        f"<Owner>{_account(acl.owner)}</Owner><AccessControlList>{listed}</AccessControlList>",
    )


def _rendered(grantee: Group | str) -> str:
    if isinstance(grantee, Group):
        return f'<Grantee {_XSI} xsi:type="Group"><URI>{grantee.uri}</URI></Grantee>'
    return f'<Grantee {_XSI} xsi:type="CanonicalUser">{_account(grantee)}</Grantee>'


def _account(name: str) -> str:
    return f"<ID>{escape(name)}</ID><DisplayName>{escape(name)}</DisplayName>"

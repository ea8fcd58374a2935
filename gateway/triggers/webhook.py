"""Webhooks: a signed POST of what was fired.

Signatures are those of Standard Webhooks (https://www.standardwebhooks.com), the body is a
CloudEvent (https://cloudevents.io, structured JSON), or the notification that S3 sends.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import json
import socket
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote_plus, urlsplit

import httpx

from gateway.deliveries import outcome
from gateway.deliveries.channel import Undelivered
from gateway.lineage.written import iso
from gateway.triggers.model import Trigger
from gateway.triggers.shelf import Firing
from gateway.versioning.model import ChangeInfo, ChangeKind, Commit
from gateway.versioning.names import BucketName

_BASE64 = "whsec_"
RECORDS_MAX = 1000
_TIMEOUT = httpx.Timeout(30, connect=5)
_TYPE = "io.github.labelgate.trigger.fired.v1"


async def send(trigger: Trigger, firing: Firing, body: bytes, now_s: int, *, private: bool) -> str:
    """POST it; what was answered. private: addresses that are not public are allowed.

    Raises Undelivered.
    """
    url, secret = trigger.do.target, trigger.do.secret
    headers = {
        "content-type": content_type(trigger),
        "user-agent": "labelgate",
        "webhook-id": firing.id,
        "webhook-timestamp": str(now_s),
    }
    if secret:
        headers["webhook-signature"] = signature(secret, firing.id, now_s, body)
    target, extensions = await _resolved(url, headers, private=private)
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False) as http:
            response = await http.post(target, content=body, headers=headers, extensions=extensions)
    except outcome.UNREACHED as error:
        raise outcome.unreached(error) from None
    if not response.is_success:
        raise outcome.refused(response)
    return outcome.told(response)


def signature(secret: str, identity: str, now_s: int, body: bytes) -> str:
    """`v1,` and the HMAC of Standard Webhooks. secret: `whsec_` and base64, or any text."""
    key = secret.encode()
    if secret.startswith(_BASE64):
        key = base64.b64decode(secret.removeprefix(_BASE64))
    signed = f"{identity}.{now_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode("ascii")


def content_type(trigger: Trigger) -> str:
    """Of the body."""
    return "application/json" if trigger.do.form == "s3" else "application/cloudevents+json"


def cloud_event(trigger: Trigger, firing: Firing) -> bytes:
    """What fired, as a CloudEvent: the exact state is `data.ref` with `data.commit` before it."""
    event = {
        "specversion": "1.0",
        "id": firing.id,
        "source": f"/labelgate/{trigger.repo.project}/{trigger.repo.name}",
        "type": _TYPE,
        "subject": firing.ref,
        "time": iso(firing.at_ms),
        "datacontenttype": "application/json",
        "data": told(trigger, firing),
    }
    return json.dumps(event).encode()


def told(trigger: Trigger, firing: Firing) -> dict[str, Any]:
    """What a receiver is told of a firing."""
    repo = trigger.repo
    return {
        "trigger": trigger.name,
        "repo": str(repo),
        "ref": firing.ref,
        "commit": firing.commit,
        "since": firing.since,
        "pinned": str(BucketName(repo, firing.ref.split(".")[0], firing.commit)),
        "gained": firing.counts,
        "test": firing.test,
    }


def s3_event(
    trigger: Trigger, firing: Firing, commits: Sequence[tuple[Commit, Sequence[ChangeInfo]]]
) -> bytes:
    """The same as S3 tells it: a record for each object that changed, at most a thousand."""
    records = [
        _record(trigger, firing, commit, change)
        for commit, changes in commits
        for change in changes
        if change.kind in {ChangeKind.PUT, ChangeKind.DELETE}
    ]
    return json.dumps({"Records": records[:RECORDS_MAX]}).encode()


def _record(trigger: Trigger, firing: Firing, commit: Commit, change: ChangeInfo) -> dict[str, Any]:
    put = change.kind is ChangeKind.PUT
    told: dict[str, Any] = {
        "key": quote_plus(change.key, safe="/"),
        "versionId": commit.id,
        "sequencer": commit.id.upper(),
    }
    if put:
        told |= {"size": change.size, "eTag": change.etag}
    return {
        "eventVersion": "2.3",
        "eventSource": "aws:s3",
        "awsRegion": "",
        "eventTime": iso(commit.time_ms),
        "eventName": "ObjectCreated:Put" if put else "ObjectRemoved:DeleteMarkerCreated",
        "userIdentity": {"principalId": commit.author},
        "requestParameters": {"sourceIPAddress": ""},
        "responseElements": {"x-amz-request-id": commit.metadata.get("request_id", "")},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": trigger.name,
            "bucket": {
                "name": firing.ref,
                "ownerIdentity": {"principalId": trigger.account},
                "arn": f"arn:aws:s3:::{firing.ref}",
            },
            "object": told,
        },
    }


async def _resolved(
    url: str, headers: dict[str, str], *, private: bool
) -> tuple[str, dict[str, Any]]:
    """The URL to connect to.

    Where only public addresses are allowed it names the one that was looked at: the name may mean
    another one a moment later (DNS rebinding).
    """
    if private:
        return url, {}
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Undelivered(f"{host}: {error.strerror or error}") from None
    addresses = [str(one[4][0]) for one in found]
    for address in addresses:
        if not is_public(address):
            raise Undelivered(
                f"{host} is at {address}, which is not public: trigger_private_webhooks allows it",
                answered=True,
            )
    shown = f"[{addresses[0]}]" if ":" in addresses[0] else addresses[0]
    headers["host"] = parts.netloc.rpartition("@")[2]
    target = parts._replace(netloc=f"{shown}:{port}").geturl()
    return target, {"sni_hostname": host}


def is_public(address: str) -> bool:
    """Whether an address is out in the world: no address of this machine or of its networks."""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    if mapped is not None:
        found = mapped
    return found.is_global and not found.is_multicast

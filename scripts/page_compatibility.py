"""docs/compatibility.md, from the operation table and the committed results of s3-tests."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.protocol.operations import OPERATIONS, Level, Operation
from scripts import compatibility_notes, s3tests_lists
from scripts.compatibility_peers import MEASURED, PEERS
from scripts.markdown import code, generated_from, table
from scripts.s3tests_lists import CONTRADICTING, CORE, FAILING, PASSING, Group

_HEAD = """\
Every operation of S3 has a row here. An operation that is not offered is answered `501
NotImplemented` by its name, and changes nothing; no request falls through to another operation.
Buckets are addressed in the path (`http://host:port/bucket/key`); tell an SDK so where it would put
them into the host's name (`addressing_style = path`). The right is what the key needs on the repo;
without one, any key will do.

The columns of others say what their documents say, and `no` where those are silent: Pachyderm's own
S3 gateway (2.12), MinIO (community edition, February 2026), SeaweedFS (4.48) and lakeFS.
"""

_TITLES = {Level.SERVICE: "The service", Level.BUCKET: "Buckets", Level.OBJECT: "Objects"}

_NOTES = """\
## What to know

**Buckets** are branches: `[commit.]branch.repo[.project]`. CreateBucket makes repo and branch;
again by the owner it answers 200 and changes nothing. A bucket that names a commit or a tag is read
only: a write to it is `403 AccessDenied`. The LocationConstraint given at creation is kept and
answered; any region is accepted in a signature. Names may hold `_` and end in `-`, which AWS
refuses and so does this gateway with `bucket_names = s3`.

**Versions.** The versioning state of a bucket (unset, Enabled, Suspended) is a view: every write is
a commit in each of them, which `x-labelgate-commit` names. New buckets are Enabled, or what
`default_versioning` says. Enabled: a PUT, copy, completed upload or DELETE makes a version, whose
id is that of its commit. Unset and Suspended: what is written is the `null` version, and takes the
place of the one before. `?versionId=` with a commit's id reads what that commit wrote in every
state. Deleting a version is an erase: it needs the right of that name, else 403, and leaves a
tombstone that says who, when and why. One exception: saving an unchanged Label Studio annotation
again answers 200 with the stored ETag and version id, and makes no commit.

**Object lock.** A retention or a legal hold keeps a version from being erased. Mode GOVERNANCE
gives way to `x-amz-bypass-governance-retention` of a key with the right to erase; nothing else
does.

**Access.** The grants of a key are the authority. ACLs, bucket policies and the public access block
may add reads, writes and deletes for other accounts and for requests without a signature, never the
rights admin and erase. An account is named by its name; there are no e-mail addresses. What of a
policy is not evaluated is refused when the policy is set: [security](security.md).

**Signatures.** Signature Version 4 in the header and in the query (presigned, up to seven days),
and all forms of its streams: signed chunks, signed and unsigned trailers. Signature Version 2 in
the header and in the query unless `sigv2` is off. Browser forms (PostObject) are signed by either.
Clocks may differ by 15 minutes. Signature Version 4A and session tokens are refused.

**Encryption.** Nothing is taken for encrypted that is not: a write that asks for server-side
encryption, of whatever kind, is answered 501 with the reason, and a bucket takes no default.

**Storage classes.** There is one, STANDARD.

**Settings of a bucket** that are not enforced (lifecycle, notifications, logging, replication,
website and the like) are never kept. Reading one says that there is none; setting one is 501 with
the reason, unless it asks for what holds anyway.

**Checksums.** Content-MD5, the payload's SHA-256, and CRC32, CRC32C, CRC64NVME, SHA1 and SHA256 in
a header or a trailer are verified; a value that is no checksum is a BadDigest, too. One in the
query of a presigned URL is passed over: SDKs compute it before there is a body. Without one,
CRC64NVME is computed. Uploads in parts have composite checksums or those of the full object. The
checksum of an object, or of a part that is read by its number, is answered on request
(`x-amz-checksum-mode: ENABLED`), never beside a range of the bytes. A completion may leave out the
checksums of parts.

**Encryption.** Nothing is stored encrypted, so nothing is claimed to be: a write that asks for it
(`x-amz-server-side-encryption*`) is 501 with the reason, and a customer's key on a read is 400.
There is one storage class, `STANDARD`; another one is `400 InvalidStorageClass`.

**Settings of buckets** that are not enforced are not kept: reading them says that they are not
there, in AWS's words; setting them is 501 with the reason, unless that asks for what holds anyway.

**Preconditions.** If-Match and If-None-Match on writes are judged in the instant of the commit;
If-None-Match takes an ETag besides `*`. A lost race is never answered 409 or 412 unless the request
asked for it: SDKs do not retry those.

**Reads.** One byte range; several at once are answered with the whole object, as AWS does.
`response-*` parameters are honoured. The encoding type `url` is honoured in lists.

**CORS.** A bucket's rules are evaluated, preflights without a signature among them. A bucket
without rules may be read by pages of any origin; there are no cookies here that this could give
away.

**Sizes.** Keys up to 1,024 bytes, user metadata up to 2 KiB, a PUT or a part up to 5 GiB, 10,000
parts of at least 5 MiB but for the last, 1,000 keys in DeleteObjects.

**Lineage headers.** `x-amz-meta-lineage-author`, `-sources` and `-evidence` stand beside labels.
They are not stored with the object, and are dropped when they are sent.
"""

_RESULTS = """\
## Suite results

[Ceph's s3-tests](https://github.com/ceph/s3-tests) at 8f0ae7b: `test_s3.py` without lifecycle,
cloud tiers and Ceph's logging, and what of `test_headers.py` belongs to the core. A plain run, one
test after the other, on the embedded store with `default_versioning = unset`, `bucket_names = s3`
and three keys with `grants = "own"`; `make conformance` repeats it. SeaweedFS 4.48, MinIO
(February 2026) and versitygw (5d9d548) ran the same names, counted more kindly: each began with a
clean account after a bucket that could not be emptied. The areas are ours, by the names of the
tests.
"""


def page() -> str:
    """The whole page. Raises LookupError where a note contradicts the operation table."""
    compatibility_notes.check()
    sources = "gateway/protocol/operations.py, scripts/compatibility_*.py and tests/conformance/"
    parts = [generated_from(sources), "# S3 compatibility\n", _HEAD]
    for level, title in _TITLES.items():
        rows = [row for row in OPERATIONS if row.level is level]
        works = sum(compatibility_notes.note(row).works for row in rows)
        parts += [f"## {title}: {works} of {len(rows)}\n", table(_COLUMNS, map(_row, rows)), ""]
    return "\n".join([*parts, _NOTES, _RESULTS, *_results(), ""])


_NAMES_MAX = 8
_COLUMNS = (
    *("operation", "request", "labelgate", "right"),
    *(peer.name for peer in PEERS),
    "how it differs, or why it is not here",
)


def _row(operation: Operation) -> tuple[str, ...]:
    note = compatibility_notes.note(operation)
    return (
        ", ".join((operation.name, *operation.also)),
        code(_request(operation)),
        "works" if note.works else "501",
        operation.right.value if operation.right and operation.offered else "",
        *(peer.says(operation.name) for peer in PEERS),
        note.text,
    )


def _request(operation: Operation) -> str:
    path = {Level.SERVICE: "/", Level.BUCKET: "/bucket", Level.OBJECT: "/bucket/key"}
    headers = [need[1:] for need in operation.needs if need.startswith("@")]
    query = [need for need in operation.needs if not need.startswith("@")]
    asked = "&".join([operation.marker] * bool(operation.marker) + query)
    request = f"{operation.method} {path[operation.level]}{'?' + asked if asked else ''}"
    return f"{request} with {', '.join(headers)}" if headers else request


def _results() -> Iterator[str]:
    failing, contradicting = s3tests_lists.groups(FAILING), s3tests_lists.groups(CONTRADICTING)
    outcomes = dict.fromkeys(s3tests_lists.names(PASSING), True)
    for group in (*failing, *contradicting):
        outcomes |= dict.fromkeys(group.names, False)
    core = s3tests_lists.names(CORE)
    rows = [
        (title, f"{passed} of {total}", *map(str, MEASURED[title]))
        for title, passed, total in s3tests_lists.counts(outcomes)
    ]
    yield table(("area", "labelgate", "SeaweedFS", "MinIO", "versitygw"), rows)
    whole = [passed for name, passed in outcomes.items() if "::" not in name]
    yield (
        f"\nOf `test_s3.py` pass {sum(whole)} of {len(whole)} (SeaweedFS 364, MinIO 321, versitygw "
        f"286). Of the {len(core)} names of the core, which is what a store of versioned labels is "
        f"for, pass {sum(outcomes.get(name, False) for name in core)} (253, 244, 219).\n"
    )
    yield "What does not pass, and why (`tests/conformance/` has every name):\n"
    yield from map(_reason, (*contradicting, *failing))


def _reason(group: Group) -> str:
    tests = sorted({name.partition("[")[0] for name in group.names})
    shown = ", ".join(map(code, tests)) if len(tests) <= _NAMES_MAX else "Many names."
    return f"- **{len(group.names)}**: {group.why} {shown}"

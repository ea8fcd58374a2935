"""docs/compatibility.md, from the table in gateway.protocol.operations, with notes by hand."""

from __future__ import annotations

from gateway.protocol.operations import OPERATIONS, Level, Operation
from scripts.markdown import code, generated_from, table

_HEAD = """\
Every operation of S3 has a row here. An operation that is not offered is answered `501
NotImplemented` by its name, and changes nothing; no request falls through to another operation.
Buckets are addressed in the path (`http://host:port/bucket/key`); tell an SDK so where it would put
them into the host's name (`addressing_style = path`). The right is what the key needs on the repo;
without one, any key will do.
"""

_TITLES = {Level.SERVICE: "The service", Level.BUCKET: "Buckets", Level.OBJECT: "Objects"}

_NOTES = """\
## What to know

**Buckets** are branches: `[commit.]branch.repo[.project]`. CreateBucket makes repo and branch;
again by the owner it answers 200 and changes nothing. A bucket that names a commit or a tag is read
only: a write to it is `403 AccessDenied`. The LocationConstraint given at creation is kept and
answered; any region is accepted in a signature.

**Versions.** Every bucket is in the state `Enabled` for now, and cannot be suspended. Every PUT,
copy, completed upload and DELETE makes a version, whose id is the id of its commit, which
`x-labelgate-commit` names too. One exception: saving an unchanged Label Studio annotation again
answers 200 with the stored ETag and version id, and makes no commit.

**Signatures.** Signature Version 4 in the header and in the query (presigned, up to seven days),
and all forms of its streams: signed chunks, signed and unsigned trailers. Signature Version 2 in
the header and in the query unless `sigv2` is off. Clocks may differ by 15 minutes. Anonymous
requests are refused; so are form POSTs (PostObject). Signature Version 4A and session tokens
are refused.

**Checksums.** Content-MD5, the payload's SHA-256, and CRC32, CRC32C, CRC64NVME, SHA1 and SHA256 in
a header or a trailer are verified. The object's checksum is answered on request
(`x-amz-checksum-mode: ENABLED`), never beside a part of the bytes.

**Preconditions.** If-Match and If-None-Match on writes are judged in the instant of the commit. A
lost race is never answered 409 or 412 unless the request asked for it: SDKs do not retry those.

**Reads.** One byte range; several at once are answered with the whole object, as AWS does.
`response-*` parameters are honoured. The encoding type `url` is honoured in lists.

**CORS.** Every answer, errors included, may be read by a page of any origin, and OPTIONS is
answered without a signature. There are no cookies here that this could give away.

**Sizes.** Keys up to 1,024 bytes, user metadata up to 2 KiB, a PUT or a part up to 5 GiB, 10,000
parts of at least 5 MiB but for the last, 1,000 keys in DeleteObjects.

**Lineage headers.** `x-amz-meta-lineage-author`, `-sources` and `-evidence` stand beside labels.
They are not stored with the object, and are dropped when they are sent.

## Not yet

"""

_NOT_YET = (
    ("PutBucketVersioning (suspending)", "501; every bucket is Enabled"),
    ("deleting one version (`?versionId=`)", "501; in DeleteObjects an error for that key"),
    (
        "object tagging, ACLs, bucket policies",
        "501; rights come from the [credentials file](configuration.md#credentials-file)",
    ),
    ("form POST (PostObject)", "501"),
    ("CORS configuration of a bucket", "501; see above for what holds"),
    ("GetObjectAttributes", "501; HeadObject tells size, ETag and checksum"),
    ("everything else that the tables call 501", "501; not planned so far"),
)


def page() -> str:
    """The whole page."""
    parts = [generated_from("gateway/protocol/operations.py"), "# S3 compatibility\n", _HEAD]
    for level, title in _TITLES.items():
        rows = [row for row in OPERATIONS if row.level is level]
        offered = sum(row.offered for row in rows)
        parts += [
            f"## {title}: {offered} of {len(rows)}\n",
            table(("operation", "request", "", "right"), map(_row, rows)),
            "",
        ]
    return "\n".join([*parts, _NOTES + table(("what", "until then"), _NOT_YET), ""])


def _row(operation: Operation) -> tuple[str, ...]:
    names = ", ".join((operation.name, *operation.also))
    right = operation.right.value if operation.right and operation.offered else ""
    return names, code(_request(operation)), "offered" if operation.offered else "501", right


def _request(operation: Operation) -> str:
    path = {Level.SERVICE: "/", Level.BUCKET: "/bucket", Level.OBJECT: "/bucket/key"}
    headers = [need[1:] for need in operation.needs if need.startswith("@")]
    query = [need for need in operation.needs if not need.startswith("@")]
    asked = "&".join([operation.marker] * bool(operation.marker) + query)
    request = f"{operation.method} {path[operation.level]}{'?' + asked if asked else ''}"
    return f"{request} with {', '.join(headers)}" if headers else request

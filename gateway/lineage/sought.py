"""What a source's URI asks for in the index of lineage."""

from __future__ import annotations

from gateway.lineage.uris import SourceUri, names_all_below
from gateway.versioning.errors import Erased, InvalidKey, InvalidName, NoKey, NoRef, NoRepo
from gateway.versioning.model import RefKind
from gateway.versioning.names import BucketName, RepoName, check_key, parse_bucket
from gateway.versioning.store import Store
from gateway.versioning.terms import Terms, below_source, of_external, of_source


async def source_terms(store: Store, uri: SourceUri) -> Terms:
    """What finds the writes that were made from it.

    Of a branch any version of the object, or of every object below a `/` or in the bucket: whatever
    the branch, as one version may be on several. Of a commit or tag the version that is there, or
    the state where it was named whole. In no repo here: by the URI as it was written.
    Raises NoCommit, NoKey, Erased.
    """
    try:
        name = parse_bucket(uri.bucket)
        repo = (await store.repo(name.repo)).name
    except (InvalidName, NoRepo):
        return of_external(str(uri))
    try:
        return await _of_state(store, name, uri.key)
    except NoRef:
        return _any_version(repo, uri.key)


async def _of_state(store: Store, name: BucketName, key: str) -> Terms:
    at = await store.resolve(name)
    repo = at.repo.name
    if at.kind is RefKind.BRANCH:
        return _any_version(repo, key)
    try:
        return of_source(repo, key, (await store.stat(at, check_key(key))).version)
    except (NoKey, Erased, InvalidKey):
        if names_all_below(key):
            return of_source(repo, key, at.commit)
        raise


def _any_version(repo: RepoName, key: str) -> Terms:
    return below_source(repo, key) if names_all_below(key) else of_source(repo, key)

"""Repos, branches and tags: what they point to, and the log of moves that are no commit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.stores.embedded.commits import Transaction
from gateway.stores.embedded.plan import Branch
from gateway.stores.embedded.uploads import forget_branch
from gateway.stores.timeline import bases, records
from gateway.stores.timeline.database import all_rows, first_row
from gateway.stores.timeline.history import shows_anything
from gateway.stores.timeline.lines import Point, Reader
from gateway.stores.timeline.materialise import begin_line
from gateway.stores.timeline.rows import json_or_nothing
from gateway.versioning.errors import (
    AlreadyExists,
    HeadMoved,
    NoCommit,
    NoRef,
    NoRepo,
    NotEmpty,
    ReadOnly,
)
from gateway.versioning.model import About, Json, Move, Ref, RefKind, Repo, Snapshot
from gateway.versioning.names import (
    BucketName,
    CommitId,
    RepoName,
    check_name,
    check_project,
    is_commit_id,
)

# Between what was done and why, in one column of the reflog (as git writes it).
_WHY = ": "
_REPO = "p.repo, p.project, p.name, p.account, p.created, p.settings"


@dataclass(frozen=True, slots=True)
class Place:
    """A snapshot's address in this store."""

    repo: int
    point: Point


def repos(reader: Reader) -> list[Repo]:
    """Every repo, by project and name."""
    rows = all_rows(
        reader.connection,
        f"SELECT {_REPO} FROM repo p WHERE deleted IS NULL ORDER BY project, name",  # noqa: S608
    )
    return [_repo(row) for row in rows]


def find_repo(reader: Reader, name: RepoName) -> tuple[int, Repo]:
    """A repo and its number. Raises NoRepo."""
    row = first_row(
        reader.connection,
        f"SELECT {_REPO} FROM repo p WHERE project=? AND name=? AND deleted IS NULL",  # noqa: S608
        (name.project, name.name),
    )
    if row is None:
        raise NoRepo(f"there is no repo {name}")
    return row[0], _repo(row)


def refs(reader: Reader, repo: RepoName | None, kind: RefKind | None) -> list[Ref]:
    """Branches and tags, by repo and name. Raises NoRepo."""
    number = None if repo is None else find_repo(reader, repo)[0]
    return [ref for _, ref in _pointed(reader, number, kind)]


def containing(reader: Reader, at: Snapshot) -> list[Ref]:
    """The refs of the repo whose history has that commit. Cost: their lines."""
    place: Place = at.place
    refs = _pointed(reader, place.repo, None)
    return [ref for point, ref in refs if reader.in_history(place.point, point)]


def _pointed(
    reader: Reader, number: int | None, kind: RefKind | None
) -> Iterator[tuple[Point, Ref]]:
    """Refs and where they point to, by repo and name."""
    rows = all_rows(
        reader.connection,
        "SELECT r.line, r.seq, p.project, p.name, r.name, r.kind, c.id, r.created, r.account, "
        "r.properties FROM ref r JOIN repo p ON p.repo=r.repo "
        "JOIN commits c ON c.line=r.line AND c.seq=r.seq "
        "WHERE p.deleted IS NULL AND (?1 IS NULL OR r.repo=?1) AND (?2 IS NULL OR r.kind=?2) "
        "ORDER BY p.project, p.name, r.name",
        (number, kind and kind.value),
    )
    for line, seq, project, repo, name, shown, commit, created, account, properties in rows:
        yield Point(line, seq), Ref(
            RepoName(repo, project), name, RefKind(shown), CommitId(bytes(commit).hex()),
            created, account, json_or_nothing(properties),
        )  # fmt: skip


def resolve(reader: Reader, bucket: BucketName) -> Snapshot:
    """The state a bucket's name means now. See Store.resolve."""
    row = first_row(
        reader.connection,
        f"SELECT {_REPO}, r.kind, r.line, r.seq, r.properties, c.id FROM repo p "  # noqa: S608
        "LEFT JOIN ref r ON r.repo=p.repo AND r.name=? "
        "LEFT JOIN commits c ON c.line=r.line AND c.seq=r.seq "
        "WHERE p.project=? AND p.name=? AND p.deleted IS NULL",
        (bucket.branch, bucket.repo.project, bucket.repo.name),
    )
    if row is None:
        raise NoRepo(f"there is no repo {bucket.repo}")
    repo, (kind, line, seq, properties, head) = _repo(row[:6]), row[6:]
    if bucket.commit is not None:
        if bucket.ref is not None and kind is None:
            raise NoRef(f"repo {bucket.repo} has no branch or tag {bucket.ref!r}")
        found = reader.point_of(bytes.fromhex(bucket.commit))
        if found is None or found[1] != row[0]:
            raise NoCommit(f"repo {bucket.repo} has no commit {bucket.commit}")
        place = Place(row[0], found[0])
        return Snapshot(repo, bucket.ref, RefKind.COMMIT, bucket.commit, place=place)
    if kind is None:
        raise NoRef(f"repo {bucket.repo} has no branch or tag {bucket.branch!r}")
    return Snapshot(
        repo,
        bucket.branch,
        RefKind(kind),
        CommitId(bytes(head).hex()),
        json_or_nothing(properties),
        Place(row[0], Point(line, seq)),
    )


def find_commit(reader: Reader, commit: CommitId) -> list[Snapshot]:
    """The snapshot of a commit's id; empty where there is none."""
    found = reader.point_of(bytes.fromhex(commit)) if is_commit_id(commit) else None
    if found is None:
        return []
    point, number = found
    row = first_row(
        reader.connection,
        f"SELECT {_REPO} FROM repo p WHERE repo=? AND deleted IS NULL",  # noqa: S608
        (number,),
    )
    if row is None:
        return []
    place = Place(number, point)
    return [Snapshot(_repo(row), None, RefKind.COMMIT, commit, place=place)]


def create_repo(tx: Transaction, name: RepoName, account: str) -> Repo:
    """A repo without any branch. Raises AlreadyExists."""
    check_name(name.name, "repo")
    check_project(name.project)
    try:
        find_repo(tx.reader, name)
    except NoRepo:
        pass
    else:
        raise AlreadyExists(f"repo {name} is there already")
    created = tx.batch.clock()
    tx.connection.execute(
        "INSERT INTO repo(project, name, account, created, settings) VALUES(?, ?, ?, ?, '')",
        (name.project, name.name, account, created),
    )
    return Repo(name, account, created)


def create_branch(
    tx: Transaction,
    repo: RepoName,
    name: str,
    *,
    account: str,
    start: Snapshot | None,
    properties: Json | None,
    make_repo: bool,
) -> Ref:
    """A branch at `start`, or at an empty commit of its own. See Store.create_branch."""
    check_name(name, "branch")
    try:
        number, _ = find_repo(tx.reader, repo)
    except NoRepo:
        if not make_repo:
            raise
        create_repo(tx, repo, account)
        number, _ = find_repo(tx.reader, repo)
    _demand_free(tx, number, repo, name)
    if start is None:
        point = _empty_line(tx, Branch(number, repo, name), account)
    else:
        point = _inside(number, repo, start).point
    commit = CommitId(tx.reader.commit_at(point).hex())
    kept = dict(properties or {})
    ref = Ref(repo, name, RefKind.BRANCH, commit, tx.batch.clock(), account, kept)
    return _add_ref(tx, number, ref, point)


def configure(tx: Transaction, branch: Branch, changes: Json) -> Ref:
    """Merge changes into a branch's properties. See Store.configure."""
    number, point = _find_ref(tx, branch.repo_name, branch.name, RefKind.BRANCH)
    if number != branch.repo:
        raise NoRef(f"repo {branch.repo_name} was deleted, and another made, meanwhile")
    where = (number, branch.name)
    text, created, account = first_row(
        tx.connection,
        "SELECT properties, created, account FROM ref WHERE repo=? AND name=?",
        where,
    )
    merged = {**json_or_nothing(text), **changes}
    kept = {name: value for name, value in merged.items() if value is not None}
    tx.connection.execute(
        "UPDATE ref SET properties=? WHERE repo=? AND name=?", (_properties_form(kept), *where)
    )
    commit = CommitId(tx.reader.commit_at(point).hex())
    return Ref(branch.repo_name, branch.name, RefKind.BRANCH, commit, created, account, kept)


def _properties_form(properties: Json) -> str:
    return json.dumps(dict(properties)) if properties else ""


def forward(
    tx: Transaction,
    branch: Branch,
    to: Snapshot,
    *,
    account: str,
    why: str,
    if_head: CommitId | None,
) -> Ref:
    """Set a branch to a commit ahead of it. See Store.forward."""
    number, point = _find_ref(tx, branch.repo_name, branch.name, RefKind.BRANCH)
    if number != branch.repo:
        raise NoRef(f"repo {branch.repo_name} was deleted, and another made, meanwhile")
    head = CommitId(tx.reader.commit_at(point).hex())
    new = _inside(number, branch.repo_name, to).point
    if if_head not in {None, head} or not tx.reader.in_history(point, new):
        raise HeadMoved(f"branch {branch.name} is at {head}")
    created, owner, properties = first_row(
        tx.connection,
        "SELECT created, account, properties FROM ref WHERE repo=? AND name=?",
        (number, branch.name),
    )
    if new != point:
        tx.connection.execute(
            "UPDATE ref SET line=?, seq=? WHERE repo=? AND name=?", (*new, number, branch.name)
        )
        action = f"forward{_WHY}{why}" if why else "forward"
        _log_move(tx, _Move(number, branch.name, action, old=point, new=new, who=account))
    kept = json_or_nothing(properties)
    return Ref(branch.repo_name, branch.name, RefKind.BRANCH, to.commit, created, owner, kept)


def moves(reader: Reader, repo: RepoName, name: str) -> list[Move]:
    """What the log has of a name, newest first. See Store.moves."""
    number, _ = find_repo(reader, repo)
    rows = all_rows(
        reader.connection,
        "SELECT g.action, o.id, w.id, g.who, g.at FROM reflog g "
        "LEFT JOIN commits o ON o.line=g.from_line AND o.seq=g.from_seq "
        "LEFT JOIN commits w ON w.line=g.to_line AND w.seq=g.to_seq "
        "WHERE g.repo=? AND g.name=? ORDER BY g.n DESC",
        (number, name),
    )
    return [
        Move(
            action.partition(_WHY)[0],
            None if old is None else CommitId(bytes(old).hex()),
            None if new is None else CommitId(bytes(new).hex()),
            who,
            at,
            action.partition(_WHY)[2],
        )
        for action, old, new, who, at in rows
    ]


def base(reader: Reader, one: Snapshot, other: Snapshot) -> Snapshot | None:
    """The newest state that two have in common. See Store.base."""
    mine, theirs = (place_of(at) for at in (one, other))
    if mine.repo != theirs.repo:
        raise NoCommit(f"{one.commit} and {other.commit} are of two repos")
    found = bases.newest(reader, mine.point, theirs.point)
    if found is None:
        return None
    commit = CommitId(reader.commit_at(found).hex())
    return Snapshot(one.repo, None, RefKind.COMMIT, commit, place=Place(mine.repo, found))


def place_of(at: Snapshot) -> Place:
    """The address of a snapshot."""
    place: Place = at.place
    return place


def create_tag(tx: Transaction, repo: RepoName, name: str, at: Snapshot, account: str) -> Ref:
    """A name for a commit. Raises AlreadyExists, NoRepo, NoCommit."""
    check_name(name, "tag")
    number, _ = find_repo(tx.reader, repo)
    _demand_free(tx, number, repo, name)
    point = _inside(number, repo, at).point
    ref = Ref(repo, name, RefKind.TAG, at.commit, tx.batch.clock(), account)
    return _add_ref(tx, number, ref, point)


def delete_branch(tx: Transaction, repo: RepoName, name: str, *, only_empty: bool) -> list[str]:
    """Take a branch's name away; the files of its uploads. See Store.delete_branch."""
    number, point = _find_ref(tx, repo, name, RefKind.BRANCH)
    if only_empty and shows_anything(tx.reader, point):
        raise NotEmpty(f"branch {name} of repo {repo} shows objects, versions or delete markers")
    files = forget_branch(tx, Branch(number, repo, name))
    _remove_ref(tx, number, name, point)
    return files


def delete_tag(tx: Transaction, repo: RepoName, name: str) -> None:
    """Take a tag away. See Store.delete_tag."""
    number, point = _find_ref(tx, repo, name, RefKind.TAG)
    _remove_ref(tx, number, name, point)


def delete_repo(tx: Transaction, name: RepoName, who: str) -> list[str]:
    """Take a repo and its refs away; the files of uploads to them. See Store.delete_repo."""
    number, _ = find_repo(tx.reader, name)
    rows = all_rows(
        tx.connection, "SELECT name, kind, line, seq FROM ref WHERE repo=? ORDER BY name", (number,)
    )
    files: list[str] = []
    for ref, kind, line, seq in rows:
        if kind == RefKind.BRANCH:
            files += forget_branch(tx, Branch(number, name, ref))
        tx.connection.execute("DELETE FROM ref WHERE repo=? AND name=?", (number, ref))
        _log_move(tx, _Move(number, ref, "delete", old=Point(line, seq), who=who))
    tx.connection.execute("UPDATE repo SET deleted=? WHERE repo=?", (tx.batch.clock(), number))
    return files


def _find_ref(tx: Transaction, repo: RepoName, name: str, kind: RefKind) -> tuple[int, Point]:
    number, _ = find_repo(tx.reader, repo)
    row = first_row(
        tx.connection, "SELECT kind, line, seq FROM ref WHERE repo=? AND name=?", (number, name)
    )
    if row is None:
        raise NoRef(f"repo {repo} has no {kind} {name!r}")
    if row[0] != kind:
        raise ReadOnly(f"{name!r} is a {row[0]} of repo {repo}, not a {kind}")
    return number, Point(row[1], row[2])


def _remove_ref(tx: Transaction, number: int, name: str, point: Point) -> None:
    tx.connection.execute("DELETE FROM ref WHERE repo=? AND name=?", (number, name))
    _log_move(tx, _Move(number, name, "delete", old=point))
    left = first_row(tx.connection, "SELECT 1 FROM ref WHERE repo=? LIMIT 1", (number,))
    if left is None:
        tx.connection.execute("UPDATE repo SET deleted=? WHERE repo=?", (tx.batch.clock(), number))


def _add_ref(tx: Transaction, number: int, ref: Ref, point: Point) -> Ref:
    """Insert a ref; its commit is the one at `point`."""
    tx.connection.execute(
        "INSERT INTO ref(repo, name, kind, line, seq, created, account, properties) "
        "VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number, ref.name, ref.kind.value, *point, ref.created_ms, ref.account,
            _properties_form(ref.properties),
        ),
    )  # fmt: skip
    _log_move(tx, _Move(number, ref.name, f"create {ref.kind}", new=point, who=ref.account))
    return ref


def _empty_line(tx: Transaction, branch: Branch, account: str) -> Point:
    line = begin_line(tx.reader, branch.repo)
    tx.batch.begin(branch, line, About(account, "create", f"Create branch {branch.name}"))
    tx.settle()
    return Point(line, 1)


def _demand_free(tx: Transaction, number: int, repo: RepoName, name: str) -> None:
    row = first_row(tx.connection, "SELECT kind FROM ref WHERE repo=? AND name=?", (number, name))
    if row is not None:
        raise AlreadyExists(f"repo {repo} has a {row[0]} {name!r} already")


def _inside(number: int, repo: RepoName, at: Snapshot) -> Place:
    place: Place = at.place
    if place.repo != number:
        raise NoCommit(f"commit {at.commit} is not of repo {repo}")
    return place


@dataclass(frozen=True, slots=True)
class _Move:
    """A move of a ref that no commit tells of."""

    repo: int
    name: str
    action: str
    old: Point | None = None
    new: Point | None = None
    who: str = ""


def _log_move(tx: Transaction, made: _Move) -> None:
    row = first_row(tx.connection, "SELECT n, hash FROM reflog ORDER BY n DESC LIMIT 1")
    number, previous = (row[0] + 1, row[1]) if row else (1, records.NO_HASH)
    from_line, from_seq = made.old or (None, None)
    to_line, to_seq = made.new or (None, None)
    move: dict[str, Any] = {
        "n": number,
        "repo": made.repo,
        "name": made.name,
        "action": made.action,
        "from_line": from_line,
        "from_seq": from_seq,
        "to_line": to_line,
        "to_seq": to_seq,
        "who": made.who,
        "at": tx.batch.clock(),
    }
    tx.connection.execute(
        f"INSERT INTO reflog({', '.join(move)}, hash) VALUES({','.join('?' * (len(move) + 1))})",
        (*move.values(), records.reflog_hash(previous, move)),
    )


def _repo(row: Sequence[Any]) -> Repo:
    _, project, name, account, created, settings = row
    return Repo(RepoName(name, project), account, created, json_or_nothing(settings))

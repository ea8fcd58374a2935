"""What others are told of commits, and what was given up: looked at and asked for again."""

from __future__ import annotations

from gateway.admin.errors import Refusal
from gateway.admin.models import ChannelOut, DeliveriesOut, ParkedOut, iso
from gateway.admin.services import Caller
from gateway.deliveries.ledger import Parked
from gateway.protocol.errors import S3Error
from gateway.versioning.errors import NoRepo
from gateway.versioning.model import Repo
from gateway.versioning.names import BucketName


async def page(caller: Caller, *, after: int, limit: int) -> DeliveriesOut:
    """The channels, and a page of what is parked on branches that the caller administers."""
    desk = caller.services.desk
    rows = desk.ledger.parked(after=after, limit=limit)
    return DeliveriesOut(
        channels=[
            ChannelOut(
                name=channel.name,
                target=channel.target,
                parked=desk.ledger.count_parked(channel.name),
            )
            for channel in desk.channels
        ],
        parked=[_out(one) for one in rows if await _administers(caller, one)],
        next_after=rows[-1].id if len(rows) == limit else None,
    )


async def replay(caller: Caller, number: int) -> ParkedOut:
    """Have one tried again by whichever process delivers. Raises Refusal, AccessDenied."""
    ledger = caller.services.desk.ledger
    parked = await _one(caller, number)
    if parked.channel not in {one.name for one in caller.services.desk.channels}:
        raise Refusal(409, "NoChannel", f"nothing is sent to {parked.channel!r} by this server")
    ledger.ask_again(number)
    return _out(parked._replace(again=True))


async def drop(caller: Caller, number: int) -> None:
    """Forget one. Raises Refusal, AccessDenied."""
    await _one(caller, number)
    caller.services.desk.ledger.drop(number)


async def _one(caller: Caller, number: int) -> Parked:
    parked = caller.services.desk.ledger.parked_one(number)
    if parked is None:
        raise Refusal(404, "NoDelivery", f"nothing is parked as {number}")
    repo, branch = await _repo(caller, parked), parked.place.branch
    if repo is not None:
        await caller.access.demand_admin(repo, branch)
    elif not caller.access.granted_everywhere():
        raise Refusal(404, "NoDelivery", f"nothing is parked as {number}")
    return parked


async def _administers(caller: Caller, parked: Parked) -> bool:
    repo = await _repo(caller, parked)
    if repo is None:
        return caller.access.granted_everywhere()
    try:
        await caller.access.demand_admin(repo, parked.place.branch)
    except S3Error:
        return False
    return True


async def _repo(caller: Caller, parked: Parked) -> Repo | None:
    """The repo; None where it is gone, with the commit."""
    try:
        return await caller.store.repo(parked.place.repo)
    except NoRepo:
        return None


def _out(parked: Parked) -> ParkedOut:
    return ParkedOut(
        id=parked.id,
        channel=parked.channel,
        bucket=str(BucketName(parked.place.repo, parked.place.branch)),
        commit=parked.commit,
        tries=parked.tries,
        at=iso(parked.at_ms),
        why=parked.why,
        again=parked.again,
    )

"""Where values lie: in memory, on this disk, in object storage; the rules that move them, and a way to apply them now."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from lineshaft.core import Conflict, Forbidden
from lineshaft.doors.rest.frame.asking import House, Reader, Sender
from lineshaft.doors.rest.frame.shape import MaybeMoment, Shape, moment
from lineshaft.guard import Sight, Subject
from lineshaft.store import Holding, Store

router = APIRouter(prefix="/tiers", tags=["store"])
Bytes = Annotated[int, Field(examples=[1_540_000_000])]
Count = Annotated[int, Field(examples=[31])]


class TierHolding(Shape):
    """What one table has in one tier; `cached` bytes of object storage are on this disk as well."""

    table: Annotated[str, Field(examples=["samples"])]
    tier: Annotated[str, Field(examples=["object"], description="hot (memory and journal), local (this disk) or object")]
    files: Count
    size: Bytes
    rows: Annotated[int, Field(examples=[432_000_000])]
    oldest: MaybeMoment
    newest: MaybeMoment
    last_read: MaybeMoment
    cached: Bytes


class TierRule(Shape):
    """A rule, and what it would send to object storage now."""

    table: Annotated[str, Field(examples=["samples"])]
    older: Annotated[str, Field(examples=["90d"])]
    unread: Annotated[str, Field(examples=["30d"])]
    due_files: Count
    due_size: Bytes


class TierList(Shape):
    """Every table in every tier, and the rules. `bucket` is null where everything stays on this disk."""

    bucket: Annotated[str | None, Field(examples=["https://s3.plant.example:9000/plant-archive"])]
    cache_limit: Bytes
    cached: Bytes
    items: list[TierHolding]
    rules: list[TierRule]


class TierRun(Shape):
    """Whether a pass over the rules began (one runs at a time), and how much was due."""

    started: Annotated[bool, Field(examples=[True])]
    due_files: Count
    due_size: Bytes


@router.get("")
def tiers(rooms: House, subject: Reader) -> TierList:
    """Say what lies where, how old it is and when it was last read."""
    _whole(subject)
    store: Store = rooms.store
    held = [one for one in store.tiers() if subject.sight(one.table) is not Sight.HIDDEN]
    settings, due = store.tier.settings, store.tier.due()
    rules = [
        {
            "table": rule.table,
            "older": rule.older,
            "unread": rule.unread,
            **_sum([one.file.size for one in due if one.rule is rule]),
        }
        for rule in settings.rules
    ]
    return TierList.model_validate(
        {
            "bucket": settings.where if settings.bucket else None,
            "cache_limit": store.tier.cache.limit,
            "cached": sum(store.tier.cache.cached().values()),
            "items": [_holding(one) for one in held],
            "rules": rules,
        }
    )


@router.post("/run")
def run(sender: Sender) -> TierRun:
    """Apply the rules now, in the background; trouble becomes a system event."""
    tier = sender.rooms.store.tier

    def begin() -> dict[str, Any]:
        if not tier.settings.bucket:
            raise Conflict("no bucket is set: everything stays on this disk", hint="set [tiers] bucket in settings.toml")
        due = [one.file.size for one in tier.due()]
        return {"started": tier.start(), **_sum(due)}

    return TierRun.model_validate(sender.do_outside("tiers.run", "tiers", {}, begin))


def _sum(sizes: list[int]) -> dict[str, int]:
    return {"due_files": len(sizes), "due_size": sum(sizes)}


def _holding(one: Holding) -> dict[str, Any]:
    plain = {name: getattr(one, name) for name in ("table", "tier", "files", "size", "rows", "cached")}
    return plain | {name: moment(getattr(one, name)) for name in ("oldest", "newest", "last_read")}


def _whole(subject: Subject) -> None:
    if subject.scope:
        what = f"{subject.display or subject.name} may not read where the whole plant's values lie"
        raise Forbidden(what, hint="sizes are of the whole node: ask somebody without an asset scope", code="gate.forbidden")

"""Taking what files and feeds bring into the books: each entry by itself, a wrong one told with its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError, StatementError

from lineshaft.core import LineshaftError, NotFound, Problem
from lineshaft.production.feed import BOOKS, FeedDraft

Take = Callable[[Connection, Any], bool]
_CALLED = {"products": "product", "orders": "order", "lots": "lot", "quality": "check", "running": "order"}


@dataclass
class Loaded:
    """What a folder or a feed brought, what is wrong in it, and what names something that is not known (yet)."""

    taken: list[str] = field(default_factory=list[str])
    problems: list[Problem] = field(default_factory=list[Problem])
    waiting: list[tuple[str, str, Any]] = field(default_factory=list[tuple[str, str, Any]])

    def __bool__(self) -> bool:
        """Say whether anything is new."""
        return bool(self.taken)


def take(tx: Connection, draft: FeedDraft, result: Loaded, books: Mapping[str, Take]) -> None:
    """Enter a draft's entries, in the order in which one needs the other."""
    result.problems += draft.problems
    for book in BOOKS:
        for where, entry in getattr(draft, book):
            try:
                with tx.begin_nested():  # what is wrong with an entry leaves nothing of it, and stops no other
                    new = books[book](tx, entry)
                if new:
                    result.taken.append(f"{_CALLED[book]} {getattr(entry, _CALLED[book])}")
            except NotFound as error:
                result.waiting.append((book, where, entry))
                result.problems.append(Problem(where, error.what, error.hint))
            except LineshaftError as error:
                result.problems.append(Problem(where, error.what, error.hint))
            except OperationalError:
                raise  # the database itself: nothing is wrong with the entry
            except (StatementError, ArithmeticError, ValueError) as error:  # a text or number the database cannot keep
                said = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
                result.problems.append(Problem(where, f"it cannot be kept: {said}"))

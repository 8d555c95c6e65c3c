"""Settings of webhooks: who is told of what, and where the secret that signs it is."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, cast

from pydantic import Field, model_validator

from lineshaft.core import Duration, Section
from lineshaft.maintain.caller import Web

Kind = Literal["order", "case", "alarm", "finding", "purchase"]
KINDS: tuple[Kind, ...] = ("order", "case", "alarm", "finding", "purchase")


class WebhookEntry(Web):
    """One `[[webhooks]]` table: an address that is told what happens."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$", description="Name of the receiver; deliveries are kept by it."
    )
    secret_env: str = Field(description="Environment variable with the secret that signs every message.")
    events: tuple[Kind, ...] = Field(KINDS, description="What it is told of.")
    asset: str = Field("", description="Only of this asset and those below it; empty is the whole plant.")
    give_up: Duration = Field("3d", description="After so long without an answer a message rests until somebody replays it.")


class WebhooksSettings(Section):
    """Who is told of orders, cases, alarms, findings and purchases: one [[webhooks]] table each."""

    sample_text: ClassVar[str] = """\
# [[webhooks]]
# name = "shift board"
# url = "https://board.example/hooks/lineshaft"
## Name of the environment variable with the secret that signs every message.
# secret_env = "BOARD_SECRET"
# events = ["order", "alarm"]
# asset = "Bakery/Line 1\""""
    entries: tuple[WebhookEntry, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _array_of_tables(cls, value: Any) -> Any:
        return {"entries": cast("object", value)} if isinstance(value, list) else value

    @model_validator(mode="after")
    def _names_differ(self) -> WebhooksSettings:
        names = [entry.name for entry in self.entries]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two webhooks are called '{twice[0]}': deliveries are kept by name")
        return self

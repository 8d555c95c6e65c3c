"""Settings of notifications: the channels of this node; the secrets in them come from the environment."""

from __future__ import annotations

from pydantic import Field, model_validator

from lineshaft.core import Duration, Section


class Channel(Section):
    """One `[[act.channels]]` table: a way messages leave this node, as an Apprise address."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$", description="Name of the channel; people choose by it.")
    url: str = Field(
        default="",
        description="Apprise address without secrets: mailto://mail.example:25?from=line@example.com&to={address}, ntfys://..., json://...",
    )
    url_env: str = Field(default="", description="Instead of `url`: the environment variable that holds it, if it has a secret.")
    give_up: Duration = Field(
        default="12h", description="After so long without success a message is dead until somebody repeats it."
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Channel:
        if bool(self.url) == bool(self.url_env):
            raise ValueError("a channel has either `url` or `url_env`")
        return self

"""Settings of the MCP door: whether it is open, and which identity provider's tokens it takes beside our own."""

from __future__ import annotations

from pydantic import Field, model_validator

from lineshaft.core import Section


class McpSettings(Section):
    """The MCP door at /mcp, for registered agents of other programs."""

    enabled: bool = Field(default=True, description="Whether /mcp answers at all; nobody but registered agents may use it.")
    issuer: str = Field(default="", description="OAuth: the identity provider whose tokens are taken, as in their `iss`.")
    audience: str = Field(
        default="", description="OAuth: what a token must be for (`aud`), for example https://plant.example/mcp."
    )
    keys: str = Field(default="", description="OAuth: where the provider's public keys (JWKS) are: an address or a file.")
    claim: str = Field(default="azp", description="OAuth: the claim that names the client, which must be a registered agent.")

    @model_validator(mode="after")
    def _all_or_nothing(self) -> McpSettings:
        if any((self.issuer, self.audience, self.keys)) and not all((self.issuer, self.audience, self.keys)):
            raise ValueError("OAuth needs issuer, audience and keys together")
        return self

"""Tokens of an identity provider (OAuth 2, JWT): signature, issuer, audience and time are checked, then the register decides."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import jwt

from lineshaft.core import NotAuthenticated
from lineshaft.doors.mcp.settings import McpSettings

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
"""Asymmetric ones only: with a shared secret, or none, anybody could write tokens."""


class Provider:
    """The identity provider of the plant."""

    def __init__(self, settings: McpSettings) -> None:
        self._settings = settings

    @cached_property
    def _keys(self) -> Any:
        where = self._settings.keys
        if where.startswith(("http://", "https://")):
            return jwt.PyJWKClient(where, cache_keys=True, lifespan=300, timeout=5)
        return jwt.PyJWKSet.from_dict(json.loads(Path(where).read_text(encoding="utf-8")))

    def client(self, token: str) -> str:
        """Return which client a token names. Raises NotAuthenticated for one that is not valid here and now."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key(token),
                algorithms=ALGORITHMS,
                issuer=self._settings.issuer,
                audience=self._settings.audience,
                options={"require": ["exp", "iss", "aud"]},
                leeway=10,
            )
        except (jwt.PyJWTError, OSError, ValueError) as error:
            hint = "get a fresh token from the identity provider"
            raise NotAuthenticated(f"this token is not valid: {type(error).__name__}", hint=hint, code="mcp.token") from None
        return str(claims.get(self._settings.claim) or "")

    def _key(self, token: str) -> Any:
        if isinstance(self._keys, jwt.PyJWKSet):
            wanted = jwt.get_unverified_header(token).get("kid")
            return next((key for key in self._keys.keys if key.key_id == wanted), self._keys.keys[0])
        return self._keys.get_signing_key_from_jwt(token)

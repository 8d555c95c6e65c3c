"""An S3-compatible store: objects that are put once, verified, read whole and deleted. Only this file knows the library.

A store that overwrites what was to be created only is refused: two nodes could destroy each other's files unseen.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lineshaft.core import ConfigError, Conflict, CredentialsError, LineshaftError, NotFound, Retryable
from lineshaft.store.tiers.settings import TiersSettings

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_PIECE = 8 << 20
_DOWN_S = 5.0


class Found(NamedTuple):
    """An object as the store tells it."""

    size: int
    etag: str


class Taken(Exception):
    """There is an object of that name already."""


class Digest(NamedTuple):
    """The content of a file: its length, its SHA-256, and the ETag a store gives it that uses MD5."""

    size: int
    sha256: str
    etag: str


def digest(path: Path) -> Digest:
    """Return what a file's content is known by."""
    whole, parts, size = hashlib.sha256(), list[bytes](), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            whole.update(piece)
            parts.append(hashlib.md5(piece, usedforsecurity=False).digest())
            size += len(piece)
    if len(parts) > 1:
        etag = f"{hashlib.md5(b''.join(parts), usedforsecurity=False).hexdigest()}-{len(parts)}"
    else:
        etag = (parts[0] if parts else hashlib.md5(b"", usedforsecurity=False).digest()).hex()
    return Digest(size, whole.hexdigest(), etag)


class Objects:
    """One bucket. After it did not answer, it is not asked for some seconds: questions fail at once instead of one by one."""

    def __init__(self, store: ObjectStore, where: str) -> None:
        self._store = store
        self.where = where
        self._lock = threading.Lock()
        self._down: tuple[float, Exception | None] = (0.0, None)

    @classmethod
    def of(cls, settings: TiersSettings) -> Objects:
        """Return the bucket of the settings; keys come from the environment. Raises ConfigError for what is missing."""
        try:
            from obstore.store import S3Store  # noqa: PLC0415 - an extra, only for those with a bucket
        except ImportError:
            hint = "pip install 'lineshaft[objects]'"
            raise ConfigError("object storage needs the extra `objects`", where="[tiers]", hint=hint) from None
        config: dict[str, Any] = {
            "access_key_id": _secret(settings.key_env),
            "secret_access_key": _secret(settings.secret_env),
            "region": settings.region,
            "disable_bulk_delete": True,  # not every store knows it
        }
        if settings.token_env:
            config["session_token"] = _secret(settings.token_env)
        if settings.endpoint:
            config["endpoint"] = settings.endpoint
        client: dict[str, Any] = {
            "allow_http": settings.endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=3),
            "timeout": timedelta(seconds=30),
        }
        if settings.ca_file:
            client["root_certificate"] = _certificate(settings.ca_file)
        retry: Any = {"max_retries": 2, "retry_timeout": timedelta(seconds=10)}
        return cls(S3Store(settings.bucket, client_options=client, retry_config=retry, **config), settings.where)  # type: ignore[arg-type]

    def put(self, key: str, path: Path) -> None:
        """Create an object from a file. Raises Taken if there is one of that name."""
        import obstore  # noqa: PLC0415

        if path.stat().st_size <= _PIECE:
            self.create(key, path.read_bytes())
            return
        if self.head(key) is not None:
            raise Taken(key)
        with self._asking(key):
            obstore.put(self._store, key, path, use_multipart=True, chunk_size=_PIECE, max_concurrency=2)

    def create(self, key: str, content: bytes) -> None:
        """Create a small object. Raises Taken if there is one of that name."""
        import obstore  # noqa: PLC0415

        with self._asking(key):
            obstore.put(self._store, key, content, mode="create", use_multipart=False)

    def head(self, key: str) -> Found | None:
        """Return size and ETag of an object, or None if there is none."""
        import obstore  # noqa: PLC0415

        try:
            with self._asking(key):
                meta = obstore.head(self._store, key)
        except NotFound:
            return None
        return Found(meta["size"], (meta["e_tag"] or "").strip('"'))

    def verify(self, key: str, content: Digest) -> None:
        """Raise Conflict unless an object has this content: by its ETag, or by reading it where the ETag is no MD5."""
        found = self.head(key)
        if found is not None and found.size == content.size:
            if found.etag == content.etag:
                return
            whole = hashlib.sha256()
            for piece in self.read(key, content.size):
                whole.update(piece)
            if whole.hexdigest() == content.sha256:
                return
        hint = "the file stays here; delete the object by hand if nothing else needs it"
        raise Conflict(f"the object {key} has another content than its file", where=self.where, hint=hint)

    def read(self, key: str, size: int | None = None) -> Iterator[bytes]:
        """Return an object's content in pieces, so that a slow line needs not bring a large one within one request's time.

        `size` is what it should be; a small one is asked for at once. Raises NotFound.
        """
        import obstore  # noqa: PLC0415

        if size is not None and size <= _PIECE:
            with self._asking(key):
                whole = bytes(obstore.get(self._store, key).bytes())
            yield whole
            return
        found = self.head(key)
        if found is None:
            raise self._gone(key)
        for start in range(0, found.size, _PIECE):
            with self._asking(key):
                piece = bytes(obstore.get_range(self._store, key, start=start, end=min(start + _PIECE, found.size)))
            yield piece

    def delete(self, key: str) -> None:
        """Delete an object; one that is not there is none."""
        import obstore  # noqa: PLC0415

        try:
            with self._asking(key):
                obstore.delete(self._store, key)
        except NotFound:
            return

    def check(self, prefix: str, home: str) -> None:
        """Make sure that the store may be used: it keeps its word on conditional puts, and the prefix is this home's."""
        self.probe(prefix)
        self._claim(f"{prefix}/lineshaft.json", home)

    def probe(self, prefix: str) -> None:
        """Make sure that the store keeps its word: what is to be created only is never overwritten.

        Raises ConfigError with the reason where it does not, Retryable where it does not answer.
        """
        probe = f"{prefix}/probe-{uuid.uuid4().hex}"
        try:
            self.create(probe, b"1")
        except NotFound:
            hint = "make it, or correct [tiers] bucket"
            raise ConfigError("this bucket is not there", where=self.where, hint=hint, code="tiers.no-bucket") from None
        try:
            self.create(probe, b"2")
        except Taken:
            pass
        else:
            raise ConfigError(
                "this object store overwrites an object that was to be created only (it ignores If-None-Match)",
                where=self.where,
                hint="two nodes could destroy each other's files unseen: use a store with conditional puts (AWS S3, Ceph, MinIO)",
                code="tiers.no-conditional-put",
            )
        finally:
            with suppress(LineshaftError):
                self.delete(probe)

    def _claim(self, key: str, home: str) -> None:
        try:
            self.create(key, json.dumps({"home": home}).encode())
        except Taken:
            owner = json.loads(b"".join(self.read(key)))["home"]
            if owner != home:
                raise ConfigError(
                    f"the prefix belongs to another home ({owner})",
                    where=f"{self.where}/{key}",
                    hint="give this home another [tiers] prefix",
                    code="tiers.other-home",
                ) from None

    @contextmanager
    def _asking(self, key: str) -> Generator[None]:
        """Tell what goes wrong as errors of the house."""
        from obstore import exceptions as told  # noqa: PLC0415

        until, error = self._down
        if error is not None and time.monotonic() < until:
            raise self._silent(error)
        try:
            yield
        except (told.AlreadyExistsError, told.PreconditionError):
            raise Taken(key) from None
        except FileNotFoundError:
            raise self._gone(key) from None
        except (told.UnauthenticatedError, told.PermissionDeniedError) as problem:
            hint = "check the keys in the environment ([tiers] key_env, secret_env) and the bucket's policy"
            raise CredentialsError(f"object storage refuses us: {_first(problem)}", where=self.where, hint=hint) from None
        except (told.BaseError, OSError) as problem:
            with self._lock:
                self._down = (time.monotonic() + _DOWN_S, problem)
            raise self._silent(problem) from None

    def _gone(self, key: str) -> NotFound:
        hint = "look whether bucket and object exist; bring an object back from the bucket's own versions or backup"
        return NotFound(f"object storage does not have {key}", where=self.where, hint=hint, code="tiers.gone")

    def _silent(self, problem: Exception) -> Retryable:
        hint = "check network and store; what lies in memory and on this disk answers as before"
        return Retryable(
            f"object storage does not answer: {_first(problem)}", where=self.where, hint=hint, code="tiers.unreachable"
        )


def _first(problem: Exception) -> str:
    """Return what the library says without its account of tries, cut where it becomes a dump."""
    line = str(problem).strip().partition("\n")[0].partition("Debug source")[0]
    return line.removeprefix("Generic S3 error: ").rpartition("HTTP error: ")[2][:300].strip()


def _secret(name: str) -> str:
    found = os.environ.get(name, "")
    if not found:
        hint = f"set {name} in the service's environment, or name another variable in [tiers]"
        raise ConfigError(f"the environment variable {name} is not set", where="[tiers]", hint=hint, code="tiers.no-keys")
    return found


def _certificate(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"the certificate cannot be read: {error}", where="[tiers] ca_file") from None

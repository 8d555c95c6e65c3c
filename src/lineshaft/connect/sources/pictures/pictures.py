"""The pictures source: takes in what is new in a folder or was sent to it, has it judged, and hands picture and result over.

Class and score are values of the tags `class` and `score`, `picture` is its SHA-256; the picture goes to HOME/inbox/images with
what is known of it beside: a plant's album takes it from there, an edge node sends it on.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from lineshaft.connect.classifier import Classifier, Judgement
from lineshaft.connect.collect import Collector
from lineshaft.connect.places import Places, home
from lineshaft.connect.source import Outlet, Source, SourceState, SourceStatus
from lineshaft.connect.sources.pictures.options import PicturesOptions
from lineshaft.core import ConfigError, InvalidInput, Quality, Retryable, iso, parse_time, write_whole

LARGEST, MOST_SHOWN, MODEL_AGAIN = 32 << 20, 50, 15.0


class PicturesSource:
    """Watches one folder."""

    Options: ClassVar[type[PicturesOptions]] = PicturesOptions

    def __init__(self, name: str, options: PicturesOptions, *, keeps: bool = True) -> None:
        self.name, self.options = name, options
        self._keeps = keeps
        self._folder = home() / options.folder
        self._places = Places(name, None)
        self._rows = Collector()
        self._bad: dict[str, str] = {}
        self._judged = 0
        self._classifier: Classifier | None = None
        if options.model is not None and options.model.content:
            try:
                self._classifier = options.model.load(home())  # so that a plant refuses what its edge could not use
            except InvalidInput as error:
                raise ConfigError(error.what, where=f"[[sources]] '{name}' model", hint=error.hint) from error

    def rehearsal(self) -> Source:
        """Return a source that judges the same and keeps nothing."""
        return PicturesSource(self.name, self.options, keeps=False)

    @property
    def judge(self) -> str:
        """What people call the model that judges; empty: none does."""
        return self.options.model.name if self.options.model is not None else ""

    def give(self, content: bytes, suffix: str, said: Mapping[str, str]) -> str:
        """Put a picture into the folder, what is said of it beside; the same one of the same time is there once."""
        name = f"{hashlib.sha256(content).hexdigest()[:16]}-{parse_time(said['time'])}{suffix}"
        path = self._folder / name
        if not any(path.match(glob) for glob in self.options.files):
            hint = f"it takes {', '.join(self.options.files)}"
            raise InvalidInput(f"the source '{self.name}' takes no {suffix}", hint=hint, code="vision.suffix")
        try:
            if not path.exists():
                write_whole(path.with_name(f"{name}.json"), json.dumps(dict(said), ensure_ascii=False).encode())
                write_whole(path, content)
        except OSError as error:
            what = f"{self._folder} takes no picture: {error.strerror}"
            raise Retryable(what, where=f"source '{self.name}'", hint="is the folder there?", code="vision.folder") from error
        return name

    async def run(self, out: Outlet) -> None:
        """Watch until cancelled; pictures wait while the model cannot be used."""
        out.status(self._status(SourceState.CONNECTING, f"looking at {self._folder}"))
        self._places = await asyncio.to_thread(Places, self.name, home() / "places.db" if self._keeps else None)
        while self.options.model is not None and self._classifier is None:
            try:
                self._classifier = await asyncio.to_thread(self.options.model.load, home())
            except (InvalidInput, ConfigError) as error:
                out.status(self._status(SourceState.DOWN, f"{error}; pictures wait"))
                await asyncio.sleep(MODEL_AGAIN)
        while True:
            try:
                found = await asyncio.to_thread(self._fresh)
            except OSError as error:
                out.status(self._status(SourceState.DOWN, f"{self._folder} cannot be read: {error.strerror}"))
            else:
                for path, mark in found:
                    await self._take(out, path, mark)
                out.status(self._told())
            await asyncio.sleep(self.options.seconds("every"))

    def _fresh(self) -> list[tuple[Path, dict[str, int]]]:
        """Return whole pictures that are new or changed, oldest first. Raises OSError for a folder that is not there."""
        list(self._folder.iterdir())
        found: list[tuple[Path, dict[str, int]]] = []
        for path in {path for glob in self.options.files for path in self._folder.glob(glob)}:
            state = path.stat()
            mark = {"size": state.st_size, "at": state.st_mtime_ns}
            settled = not self._keeps or time.time() - state.st_mtime >= self.options.seconds("settle")
            if path.is_file() and settled and self._places.get(self._key(path)) != mark:
                found.append((path, mark))
        return sorted(found, key=lambda one: (one[1]["at"], one[0].name))

    def _key(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()

    async def _take(self, out: Outlet, path: Path, mark: dict[str, int]) -> None:
        """Take one picture in; one that cannot be read is told and counted, and stops no other."""
        key = self._key(path)
        await out.ready()
        try:
            content, said, ts = await asyncio.to_thread(_read, path, mark["at"])
            judged = await self._judge(out, key, content)
            said = self._known(path, said, ts, judged)
            digest = hashlib.sha256(content).hexdigest()
            if self._keeps and self.options.keep:
                await asyncio.to_thread(_hand_over, path, content, said, f"{digest[:16]}-{ts}")
            self._add(ts, digest, judged)
        except (InvalidInput, OSError, ValueError) as error:
            self._bad[key] = str(error)
            out.reject("picture", f"{key}: {error}")
        if (rows := self._rows.take()) is not None:
            out.emit(rows)
        await out.kept()
        await asyncio.to_thread(self._places.put, key, mark)

    async def _judge(self, out: Outlet, key: str, content: bytes) -> Judgement | None:
        """Return what the model sees; a picture it refuses is told, and taken in without a class."""
        if self._classifier is None:
            return None
        try:
            judged = await asyncio.to_thread(self._classifier.judge, content)
        except InvalidInput as error:
            if error.code == "vision.picture":
                raise
            self._bad[key] = str(error)
            out.reject("class", f"{key}: {error}")
            return None
        self._judged += 1
        return judged

    def _known(self, path: Path, said: dict[str, Any], ts: int, judged: Judgement | None) -> dict[str, Any]:
        """Return what is known of a picture; a model's word stands above that of the file beside it."""
        options = self.options
        known = {"asset": options.asset, "station": options.station, "name": path.name, **said, "time": iso(ts)}
        if options.keep and not known["asset"]:
            raise InvalidInput("nobody says what it is a picture of", hint="set `asset`, or keep = false", code="vision.asset")
        if judged is not None and self._classifier is not None:
            known |= {"result": judged.label[:50], "score": round(judged.score, 6), "model": self._classifier.called}
        return known

    def _add(self, ts: int, digest: str, judged: Judgement | None) -> None:
        self._rows.add("picture", ts, digest)
        if judged is not None:
            self._rows.add("class", ts, judged.label)
            self._rows.add("score", ts, judged.score)
        elif self._classifier is not None:
            for tag in ("class", "score"):
                self._rows.add(tag, ts, None, Quality.BAD)

    def _told(self) -> SourceStatus:
        text = f"{len(self._places.all())} pictures taken in from {self._folder}"
        if self._classifier is not None:
            text += f", {self._judged} judged by {self._classifier.called} since the start"
        if self._bad:
            return self._status(SourceState.DEGRADED, f"{text}; {len(self._bad)} cannot be read or judged")
        return self._status(SourceState.CONNECTED, text)

    def _status(self, state: SourceState, message: str) -> SourceStatus:
        shown = dict(list(self._bad.items())[-MOST_SHOWN:])
        speaks = state in (SourceState.CONNECTED, SourceState.DEGRADED)
        return SourceStatus(self.name, state, message, tags_ok=self._rows.known if speaks else 0, tags_bad=shown)


def _read(path: Path, at: int) -> tuple[bytes, dict[str, Any], int]:
    """Return a picture, what the file beside it says, and its time. Raises InvalidInput, OSError or ValueError."""
    if path.stat().st_size > LARGEST:
        raise InvalidInput(f"a picture has at most {LARGEST >> 20} MB", code="vision.large")
    beside = path.with_name(f"{path.name}.json")
    said: Any = json.loads(beside.read_text(encoding="utf-8")) if beside.exists() else {}
    if not isinstance(said, dict):
        raise InvalidInput("the file beside it is no JSON object", where=beside.name, code="vision.beside")
    words: dict[str, Any] = {name: said[name] for name in ("asset", "lot", "time", "station", "result") if said.get(name)}
    return path.read_bytes(), words, parse_time(str(words["time"]), where=beside.name) if "time" in words else at


def _hand_over(path: Path, content: bytes, said: dict[str, Any], name: str) -> None:
    """Put a picture where the album looks for new ones, what is known of it first."""
    inbox = home() / "inbox" / "images"
    inbox.mkdir(parents=True, exist_ok=True)
    name += path.suffix.lower()
    write_whole(inbox / f"{name}.json", json.dumps(said, ensure_ascii=False).encode())
    write_whole(inbox / name, content)

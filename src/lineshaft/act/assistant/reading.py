"""The text of a document, cut into passages that are short enough to read at a machine, each with its page or section.

This is the only file that knows pypdf. Whatever a document says is data: nothing here follows a link or runs anything.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser

LONGEST = 900
"""Characters of a passage, about."""
MOST_PAGES = 3000
_HEADING = re.compile(
    r"^(?:#{1,6}\s+(?P<hash>.+)|(?P<number>\d{1,2}(?:\.\d{1,2}){1,3}\.?|\d{1,2}(?!\.))\s+(?P<title>[A-ZÄÖÜ][^.!?]{2,80}))$"
)
"""`# Title`, `4.2 Title` and `4 Title`; `4. Do this` is a step."""
_BLANK = re.compile(r"[ \t\u00a0]+")
log = logging.getLogger("lineshaft.act")


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document and where it stands there: `page 7`, or the title of its section."""

    place: str
    text: str


def passages(name: str, mime: str, content: bytes) -> list[Passage]:
    """Return a document's passages; none of one that holds no text (a picture, a scan)."""
    kind = mime.partition(";")[0].strip().lower()
    if content.startswith(b"%PDF") or kind == "application/pdf":
        return list(_cut_pages(_pdf(content)))
    if kind == "text/html" or name.lower().endswith((".html", ".htm")):
        return list(_cut_sections(_html(content)))
    if kind.startswith("text/") or name.lower().endswith((".md", ".txt", ".csv")):
        return list(_cut_sections(content.decode("utf-8", "replace")))
    return []


def _pdf(content: bytes) -> Iterator[str]:
    """Yield the text of each page; a page that cannot be read is empty, and stops no other."""
    from pypdf import PdfReader  # noqa: PLC0415 - loaded with the first PDF
    from pypdf.errors import PyPdfError  # noqa: PLC0415

    logging.getLogger("pypdf").setLevel(logging.ERROR)
    try:
        reader = PdfReader(io.BytesIO(content))
        count = min(len(reader.pages), MOST_PAGES)
    except (PyPdfError, ValueError, KeyError, OSError) as error:
        log.warning("a PDF cannot be read: %s", error)
        return
    for number in range(count):
        try:
            yield reader.pages[number].extract_text() or ""
        except Exception as error:  # noqa: BLE001 - whatever a broken page does, the next one is read
            log.warning("page %s of a PDF cannot be read: %s", number + 1, error)
            yield ""


class _Text(HTMLParser):
    """Collects what a reader of an HTML page sees; headings become headings."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a line, or a heading."""
        del attrs
        self._hidden += tag in {"script", "style"}
        if tag in {"h1", "h2", "h3", "h4", "h5", "h6"}:
            self.parts.append("\n\n# ")
        elif tag in {"p", "div", "li", "tr", "br", "table", "ul", "ol"}:
            self.parts.append("\n- " if tag == "li" else "\n")

    def handle_endtag(self, tag: str) -> None:
        """End a line."""
        self._hidden -= tag in {"script", "style"}
        if tag in {"h1", "h2", "h3", "h4", "h5", "h6", "p", "tr"}:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        """Take what is shown."""
        if self._hidden <= 0:
            self.parts.append(data)


def _html(content: bytes) -> str:
    parser = _Text()
    parser.feed(content.decode("utf-8", "replace"))
    return "".join(parser.parts)


def _cut_pages(pages: Iterable[str]) -> Iterator[Passage]:
    for number, text in enumerate(pages, 1):
        for piece in _cut(text):
            yield Passage(f"page {number}", piece)


def _cut_sections(text: str) -> Iterator[Passage]:
    title, lines = "", list[str]()
    for line in text.splitlines():
        found = _HEADING.match(line.strip())
        if found is None:
            lines.append(line)
            continue
        for piece in _cut("\n".join(lines)):
            yield Passage(title, piece)
        number = found["number"] or ""
        title, lines = (found["hash"] or f"{number} {found['title']}").strip()[:120], []
    for piece in _cut("\n".join(lines)):
        yield Passage(title, piece)


def _cut(text: str) -> Iterator[str]:
    """Cut a text between lines, so that no piece is much longer than a person reads at once."""
    piece = ""
    for raw in text.splitlines():
        line = _BLANK.sub(" ", raw).strip()
        if not line:
            continue
        while len(line) > LONGEST:
            at = line.rfind(" ", 0, LONGEST)
            at = at if at > 0 else LONGEST
            yield f"{piece}\n{line[:at]}".strip()
            piece, line = "", line[at:].strip()
        if len(piece) + len(line) > LONGEST:
            yield piece.strip()
            piece = ""
        piece += "\n" + line
    if len(piece.strip()) > 2:
        yield piece.strip()

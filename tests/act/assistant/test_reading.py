"""Documents cut into passages, each with its place."""

from __future__ import annotations

import pytest

from lineshaft.act.assistant.reading import LONGEST, passages


def pdf(*pages: str) -> bytes:
    """Return a small PDF of our own making, one text a page."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", ""]
    kids = []
    for text in pages:
        lines = "".join(f"({line}) Tj T* " for line in text.split("\n"))
        stream = f"BT /F1 11 Tf 14 TL 50 780 Td {lines}ET"
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {len(objects)} 0 R "
            "/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer << /Size {len(objects) + 1} /Root 1 0 R >>\n"
    return out + f"{end}startxref\n{len(out)}\n%%EOF".encode()


def test_a_pdf_page_by_page():
    found = passages("manual.pdf", "application/pdf", pdf("Coolant pump", "Replace the bearing\nwhen it hums", ""))
    assert [(one.place, one.text) for one in found] == [
        ("page 1", "Coolant pump"),
        ("page 2", "Replace the bearing\nwhen it hums"),
    ]


def test_a_text_by_its_headings():
    text = "Preface\n\n# Safety\nLock it out.\n\n4.2 Bearings\n1. Draw the bearing\n2. Push the new one home\n"
    found = passages("manual.md", "text/markdown", text.encode())
    assert [one.place for one in found] == ["", "Safety", "4.2 Bearings"]
    assert found[2].text == "1. Draw the bearing\n2. Push the new one home"


def test_html_as_it_is_read_and_no_script_of_it():
    page = b"<html><script>alert(1)</script><h2>Cleaning</h2><p>Use water.</p><ul><li>cold</li></ul></html>"
    assert [(one.place, one.text) for one in passages("x.html", "text/html", page)] == [("Cleaning", "Use water.\n- cold")]


def test_long_texts_are_cut_between_words():
    found = passages("x.txt", "text/plain", ("word " * 2000).encode())
    assert all(len(one.text) <= LONGEST for one in found)
    assert sum(one.text.count("word") for one in found) == 2000


@pytest.mark.parametrize(
    ("name", "mime", "content"),
    [
        ("photo.png", "image/png", b"\x89PNG"),
        ("broken.pdf", "application/pdf", b"%PDF-1.4 and nothing"),
        ("cut.pdf", "application/pdf", pdf("text")[:300]),
        ("empty.txt", "text/plain", b""),
        ("x.bin", "application/octet-stream", b"\x00" * 100),
    ],
)
def test_what_holds_no_text_has_no_passages(name, mime, content):
    assert passages(name, mime, content) == []

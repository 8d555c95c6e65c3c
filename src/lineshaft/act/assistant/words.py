"""The words of a question: without those that say nothing, and in both languages of the shop floor where they differ."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"[\w°]+(?:-[\w]+)*", re.UNICODE)
_NOTHING = (
    "a an and are as at be by can do does for from have how i if in is it its me my no not of on or our should so "
    "that the there they this to too very was we what when where which who why will with you aber als am an auch "
    "auf aus bei beim das dass dem den der des die doch ein eine einem einen einer er es für hat habe ich ihr im in "
    "ist ja kann kein keine man mehr mein mit muss nach nicht noch nun oder sehr sich sie sind so soll und uns vom "
    "von vor warum was wenn wer wie wieder wird wo zu zum zur über"
)
_EMPTY = frozenset(_NOTHING.split())
_PAIRS = (
    ("lager", "bearing"), ("schwingung", "vibration"), ("vibriert", "vibration"), ("vibrieren", "vibration"),
    ("pumpe", "pump"), ("undicht", "leak"), ("leckt", "leak"), ("tropft", "leak"), ("dichtung", "seal"),
    ("heiß", "hot"), ("heiss", "hot"), ("warm", "temperature"), ("temperatur", "temperature"),
    ("laut", "noise"), ("geräusch", "noise"), ("kupplung", "coupling"), ("kühlmittel", "coolant"),
    ("kühlung", "cooling"), ("ofen", "oven"), ("motor", "motor"), ("strom", "current"), ("durchfluss", "flow"),
    ("druck", "pressure"), ("ventil", "valve"), ("filter", "filter"), ("riemen", "belt"), ("öl", "oil"),
    ("schmieren", "grease"), ("fett", "grease"), ("anlauf", "start"), ("startet", "start"), ("steht", "stop"),
    ("störung", "fault"), ("fehler", "fault"), ("tauschen", "replace"), ("wechseln", "replace"),
    ("prüfen", "check"), ("reinigen", "clean"), ("ausrichten", "align"), ("ausrichtung", "alignment"),
    ("welle", "shaft"), ("mischer", "mixer"), ("sperren", "lockout"),
    ("wechseln", "change"), ("tauschen", "change"), ("heiß", "heat"), ("einbau", "mount"), ("ausbau", "remove"),
)  # fmt: skip
_OTHER: dict[str, set[str]] = {}
for _german, _english in _PAIRS:
    _OTHER.setdefault(_german, set()).add(_english)
    _OTHER.setdefault(_english, set()).add(_german)


def words(question: str) -> list[str]:
    """Return the words to look for, in the order they were said, each once.

    >>> words("Why does the pump vibrate?")
    ['pump', 'vibrate', 'pumpe']
    """
    said = [word.lower() for word in _WORD.findall(unicodedata.normalize("NFC", question[:500]))]
    kept = [word for word in said if word not in _EMPTY and len(word) > 1]
    other = [pair for word in kept for pair in sorted(_OTHER.get(word, ()))]
    return list(dict.fromkeys([*kept, *other]))[:30]

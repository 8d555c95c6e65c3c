"""The command line: `lineshaft demo | up | simulate | doctor ...`."""

from __future__ import annotations


def main() -> None:
    """Run the command a person typed."""

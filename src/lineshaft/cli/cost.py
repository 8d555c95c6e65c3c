"""`lineshaft cost`: what storage costs now and in the months to come, also while the node runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from lineshaft.app import open_database
from lineshaft.cli.home import existing, home_option
from lineshaft.core import ConfigError
from lineshaft.store import Costs, Scale, cost_told, rules_of, size_told

MONTHS = {30: "1 month", 90: "3 months", 360: "12 months"}


@click.command()
@home_option
@click.option("--json", "as_json", is_flag=True, help="The whole estimate as JSON, for a program.")
def cost(home: Path, *, as_json: bool) -> None:
    """Estimate what storage costs per tier and table, now and in 1, 3 and 12 months.

    Growth is measured from what came in the last days; where nothing was measured there is no value. Values that are still
    in the node's memory are not seen from here. Prices and budget: [cost] in settings.toml, or the Cost page.
    """
    if not (existing(home) / "journal.db").exists():
        raise ConfigError("nothing was stored here yet", where=str(home / "journal.db"), hint="start the node first")
    db, settings = open_database(home)
    try:
        costs = Costs(Scale.outside(home), db, settings.cost, settings.store.keep_removed_ns)
        costs.rules = lambda: rules_of(settings.tiers)
        found = costs.prognosis()
    finally:
        db.close()
    told = cost_told(found)
    click.echo(json.dumps(told) if as_json else "\n".join([*_tables(told), "", *_tiers(told), "", *_words(told)]))


def _tables(told: dict[str, Any]) -> list[str]:
    """Return a line for each table in each tier, the largest first."""
    head = ("table", "tier", "rows", "now", "a day", "1 month", "3 months", "12 months", "a month now")
    rows = [
        (
            *(line["table"], line["tier"], "" if line["rows"] is None else f"{line['rows']:,}", _size(line["now"])),
            *(_size(line[name]) for name in ("per_day", "months_1", "months_3", "months_12")),
            _money(line["money"], told),
        )
        for line in told["lines"]
    ]
    return _grid([head, *rows], left=2)


def _tiers(told: dict[str, Any]) -> list[str]:
    """Return the sizes of the tiers and the money of a month, now and later."""
    head = ("", *told["sizes"], "a month")
    rows = [("now", *(_size(size) for size in told["sizes"].values()), _money(told["money"], told))]
    for month in told["months"]:
        if month["days"] in MONTHS:
            sizes = (_size(size) for size in month["sizes"].values())
            rows.append((f"in {MONTHS[month['days']]}", *sizes, _money(month["money"], told)))
    prices = (f"{told['terms']['prices'][tier]:g}" for tier in told["sizes"])
    return _grid([head, *rows, (f"{told['terms']['currency']} a GB", *prices, "")], left=1)


def _words(told: dict[str, Any]) -> list[str]:
    """Return what was measured, what rules would change, and how the budget stands."""
    pace = told["pace"]
    if pace["rows_per_s"] is None:
        said = ["How it grows is not known yet: it takes ten minutes of values in the lake."]
    else:
        each = f"{pace['bytes_per_row']:.2f} bytes each" if pace["bytes_per_row"] else "nothing of them in the lake yet"
        said = [f"Measured over {pace['measured_s'] / 3600:.1f} h: {pace['rows_per_s']:,.2f} values a second, {each}."]
    if told["unmeasured"] and told["months"]:
        said.append(f"Not measured yet, so taken as they are: {', '.join(told['unmeasured'])}.")
    for one in told["what_if"]:
        text = f"With values older than {one['older_than_days']} days in object storage a month would cost"
        said.append(f"{text} {_money(one['money'], told)} in 12 months.")
    for one in told["budget"]:
        unit = told["terms"]["currency"] if one["what"] == "money" else "GB"
        text = f"Budget {one['what']}: {one['used']:.3g} of {one['limit']:g} {unit}"
        when = one["exceeded_in_days"]
        kept = "not within two years, as far as is known" if when is None else f"on {str(one['exceeded_at'])[:10]}"
        said.append(f"{text}; {'it is exceeded' if when == 0 else f'exceeded {kept}'}.")
    return said


def _size(size: float | None) -> str:
    """Return bytes as people read them; a question mark for what was not measured."""
    return "?" if size is None else size_told(size)


def _money(amount: float, told: dict[str, Any]) -> str:
    return f"{amount:,.4f} {told['terms']['currency']}" if amount < 1 else f"{amount:,.2f} {told['terms']['currency']}"


def _grid(rows: Sequence[Sequence[str]], left: int) -> list[str]:
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(wide) if n < left else cell.rjust(wide) for n, (cell, wide) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]

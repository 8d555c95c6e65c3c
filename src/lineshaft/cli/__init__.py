"""The command line: `lineshaft demo | up | simulate | doctor ...`; a command's module is imported when it is typed."""

from __future__ import annotations

import importlib
import logging
import sys

import click

from lineshaft import __version__
from lineshaft.core import LineshaftError

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("lineshaft.cli.demo:demo", "Show a small bakery line alive, from its signals to a work order."),
    "up": ("lineshaft.cli.up:up", "Run a node for real use."),
    "edge": ("lineshaft.cli.edge:edge", "Run an edge node: sources here, values to a plant elsewhere."),
    "edges": ("lineshaft.cli.edges:edges", "Invite, list, configure and shut out the edge nodes of a plant."),
    "devices": ("lineshaft.cli.access:devices", "Let devices publish to this node by MQTT, each with its own secret."),
    "trust": ("lineshaft.cli.access:trust", "Trust the certificates of OPC UA servers, after comparing them."),
    "executor": ("lineshaft.cli.executor:executor", "Move cases beside a node, on its PostgreSQL database."),
    "simulate": ("lineshaft.connect.cli:simulate", "Be a machine: the bakery line, or a recorded table replayed."),
    "discover": ("lineshaft.cli.discover:discover", "Find OT systems in allowed networks; make sources and models of them."),
    "compare": ("lineshaft.cli.discover:compare", "Compare two sources that run in parallel: an old way to a machine and a new."),
    "doctor": ("lineshaft.cli.doctor:doctor", "Check an installation and say what to mend."),
    "process": ("lineshaft.cli.process:process", "Check process definitions before they are used."),
    "rooms": ("lineshaft.cli.rooms:rooms", "Print the rooms and the wiring between them."),
    "sample": ("lineshaft.cli.sample:sample", "Print a sample to start from: the settings, a model, a process."),
    "import": ("lineshaft.cli.exchange:import_", "Load a folder of YAML (models, assets, ...), or files of values."),
    "imports": ("lineshaft.cli.imports:imports", "List and cancel imports of a running node."),
    "export": ("lineshaft.cli.exchange:export", "Write models and assets as a folder of YAML."),
    "sql": ("lineshaft.cli.sql:sql", "Ask a running node one question in SQL."),
    "etl": ("lineshaft.cli.etl:etl", "List, run and look back on the jobs that write tables of the lake."),
    "anomaly": ("lineshaft.cli.anomaly:anomaly", "Models of machines: plan, train, use; labels and scores as files."),
    "life": ("lineshaft.cli.life:life", "How long machines will last; train a fleet."),
    "model": ("lineshaft.cli.model:model", "Own models: register, stage, predict, MLflow in and out."),
    "import-history": ("lineshaft.cli.history:import_history", "Take in files of an older historian: Parquet or CSV."),
    "export-history": ("lineshaft.cli.history:export_history", "Write values of properties to a Parquet or CSV file."),
    "cost": ("lineshaft.cli.cost:cost", "Estimate what storage costs, now and in a year."),
    "retention": ("lineshaft.cli.retention:retention", "Say what the node would forget by its settings."),
    "lake": ("lineshaft.cli.lake:lake", "Print the lake's files, for pyspark, DuckDB and others."),
    "token": ("lineshaft.cli.people:token", "Create, list and disable API tokens."),
    "user": ("lineshaft.cli.people:user", "Create, list and disable named users."),
    "condition": ("lineshaft.cli.condition:condition", "Sensor positions: list them, and take raw vibration records in."),
    "agents": ("lineshaft.cli.agents:agents", "List agents, and the switch that stops one or all."),
    "audit": ("lineshaft.cli.people:audit", "Read and verify the audit chain."),
}


class LazyGroup(click.Group):
    """A group that imports a command only when it is run, so that `--help` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order a newcomer meets them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name][0]} is not a command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Print the one-line helps without importing anything."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup)
@click.version_option(__version__, prog_name="lineshaft")
def root() -> None:
    """Lineshaft: from a machine's signal to a wrench in a hand, on one box."""


def main() -> None:
    """Run the command a person typed; a LineshaftError is told in plain words, without a traceback."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        root()
    except LineshaftError as error:
        where = f"\n  where: {error.where}" if error.where else ""
        hint = f"\n  mend:  {error.hint}" if error.hint else ""
        click.echo(f"lineshaft: {error.what}{where}{hint}", err=True)
        sys.exit(2)

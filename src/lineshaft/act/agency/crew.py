"""The crew: threads in which agents work, one run each, and the way every run ends - as a proposal, or with a person.

A run that was cut off (kill -9, restart) is done anew from its journal: what the model answered and what the tools did is not
asked or done again. Whatever goes wrong - no model, no answer in time, an answer that fits no form, a budget used up, the
switch - ends the run with its reason, and the task falls to a person.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from sqlalchemy.engine import Connection

from lineshaft.act.agency.agency import Agency
from lineshaft.act.agency.asker import asker
from lineshaft.act.agency.budget import Amount
from lineshaft.act.agency.runs import MOST_ATTEMPTS, Runs
from lineshaft.act.agency.settings import AgentsSettings, Endpoint
from lineshaft.act.agency.toolbox import Tool, Use
from lineshaft.act.agency.trade import Trade, fenced
from lineshaft.core import Database, LineshaftError, NotFound, parse_duration
from lineshaft.guard import Subject

log = logging.getLogger("lineshaft.act")
Run = Mapping[str, Any]
LOOK_EVERY = 1.0
"""Seconds after which the switch is looked at while an agent works."""
BYTES_A_TOKEN = 3
"""A guess on the safe side of how long a token is, for what is set aside before a question."""


class Ends(Protocol):
    """What becomes of a run's end."""

    def proposes(self, run: Run, trade: Trade, agent: Subject, reply: Mapping[str, Any]) -> None:
        """Take an agent's answer."""
        ...

    def falls(self, run: Run, why: str) -> None:
        """Give the task to a person."""
        ...


OpenModel = Callable[[Endpoint, str], Any]


def open_endpoint(endpoint: Endpoint, name: str) -> Any:
    """Return the model behind an endpoint. Raises NotFound when the extra is not installed."""
    try:
        model = importlib.import_module("lineshaft.act.agency.model")
    except ImportError as error:
        raise NotFound(f"no agent can work here: {error}", hint="install lineshaft[agents]", code="agent.extra") from None
    return model.open_model(endpoint.url, name, os.environ.get(endpoint.key_env, "") if endpoint.key_env else "")


class Crew:
    """Agents at work."""

    def __init__(
        self,
        db: Database,
        agency: Agency,
        runs: Runs,
        settings: AgentsSettings,
        trades: Mapping[str, Trade],
        tools: Mapping[str, Tool],
        ends: Ends,
    ) -> None:
        self._db, self._agency, self._runs, self._settings = db, agency, runs, settings
        self._trades, self._tools, self._ends = trades, tools, ends
        self.open_model: OpenModel = open_endpoint
        self._change = threading.Condition()
        self._stopping, self._look, self._busy = False, False, 0
        self._threads: list[threading.Thread] = []
        self._at_work: dict[str, tuple[str, Callable[[], None]]] = {}

    # -- running

    def start(self) -> None:
        """Begin; what this node was at when it died is taken up again."""
        self._runs.take_back()
        self._stopping, self._look = False, True
        self._threads = [
            threading.Thread(target=self._work, name=f"agent-{number}", daemon=True) for number in range(self._settings.threads)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """End; work under way is cut off, and taken up at the next start."""
        with self._change:
            self._stopping = True
            self._change.notify_all()
            cuts = [cut for _, cut in self._at_work.values()]
        for cut in cuts:
            cut()
        for thread in self._threads:
            thread.join(timeout)
        self._threads = []

    def wake(self) -> None:
        """There may be work."""
        with self._change:
            self._look = True
            self._change.notify_all()

    def take_over(self, holder: str) -> None:
        """Do what another executor was at when it died."""
        self._runs.take_back(holder)
        self.wake()

    def settle(self, timeout: float) -> bool:
        """Wait until no agent has work; true at once while they do not run."""
        with self._change:
            return not self._threads or self._change.wait_for(lambda: not self._busy and not self._look, timeout)

    def cut(self, name: str) -> None:
        """Cut off what an agent (or `*`) is doing now."""
        with self._change:
            cuts = [cut for agent, cut in self._at_work.values() if name in {"*", agent}]
        for cut in cuts:
            cut()

    def _work(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._look or self._stopping)
                if self._stopping:
                    return
                self._look, self._busy = False, self._busy + 1
            try:
                while not self._stopping and (run := self._runs.claim()) is not None:
                    self.wake()  # another thread may take the next one
                    self._one(run)
            except Exception:  # the thread must live: the next piece of work wakes it again
                log.exception("agents")
            finally:
                with self._change:
                    self._busy -= 1
                    self._change.notify_all()

    def _one(self, run: Run) -> None:
        try:
            trade, agent, reply = self.think(run)
            self._ends.proposes(run, trade, agent, reply)
        except LineshaftError as error:
            self._falls(run, f"{error.what}{f' ({error.hint})' if error.hint else ''}")
        except asyncio.CancelledError:
            if not self._stopping:
                self._falls(run, "it was stopped while it worked")
        except TimeoutError:
            self._falls(run, f"no answer came within {self._settings.within}")
        except Exception as error:  # noqa: BLE001 - whatever a model or its server does wrong, a person does the task
            log.warning("the agent %s: %s", run["agent"], error)
            self._falls(run, f"{type(error).__name__}: {error}")

    def _falls(self, run: Run, why: str) -> None:
        if not self._stopping or "stopped" in why:
            self._ends.falls(run, why[:1000])

    # -- one run

    def think(self, run: Run) -> tuple[Trade, Subject, dict[str, Any]]:
        """Have the agent of a run do its work; return its trade, who it is, and its answer."""
        if run["attempts"] > MOST_ATTEMPTS:
            raise NotFound(f"the work was cut off {MOST_ATTEMPTS} times", code="agent.attempts")
        agent = self._agency.register.get(run["agent"])
        trade = self._trades[agent["job"]]
        endpoint, name = self.endpoint_of(agent)
        self._runs.seen(run["id"], trade.fingerprint(agent, name))
        subject, other = self._agency.register.subject(run["agent"]), asker(run["input"])
        subject = subject.narrowed(other) if other else subject
        model = self.open_model(endpoint, name)
        module = importlib.import_module("lineshaft.act.agency.model")
        allowed = [one for one in self._tools.values() if _fits(one.name, trade.tools) and _fits(one.name, agent["tools"])]
        ask = module.Ask(
            brief=trade.brief,
            prompt=_prompt(run),
            reply=trade.reply,
            tools=allowed,
            within=parse_duration(self._settings.within) / 1e9,
            most_requests=self._settings.most_requests,
            most_tokens=endpoint.most_tokens,
        )
        return (
            trade,
            subject,
            self._cuttable(run, module.work(ask, model, _Record(self._db, self._agency, run, subject, endpoint))),
        )

    def endpoint_of(self, agent: Mapping[str, Any]) -> tuple[Endpoint, str]:
        """Return the endpoint and model an agent works with. Raises NotFound when none is configured."""
        known = self._settings.endpoints
        name = agent["endpoint"] or self._settings.default or (next(iter(known)) if len(known) == 1 else "")
        if name not in known:
            raise NotFound("no language model is configured", hint="settings.toml: [agents] endpoints", code="agent.endpoint")
        model = agent["model"] or known[name].model
        if not model:
            raise NotFound(f"the endpoint '{name}' names no model", hint="give the agent one", code="agent.model")
        return known[name], model

    def _cuttable(self, run: Run, work: Any) -> dict[str, Any]:
        """Run the work so that `cut` ends it at once."""

        async def main() -> dict[str, Any]:
            task, loop = asyncio.ensure_future(work), asyncio.get_running_loop()

            def cut() -> None:
                loop.call_soon_threadsafe(task.cancel)

            with self._change:
                self._at_work[run["id"]] = (str(run["agent"]), cut)
            watch = asyncio.ensure_future(self._watch(str(run["agent"]), cut))
            try:
                if self._stopping:
                    task.cancel()
                return await task
            finally:
                watch.cancel()
                with self._change:
                    self._at_work.pop(run["id"], None)

        return asyncio.run(main())

    async def _watch(self, name: str, cut: Callable[[], None]) -> None:
        """Cut the work off when the switch is pulled elsewhere: on the command line, or at another node."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            if await asyncio.to_thread(self._agency.register.is_stopped, name):
                cut()


class _Record:
    """The journal of one run, as the model sees it."""

    def __init__(self, db: Database, agency: Agency, run: Run, subject: Subject, endpoint: Endpoint) -> None:
        self._db, self._agency, self._run, self._subject, self._endpoint = db, agency, run, subject, endpoint
        self._aside: dict[str, Amount] = {}

    def remembered(self, key: str) -> dict[str, Any] | None:
        """Return the model's answer that is on record."""
        with self._db.read() as look:
            kept = self._agency.journal.kept(look, self._run["id"], key)
        return kept["answer"] if kept is not None and kept["state"] == "ok" else None

    def asked(self, key: str, size: int) -> str:
        """Set aside the longest answer there may be, and note the question."""
        tokens = size // BYTES_A_TOKEN, self._endpoint.most_tokens
        amount = Amount(calls=1, tokens=sum(tokens), money=self._money(*tokens))
        said = {"characters": size}
        run_id = str(self._run["id"])
        call_id = self._agency.begin(self._subject, "model", key, said, amount, run_id=run_id, key=key)
        self._aside[call_id] = amount
        return call_id

    def answered(self, call_id: str, answer: dict[str, Any], tokens: tuple[int, int]) -> None:
        """Note the answer, and give back what was set aside too much."""
        used = Amount(calls=1, tokens=sum(tokens), money=self._money(*tokens))

        def write(tx: Connection) -> None:
            self._agency.budget.settle(tx, self._subject.name, self._aside.pop(call_id), used)
            self._agency.journal.end(tx, call_id, "ok", answer, "", used, tokens)

        with self._db.begin() as tx:
            write(tx)

    def failed(self, call_id: str, why: str) -> None:
        """Note that no answer came; what was set aside for it stays used, as nobody knows what it cost."""
        self._aside.pop(call_id, None)
        with self._db.begin() as tx:
            self._agency.journal.end(tx, call_id, "failed", None, why)

    def use(self, tool: Tool, said: Mapping[str, Any], key: str) -> Any:
        """Use a tool through the agency, once."""
        run_id = str(self._run["id"])
        use = Use(self._subject, f"{run_id}:{key}"[:200])
        return self._agency.call(self._subject, tool.name, said, lambda: tool.use(use, said), run_id=run_id, key=key[:200])

    def _money(self, asked: int, answered: int) -> float:
        return (asked * self._endpoint.input_price + answered * self._endpoint.output_price) / 1e6


def _prompt(run: Run) -> str:
    """Return what the agent is asked, all that comes from the plant as data."""
    mark = str(run["id"]).replace("-", "")[:16]
    said: Mapping[str, Any] = run["input"]
    parts = [str(said.get("wanted") or "Do your work for the case below.")]
    told = {name: value for name, value in said.items() if name != "wanted" and not name.startswith("_")}
    parts += [fenced(name, value, mark) for name, value in told.items() if value not in (None, "", {}, [])]
    return "\n\n".join(parts)


def _fits(name: str, patterns: Any) -> bool:
    return any(one in {name, "*"} or (one.endswith("*") and name.startswith(one[:-1])) for one in patterns)

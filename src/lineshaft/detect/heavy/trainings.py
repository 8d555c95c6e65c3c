"""The trainings of a node: so many at a time, and the engine that carries them out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lineshaft.core import Bus, ConfigError
from lineshaft.detect.heavy.child import in_child
from lineshaft.detect.heavy.job import Executor, Job, Outcome, opened
from lineshaft.detect.heavy.settings import TrainingSettings


class Processes:
    """The engine without any other machine: a process of its own for each job."""

    def __init__(self, memory: int = 0) -> None:
        self._memory = memory

    def run(self, job: Job[Any, Any]) -> Outcome:
        """Carry out one job here."""
        packed, error = in_child(job.packed(), job.step, job.stopped.is_set, self._memory)
        return opened(packed, error)

    def look(self) -> tuple[str, str]:
        """Say that this node trains."""
        return "this node", ""


class Trainings:
    """Places for so many jobs at a time, and who carries them out. Raises ConfigError where the engine lacks its library."""

    def __init__(self, settings: TrainingSettings | None = None, bus: Bus | None = None) -> None:
        self._settings, self._bus = settings or TrainingSettings(), bus or Bus()
        self.places = ThreadPoolExecutor(self._settings.at_once, thread_name_prefix="training")
        self.engine = self._engine()

    def _engine(self) -> Executor:
        memory = self._settings.memory_mb << 20
        if not self._settings.scheduler:
            return Processes(memory)
        try:
            from lineshaft.detect.heavy.dask import Dask  # noqa: PLC0415 - an extra, and heavy
        except ImportError as error:
            hint = "pip install 'lineshaft[dask]', or leave [training] scheduler empty"
            raise ConfigError("a Dask scheduler needs the extra `dask`", where="[training]", hint=hint) from error
        return Dask(self._settings, self._bus.tell, memory)

    def stop(self) -> None:
        """Take no more; those under way are ended by whoever began them."""
        self.places.shutdown(wait=False, cancel_futures=True)

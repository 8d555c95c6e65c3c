"""Trainings on a real Dask scheduler and its workers: progress, cancelling, and whatever dies; nothing is lost silently."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys

import psutil
import pytest

from lineshaft.core import Bus, LineshaftError, SystemEvent, SystemEvents
from lineshaft.detect.apart import Apart
from lineshaft.detect.heavy.settings import TrainingSettings
from lineshaft.detect.heavy.trainings import Trainings
from tests.detect.heavy.cluster import Cluster, until
from tests.detect.heavy.works import double, fail, gated, grow, refuse
from tests.detect.machines.test_machines import ROWS, Node

pytest.importorskip("distributed")
pytestmark = [pytest.mark.counterpart, pytest.mark.timeout(600)]


class House:
    """A cluster, the trainings of a node that uses it, and what the node was told."""

    def __init__(self, folder, tls=None, **settings):
        self.folder = folder
        self.cluster = Cluster(folder, tls)
        self.bus = Bus()
        self.board = SystemEvents(self.bus)
        self.told: list[SystemEvent] = []
        self.bus.on(SystemEvent, self.told.append, "test")
        self.settings = TrainingSettings(scheduler=self.cluster.address, **settings)
        self.places = Trainings(self.settings, self.bus)
        self.works: list[Apart] = []

    def begin(self, work, argument=3):
        one = Going()
        one.work = Apart(work, lambda: argument, one.step, one.done).start(self.places)
        self.works.append(one.work)
        return one

    def gated(self, name):
        """Begin work that goes on when the test says so; return it and the folder of its gate."""
        gate = self.folder / name
        gate.mkdir()
        return self.begin(gated, str(gate)), gate

    def conditions(self):
        return [one.message for one in self.board.current() if one.key.startswith("detect:training")]

    def end(self):
        for work in self.works:
            work.cancel()
        self.places.stop()
        self.cluster.end()


class Going:
    def __init__(self):
        self.steps: list[tuple[float, str]] = []
        self.result = self.error = None

    def step(self, *step):
        self.steps.append(step)

    def done(self, result, error):
        self.result, self.error = result, error

    def wait(self):
        self.work.wait(300)
        return self.result, self.error

    def where(self):
        return [what.split()[2].rstrip(":") for _, what in self.steps if what.startswith("begun at ")]


def alive(gate):
    return [pid for one in gate.glob("at-*") if psutil.pid_exists(pid := int(one.name[3:]))]


@pytest.fixture
def make(tmp_path):
    made = []

    def build(**settings):
        made.append(House(tmp_path, **{"patience": "5m", **settings}))
        return made[-1]

    yield build
    for one in made:
        one.end()


@pytest.fixture
def house(make):
    one = make()
    one.cluster.begin().work("press-1", "press-2")
    return one


def test_a_scheduler_that_is_away_is_told_and_waited_for_no_longer_than_said(make, monkeypatch):
    monkeypatch.setattr("lineshaft.detect.heavy.dask.CONNECT_S", 0.3)
    house = make(patience="1s")
    given_up = house.begin(double)
    result, error = given_up.wait()
    assert result is None
    assert f"the Dask scheduler {house.cluster.address} does not answer" in error
    assert "it was waited for 1s" in error
    assert "leave [training] scheduler empty to train on this node" in error
    assert "does not answer" in house.conditions()[0], "it is still away as far as anybody knows"
    going = make(patience="1h").begin(double)
    until(lambda: going.steps)
    assert "does not answer" in going.steps[0][1]
    going.work.cancel()
    assert going.wait() == (None, "cancelled"), "who waits can be called off"
    with pytest.raises(LineshaftError, match="does not answer"):
        house.places.engine.look()


@pytest.mark.slow
def test_results_progress_errors_and_memory_are_as_on_the_node(house):
    done = house.begin(double)
    refused, failed = house.begin(refuse), house.begin(fail)
    assert done.wait() == (6, "")
    assert done.work.where in {"press-1", "press-2"}
    assert done.where() == [done.work.where]
    assert (0.5, f"half (at {done.work.where})") in done.steps
    assert refused.wait() == (None, f"3 rows are too few - take more (at {refused.work.where})")
    assert failed.wait() == (None, f"ValueError: no such column (at {failed.work.where})")
    assert house.conditions() == []
    small = Trainings(TrainingSettings(scheduler=house.cluster.address, memory_mb=400), house.bus)
    house.places.stop()
    house.places = small
    assert "it needs more memory than the 400 MB it may take" in house.begin(grow).wait()[1]


@pytest.mark.slow
def test_a_cancelled_one_ends_at_its_worker_and_a_killed_worker_costs_nothing_but_time(house):
    first, gate = house.gated("first")
    second, other = house.gated("second")
    third, _ = house.gated("third")
    until(lambda: list(gate.glob("at-*")) and list(other.glob("at-*")))
    first.work.cancel()
    assert first.wait() == (None, "cancelled")
    until(lambda: not alive(gate))
    third.work.cancel()
    assert third.wait() == (None, "cancelled")
    (lost,) = second.where()
    (pid,) = alive(other)
    house.cluster.kill_worker(lost)
    until(lambda: len(list(other.glob("at-*"))) == 2)
    until(lambda: not psutil.pid_exists(pid))
    assert any(what.endswith(f": {lost} was lost") for _, what in second.steps)
    (other / "go").touch()
    result, error = second.wait()
    assert (error, len(second.where()), second.work.where == lost) == ("", 2, False)
    assert (other / f"out-{result}").exists()
    assert not list(gate.glob("out-*"))


@pytest.mark.slow
def test_a_killed_scheduler_is_waited_for_and_the_training_begins_again(house):
    going, gate = house.gated("going")
    until(lambda: list(gate.glob("at-*")))
    (pid,) = alive(gate)
    house.cluster.kill_scheduler()
    until(lambda: any("does not answer" in what for what in house.conditions()))
    until(lambda: not psutil.pid_exists(pid))
    house.cluster.begin().work("press-3")
    until(lambda: len(list(gate.glob("at-*"))) == 2)
    until(lambda: not house.conditions())
    (gate / "go").touch()
    result, error = going.wait()
    assert (error, going.work.where) == ("", "press-3")
    assert (gate / f"out-{result}").exists()
    assert any(what.startswith("begins again: ") for _, what in going.steps)


@pytest.mark.slow
def test_a_scheduler_that_is_frozen_holds_nobody_up(house, monkeypatch):
    monkeypatch.setattr("lineshaft.detect.heavy.dask.ANSWER_S", 2.0)
    (going, gate), (other, second) = house.gated("going"), house.gated("other")
    until(lambda: list(gate.glob("at-*")) and list(second.glob("at-*")))
    os.kill(house.cluster.scheduler.pid, signal.SIGSTOP)
    try:
        until(lambda: going.steps[-1][1] == f"the Dask scheduler {house.cluster.address} does not answer")
        assert any("does not answer" in what for what in house.conditions())
        other.work.cancel()
        assert other.wait() == (None, "cancelled")
    finally:
        os.kill(house.cluster.scheduler.pid, signal.SIGCONT)
    until(lambda: not alive(second))
    until(lambda: not house.conditions())
    (gate / "go").touch()
    result, error = going.wait()
    assert (error, (gate / f"out-{result}").exists()) == ("", True)
    assert len(list(gate.glob("at-*"))) == 1, "it went on where it was"


@pytest.mark.slow
def test_the_last_worker_lost_is_told_and_a_new_one_goes_on(make):
    house = make()
    house.cluster.begin().work("press-1")
    going, gate = house.gated("going")
    until(lambda: list(gate.glob("at-*")))
    house.cluster.kill_worker("press-1")
    until(lambda: any("has no worker" in what for what in house.conditions()))
    house.cluster.work("press-2")
    (gate / "go").touch()
    assert going.wait()[1] == ""
    assert going.work.where == "press-2"
    assert house.conditions() == []


@pytest.mark.slow
def test_a_worker_that_lacks_something_is_told_and_not_used(make, tmp_path):
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(
        "import importlib.metadata as m\nold = m.version\n"
        "def version(name):\n    if name == 'lightgbm':\n        raise m.PackageNotFoundError(name)\n    return old(name)\n"
        "m.version = version\n"
    )
    house = make()
    house.cluster.begin().work("poor", env={"PYTHONPATH": str(hidden)})
    going = house.begin(double)
    until(lambda: any("lacks lightgbm, which this node has" in what for what in house.conditions()))
    with pytest.raises(LineshaftError, match="lacks lightgbm"):
        house.places.engine.look()
    house.cluster.work("rich")
    assert going.wait() == (6, "")
    there, odd = house.places.engine.look()
    assert (there.endswith("answers, workers that fit: 1"), "lacks lightgbm, which this node has" in odd) == (True, True)
    assert going.work.where == "rich"
    assert ["lacks lightgbm" in what and "trainings wait" not in what for what in house.conditions()] == [True]


@pytest.mark.slow
def test_a_node_that_is_killed_leaves_nothing_at_work(house, tmp_path):
    gate = tmp_path / "gate"
    gate.mkdir()
    code = (
        "from lineshaft.detect.apart import Apart\n"
        "from lineshaft.detect.heavy.settings import TrainingSettings\n"
        "from lineshaft.detect.heavy.trainings import Trainings\n"
        "from tests.detect.heavy.works import gated\n"
        f"places = Trainings(TrainingSettings(scheduler={house.cluster.address!r}, patience='5m'))\n"
        f"Apart(gated, lambda: {str(gate)!r}, lambda *s: None, lambda *r: None).start(places).wait()\n"
    )
    node = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    try:
        until(lambda: list(gate.glob("at-*")))
    finally:
        node.kill()
        node.wait()
    until(lambda: not alive(gate))
    assert not list(gate.glob("out-*"))
    assert house.begin(double).wait() == (6, ""), "the worker is free for the next"


@pytest.mark.slow
def test_a_fleet_of_four_is_trained_there_and_one_is_called_off(house, tmp_path):
    house.cluster.kill_worker("press-2")
    lines = [f'scheduler = "{house.cluster.address}"', 'patience = "5m"', "at_once = 2"]
    home = tmp_path / "node"
    home.mkdir()
    (home / "settings.toml").write_text("\n".join(["[training]", *lines]))
    node = Node(home, pumps=tuple(f"Pump {n}" for n in range(5)))
    try:
        node.feed(0, ROWS)
        wanted = {"name": "Pumps", "under": "Site", "model": "Pump", "lookback": f"{ROWS}m", "settings": {"drivers": ["Load"]}}
        with node.plant.db.begin() as tx:
            fleet = node.machines.book.create_fleet(tx, by(), wanted)
            begun = [node.machines.train(tx, one["id"], "eva", node.at(ROWS)) for one in fleet]
        works = [node.machines.begin(rows) for rows in begun]
        called_off = node.machines.cancel(fleet[4]["id"])
        assert (called_off["state"], called_off["error"]) == ("cancelled", "cancelled")
        for work in works:
            work.wait(300)
        for one in fleet[:4]:
            version = node.machines.book.number(one["id"], 1)
            assert (version["state"], version["about"]["where"]) == ("ready", "press-1"), version["error"]
        made, _ = node.machines.version(fleet[0]["id"], 1)
        assert made.sensors[0].startswith("Site/Pump 0/")
    finally:
        node.plant.stop()


@pytest.mark.slow
def test_behind_tls_only_those_with_a_certificate_of_the_plant_are_heard(make, tmp_path):
    files = certificates(tmp_path, "plant")
    strange = certificates(tmp_path, "stranger")
    chosen = {"ca": str(files["ca-file"]), "certificate": str(files["cert"]), "key": str(files["key"])}
    house = make(tls=files, **chosen)
    house.cluster.begin().work("press-1")
    going = house.begin(double)
    assert going.wait() == (6, "")
    other = {"ca": str(strange["ca-file"]), "certificate": str(strange["cert"]), "key": str(strange["key"])}
    settings = TrainingSettings(scheduler=house.cluster.address, patience="1s", **other)
    house.places.stop()
    house.places = Trainings(settings, house.bus)
    assert "does not answer" in house.begin(double).wait()[1]


def by():
    from tests.detect.machines.test_machines import ENGINEER

    return ENGINEER


def certificates(folder, name):
    """Make a certificate authority, and a certificate of it for all who take part."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    def written(kind, content):
        path = folder / f"{name}-{kind}.pem"
        path.write_bytes(content)
        return path

    def signed(key, subject, issuer, by_key, *, authority):
        now = dt.datetime.now(dt.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)]))
            .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        return made.sign(by_key, hashes.SHA256())

    root, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = signed(root, name, name, root, authority=True)
    cert = signed(own, f"{name} training", name, root, authority=False)
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    return {
        "ca-file": written("ca", ca.public_bytes(pem)),
        "cert": written("cert", cert.public_bytes(pem)),
        "key": written("key", own.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)),
    }

"""Kills the parts of a pipeline: kills.py BINARY KILLS SEED.

PostgreSQL and MariaDB are changed all the time, and are the sources of two pairs of workers: one with
`exactly.once.source.support=enabled`, one as it comes. The broker, a worker, or a database is killed by SIGKILL and started
again, KILLS times, in the order and at the times that follow from SEED; one worker is held up for so long that others take its
work, and then goes on as a zombie. At the end each committed change must be in the topics, in order by key: once with exactly
once on, at least once without. A plain group reads along; its lag must be gone at the end.
"""

import json
import random
import signal
import sys
import threading
import time
import traceback

import confluent_kafka as ck

import connect as rest
from changes import (
    Reader,
    Writer,
    create_tables,
    difference_at_least_once,
    difference_exactly_once,
    differences,
    expected,
)
from processes import MariaDB, Ottla, PostgreSQL, Worker, temporary_home, wait_until

#: Who has left is noticed soon; nothing else differs from what workers do by themselves.
WORKERS = {
    "scheduled.rebalance.max.delay.ms": 1000,
    # Without exactly once: by default a task that dies in its first minute begins with the snapshot again.
    "offset.flush.interval.ms": 1000,
    "session.timeout.ms": 6000,
    "heartbeat.interval.ms": 1500,
    "key.converter.schemas.enable": "false",
    "value.converter.schemas.enable": "false",
}
EXACTLY_ONCE = {"exactly.once.source.support": "enabled"}
#: Debezium waits so long before it asks a database again that was away.
SOURCES = {"retriable.restart.connector.wait.ms": "1000", "heartbeat.interval.ms": "500"}
#: In ten kills, so many are of these.
SHARES = (("broker", 4), ("worker", 3), ("postgresql", 2), ("mariadb", 1))
#: Between one kill and the next. Workers need longer to come back: they are killed while others still do.
PAUSE_S = (0.5, 4.0)
SETTLE_S = 400


class Pair:
    """Two workers, and their connectors to both databases."""

    def __init__(self, stage, name, difference, settings):
        self.name, self.difference, self.stage = name, difference, stage
        self.workers = [
            Worker(stage.home, f"{name}-{n}", stage.ottla.bootstrap, name, WORKERS | settings)
            for n in range(2)
        ]
        self.connect = rest.Connect(*self.workers)
        self.restarts, self.readers = 0, {}

    def begin(self):
        pg, my = f"{self.name}_pg", f"{self.name}_my"
        server_id = 100 + len(self.name)
        bootstrap = self.stage.ottla.bootstrap
        self.connectors = {
            pg: rest.from_postgresql(self.stage.postgresql, pg, ["orders"]),
            my: rest.from_mariadb(self.stage.mariadb, my, ["orders"], bootstrap, server_id),
        }
        for name, config in self.connectors.items():
            self.connect.put(name, config | SOURCES)
        for name in self.connectors:
            self.connect.wait_for(name)
            wait_until(
                lambda: self.connect.offsets(name), f"{name} has noted that its snapshot is done"
            )
        for topic, database in (
            (f"{pg}.public.orders", self.stage.postgresql),
            (f"{my}.shop.orders", self.stage.mariadb),
        ):
            self.readers[topic] = (Reader(bootstrap, topic), database)

    def tend(self):
        """Restarts tasks that have failed, as an operator does: those of Debezium do when a database is away at their start."""
        for name in self.connectors:
            try:
                state, tasks, trace = self.connect.status(name)
                if "FAILED" in (state, *tasks.values()):
                    self.stage.traces.append(trace)
                    self.connect.restart(name, only_failed=True)
                    self.restarts += 1
            except (rest.Refused, OSError):
                # A rebalance takes long, or the broker is away: the next turn will do.
                pass

    def check(self):
        """All that was committed is there as it should be; returns how many events that were."""
        total = 0
        for topic, (reader, database) in self.readers.items():
            wanted = expected(database)
            reader.assign()
            found = {}

            def is_whole():
                reader.poll()
                self.tend()
                found.update(left=differences(wanted, reader.events, self.difference))
                return not found["left"]

            wait_until(is_whole, lambda: f"{topic} is whole: {tell(found['left'])}", SETTLE_S)
            # Nothing more comes that was there already.
            reader.poll(1)
            left = differences(wanted, reader.events, self.difference)
            assert not left, f"{topic}: {tell(left)}"
            total += reader.count
        return total


def reason(trace):
    """The first cause that the trace of a failed task tells."""
    lines = trace.strip().splitlines() or ["unknown"]
    causes = [line for line in lines if line.startswith("Caused by: ")] or lines[:1]
    return causes[-1][:200]


def tell(differences):
    first = list(differences.items())[:5]
    return f"{len(differences)} keys are not, the first {first}"


class Stage:
    def __init__(self, home, binary):
        self.home, self.traces = home, []
        self.ottla = Ottla(home, binary)
        self.ottla.start()
        self.once = Pair(self, "once", difference_exactly_once, EXACTLY_ONCE)
        self.plain = Pair(self, "plain", difference_at_least_once, {})
        self.pairs = (self.once, self.plain)
        self.workers = [worker for pair in self.pairs for worker in pair.workers]
        for worker in self.workers:
            worker.spawn()
        self.postgresql, self.mariadb = PostgreSQL(home), MariaDB(home)
        for database in (self.postgresql, self.mariadb):
            create_tables(database)
        for worker in self.workers:
            worker.wait_ready()
        for pair in self.pairs:
            pair.begin()

    def processes(self):
        return [self.ottla, self.postgresql, self.mariadb, *self.workers]

    def kill(self, kind, choice):
        """Kills one, and starts it again. A worker is not waited for: others are killed while it comes back."""
        if kind == "worker":
            worker = choice.choice(self.workers)
            worker.wait_ready()
            worker.kill()
            worker.spawn()
            return worker.name
        process = {"broker": self.ottla}.get(kind) or getattr(self, kind)
        process.kill()
        time.sleep(choice.uniform(0, 0.5))
        process.start()
        return process.name


class Tender(threading.Thread):
    """Looks after the connectors while the kills go on."""

    def __init__(self, pairs):
        super().__init__(daemon=True)
        self.pairs, self.stopping = pairs, threading.Event()

    def run(self):
        while not self.stopping.wait(2):
            for pair in self.pairs:
                pair.tend()

    def stop(self):
        self.stopping.set()
        # A request to a worker is made again and again for as long.
        self.join(2 * rest.LIMIT_S)
        assert not self.is_alive()


class Watcher(threading.Thread):
    """A member of a plain group that reads every topic of changes, whatever happens."""

    group = "watchers"

    def __init__(self, bootstrap):
        super().__init__(daemon=True)
        self.stopping = threading.Event()
        self.consumer = ck.Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": self.group,
                "auto.offset.reset": "earliest",
                "auto.commit.interval.ms": 500,
                # The topics come with the first changes.
                "topic.metadata.refresh.interval.ms": 1000,
                "log_level": 0,
            }
        )
        self.consumer.subscribe(["^(once|plain)_.*[.]orders"])

    def run(self):
        while not self.stopping.is_set():
            self.consumer.consume(1000, 0.2)
        self.consumer.close()

    def stop(self):
        self.stopping.set()
        self.join(rest.LIMIT_S)
        assert not self.is_alive()


def lags(stage):
    """The lag of each partition that the watchers read, as our command line tells it."""
    [group] = json.loads(stage.ottla.run("group", "describe", Watcher.group, "--format", "json"))
    return [each["lag"] for each in group["partitions"]]


def kinds(kills, choice):
    """Which are killed, in random order, each as often as its share is."""
    deck = [kind for kind, share in SHARES for _ in range(share)]
    drawn = [deck[at % len(deck)] for at in range(kills)]
    choice.shuffle(drawn)
    return drawn


def run(stage, kills, seed):
    choice = random.Random(seed)
    writers = [Writer(stage.postgresql, seed), Writer(stage.mariadb, seed + 1)]
    tender, watcher = Tender(stage.pairs), Watcher(stage.ottla.bootstrap)
    for thread in [*writers, tender, watcher]:
        thread.start()
    killed = []
    for kind in kinds(kills, choice):
        time.sleep(choice.uniform(*PAUSE_S))
        killed.append(stage.kill(kind, choice))
    make_a_zombie(stage)
    for writer in writers:
        writer.stop()
    tender.stop()
    for worker in stage.workers:
        worker.wait_ready()
    counts = [pair.check() for pair in stage.pairs]
    wait_until(lambda: set(lags(stage)) == {0}, lambda: f"the lag is gone: {lags(stage)}")
    watcher.stop()
    committed = sum(writer.committed for writer in writers)
    for writer in writers:
        assert writer.committed > 20 * kills, (
            f"the {writer.name} has come to {writer.committed} only"
        )
    restarts = sum(pair.restarts for pair in stage.pairs)
    by_name = ", ".join(f"{killed.count(name)} {name}" for name in sorted(set(killed)))
    print(f"{kills} kills ({by_name}) and a zombie, {committed} changes committed")
    print(f"{counts[0]} events with exactly once, {counts[1]} without")
    print(f"{restarts} restarts of tasks that had failed: {sorted(set(map(reason, stage.traces)))}")


def make_a_zombie(stage):
    """A worker with a task of exactly once is held up until another has its task, and then goes on."""
    for worker in stage.workers:
        worker.wait_ready()
    name = "once_pg"
    pair = stage.once

    def place():
        status = pair.connect.request("GET", f"/connectors/{name}/status")
        tasks = [it for it in status["tasks"] if it["state"] == "RUNNING"]
        return tasks[0]["worker_id"] if tasks else None

    at = wait_until(place, f"{name} runs")
    zombie = next(worker for worker in pair.workers if worker.url.endswith(at))
    others = [worker for worker in pair.workers if worker is not zombie]
    pair.connect.workers = others
    zombie.child.send_signal(signal.SIGSTOP)
    try:
        wait_until(lambda: place() not in (at, None), f"another worker runs {name}")
        time.sleep(1)
    finally:
        zombie.child.send_signal(signal.SIGCONT)
    pair.connect.workers = pair.workers


def main(binary, kills, seed):
    with temporary_home() as home:
        began = time.monotonic()
        stage = Stage(home, binary)
        print(f"all runs after {time.monotonic() - began:.1f} s; seed {seed}", flush=True)
        try:
            run(stage, int(kills), int(seed))
        except BaseException:
            traceback.print_exc()
            for process in stage.processes():
                print(f"-- {process.name}:\n{process.tail()}", file=sys.stderr)
            for trace in stage.traces:
                print(f"-- a task had failed: {trace}", file=sys.stderr)
            sys.exit(f"failed with seed {seed}")
        assert "panicked" not in stage.ottla.log.read_text()
        print(f"in all {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])

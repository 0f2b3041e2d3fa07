"""Everything that a pipeline of Debezium does, on Ottla: pipeline.py BINARY [SCENARIO...].

PostgreSQL and MariaDB, two workers of Kafka Connect and their connectors are started once. The scenarios go one after the
other, as the life of a pipeline does; each names what it proves. A failure shows what the broker and the workers have said.
"""

import contextlib
import json
import re
import sys
import time
import traceback
import urllib.request

import confluent_kafka as ck

import artifacts
import connect as rest
from changes import (
    Reader,
    Writer,
    create_tables,
    difference_exactly_once,
    differences,
    expected,
    rows_of,
    unwrapped,
)
from processes import (
    MariaDB,
    Ottla,
    PostgreSQL,
    Process,
    Worker,
    free_port,
    temporary_home,
    wait_until,
)

#: So that those who leave are not waited for, and a sink commits while we look; all the rest is as it comes.
WORKERS = {"scheduled.rebalance.max.delay.ms": 1000, "offset.flush.interval.ms": 1000}
WRITING_S = 4
#: A second of changes is at least so many, however slow the databases are.
CHANGES_MIN = 60


class Upserts(Process):
    """A process of `upsert.py`."""

    def __init__(self, pipeline, name):
        super().__init__(pipeline.home, name)
        self.arguments = [pipeline.ottla.bootstrap, *pipeline.upserted, pipeline.postgresql.port]

    def command(self):
        return [sys.executable, "-B", artifacts.HERE / "upsert.py", *self.arguments]

    def is_ready(self):
        return "reads" in self.log.read_text()


class Source:
    """A database, its connector, and who reads the topic of its table."""

    def __init__(self, pipeline, database, name, config):
        self.database, self.name, self.config = database, name, config
        self.topic = f"{name}.{'public' if name == 'pg' else 'shop'}.orders"
        self.snapshot = self.write(pipeline, 1)
        self.reader = None

    def write(self, pipeline, seconds):
        """Changes rows for so long, and `CHANGES_MIN` of them, and returns the version of the last change."""
        writer = Writer(self.database, pipeline.seed())
        writer.start()
        time.sleep(seconds)
        wait_until(lambda: writer.count >= CHANGES_MIN, f"the changes of {self.name}")
        writer.stop()
        return writer.committed

    def check(self):
        """Every change has arrived, once, in order, and nothing else."""
        wanted = expected(self.database, self.snapshot)
        count = sum(map(len, wanted.values()))
        told = lambda: f"{count} events of {self.name}, there are {self.reader.count}"
        self.reader.read_until(lambda: self.reader.count >= count, told)
        self.reader.poll(0.3)
        found = differences(wanted, self.reader.events, difference_exactly_once)
        assert not found, f"{self.name}: {found}"
        return count

    def wait_for_last(self):
        """Until the last change of each key has come, however often those before it have."""
        wanted = expected(self.database, self.snapshot)

        def have_come():
            events = self.reader.events
            return all(last(events.get(key, [])) == last(wanted[key]) for key in wanted)

        self.reader.read_until(have_come, lambda: f"the last changes of {self.name}")


def last(events):
    """The version after the last of these changes, whether it was told or read; a deletion also by what is no more."""
    versions = [event and event[1] for event in events]
    return versions[-2:] if versions[-1:] == [None] else versions[-1:]


class Pipeline:
    def __init__(self, home, binary):
        self.home, self.seeds = home, 0
        self.metrics = f"127.0.0.1:{free_port()}"
        self.ottla = Ottla(home, binary, [f"ottla.http.listener={self.metrics}"])
        self.ottla.start()
        self.workers = [self.worker(number) for number in range(2)]
        for worker in self.workers:
            worker.spawn()
        self.postgresql, self.mariadb = PostgreSQL(home), MariaDB(home)
        for database in (self.postgresql, self.mariadb):
            create_tables(database)
        self.connect = rest.Connect(*self.workers)
        self.upserted = ("my.shop.orders", "orders-dead")
        bootstrap = self.ottla.bootstrap
        common = {
            "provide.transaction.metadata": "true",
            "heartbeat.interval.ms": "500",
            "signal.enabled.channels": "source,kafka",
            "signal.kafka.bootstrap.servers": bootstrap,
            "signal.poll.interval.ms": "500",
        }
        pg = rest.from_postgresql(self.postgresql, "pg", ["orders", "signals"]) | common
        pg |= {"signal.data.collection": "public.signals", "signal.kafka.topic": "pg-signals"}
        my = rest.from_mariadb(self.mariadb, "my", ["orders", "signals"], bootstrap) | common
        my |= {"signal.data.collection": "shop.signals", "signal.kafka.topic": "my-signals"}
        self.pg = Source(self, self.postgresql, "pg", pg)
        self.my = Source(self, self.mariadb, "my", my)
        self.sources = (self.pg, self.my)

    def worker(self, number):
        return Worker(self.home, f"worker-{number}", self.ottla.bootstrap, "shop", WORKERS)

    def seed(self):
        self.seeds += 1
        return self.seeds

    def processes(self):
        return [self.ottla, *self.workers]

    def read_all(self, topic, is_enough, what):
        """What is in a topic, as soon as it is enough."""
        found = []
        reader = Reader(self.ottla.bootstrap, topic)
        with contextlib.closing(reader.consumer) as consumer:
            reader.assign()

            def looks_enough():
                found.extend(it for it in consumer.consume(1000, 0.3) if not it.error())
                return is_enough(found)

            wait_until(looks_enough, lambda: f"{what}; {topic} has {len(found)} records")
        return found

    def produce(self, topic, records):
        producer = ck.Producer({"bootstrap.servers": self.ottla.bootstrap})
        for key, value in records:
            producer.produce(topic, value, key)
        assert producer.flush(30) == 0

    def lag(self, group):
        """What our command line says of a group: the lag of each partition."""
        [described] = json.loads(self.ottla.run("group", "describe", group, "--format", "json"))
        return {(it["topic"], it["partition"]): it["lag"] for it in described["partitions"]}

    def lag_metric(self, group):
        """What the broker's metrics say of it."""
        with urllib.request.urlopen(f"http://{self.metrics}/metrics", timeout=10) as page:
            lines = page.read().decode().splitlines()
        found = {}
        for line in lines:
            if line.startswith("ottla_group_lag_records{"):
                labels = dict(re.findall(r'(\w+)="([^"]*)"', line))
                if labels["group"] == group:
                    found[labels["topic"], int(labels["partition"])] = int(float(line.split()[-1]))
        return found

    def wait_for_no_lag(self, group):
        wait_until(
            lambda: (lag := self.lag(group)) and set(lag.values()) == {0},
            lambda: f"{group} has read everything: {self.lag(group)}",
        )


def payload(message):
    return unwrapped(json.loads(message.value()))


def snapshot_and_streaming(pipeline):
    """The rows that are there are read, then every change follows, in the topics that Connect has made."""
    pipeline.ottla.run("topic", "create", "pg-signals", "my-signals", "-p", "1")
    for worker in pipeline.workers:
        worker.wait_ready()
    for source in pipeline.sources:
        pipeline.connect.put(source.name, source.config)
    for source in pipeline.sources:
        pipeline.connect.wait_for(source.name)
        source.reader = Reader(pipeline.ottla.bootstrap, source.topic)
        assert source.reader.assign() == 3, "the partitions are what the connector was told"
    # What comes before the snapshot is complete belongs to it.
    for source in pipeline.sources:
        source.check()
        source.write(pipeline, WRITING_S)
    return [source.check() for source in pipeline.sources]


def doctor_finds_it_healthy(pipeline):
    """Our command line looks at the workers, at the connectors, and at the topics that they name."""
    options = ["--connect", pipeline.workers[0].url, "--format", "json"]
    options += ["--connect-topics", "shop-configs,shop-offsets,shop-status"]
    # The disk of this machine may be full, which is no matter of ours.
    findings = json.loads(pipeline.ottla.run("doctor", *options, codes=(0, 1)))
    told = {
        check: [it for it in findings if it["check"] == check] for check in ("connect", "topics")
    }
    # The worker, two connectors and their signals; what Connect and Debezium keep, and the offsets of the groups.
    assert [len(told["connect"]), len(told["topics"])] == [5, 5], findings
    assert {it["status"] for it in findings if it["check"] != "disks"} == {"ok"}, findings


def transaction_metadata_and_heartbeats(pipeline):
    """Each transaction is told with its number of changes; and that the source lives, when nothing changes."""
    for source in pipeline.sources:
        changes = sum(map(len, expected(source.database, source.snapshot).values()))
        tombstones = sum(
            each.count(None) for each in expected(source.database, source.snapshot).values()
        )
        rows = sum(
            op == "r" for each in source.reader.events.values() for op, _ in filter(None, each)
        )

        def counted(records):
            ends = [it for it in map(payload, records) if it["status"] == "END"]
            of_orders = (
                each["event_count"]
                for end in ends
                for each in end["data_collections"]
                if each["data_collection"].endswith("orders")
            )
            return sum(of_orders) == changes - tombstones - rows

        pipeline.read_all(f"{source.name}.transaction", counted, "the changes of all transactions")
        beats = f"__debezium-heartbeat.{source.name}"
        pipeline.read_all(beats, lambda records: len(records) >= 2, "two heartbeats")


def schema_changes_in_mid_stream(pipeline):
    """A new column and a new name arrive with the rows; MariaDB's history of them is kept, and read after a restart."""
    renamed = {
        "pg": "ALTER TABLE orders RENAME COLUMN colour TO paint",
        "my": "ALTER TABLE orders CHANGE COLUMN colour paint text",
    }
    for source in pipeline.sources:
        insert = "INSERT INTO orders (id, version, {0}) VALUES ({1}, {2}, 'red')"
        ledger = "INSERT INTO ledger VALUES ({1}, {0}, 'c')"
        version = max(row[0] for row in rows_of(source.database, "version, id", "ledger"))
        statements = ["ALTER TABLE orders ADD COLUMN colour text"]
        statements += [insert.format("colour", 1001, version + 1), ledger.format(1001, version + 1)]
        statements += [renamed[source.name]]
        statements += [insert.format("paint", 1002, version + 2), ledger.format(1002, version + 2)]
        for statement in statements:
            source.database.sql(statement)
        source.write(pipeline, 1)
        source.check()
        rows = {}
        for message in pipeline.read_all(
            source.topic, lambda found: len(found) >= source.reader.count, "all changes"
        ):
            if message.value() is not None and (row := payload(message)["after"]):
                rows[row["version"]] = row
        first, second = rows[version + 1], rows[version + 2]
        assert first["colour"] == "red" and "paint" not in first, first
        assert second["paint"] == "red" and "colour" not in second, second
    history = "schema-history.my"
    kept = pipeline.read_all(
        history,
        lambda found: all(
            any(word in it.value() for it in found) for word in (b"ADD COLUMN", b"paint")
        ),
        "both changes of the schema",
    )
    assert {it.partition() for it in kept} == {0}
    configs = json.loads(pipeline.ottla.run("config", "get", "topic", history, "--format", "json"))
    values = {it["name"]: it["value"] for it in configs}
    assert values["retention.ms"] == str(2**63 - 1), values
    for source in pipeline.sources:
        pipeline.connect.restart(source.name)
        source.write(pipeline, 1)
        source.check()
        pipeline.connect.wait_for(source.name)


def incremental_snapshot_by_a_signal(pipeline):
    """A signal on a topic makes Debezium read the table again, while changes go on; its offset is committed without a
    member of the group."""
    for source in pipeline.sources:
        table = source.topic.partition(".")[2]
        signal = {
            "type": "execute-snapshot",
            "data": {"data-collections": [table], "type": "INCREMENTAL"},
        }
        rows = {row[0] for row in rows_of(source.database)}
        before = source.reader.count
        pipeline.produce(f"{source.name}-signals", [(source.name, json.dumps(signal))])
        read_again = set()

        def all_again():
            for message in source.reader.poll():
                if message.value() is not None and payload(message)["op"] == "r":
                    read_again.add(payload(message)["after"]["id"])
            return read_again >= rows

        wait_until(all_again, lambda: f"{len(rows)} rows of {source.name}, {len(read_again)} came")
        assert source.reader.count - before >= len(rows)
        # They are not what `check` knows of.
        for events in source.reader.events.values():
            events[:] = [events[0], *(it for it in events[1:] if it is None or it[0] != "r")]
        source.reader.count = sum(map(len, source.reader.events.values()))


def offsets_are_read_altered_and_reset(pipeline):
    """The REST API: a connector is paused, stopped, sent back, and made to begin anew."""
    connect, source = pipeline.connect, pipeline.my
    old = connect.offsets("my")
    assert old and old[0]["offset"]["file"].startswith("binlog."), old
    connect.pause("my")
    count = source.reader.count
    source.write(pipeline, 1)
    source.reader.poll(1)
    assert source.reader.count == count, "a connector that pauses sends nothing"
    connect.resume("my")
    source.check()
    again = source.reader.count - count
    assert again > 20

    connect.stop("my")
    connect.alter_offsets("my", old)
    assert connect.offsets("my") == old
    connect.resume("my")
    source.reader.read_until(lambda: source.reader.count >= count + 2 * again, "the same once more")
    found = differences(
        expected(source.database, source.snapshot),
        source.reader.events,
        lambda wanted, got: None if wanted == dedup(got) else f"{wanted} and {got}",
    )
    assert not found, found

    rows = len(rows_of(source.database))
    connect.stop("my")
    connect.reset_offsets("my")
    assert connect.offsets("my") == []
    connect.resume("my")
    before = source.reader.count
    source.reader.read_until(lambda: source.reader.count >= before + rows, f"{rows} rows anew")
    connect.wait_for("my")


def dedup(events):
    """Without what came a second time."""
    unique, seen = [], set()
    for event in events:
        if event is None and unique and unique[-1] is not None and unique[-1][0] == "d":
            unique.append(None)
        elif event is not None and event not in seen:
            seen.add(event)
            unique.append(event)
    return unique


def workers_join_leave_and_die(pipeline):
    """A third worker takes its part of the work; one leaves and one is killed, and the others go on."""
    third = pipeline.worker(2)
    third.start()
    pipeline.workers.append(third)
    pipeline.connect.workers.append(third)
    gone = pipeline.workers[0]
    gone.stop()
    pipeline.pg.write(pipeline, 1)
    pipeline.pg.check()
    pipeline.workers[1].kill()
    pipeline.pg.write(pipeline, 1)
    # A worker that died may have sent what it had not noted.
    wanted = expected(pipeline.pg.database, pipeline.pg.snapshot)

    def all_there():
        pipeline.pg.reader.poll()
        events = {key: dedup(each) for key, each in pipeline.pg.reader.events.items()}
        return not differences(wanted, events, difference_exactly_once)

    wait_until(all_there, "the last worker sends everything")
    for name in ("pg", "my"):
        pipeline.connect.wait_for(name)
    pipeline.workers[1].start()


def jdbc_sink_with_dead_letters(pipeline):
    """Debezium's sink keeps a copy of the table in PostgreSQL; what it cannot read goes to its dead letters."""
    poison = [(b"1", b"not a document"), (b"{", b"{}")]
    pipeline.produce(pipeline.pg.topic, poison)
    config = rest.to_postgresql(pipeline.postgresql, pipeline.pg.topic, "copies", "copies-dead")
    pipeline.connect.create("copies", config)
    dead = pipeline.read_all("copies-dead", lambda found: len(found) >= 2, "both dead letters")
    for letter in dead:
        headers = dict(letter.headers())
        assert headers["__connect.errors.topic"] == pipeline.pg.topic.encode(), headers
        assert headers["__connect.errors.connector.name"] == b"copies", headers
    assert sorted(it.value() for it in dead) == sorted(value for _, value in poison)
    pipeline.pg.write(pipeline, 2)

    def rows(table):
        return [tuple(row) for row in rows_of(pipeline.postgresql, "id, version", table)]

    wait_until(
        lambda: rows("orders") == rows("copies"), lambda: f"{rows('orders')} and {rows('copies')}"
    )
    pipeline.wait_for_no_lag("connect-copies")
    offsets = pipeline.connect.offsets("copies")
    assert len(offsets) == 3, offsets
    # A sink has the offsets of a group, and they can be altered and reset as well.
    pipeline.connect.stop("copies")
    first = {"partition": offsets[0]["partition"], "offset": {"kafka_offset": 0}}
    pipeline.connect.alter_offsets("copies", [first])
    assert first in pipeline.connect.offsets("copies")
    pipeline.connect.reset_offsets("copies")
    assert pipeline.connect.offsets("copies") == []
    pipeline.connect.delete("copies")


def upserting_group(pipeline):
    """Two consumers of our own keep a copy; one is killed, poison is buried after three tries, and nothing is missing."""
    topic, dead_letters = pipeline.upserted
    members = [Upserts(pipeline, f"upserts-{number}") for number in range(2)]
    for member in members:
        member.start()
    pipeline.produce(topic, [(b"1", b"not a document"), (b"2", b'{"op":"u"}')])
    pipeline.my.write(pipeline, 2)
    members[0].kill()
    pipeline.my.write(pipeline, 1)
    want = lambda: [tuple(row) for row in rows_of(pipeline.mariadb)]
    have = lambda: [
        tuple(row)
        for row in rows_of(
            pipeline.postgresql, "id, version", "(SELECT * FROM upserts WHERE NOT is_deleted) AS it"
        )
    ]
    wait_until(lambda: want() == have(), lambda: f"{want()} and {have()}")
    buried = pipeline.read_all(dead_letters, lambda found: len(found) >= 2, "both dead letters")
    for letter in buried:
        assert dict(letter.headers())["tries"] == b"3", letter.headers()
    pipeline.wait_for_no_lag("upserts")
    members[1].stop()


def lag_tells_the_truth(pipeline):
    """A group that has stopped holds nobody back; its lag is what was written since, and goes away when it is back."""
    source = pipeline.my
    consumer = ck.Consumer(
        {
            "bootstrap.servers": pipeline.ottla.bootstrap,
            "group.id": "watched",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([source.topic])

    def is_at_the_end(place):
        end = consumer.get_watermark_offsets(place, 30)[1]
        return place.offset == end or end == 0

    def read_all():
        """To the ends of all partitions, where nothing is written meanwhile."""

        def is_read():
            consumer.consume(1000, 0.5)
            places = consumer.position(consumer.assignment())
            return places and all(map(is_at_the_end, places))

        wait_until(is_read, "all is read")
        consumer.commit(asynchronous=False)

    read_all()
    pipeline.wait_for_no_lag("watched")
    committed = {it.partition: it.offset for it in consumer.committed(consumer.assignment(), 10)}
    source.write(pipeline, 2)
    source.wait_for_last()
    assert sum(pipeline.lag("watched").values()) > 50, "the source goes on"
    assert pipeline.lag_metric("watched") == pipeline.lag("watched"), pipeline.lag_metric("watched")
    for (topic, partition), lag in pipeline.lag("watched").items():
        end = consumer.get_watermark_offsets(ck.TopicPartition(topic, partition), 10)[1]
        assert lag == end - committed[partition], (partition, lag, end, committed)
    read_all()
    pipeline.wait_for_no_lag("watched")
    consumer.close()


SCENARIOS = (
    snapshot_and_streaming,
    doctor_finds_it_healthy,
    transaction_metadata_and_heartbeats,
    schema_changes_in_mid_stream,
    incremental_snapshot_by_a_signal,
    workers_join_leave_and_die,
    offsets_are_read_altered_and_reset,
    lag_tells_the_truth,
    # These leave records in the topics that nobody can read.
    jdbc_sink_with_dead_letters,
    upserting_group,
)


def main(binary, *names):
    with temporary_home() as home:
        pipeline = Pipeline(home, binary)
        for scenario in SCENARIOS:
            if names and scenario.__name__ not in names and scenario is not SCENARIOS[0]:
                continue
            began = time.monotonic()
            try:
                told = scenario(pipeline)
            except BaseException:
                traceback.print_exc()
                for process in pipeline.processes():
                    print(f"-- {process.name}:\n{process.tail()}", file=sys.stderr)
                sys.exit(f"failed: {scenario.__name__}")
            seconds = time.monotonic() - began
            print(
                f"{seconds:6.1f} s  {scenario.__name__} {'' if told is None else told}", flush=True
            )
        assert "panicked" not in pipeline.ottla.log.read_text()


if __name__ == "__main__":
    main(*sys.argv[1:])

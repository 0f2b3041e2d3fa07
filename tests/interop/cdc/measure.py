"""How long a change takes from the database to a consumer, on Ottla and on Apache Kafka: measure.py BINARY [SECONDS].

For each broker, first as Connect comes and then with exactly once: one worker and one connector, 500 and then 4,000 changes a
second for SECONDS each, as inserts of twenty rows a transaction; then as many as the pipeline takes, which were committed
while the connector paused; then the snapshot of a table of a million rows. The clock of a change starts before its commit and
ends when a consumer in another process has the record in its hand. Debezium asks its database every 5 ms instead of every
500, for otherwise it would be Debezium alone that is measured; nothing else is tuned. The table is printed in Markdown.
"""

import contextlib
import multiprocessing
import re
import sys
import time

import confluent_kafka as ck

import connect as rest
from changes import open_database
from processes import Kafka, Ottla, PostgreSQL, Worker, temporary_home, wait_until

RATES = (500, 4000)
ROWS_OF_A_TRANSACTION = 20
CEILING_ROWS = 300_000
SNAPSHOT_ROWS = 1_000_000
#: The flags of Kafka's own start scripts.
SERVER_JVM = (
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
)
QUICK = {"poll.interval.ms": "5"}
PLAIN_JSON = {"key.converter.schemas.enable": "false", "value.converter.schemas.enable": "false"}
DIGITS = re.compile(rb"\d+")
COLUMNS = (
    "broker",
    "mode",
    *(f"{rate}/s p50, ms|p99|max|arrived/s|broker CPU, µs a change" for rate in RATES),
    "ceiling, changes/s|cores: broker|worker|database",
    "snapshot, rows/s|broker CPU, s",
    "worker and connector start, s",
    "broker memory, MB",
)


def consumer_of(bootstrap, **options):
    options = {key.replace("_", "."): value for key, value in options.items()}
    options |= {"bootstrap.servers": bootstrap, "group.id": "measure", "log_level": 0}
    return ck.Consumer(options | {"enable.auto.commit": False})


def consume(bootstrap, topic, count, pipe):
    """Notes when each record is there, and hands all over when there are enough or nothing comes any more."""
    consumer = consumer_of(bootstrap, isolation_level="read_committed", fetch_wait_max_ms=100)
    end = consumer.get_watermark_offsets(ck.TopicPartition(topic, 0), 30)[1]
    consumer.assign([ck.TopicPartition(topic, 0, end)])
    consumer.consume(1, 0.5)
    pipe.send("ready")
    times = {}
    last = time.monotonic()
    while len(times) < count and time.monotonic() - last < 20:
        messages = consumer.consume(500, 0.05)
        if messages:
            last = time.monotonic()
            times.update(dict.fromkeys((it.key() for it in messages if not it.error()), last))
    pipe.send({int(DIGITS.search(key).group()): at for key, at in times.items()})


def produce(database, first, rate, seconds):
    """Commits so many rows a second, and returns when each commit was begun."""
    times, step = {}, ROWS_OF_A_TRANSACTION / rate
    with contextlib.closing(open_database(database)) as connection:
        cursor = connection.cursor()
        next_at = time.monotonic()
        for start in range(first, first + rate * seconds, ROWS_OF_A_TRANSACTION):
            ids = range(start, start + ROWS_OF_A_TRANSACTION)
            values = b",".join(b"(%d,'a note of some length, as rows have')" % it for it in ids)
            cursor.execute(b"INSERT INTO orders VALUES " + values)
            began = time.monotonic()
            connection.commit()
            times.update(dict.fromkeys(ids, began))
            next_at += step
            time.sleep(max(0, next_at - time.monotonic()))
    return times


def latencies(broker, database, first, rate, seconds):
    """A row of the table's columns for one rate."""
    ours, theirs = multiprocessing.Pipe()
    arguments = (broker.bootstrap, "shop.public.orders", rate * seconds, theirs)
    consumer = multiprocessing.Process(target=consume, args=arguments, daemon=True)
    consumer.start()
    assert ours.recv() == "ready"
    cpu = broker.cpu_seconds()
    committed = produce(database, first, rate, seconds)
    received = ours.recv()
    cpu = broker.cpu_seconds() - cpu
    consumer.join()
    missing = len(committed) - len(committed.keys() & received.keys())
    assert missing == 0, f"{missing} of {len(committed)} changes have not arrived"
    waits = sorted(received[it] - began for it, began in committed.items())
    at = lambda share: round(waits[int(share * (len(waits) - 1))] * 1000)
    span = max(received.values()) - min(committed.values())
    arrived, cpu_us = round(len(waits) / span), round(cpu / len(waits) * 1e6)
    return [at(0.5), at(0.99), at(1), arrived, cpu_us]


def end_of(consumer, topic):
    with contextlib.suppress(ck.KafkaException):
        return consumer.get_watermark_offsets(ck.TopicPartition(topic, 0), 10)[1]
    return 0


def ceiling(broker, worker, database, connect, first):
    """Changes a second when they wait for the connector, and how many cores each part of the pipeline is busy with."""
    connect.pause("shop")
    connect.wait_for("shop", "PAUSED", ("PAUSED",))
    step = CEILING_ROWS // 15
    for start in range(first, first + CEILING_ROWS, step):
        rows = f"generate_series({start}, {start + step - 1}) AS id"
        database.sql(f"INSERT INTO orders SELECT id, 'a note of some length, as rows have' FROM {rows}")
    parts = [broker, worker, database]
    with contextlib.closing(consumer_of(broker.bootstrap)) as consumer:
        count = lambda: end_of(consumer, "shop.public.orders")
        last = count() + CEILING_ROWS
        connect.resume("shop")
        wait_until(lambda: count() > last - CEILING_ROWS * 9 // 10, "the connector goes on", 120)
        begun = (time.monotonic(), count(), [part.cpu_seconds_of_all() for part in parts])
        wait_until(lambda: count() >= last, lambda: f"offset {last}, it is {count()}", 300)
        ended = (time.monotonic(), count(), [part.cpu_seconds_of_all() for part in parts])
    seconds = ended[0] - begun[0]
    cores = [round((late - early) / seconds, 2) for early, late in zip(begun[2], ended[2])]
    return [round((ended[1] - begun[1]) / seconds), *cores]


def snapshot(broker, database, connect):
    """Rows a second of a snapshot, and the broker's CPU time for it."""
    config = rest.from_postgresql(database, "big", ["big"]) | rest.new_topics(1) | QUICK
    cpu = broker.cpu_seconds()
    connect.put("big", config)
    with contextlib.closing(consumer_of(broker.bootstrap)) as consumer:
        count = lambda: end_of(consumer, "big.public.big")
        wait_until(count, "the snapshot has begun")
        began = time.monotonic()
        wait_until(
            lambda: count() >= SNAPSHOT_ROWS, lambda: f"a million rows, there are {count()}", 600
        )
    return [round(SNAPSHOT_ROWS / (time.monotonic() - began)), round(broker.cpu_seconds() - cpu, 1)]


def measure(home, broker, settings, seconds):
    """The numbers of one broker in one mode."""
    broker.start()
    database = PostgreSQL(home)
    database.sql("CREATE TABLE orders (id integer PRIMARY KEY, note text)")
    database.sql(
        "CREATE TABLE big AS SELECT id, 'a note of some length, as rows have' AS note"
        f" FROM generate_series(1, {SNAPSHOT_ROWS}) AS id"
    )
    database.sql("ALTER TABLE big ADD PRIMARY KEY (id)")
    worker = Worker(home, "worker", broker.bootstrap, "connect", PLAIN_JSON | settings, "1g")
    worker.jvm = (*SERVER_JVM, "-Dlog4j2.level=WARN")
    began = time.monotonic()
    worker.start()
    connect = rest.Connect(worker)
    config = rest.from_postgresql(database, "shop", ["orders"]) | rest.new_topics(1) | QUICK
    connect.create("shop", config)
    start_s = round(time.monotonic() - began, 1)
    database.sql("INSERT INTO orders VALUES (0, '')")
    with contextlib.closing(consumer_of(broker.bootstrap)) as consumer:
        wait_until(
            lambda: "shop.public.orders" in consumer.list_topics(timeout=10).topics,
            "the first change is there",
        )
    # The virtual machines compile what they will need.
    latencies(broker, database, 1, 1000, 10)
    numbers, first = [], 10_001
    for rate in RATES:
        numbers += latencies(broker, database, first, rate, seconds)
        first += rate * seconds
    numbers += ceiling(broker, worker, database, connect, first)
    numbers += snapshot(broker, database, connect)
    return [*numbers, start_s, broker.resident_bytes() >> 20]


def main(binary, seconds="30"):
    heads = "|".join(COLUMNS).split("|")
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}", flush=True)
    modes = {"at least once": {}, "exactly once": {"exactly.once.source.support": "enabled"}}
    for mode, settings in modes.items():
        for name in ("Ottla", "Kafka"):
            with temporary_home() as home:
                broker = Ottla(home, binary) if name == "Ottla" else Kafka(home, "1g")
                # Kafka says at the level INFO that it serves.
                broker.jvm = (*SERVER_JVM, "-Xms1g", "-Dlog4j2.level=INFO")
                row = [name, mode, *measure(home, broker, settings, int(seconds))]
            print(f"| {' | '.join(map(str, row))} |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

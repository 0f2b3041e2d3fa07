"""A consumer of a table's changes that keeps a copy of the table: upsert.py BOOTSTRAP TOPIC DEAD_LETTERS POSTGRES_PORT.

It is what many write for themselves: a group with the cooperative-sticky assignor; the offsets are committed after the rows
were written; a row that is newer already stays (so a change that comes twice does nothing); and a record that has failed
three times goes to a topic of its own, with the reason, and holds up nobody.
"""

import json
import signal
import sys

import confluent_kafka as ck
import psycopg

from changes import unwrapped

GROUP = "upserts"
TRIES = 3
TABLE = """CREATE TABLE IF NOT EXISTS upserts
    (id integer PRIMARY KEY, version bigint NOT NULL, is_deleted boolean NOT NULL)"""
UPSERT = """INSERT INTO upserts AS old VALUES (%s, %s, %s)
    ON CONFLICT (id) DO UPDATE SET version = excluded.version, is_deleted = excluded.is_deleted
    WHERE old.version < excluded.version OR (old.version = excluded.version AND excluded.is_deleted)"""


def apply(database, message):
    if message.value() is None:
        return
    change = unwrapped(json.loads(message.value()))
    is_deleted = change["op"] == "d"
    row = change["before" if is_deleted else "after"]
    database.execute(UPSERT, (row["id"], row["version"], is_deleted))


def apply_or_bury(database, producer, message, dead_letters):
    for _ in range(TRIES):
        try:
            with database.transaction():
                apply(database, message)
            return
        except (ValueError, LookupError, TypeError, psycopg.DataError) as error:
            reason = f"{type(error).__name__}: {error}"
    headers = [("reason", reason.encode()), ("tries", str(TRIES).encode())]
    headers.append(("offset", str(message.offset()).encode()))
    producer.produce(dead_letters, message.value(), message.key(), headers=headers)
    assert producer.flush(30) == 0, "the dead letter has no answer"


def main(bootstrap, topic, dead_letters, port):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    database = psycopg.connect(
        f"host=127.0.0.1 port={port} user=postgres dbname=shop", autocommit=True
    )
    with database.transaction():
        # Two of us may come at once.
        database.execute("SELECT pg_advisory_xact_lock(1)")
        database.execute(TABLE)
    producer = ck.Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
    consumer = ck.Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": GROUP,
            "partition.assignment.strategy": "cooperative-sticky",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": 6000,
        }
    )
    consumer.subscribe([topic])
    print("reads", flush=True)
    try:
        while True:
            messages = [it for it in consumer.consume(500, 0.2) if not it.error()]
            for message in messages:
                apply_or_bury(database, producer, message, dead_letters)
            if messages:
                commit(consumer)
    finally:
        consumer.close()


def commit(consumer):
    try:
        consumer.commit(asynchronous=False)
    except ck.KafkaException as failure:
        # Another member has the partitions by now, or the broker is away: then they are read again, and change nothing.
        print(failure, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:5])

"""Changes of rows, and the check that every one of them arrives.

A writer changes rows of the table `orders` at random, in transactions of some changes each, and writes each change into the
table `ledger` in the same transaction. So the ledger knows what was committed, whatever was killed meanwhile; and what
Debezium has sent is compared with it, key by key, change by change.
"""

import contextlib
import json
import random
import threading
import time

import confluent_kafka as ck
import psycopg
import pymysql

KEYS = 200
CHANGES_MAX = 4

TABLES = {
    "postgresql": (
        "CREATE TABLE orders (id integer PRIMARY KEY, version bigint NOT NULL, note text)",
        # So that the row which is deleted is told whole.
        "ALTER TABLE orders REPLICA IDENTITY FULL",
        "CREATE TABLE ledger (version bigint PRIMARY KEY, id integer NOT NULL, op char(1) NOT NULL)",
        "CREATE TABLE signals (id varchar(64) PRIMARY KEY, type varchar(32), data varchar(2048))",
    ),
    "mariadb": (
        "CREATE TABLE orders (id integer PRIMARY KEY, version bigint NOT NULL, note text)",
        "CREATE TABLE ledger (version bigint PRIMARY KEY, id integer NOT NULL, op char(1) NOT NULL)",
        "CREATE TABLE signals (id varchar(64) PRIMARY KEY, type varchar(32), data varchar(2048))",
    ),
}

DATABASE_ERRORS = (psycopg.Error, pymysql.Error, OSError)


def open_database(database):
    if database.name == "postgresql":
        where = f"host=127.0.0.1 port={database.port} user=postgres dbname=shop connect_timeout=5"
        return psycopg.connect(where)
    where = {"host": "127.0.0.1", "port": database.port, "database": "shop", "read_timeout": 20}
    return pymysql.connect(user="debezium", password="secret", connect_timeout=5, **where)


def create_tables(database):
    for statement in TABLES[database.name]:
        database.sql(statement)


class Writer(threading.Thread):
    """Changes rows until it is told to stop, and goes on where the database is when that was away."""

    def __init__(self, database, seed, pause_s=0.02):
        super().__init__(daemon=True, name=f"writer of {database.name}")
        self.database, self.random, self.pause_s = database, random.Random(seed), pause_s
        self.stopping, self.committed, self.lost_connections = threading.Event(), 0, 0
        #: So many changes it has made itself.
        self.count = 0

    def run(self):
        while not self.stopping.is_set():
            try:
                with contextlib.closing(open_database(self.database)) as connection:
                    self._write(connection)
            except DATABASE_ERRORS:
                self.lost_connections += 1
                self.stopping.wait(0.2)

    def _write(self, connection):
        with contextlib.closing(connection.cursor()) as cursor:
            # A commit that was not answered may have been made.
            cursor.execute("SELECT coalesce(max(version), 0) FROM ledger")
            version = cursor.fetchone()[0]
            cursor.execute("SELECT id FROM orders")
            live = {row[0] for row in cursor.fetchall()}
            connection.commit()
            while not self.stopping.wait(self.pause_s):
                changes = self.random.randint(1, CHANGES_MAX)
                for _ in range(changes):
                    version += 1
                    self._change(cursor, live, version)
                connection.commit()
                self.committed = version
                self.count += changes

    def _change(self, cursor, live, version):
        key = self.random.randrange(KEYS)
        if key not in live:
            op, statement = "c", "INSERT INTO orders (version, id) VALUES (%s, %s)"
            live.add(key)
        elif self.random.random() < 0.15:
            op, statement = "d", "DELETE FROM orders WHERE %s > 0 AND id = %s"
            live.remove(key)
        else:
            op, statement = "u", "UPDATE orders SET version = %s WHERE id = %s"
        cursor.execute(statement, (version, key))
        cursor.execute("INSERT INTO ledger VALUES (%s, %s, %s)", (version, key, op))

    def stop(self):
        self.stopping.set()
        self.join(300)
        assert not self.is_alive(), f"the {self.name} does not end"


def expected(database, snapshot=0):
    """What must arrive of each key, in order: (op, version), a deletion with the version of what it deletes, and a None
    for the tombstone after it. Of what was there at the version `snapshot`, only the rows are read."""
    with contextlib.closing(open_database(database)) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT version, id, op FROM ledger ORDER BY version")
        changes, current = {}, {}
        for version, key, op in cursor.fetchall():
            events = changes.setdefault(key, [])
            if version <= snapshot:
                events[:] = [] if op == "d" else [("r", version)]
            elif op == "d":
                events += [("d", current[key]), None]
            else:
                events.append((op, version))
            current[key] = version
        return {key: events for key, events in changes.items() if events}


def rows_of(database, columns="id, version", table="orders"):
    """The rows that there are now."""
    with contextlib.closing(open_database(database)) as connection:
        cursor = connection.cursor()
        cursor.execute(f"SELECT {columns} FROM {table} ORDER BY id")
        return cursor.fetchall()


class Reader:
    """Reads a topic from its start, as far as it is committed, and keeps what it has read of each key."""

    def __init__(self, bootstrap, topic):
        self.topic, self.events, self.count, self.reads = topic, {}, 0, []
        self.consumer = ck.Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "unused",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "reconnect.backoff.max.ms": 500,
                "log_level": 0,
            }
        )

    def assign(self, limit_s=400):
        """All partitions that there are, when there is a topic."""
        deadline = time.monotonic() + limit_s
        while True:
            with contextlib.suppress(ck.KafkaException):
                partitions = self.consumer.list_topics(self.topic, 5).topics[self.topic].partitions
                if partitions:
                    break
            assert time.monotonic() < deadline, f"there is no topic {self.topic}"
            time.sleep(0.2)
        places = [ck.TopicPartition(self.topic, it, ck.OFFSET_BEGINNING) for it in partitions]
        self.consumer.assign(places)
        return len(partitions)

    def poll(self, timeout_s=0.2):
        messages = [it for it in self.consumer.consume(1000, timeout_s) if not it.error()]
        for message in messages:
            self.count += 1
            self.events.setdefault(key_of(message), []).append(event_of(message))
        return messages

    def read_until(self, is_enough, what, limit_s=400):
        deadline = time.monotonic() + limit_s
        while not is_enough():
            self.poll()
            assert time.monotonic() < deadline, f"not in time: {what() if callable(what) else what}"

    def close(self):
        self.consumer.close()


def unwrapped(document):
    """What a JsonConverter has written, with its schema or without."""
    with_schema = isinstance(document, dict) and document.keys() == {"schema", "payload"}
    return document["payload"] if with_schema else document


def key_of(message):
    return unwrapped(json.loads(message.key()))["id"]


def event_of(message):
    if message.value() is None:
        return None
    value = unwrapped(json.loads(message.value()))
    return value["op"], (value["before"] if value["op"] == "d" else value["after"])["version"]


def difference_exactly_once(wanted, got):
    """Where what arrived of one key is not what was committed."""
    if wanted == got:
        return None
    unequal = (index for index, (one, other) in enumerate(zip(wanted, got)) if one != other)
    at = next(unequal, min(len(wanted), len(got)))
    was, came = wanted[at : at + 3], got[at : at + 3]
    return f"at {at} of {len(wanted)}: {was} was committed, {came} arrived"


def difference_at_least_once(wanted, got):
    """The same where some changes may have been sent again: from any point on, but never with a gap."""
    place = {event: index for index, event in enumerate(wanted) if event is not None}
    done = 0
    for at, event in enumerate(got):
        if event is None:
            # A tombstone is like any other: it is new only if the next one is due.
            done += done < len(wanted) and wanted[done] is None
            continue
        index = place.get(event)
        if index is None:
            return f"{event} arrived, which was never committed"
        if index > done:
            return f"at {at}: {event} arrived, but {wanted[done]} not before it"
        done = max(done, index + 1)
    return None if done == len(wanted) else f"{wanted[done]} and what is after it has not arrived"


def differences(wanted, got, difference):
    """One line for each key that is not as it should be."""
    found = {}
    for key in sorted({*wanted, *got}):
        if problem := difference(wanted.get(key, []), got.get(key, [])):
            found[key] = problem
    return found

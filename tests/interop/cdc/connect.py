"""The REST API of Kafka Connect, and the configurations of the connectors that are used here."""

import json
import time
import urllib.error
import urllib.request

from processes import wait_until

#: A rebalance, a worker that has just died: whoever asks again is answered.
PASSING = (409, 500, 503, 504)
# However slow the machine is, what is asked for comes by then.
LIMIT_S = 400


class Refused(Exception):
    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status


class Connect:
    """Some workers of one group. Any that lives is asked."""

    def __init__(self, *workers):
        self.workers = list(workers)

    def request(self, method, path, body=None, limit_s=LIMIT_S):
        deadline = time.monotonic() + limit_s
        while True:
            for worker in self.workers:
                try:
                    return self._ask(worker, method, path, body)
                except urllib.error.HTTPError as error:
                    text = error.read().decode(errors="replace")
                    refused = Refused(error.code, text)
                    if error.code not in PASSING:
                        raise refused from None
                except OSError as error:
                    refused = error
            if time.monotonic() > deadline:
                raise refused
            time.sleep(0.2)

    @staticmethod
    def _ask(worker, method, path, body):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(worker.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as response:
            text = response.read()
            return json.loads(text) if text else None

    def put(self, name, config):
        return self.request("PUT", f"/connectors/{name}/config", config)

    def status(self, name):
        """The state of the connector, and those of its tasks by their ids."""
        try:
            status = self.request("GET", f"/connectors/{name}/status")
        except Refused as refused:
            if refused.status == 404:
                return "ABSENT", {}, ""
            raise
        tasks = {task["id"]: task["state"] for task in status["tasks"]}
        traces = [each.get("trace", "") for each in [status["connector"], *status["tasks"]]]
        return status["connector"]["state"], tasks, "\n".join(traces)

    def wait_for(self, name, state="RUNNING", tasks=("RUNNING",), limit_s=LIMIT_S):
        last = None

        def is_so():
            nonlocal last
            last = self.status(name)
            return last[0] == state and tuple(last[1].values()) == tasks

        wait_until(is_so, lambda: f"{name} is {state}, its tasks {tasks}: {last}", limit_s)

    def create(self, name, config):
        self.put(name, config)
        self.wait_for(name)

    def pause(self, name):
        self.request("PUT", f"/connectors/{name}/pause")
        self.wait_for(name, "PAUSED", ("PAUSED",))

    def resume(self, name):
        self.request("PUT", f"/connectors/{name}/resume")
        self.wait_for(name)

    def stop(self, name):
        self.request("PUT", f"/connectors/{name}/stop")
        self.wait_for(name, "STOPPED", ())

    def restart(self, name, only_failed=False):
        query = f"includeTasks=true&onlyFailed={str(only_failed).lower()}"
        self.request("POST", f"/connectors/{name}/restart?{query}")

    def delete(self, name):
        self.request("DELETE", f"/connectors/{name}")
        wait_until(lambda: self.status(name)[0] == "ABSENT", f"{name} is gone")

    def offsets(self, name):
        return self.request("GET", f"/connectors/{name}/offsets")["offsets"]

    def alter_offsets(self, name, offsets):
        return self.request("PATCH", f"/connectors/{name}/offsets", {"offsets": offsets})["message"]

    def reset_offsets(self, name):
        return self.request("DELETE", f"/connectors/{name}/offsets")["message"]


def from_postgresql(database, prefix, tables):
    return {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "database.hostname": "127.0.0.1",
        "database.port": str(database.port),
        "database.user": "postgres",
        "database.password": "unused",
        "database.dbname": "shop",
        "plugin.name": "pgoutput",
        "slot.name": prefix.replace("-", "_"),
        "publication.name": prefix.replace("-", "_"),
        "publication.autocreate.mode": "filtered",
        "topic.prefix": prefix,
        "table.include.list": ",".join(f"public.{table}" for table in tables),
        **new_topics(),
    }


def from_mariadb(database, prefix, tables, bootstrap, server_id=7):
    return {
        "connector.class": "io.debezium.connector.mariadb.MariaDbConnector",
        "database.hostname": "127.0.0.1",
        "database.port": str(database.port),
        "database.user": "debezium",
        "database.password": "secret",
        "database.server.id": str(server_id),
        "database.include.list": "shop",
        "topic.prefix": prefix,
        "table.include.list": ",".join(f"shop.{table}" for table in tables),
        "schema.history.internal.kafka.bootstrap.servers": bootstrap,
        "schema.history.internal.kafka.topic": f"schema-history.{prefix}",
        **new_topics(),
    }


def new_topics(partitions=3):
    """How Connect creates the topics of a source."""
    return {
        "topic.creation.default.replication.factor": "1",
        "topic.creation.default.partitions": str(partitions),
        "topic.creation.default.min.insync.replicas": "1",
    }


def to_postgresql(database, topic, table, dead_letters):
    """Debezium's JDBC sink. What it cannot take goes to a topic of its own, with the reason in the headers."""
    return {
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
        "connection.url": f"jdbc:postgresql://127.0.0.1:{database.port}/shop",
        "connection.username": "postgres",
        "connection.password": "unused",
        "topics": topic,
        "collection.name.format": table,
        "insert.mode": "upsert",
        "delete.enabled": "true",
        "primary.key.mode": "record_key",
        "schema.evolution": "basic",
        "errors.tolerance": "all",
        "errors.deadletterqueue.topic.name": dead_letters,
        "errors.deadletterqueue.topic.replication.factor": "1",
        "errors.deadletterqueue.context.headers.enable": "true",
    }

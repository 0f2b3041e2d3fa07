"""The processes of a pipeline: brokers, databases, workers of Kafka Connect.

Each lies in a folder of its own and is on the same port all its life. It can be killed and started again, by the thread that
has made it: it dies with that thread, however the script ends.
"""

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

import artifacts

# However slow the machine is, what is waited for comes by then.
LIMIT_S = 400
#: Small and soon there: these JVMs live for minutes, beside many others.
JVM_FLAGS = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xms64m", "-Dlog4j2.level=INFO")


#: The ports that were found. Most of them are bound much later.
PORTS = set()


def free_port():
    """A port that is free, and that nobody else here was given."""
    while True:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        if port not in PORTS:
            PORTS.add(port)
            return port


def wait_until(is_true, what, limit_s=LIMIT_S):
    """Asks again and again until the answer is something, and returns it."""
    deadline = time.monotonic() + limit_s
    while not (answer := is_true()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not in time: {what() if callable(what) else what}")
        time.sleep(0.05)
    return answer


def _stat(pid):
    """The fields of a process from its state on; None if it is gone."""
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return None


def is_alive(pid):
    """Whether a process runs that is no child of ours. One that is dead and not yet buried does not."""
    stat = _stat(pid)
    return stat is not None and stat[0] not in ("Z", "X")


#: Every process that was made.
MADE = []


@contextlib.contextmanager
def temporary_home():
    """A folder that the users of the databases can reach as well. It goes, and with it all that runs there."""
    with tempfile.TemporaryDirectory(prefix="ottla-cdc-", ignore_cleanup_errors=True) as name:
        os.chmod(name, 0o755)
        try:
            yield pathlib.Path(name)
        finally:
            for process in MADE:
                process.kill()


def _cpu_seconds(*stats):
    return sum(int(stat[11]) + int(stat[12]) for stat in stats) / os.sysconf("SC_CLK_TCK")


class Process:
    """A process that can be started, stopped, killed and started again. What it says is in `log`."""

    #: Who runs it, when we are root and it refuses to be.
    user = None
    #: The flags of its virtual machine, if it has one.
    jvm = JVM_FLAGS

    def __init__(self, home, name):
        self.home, self.name, self.child = pathlib.Path(home) / name, name, None
        self.home.mkdir(parents=True, exist_ok=True)
        self.log = self.home / "log"
        self.port = free_port()
        MADE.append(self)
        if self._other_user():
            shutil.chown(self.home, self.user, self.user)

    def command(self):
        raise NotImplementedError

    def is_ready(self):
        return self.accepts()

    def accepts(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def start(self):
        """Starts it and waits until it serves. It returns how many seconds that took."""
        began = time.monotonic()
        self.spawn()
        self.wait_ready()
        return time.monotonic() - began

    def spawn(self):
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                self._as_user("--pdeathsig", "KILL") + [str(word) for word in self.command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.home,
            )

    def wait_ready(self):
        def ready():
            assert self.child.poll() is None, f"{self.name} has ended:\n{self.tail()}"
            return self.is_ready()

        wait_until(ready, lambda: f"{self.name} serves:\n{self.tail()}")

    def kill(self):
        """SIGKILL, to it and to the processes that it has started."""
        if self.child is None or self.child.poll() is not None:
            return
        pids = []
        # Held up, so that it starts none that is not seen.
        self.child.send_signal(signal.SIGSTOP)
        with contextlib.suppress(OSError):
            children = pathlib.Path(f"/proc/{self.child.pid}/task/{self.child.pid}/children")
            pids = [int(pid) for pid in children.read_text().split()]
        self.child.kill()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.child.wait()
        # One that still waits for the disk has what the next start needs: PostgreSQL's memory, for instance.
        wait_until(lambda: not any(map(is_alive, pids)), f"the children of {self.name} are dead")

    def stop(self):
        """The orderly end."""
        self.child.send_signal(self.stop_signal)
        self.child.wait(LIMIT_S)

    stop_signal = signal.SIGTERM

    def tail(self, lines=60):
        """The last that it has said, without the requests that it was asked by us."""
        said = self.log.read_text(errors="replace").splitlines()
        return "\n".join([line[:400] for line in said if "Python-urllib" not in line][-lines:])

    def cpu_seconds(self):
        """Of this process alone, up to now."""
        return _cpu_seconds(_stat(self.child.pid))

    def cpu_seconds_of_all(self):
        """Of this process and its children: a database has one for each connection."""
        all_stats = filter(None, map(_stat, filter(str.isdigit, os.listdir("/proc"))))
        children = (stat for stat in all_stats if stat[1] == str(self.child.pid))
        return _cpu_seconds(_stat(self.child.pid), *children)

    def resident_bytes(self):
        for line in pathlib.Path(f"/proc/{self.child.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) << 10
        raise AssertionError(f"{self.name} has no memory")

    def _other_user(self):
        return self.user is not None and os.geteuid() == 0

    def _as_user(self, *options):
        words = ["setpriv", *options]
        if self._other_user():
            group = str(pwd.getpwnam(self.user).pw_gid)
            words += ["--reuid", self.user, "--regid", group, "--clear-groups"]
        return [*words, "--"]

    def _run(self, *command, codes=(0,), **options):
        """Runs a command to its end as the same user, and returns what it prints."""
        words = self._as_user("--pdeathsig", "KILL") + [str(word) for word in command]
        done = subprocess.run(
            words, cwd=self.home, capture_output=True, text=True, timeout=LIMIT_S, **options
        )
        assert done.returncode in codes, f"{command}: {done.stdout}\n{done.stderr}"
        return done.stdout


class Ottla(Process):
    """Our broker, as it comes: the settings are only for who wants others."""

    def __init__(self, home, binary, settings=()):
        super().__init__(home, "ottla")
        self.binary, self.settings = binary, settings
        self.bootstrap = f"127.0.0.1:{self.port}"

    def command(self):
        settings = [f"listeners=PLAINTEXT://{self.bootstrap}", f"log.dirs={self.home / 'data'}"]
        settings += self.settings
        return [self.binary, "serve", *(word for each in settings for word in ("--set", each))]

    def run(self, *arguments, codes=(0,)):
        """A command of the operator, which ends with one of these codes."""
        environment = dict(os.environ, OTTLA_BOOTSTRAP=self.bootstrap)
        return self._run(self.binary, *arguments, codes=codes, env=environment)


class Kafka(Process):
    """Apache Kafka: one KRaft node, as its own `server.properties` has it."""

    def __init__(self, home, memory="512m"):
        super().__init__(home, "kafka")
        self.memory, self.bootstrap = memory, f"127.0.0.1:{self.port}"
        controller = free_port()
        self.properties = self.home / "server.properties"
        lines = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://127.0.0.1:{controller}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "log.dirs": self.home / "data",
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1,
        }
        write_properties(self.properties, lines)

    def command(self):
        return [*self._java(), f"-Xmx{self.memory}", "kafka.Kafka", self.properties]

    def _java(self):
        return ["java", *self.jvm, "-cp", f"{artifacts.kafka()}/*"]

    def spawn(self):
        if not (self.home / "data").exists():
            cluster = "b3R0bGEtaW50ZXJvcC1jZA"
            options = ("format", "-t", cluster, "-c", self.properties)
            self._run(*self._java(), "kafka.tools.StorageTool", *options)
        super().spawn()

    def is_ready(self):
        return "Kafka Server started" in self.log.read_text(errors="replace")


class PostgreSQL(Process):
    """A server with `wal_level=logical`, and one database `shop`."""

    user = "postgres"
    stop_signal = signal.SIGINT

    def __init__(self, home):
        super().__init__(home, "postgresql")
        versions = sorted(pathlib.Path("/usr/lib/postgresql").iterdir(), key=lambda it: it.name)
        self.bin = versions[-1] / "bin"
        trust = ("-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync")
        self._run(self.bin / "initdb", "-D", self.home / "data", *trust)
        self.start()
        self.sql("CREATE DATABASE shop", database="postgres")

    def command(self):
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "wal_level": "logical",
            "max_wal_senders": 20,
            "max_replication_slots": 20,
        }
        words = (word for key, value in settings.items() for word in ("-c", f"{key}={value}"))
        return [self.bin / "postgres", "-D", self.home / "data", *words]

    def is_ready(self):
        where = ("-h", "127.0.0.1", "-p", str(self.port))
        return subprocess.run([self.bin / "pg_isready", "-q", *where]).returncode == 0

    def sql(self, text, database="shop"):
        where = ("-h", "127.0.0.1", "-p", self.port, "-U", "postgres", "-d", database)
        return self._run("psql", "-qAtX", "-v", "ON_ERROR_STOP=1", *where, "-c", text)


class MariaDB(Process):
    """A server with a binary log of whole rows, and one database `shop`."""

    user = "mysql"

    def __init__(self, home):
        super().__init__(home, "mariadb")
        self.socket = self.home / "socket"
        normal = ("--auth-root-authentication-method=normal", "--skip-test-db")
        self._run("mariadb-install-db", "--no-defaults", f"--datadir={self.home / 'data'}", *normal)
        self.start()
        self.sql("CREATE DATABASE shop", database="mysql")
        self.sql("CREATE USER debezium IDENTIFIED BY 'secret'")
        self.sql("GRANT ALL PRIVILEGES ON *.* TO debezium")

    def command(self):
        return [
            shutil.which("mariadbd") or "/usr/sbin/mariadbd",
            "--no-defaults",
            f"--datadir={self.home / 'data'}",
            f"--socket={self.socket}",
            "--bind-address=127.0.0.1",
            f"--port={self.port}",
            "--skip-name-resolve",
            "--server-id=1",
            "--log-bin=binlog",
            "--sync-binlog=1",
            "--binlog-format=ROW",
            "--binlog-row-image=FULL",
        ]

    def is_ready(self):
        words = ["mariadb-admin", "--no-defaults", f"--socket={self.socket}", "-u", "root", "ping"]
        return subprocess.run(words, capture_output=True).returncode == 0 and self.accepts()

    def sql(self, text, database="shop"):
        return self._run(
            "mariadb",
            "--no-defaults",
            f"--socket={self.socket}",
            "-u",
            "root",
            "-BN",
            database,
            "-e",
            text,
        )


class Worker(Process):
    """A distributed worker of Kafka Connect. Those of one `group` and one broker share the work."""

    #: What every worker must be told, and has no default.
    JSON = "org.apache.kafka.connect.json.JsonConverter"

    def __init__(self, home, name, bootstrap, group, settings=None, memory="320m"):
        super().__init__(home, name)
        self.memory, self.url = memory, f"http://127.0.0.1:{self.port}"
        self.properties = self.home / "connect.properties"
        lines = {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "listeners": self.url,
            "key.converter": self.JSON,
            "value.converter": self.JSON,
            "plugin.path": artifacts.debezium().parent,
            # Reads the lists of services instead of all classes: half the time of the start.
            "plugin.discovery": "SERVICE_LOAD",
        }
        for what, topic in (("config", "configs"), ("offset", "offsets"), ("status", "status")):
            lines[f"{what}.storage.topic"] = f"{group}-{topic}"
            lines[f"{what}.storage.replication.factor"] = 1
        write_properties(self.properties, lines | (settings or {}))

    def command(self):
        flags = [*self.jvm, f"-Xmx{self.memory}", "-cp", f"{artifacts.connect()}/*"]
        return ["java", *flags, "org.apache.kafka.connect.cli.ConnectDistributed", self.properties]

    def is_ready(self):
        with contextlib.suppress(OSError), urllib.request.urlopen(self.url, timeout=5):
            return True
        return False


class MirrorMaker(Process):
    """MirrorMaker 2, a cluster of one."""

    def __init__(self, home, settings, memory="384m"):
        super().__init__(home, "mirror")
        self.memory, self.properties = memory, self.home / "mirror.properties"
        write_properties(self.properties, settings)

    def command(self):
        flags = [*self.jvm, f"-Xmx{self.memory}", "-cp", f"{artifacts.connect()}/*"]
        return ["java", *flags, "org.apache.kafka.connect.mirror.MirrorMaker", self.properties]

    def is_ready(self):
        return "Kafka MirrorMaker started" in self.log.read_text(errors="replace")


def write_properties(path, lines):
    path.write_text("".join(f"{key}={value}\n" for key, value in lines.items()))

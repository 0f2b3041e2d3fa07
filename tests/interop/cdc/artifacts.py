"""What is fetched once: Kafka Connect, Debezium's connectors, Apache Kafka itself, each in pinned versions.

They lie in target/interop, where the other tests find and leave what they share with these (see `testkit::kafka_dist`): a
folder is made anew only when the pom that names its contents has changed.
"""

import fcntl
import os
import pathlib
import shutil
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
FETCH_LIMIT_S = 600
#: A registry that cannot be reached is asked again so often, after a pause.
FETCH_ATTEMPTS, FETCH_PAUSE_S = 3, 10


def interop_dir():
    """Rust names it to those that it runs; who runs them by hand keeps all in `target`."""
    return pathlib.Path(os.environ.get("OTTLA_INTEROP", ROOT / "target" / "interop"))


def connect():
    """The folder with the jars of Connect and MirrorMaker."""
    return _fetch("connect-4.3.1", HERE / "pom.xml", "-Pconnect")


def debezium():
    """The folder with the jars of the connectors, which lies alone in its parent: a `plugin.path`."""
    return _fetch("debezium-3.5.0", HERE / "pom.xml", "-Pdebezium")


def kafka():
    """The folder with the jars of Apache Kafka."""
    return _fetch("kafka-4.3.1", HERE.parent / "java" / "pom.xml")


def _fetch(name, pom, *options):
    home = interop_dir() / name
    home.mkdir(parents=True, exist_ok=True)
    lib, marker = home / "lib", home / "lib.made-of"
    with open(home.parent / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if marker.exists() and marker.read_text() == pom.read_text():
            return lib
        shutil.rmtree(lib, ignore_errors=True)
        command = [
            "mvn",
            "-q",
            "-B",
            "-Dstyle.color=never",
            "-f",
            pom,
            *options,
            "dependency:copy-dependencies",
        ]
        command.append(f"-DoutputDirectory={lib}")
        for attempt in range(FETCH_ATTEMPTS):
            done = subprocess.run(command, timeout=FETCH_LIMIT_S, stdin=subprocess.DEVNULL)
            if done.returncode == 0:
                break
            assert attempt + 1 < FETCH_ATTEMPTS, f"Maven cannot fetch {name}"
            time.sleep(FETCH_PAUSE_S)
        marker.write_text(pom.read_text())
    return lib

"""Asks everything: main.py OTTLA [KAFKA [TEST...]], the first two each a host:port; the names of tests choose among them.

What Kafka is there for: it must pass the same tests, which shows that they are right; and it gets the same bad requests,
whose answers are compared. After a line of its own, the table of what Ottla advertises and how it is tested is printed.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import bad_group_requests  # noqa: F401
import bad_requests  # noqa: F401
import bad_transaction_requests  # noqa: F401
import cluster  # noqa: F401
import configs  # noqa: F401
import consumer_groups  # noqa: F401
import groups  # noqa: F401
import records  # noqa: F401
import topics  # noqa: F401
import transactions  # noqa: F401
from comparison import CASES, compare
from suite import World, run, table


def main(ottla, kafka=None, *chosen):
    run_id = f"{int(time.time()):x}"
    worlds = [World("ottla", ottla, run_id)] + ([World("kafka", kafka, run_id)] if kafka else [])
    start = time.monotonic()
    with ThreadPoolExecutor() as pool:
        failures = sum(pool.map(lambda world: run(world, chosen), worlds), [])
    print(f"{len(failures)} tests failed in {time.monotonic() - start:.1f} s")
    start = time.monotonic()
    if kafka and not chosen:
        different = compare(*worlds)
        print("\n".join(different))
        count = len(CASES)
        print(
            f"{len(different)} of {count} bad requests differ without a reason; {time.monotonic() - start:.1f} s"
        )
        failures += different
    print("the table:")
    print("\n".join(table(*worlds)))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])

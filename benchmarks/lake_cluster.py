"""Marts over the lake on a cluster of dask, each file taken many times, a worker killed or not.

    python -m benchmarks.lake_cluster --namespace tenant_1 --times 100 --kill 2

The lake and its catalogue are those of the settings; so is the cluster (`DASK_SCHEDULER`), or it is
of processes of this machine. Printed: rows, seconds, and the load of the machine.
"""

import argparse
import os
import signal
import threading
import time
from typing import Any

from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.outlets.lake import distributed
from ingestion_pipeline.outlets.lake.catalogue import opened

MARTS = {"orders_daily": distributed.ORDERS_DAILY, "kpi_daily": distributed.KPI_DAILY}


def main() -> None:
    """Work marts out, and say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--namespace", default="tenant_1")
    parser.add_argument("--zone", default="UTC", help="by whose clock days are told")
    parser.add_argument("--times", type=int, default=1, help="how often each file is taken")
    parser.add_argument("--processes", type=int, default=2, help="of a cluster of our own")
    parser.add_argument("--kill", type=float, help="kill a worker of our own after seconds")
    given = parser.parse_args()
    configuration = settings()
    lake = opened(configuration)
    with distributed.cluster(configuration.dask_scheduler, processes=given.processes) as client:
        for name, mart in MARTS.items():
            table = lake.table(given.namespace, mart.source)
            if table is None:
                print(f"{name}: there is no {given.namespace}.{mart.source}")
                continue
            killer = threading.Timer(given.kill or 0, _kill, [client])
            if given.kill is not None:
                killer.start()
            begun = time.perf_counter()
            found = distributed.work_out(client, mart, table, zone=given.zone, times=given.times)
            took = time.perf_counter() - begun
            killer.cancel()
            rows = sum(found["points" if name == "kpi_daily" else "orders"].to_pylist())
            print(
                f"{name}: {len(found):,} rows of {rows:,} counted, in {took:.1f} s; "
                f"load {os.getloadavg()[0]:.1f}"
            )


def _kill(client: Any) -> None:
    pids = client.run(os.getpid)
    os.kill(next(iter(pids.values())), signal.SIGKILL)
    print("a worker was killed")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""How long a corpus takes on a cluster, by a small simulation: windows of tasks on cores, CouchDB beside them, and machines
that are lost. Needs nothing but Python 3. The figures below are measured on one machine; put your own in their place.

    examples/cluster/simulate.py --documents 100e6 --machines 10 --cores 8 --couchdb-cores 96
"""

import argparse
import heapq
import math
import random


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--documents", type=float, default=100e6, help="documents of the corpus")
    add("--size", type=float, default=30e3, help="bytes of a document, the mean")
    add("--spread", type=float, default=0.8, help="sigma of the log-normal distribution of sizes")
    add("--machines", type=int, default=10)
    add("--cores", type=int, default=8, help="cores of each machine")
    add("--bytes-per-second", type=float, default=23e6, help="text that a core labels")
    add("--couchdb-cores", type=int, default=96, help="cores of the database's nodes; 0: files")
    add("--couchdb-ms", type=float, default=5.5, help="CPU of the database for a document read and written")
    add("--partitions", type=int, default=0, help="partitions of a window; default: the cores of the cluster")
    add("--ids", type=int, default=16, help="ids of a partition")
    add("--in-flight", type=int, default=3, help="windows in flight")
    add("--window-ms", type=float, default=75, help="fixed cost of a window")
    add("--lost-per-day", type=float, default=1, help="machines lost a day")
    add("--timeout", type=float, default=15, help="seconds until a lost machine is noticed")
    add("--windows", type=int, default=400, help="windows to simulate; the rest follows from them")
    add("--seed", type=int, default=0)
    return parser.parse_args()


def simulate(options):
    """Seconds that `options.windows` windows take."""
    rng = random.Random(options.seed)
    cores = options.machines * options.cores
    partitions = options.partitions or max(cores, 16)
    free = [0.0] * cores  # when each core has nothing left to do
    heapq.heapify(free)
    database = 0.0  # when the database has nothing left to do
    ended = []  # when each window has ended
    median = math.log(options.size) - options.spread**2 / 2
    labelled = 0
    for window in range(options.windows):
        # One is submitted when the one `in_flight` before it has ended.
        ready = ended[window - options.in_flight] if window >= options.in_flight else 0.0
        ready += options.window_ms / 1000
        last = ready
        for _ in range(partitions):
            sizes = (rng.lognormvariate(median, options.spread) for _ in range(options.ids))
            work = sum(sizes) / options.bytes_per_second
            end = max(heapq.heappop(free), ready) + work
            if options.couchdb_cores:
                database = max(database, ready) + options.ids * options.couchdb_ms / 1000 / options.couchdb_cores
                end = max(end, database)
            heapq.heappush(free, end)
            last = max(last, end)
        labelled += partitions * options.ids
        ended.append(last)
    return max(ended), labelled, partitions


def main():
    options = arguments()
    seconds, labelled, partitions = simulate(options)
    rate = labelled / seconds
    run = options.documents / rate
    # A lost machine: nothing of it is noticed for a while, and its tasks in hand are done again.
    share = 1 / options.machines
    lost = options.lost_per_day * run / 86_400
    run += lost * options.timeout * share
    cores = options.machines * options.cores
    print(f"cores for labelling           {cores}")
    print(f"documents a second            {rate:,.0f}")
    print(f"text                          {options.documents * options.size / 1e12:.2f} TB, {rate * options.size / 1e6:,.0f} MB/s")
    print(f"wall time                     {run / 3600:,.1f} h ({run / 86_400:.1f} days)")
    print(f"jobs (windows)                {options.documents / partitions / options.ids:,.0f} of {partitions * options.ids} ids")
    print(f"jobs that the scheduler holds {60 * rate / partitions / options.ids:,.0f} (the last 60 s)")
    if options.couchdb_cores:
        busy = rate * options.couchdb_ms / 1000 / options.couchdb_cores
        print(f"CouchDB's cores busy          {100 * busy:.0f} %{' - the limit' if busy > 0.95 else ''}")
    print(f"machines lost                 {lost:.1f}, {lost * options.timeout * share:.0f} s of the run")


if __name__ == "__main__":
    main()

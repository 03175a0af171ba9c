#!/usr/bin/env python3
"""What a quiet night costs: a database whose documents all have their annotations, run with `--skip-existing`, with and without
`--since last`: seconds, requests, bytes that came, peak memory.

    python3 benches/couchdb/quiet_night.py --url http://user:password@127.0.0.1:5984 [--binary PROGRAM]
                                           [--documents 200000] [--rounds 3] [--keep DATABASE]

The first night with `--since last` lists everything and keeps where it ended; the nights after it read the changes from there.
Requests are those that the server counts (`/_node/_local/_stats`, an administrator's), less those of this script. `--keep` names
a database that is filled where it is not there, and stays. Needs nothing but Python, and a CouchDB.
"""

import argparse
import base64
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from bench import ROOT, Server  # noqa: E402

TEXT = b"Amanita rubra Novak, sp. nov.\n\nCap red, 3-5 cm wide, with white warts.\n" * 6


def fill(server, database, count):
    server.request("PUT", f"/{database}")
    attachment = {"content_type": "text/plain", "data": base64.b64encode(TEXT).decode()}
    for start in range(0, count, 1000):
        documents = [
            {
                "_id": f"doc{n:07d}",
                "title": f"Article {n}",
                "_attachments": {"article.txt": attachment, "article.txt.ann": attachment},
            }
            for n in range(start, min(start + 1000, count))
        ]
        server.request("POST", f"/{database}/_bulk_docs", json.dumps({"docs": documents}))


def requests(server):
    answer = server.request("GET", "/_node/_local/_stats/couchdb/httpd/requests")
    return json.loads(answer)["value"]


def night(server, binary, database, folder, more):
    metrics = folder / "metrics.json"
    password = folder / "password"
    password.write_text(server.password)
    password.chmod(0o600)
    command = [binary, "--couchdb-url", server.plain, "--couchdb-username", server.user, "--ingest-db-name", database]
    command += ["--couchdb-password-file", password, "--metrics-file", metrics, "--skip-existing", "--no-progress", *more]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    before, begin = requests(server), time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    # One of them asked how many there were.
    made = requests(server) - before - 1
    if done.returncode:
        raise SystemExit(f"{command[0]} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    figures = json.loads(metrics.read_text())
    return seconds, made, figures["peak_rss_bytes"] / 1e6, figures["documents"]["skipped"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/predict_classifier")
    parser.add_argument("--documents", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep")
    args = parser.parse_args()
    server = Server(args.url)
    database = args.keep or f"skol_quiet_{os.getpid()}"
    try:
        if f'"{database}"' not in server.request("GET", "/_all_dbs").decode():
            fill(server, database, args.documents)
        print(f"{args.documents} documents, all annotated; medians of {args.rounds} nights\n")
        print("| night | s | requests | peak MB | skipped |\n|---|---|---|---|---|")
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for what, rounds, more in (
                ("without `--since last`", args.rounds, []),
                ("`--since last`, the first", 1, ["--since", "last"]),
                ("`--since last`, nothing new", args.rounds, ["--since", "last"]),
            ):
                nights = [night(server, args.binary.resolve(), database, folder, more) for _ in range(rounds)]
                seconds, made, memory, skipped = map(statistics.median, zip(*nights))
                print(f"| {what} | {seconds:.2f} | {made:.0f} | {memory:.0f} | {skipped:.0f} |", flush=True)
    finally:
        if not args.keep:
            server.request("DELETE", f"/{database}")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What a document costs on its way through CouchDB: documents per second, CPU time of server and client, bytes, and two
ratios in one run:

- against a plain loop of GET and PUT per document, as a user would script it in Python, with a session of `requests`
  where that is installed (it labels nothing);
- against the same bytes through bare `_bulk_get` (in parts, compressed as they are stored) and `_bulk_docs`: the documents
  as the program left them in a run before (annotations, provenance and all), as request bodies prepared beforehand;
  answers are read and thrown away; as many requests at a time as `--cores`, each connection reading and writing in turn.

    python3 benches/couchdb/bench.py [--binary PROGRAM] [--before PROGRAM] [--url http://user:password@host:5984]
                                     [--documents 1200] [--kb 30] [--rounds 5] [--cores 2] [--split] [--pid PID]

Without --url it starts the server of the tests (scripts/install-test-server.sh). Every run gets a fresh database, and
begins when the server has come to rest after filling it; rounds are interleaved, the first one only warms the
server up, medians of the others are printed, with the CPU time that a run took on either side. `--before` is another
build, which takes turns with the others. Bytes are counted in a round of its own, by a forwarder between the two.

The labels cost CPU time that the bare run does not spend. Where server and program share their cores and the bare run
uses them up already, that alone bounds the ratio. `--split` shows what is left when nobody takes the other's: the
server gets the first half of the machine's cores and whoever talks to it the others, in all runs alike, as on
two machines.

With --url, `--pid` is that of the server's process, if it is on this machine (`pgrep -x beam.smp`): then its CPU time is
told as well, and `--split` can be given.

Needs nothing but Python (and Node.js for the test server).
"""

import argparse
import base64
import http.client
import json
import multiprocessing
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BATCH = 64
NAME = "article.txt"


class Server:
    """One connection to a CouchDB, kept alive."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.url, self.user, self.password = url, parts.username, parts.password
        self.plain = f"{parts.scheme}://{parts.hostname}:{parts.port}"
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port)
        token = base64.b64encode(f"{parts.username}:{parts.password}".encode()).decode()
        self.headers = {"Authorization": f"Basic {token}", "Accept": "application/json"}

    def request(self, method, path, body=None, content_type="application/json", accept="application/json"):
        headers = self.headers | {"Content-Type": content_type, "Accept": accept}
        for last in (False, True):
            try:
                self.connection.request(method, path, body, headers)
                answer = self.connection.getresponse()
                data = answer.read()
                break
            except (http.client.HTTPException, ConnectionError):
                self.connection.close()
                if last:
                    raise
        if answer.status >= 400:
            raise SystemExit(f"{method} {path}: {answer.status} {data[:300]!r}")
        return data


def texts(count, kilobytes):
    """`count` different texts of `kilobytes` kB from the sample documents."""
    files = sorted((ROOT / "examples/documents").rglob("*.txt"))
    pool = "\n\n".join(path.read_text(encoding="utf-8", errors="replace") for path in files)
    length = kilobytes * 1000
    pool *= 1 + (2 * length) // len(pool)
    step = max(1, (len(pool) - length) // count)
    return [f"Number {n}\n\n{pool[n * step : n * step + length]}" for n in range(count)]


def seed(server, database, contents):
    server.request("PUT", f"/{database}")
    ids = [f"doc{n:06d}" for n in range(len(contents))]
    for start in range(0, len(ids), BATCH):
        documents = [
            {
                "_id": ids[n],
                "title": f"Article {n}",
                "_attachments": {
                    NAME: {"content_type": "text/plain", "data": base64.b64encode(contents[n].encode()).decode()}
                },
            }
            for n in range(start, min(start + BATCH, len(ids)))
        ]
        server.request("POST", f"/{database}/_bulk_docs", json.dumps({"docs": documents}))
    return ids


def plain_loop(url, database):
    """What a user would script: list, then GET and PUT for each document. By `requests` where it is installed."""
    server = UsersServer(url)
    begin = time.perf_counter()
    rows = json.loads(server.request("GET", f"/{database}/_all_docs"))["rows"]
    for row in rows:
        text = server.request("GET", f"/{database}/{row['id']}/{NAME}")
        annotated = b"[@" + text + b"#Misc-exposition*]"
        path = f"/{database}/{row['id']}/{NAME}.ann?rev={row['value']['rev']}"
        server.request("PUT", path, annotated, "text/plain; charset=utf-8")
    return time.perf_counter() - begin


class UsersServer:
    """A session of `requests`, with its connection kept alive; without `requests`, one of ours."""

    def __init__(self, url):
        server = Server(url)
        try:
            import requests
        except ImportError:
            self.request = server.request
            return
        self.session, self.plain = requests.Session(), server.plain
        self.session.auth = (server.user, server.password)

    def request(self, method, path, body=None, content_type="application/json"):
        answer = self.session.request(method, self.plain + path, data=body, headers={"Content-Type": content_type})
        answer.raise_for_status()
        return answer.content


def annotated_documents(server, database, ids):
    """The documents as the program wrote them: texts as stubs, annotations inline, no revision."""
    documents = []
    for start in range(0, len(ids), BATCH):
        read = json.dumps({"docs": [{"id": name} for name in ids[start : start + BATCH]]})
        answer = server.request("POST", f"/{database}/_bulk_get?attachments=true", read)
        documents += [result["docs"][0]["ok"] for result in json.loads(answer)["results"]]
    for document in documents:
        text = document["_attachments"][NAME]
        text["length"], text["stub"] = len(base64.b64decode(text.pop("data"))), True
        annotation = document["_attachments"][NAME + ".ann"]
        document["_attachments"][NAME + ".ann"] = {name: annotation[name] for name in ("content_type", "data")}
        del document["_rev"]
    return documents


def prepared_bodies(server, database, ids, annotated):
    """The bodies of bulk reads and writes of all documents, `BATCH` at a time."""
    rows = json.loads(server.request("GET", f"/{database}/_all_docs"))["rows"]
    bodies = []
    for start in range(0, len(ids), BATCH):
        part = range(start, min(start + BATCH, len(ids)))
        documents = [{"_id": ids[n], "_rev": rows[n]["value"]["rev"]} | annotated[n] for n in part]
        read = json.dumps({"docs": [{"id": ids[n]} for n in part]}).encode()
        bodies.append((read, json.dumps({"docs": documents}).encode()))
    return bodies


def carry(url, database, bodies, start_line):
    server = Server(url)
    server.request("GET", f"/{database}")
    start_line.wait()
    for read, write in bodies:
        # A server that has no parts answers with JSON.
        server.request("POST", f"/{database}/_bulk_get?attachments=true", read, accept="multipart/mixed")
        server.request("POST", f"/{database}/_bulk_docs", write)


def bare_bulk(url, database, bodies, connections):
    """The same bytes, without anything done to them."""
    start_line = multiprocessing.Barrier(connections + 1)
    workers = [
        multiprocessing.Process(target=carry, args=(url, database, bodies[n::connections], start_line))
        for n in range(connections)
    ]
    for worker in workers:
        worker.start()
    start_line.wait()
    begin = time.perf_counter()
    for worker in workers:
        worker.join()
        if worker.exitcode:
            raise SystemExit("a connection of the bare bulk run failed")
    return time.perf_counter() - begin


def program(server, database, binary, cores, folder, model):
    password_file = folder / "password"
    password_file.write_text(server.password)
    password_file.chmod(0o600)
    command = [str(binary), "--couchdb-url", server.plain, "--couchdb-username", server.user]
    command += ["--couchdb-password-file", str(password_file), "--ingest-db-name", database]
    command += ["--cores", str(cores), "--verbosity", "1", "--no-progress"]
    command += ["--model", model] if model else []
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR", "LANG")}
    begin = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    wall = time.perf_counter() - begin
    if done.returncode:
        raise SystemExit(f"{binary} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return wall


def cpu_seconds(pid):
    """CPU time of a process so far; `None` where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rest(pid):
    """Waits until the server has done with what is behind it (it compacts after writes)."""
    before = pid and cpu_seconds(pid)
    time.sleep(0.5)
    for _ in range(60):
        now = pid and cpu_seconds(pid)
        if now is None or now - before < 0.03:
            return
        before = now
        time.sleep(0.5)


class Forwarder:
    """Passes connections on to a server, and counts the bytes of both directions."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.target, self.bytes = (parts.hostname, parts.port), 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        address = f"{parts.username}:{parts.password}@127.0.0.1:{self.listener.getsockname()[1]}"
        self.url = f"{parts.scheme}://{address}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            server = socket.create_connection(self.target)
            for ends in ((client, server), (server, client)):
                threading.Thread(target=self.carry, args=ends, daemon=True).start()

    def carry(self, source, target):
        try:
            while data := source.recv(1 << 16):
                self.bytes += len(data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def split_cores(pid):
    """The first half of the cores for the server's threads, the others for this process and what it starts."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SystemExit("--split needs two cores")
    half = len(cores) // 2
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), cores[:half])
    os.sched_setaffinity(0, cores[half:])
    return len(cores[:half]), len(cores[half:])


def own_server(folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    password = secrets.token_hex(12)
    start = ROOT / "tests/couchdb-server/start.js"
    if not (start.parent / "node_modules").is_dir():
        raise SystemExit("run scripts/install-test-server.sh first, or give --url")
    environment = os.environ | {"TEST_SERVER_SECRET": password}
    command = ["node", "--no-deprecation", str(start), str(folder), str(port)]
    process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process, f"http://admin:{password}@127.0.0.1:{port}"
        time.sleep(0.1)
    raise SystemExit("pouchdb-server does not come up")


class Bench:
    """A server, and what is done with it."""

    def __init__(self, args, url, pid, folder):
        self.args, self.url, self.pid, self.folder = args, url, pid, folder
        self.server = Server(url)
        self.contents = texts(args.documents, args.kb)
        self.annotated = None
        self.programs = {"predict_classifier": args.binary} | ({"the build before": args.before} if args.before else {})
        self.names = ["plain loop", "bare bulk", *self.programs]

    def run(self, what, number, url=None):
        """Wall time, and CPU time of server and client, of one way through a fresh database."""
        server, url = self.server, url or self.url
        database = f"skol_bench_{os.getpid()}_{number}_{what.replace(' ', '_')}"
        try:
            ids = seed(server, database, self.contents)
            bodies = prepared_bodies(server, database, ids, self.annotated) if what == "bare bulk" else None
            rest(self.pid)
            before = (self.pid and cpu_seconds(self.pid), sum(os.times()[:4]))
            if what == "plain loop":
                wall = plain_loop(url, database)
            elif what == "bare bulk":
                wall = bare_bulk(url, database, bodies, self.args.cores)
            else:
                binary = self.programs[what].resolve()
                wall = program(Server(url), database, binary, self.args.cores, self.folder, self.args.model)
            after = (self.pid and cpu_seconds(self.pid), sum(os.times()[:4]))
            listing = json.loads(server.request("GET", f"/{database}/_all_docs?include_docs=true"))
            done = sum(NAME + ".ann" in row["doc"].get("_attachments", {}) for row in listing["rows"])
            if done != len(ids):
                raise SystemExit(f"{what}: {done} of {len(ids)} documents are annotated")
            # The first run is a program's, in the round that warms up.
            self.annotated = self.annotated or annotated_documents(server, database, ids)
        finally:
            server.request("DELETE", f"/{database}")
        return wall, [b - a if b is not None else None for a, b in zip(before, after)]

    def bytes(self, what):
        forwarder = Forwarder(self.url)
        self.run(what, "bytes", forwarder.url)
        forwarder.listener.close()
        return forwarder.bytes


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/predict_classifier")
    parser.add_argument("--before", type=Path)
    parser.add_argument("--url")
    parser.add_argument("--pid", type=int)
    parser.add_argument("--model")
    parser.add_argument("--documents", type=int, default=1200)
    parser.add_argument("--kb", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--split", action="store_true")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    for binary in filter(None, (args.binary, args.before)):
        if not binary.is_file():
            parser.error(f"no program at {binary}: run `cargo build --release`, or give --binary PROGRAM")
    if args.split and args.url and not args.pid:
        parser.error("--split needs --pid, the server's process")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "server").mkdir()
        process, url = (None, args.url) if args.url else own_server(folder / "server")
        pid = args.pid or (process and process.pid)
        try:
            bench = Bench(args, url, pid, folder)
            split = split_cores(pid) if args.split else None
            walls, spent = {what: [] for what in bench.names}, {what: [] for what in bench.names}
            for turn in range(args.rounds + 1):
                for what in bench.names if turn % 2 else bench.names[::-1]:
                    wall, cpu = bench.run(what, turn)
                    if turn > 0:
                        walls[what].append(wall)
                        spent[what].append(cpu)
            size = {what: bench.bytes(what) for what in bench.names}
        finally:
            if process:
                process.kill()
    report(args, split, walls, spent, size)


def report(args, split, walls, spent, size):
    median = {what: statistics.median(times) for what, times in walls.items()}
    rate = {what: args.documents / time for what, time in median.items()}
    ratios = {
        "to_plain_loop": rate["predict_classifier"] / rate["plain loop"],
        "to_bare_bulk": rate["predict_classifier"] / rate["bare bulk"],
    }
    if args.json:
        figures = {"documents": args.documents, "kb": args.kb, "cores": args.cores, "split": split, "bytes": size}
        figures |= {"walls_s": walls, "cpu_s_server_and_client": spent, "ratios": ratios}
        json.dump(figures, sys.stdout, indent=1)
        print()
        return
    where = "shared by server and clients"
    if split:
        where = f"server on {split[0]} of them, clients on {split[1]}"
    elif args.url and not args.pid:
        where = "the server is elsewhere"
    print(f"{args.documents} documents of {args.kb} kB, --cores {args.cores}; medians of {args.rounds} rounds")
    print(f"{os.cpu_count()} cores of this machine: {where}; CPU time and bytes are per document")
    for what, times in walls.items():
        line = f"  {what:20} {rate[what]:7.1f} documents/s   {median[what]:6.2f} s  ({min(times):.2f}-{max(times):.2f})"
        sides = [statistics.median(side) for side in zip(*spent[what]) if None not in side]
        if len(sides) == 2:
            server, client = (side * 1000 / args.documents for side in sides)
            line += f"   server {server:5.2f} ms   client {client:5.2f} ms"
        print(f"{line}   {size[what] / args.documents:7.0f} bytes")
    print(f"  predict_classifier : plain loop = {ratios['to_plain_loop']:.2f}   ")
    print(f"  predict_classifier : bare bulk  = {ratios['to_bare_bulk']:.2f}   ")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What each way to read and to write a text costs the server: CPU time on either side, bytes, documents per second.

    python3 benches/couchdb/calls.py --url http://user:password@127.0.0.1:5984 [--pid PID]
                                     [--documents 400] [--kb 30]

CouchDB answers the question which calls to use; pouchdb-server keeps attachments uncompressed and has no parts. `--pid` is
that of the server's process on this machine (`pgrep -x beam.smp`); without it the server's CPU time is left out. Each
way gets a fresh database, in one connection, one request after the other.

Needs nothing but Python.
"""

import argparse
import base64
import gzip
import http.client
import json
import os
import time
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = "article.txt"
KIND = "text/plain; charset=utf-8"
# As long as what the program writes.
PROVENANCE = {
    "annotations": {
        NAME + ".ann": {
            "model": "context",
            "model_sha256": "a" * 64,
            "version": "0.1.0",
            "time": "2026-01-31T02:00:00Z",
            "labels": {"Nomenclature": 12, "Description": 40, "Misc-exposition": 3},
            "sha256": "b" * 64,
            "length": 30000,
            "revpos": 2,
        }
    }
}


class Server:
    """One connection with a session, kept alive."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port)
        self.headers = {"Content-Type": "application/json", "Accept": "application/json"}
        body = json.dumps({"name": parts.username, "password": parts.password})
        self.connection.request("POST", "/_session", body, self.headers)
        answer = self.connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"no session: {answer.status}")
        self.headers["Cookie"] = answer.headers["Set-Cookie"].split(";")[0]

    def request(self, method, path, body=None, **headers):
        headers = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        data = answer.read()
        if answer.status >= 400:
            raise SystemExit(f"{method} {path}: {answer.status} {data[:300]!r}")
        return data


def texts(count, length):
    files = sorted((ROOT / "examples/documents").rglob("*.txt"))
    pool = "\n\n".join(path.read_text(encoding="utf-8", errors="replace") for path in files)
    pool *= 1 + 2 * length // len(pool)
    step = max(1, (len(pool) - length) // count)
    return [f"Number {n}\n\n{pool[n * step : n * step + length]}".encode() for n in range(count)]


class Calls:
    def __init__(self, server, database, contents):
        self.server, self.database, self.contents = server, database, contents
        self.ids = [f"doc{n:06d}" for n in range(len(contents))]
        self.annotations = [b"[@" + text + b"#Misc-exposition*]" for text in contents]

    def seed(self):
        self.server.request("PUT", f"/{self.database}")
        for part in self.parts(64):
            documents = [
                {"_id": self.ids[n], "title": f"Article {n}", "_attachments": {NAME: inline(self.contents[n])}}
                for n in part
            ]
            self.server.request("POST", f"/{self.database}/_bulk_docs", json.dumps({"docs": documents}))

    def parts(self, size):
        numbers = range(len(self.ids))
        return [numbers[start : start + size] for start in range(0, len(self.ids), size)]

    def documents(self):
        answer = self.server.request("GET", f"/{self.database}/_all_docs?include_docs=true")
        return [row["doc"] for row in json.loads(answer)["rows"]]

    def annotated(self, document, entry):
        attachments = document["_attachments"] | {NAME + ".ann": entry}
        return document | {"skol_classifier": PROVENANCE, "_attachments": attachments}

    # Reading; each returns the bytes of the answers.

    def bulk_get(self, size, accept):
        path, length = f"/{self.database}/_bulk_get?attachments=true", 0
        for part in self.parts(size):
            body = json.dumps({"docs": [{"id": self.ids[n]} for n in part]})
            length += len(self.server.request("POST", path, body, Accept=accept))
        return length

    def all_docs(self, attachments):
        path = f"/{self.database}/_all_docs?include_docs=true" + ("&attachments=true" if attachments else "")
        keys = [json.dumps({"keys": [self.ids[n] for n in part]}) for part in self.parts(64)]
        return sum(len(self.server.request("POST", path, body)) for body in keys)

    def get(self, encoding):
        path = f"/{self.database}/%s/{NAME}"
        return sum(
            len(self.server.request("GET", path % name, Accept="*/*", Accept_Encoding=encoding)) for name in self.ids
        )

    def get_documents(self):
        path = f"/{self.database}/%s?attachments=true"
        return sum(len(self.server.request("GET", path % name, Accept="multipart/related")) for name in self.ids)

    # Writing; each returns the bytes of the requests.

    def bulk_docs(self, size, kind=KIND):
        documents, length = self.documents(), 0
        for part in self.parts(size):
            docs = [self.annotated(documents[n], inline(self.annotations[n], kind)) for n in part]
            body = json.dumps({"docs": docs})
            length += len(body)
            self.server.request("POST", f"/{self.database}/_bulk_docs", body)
        return length

    def put_in_parts(self, packed):
        length = 0
        for n, document in enumerate(self.documents()):
            content, entry = self.annotations[n], {"follows": True, "content_type": KIND}
            entry["length"] = len(content)
            if packed:
                content = gzip.compress(content, 6)
                entry |= {"encoding": "gzip", "encoded_length": len(content)}
            document = json.dumps(self.annotated(document, entry)).encode()
            body = b"--b\r\nContent-Type: application/json\r\n\r\n" + document + b"\r\n--b\r\n\r\n" + content
            body += b"\r\n--b--"
            length += len(body)
            kind = 'multipart/related; boundary="b"'
            self.server.request("PUT", f"/{self.database}/{self.ids[n]}", body, Content_Type=kind)
        return length

    def put(self, packed):
        length = 0
        for n, document in enumerate(self.documents()):
            body = gzip.compress(self.annotations[n], 6) if packed else self.annotations[n]
            length += len(body)
            path = f"/{self.database}/{self.ids[n]}/{NAME}.ann?rev={document['_rev']}"
            headers = {"Content_Encoding": "gzip"} if packed else {}
            self.server.request("PUT", path, body, Content_Type=KIND, **headers)
        return length

    def put_inline(self):
        length = 0
        for n, document in enumerate(self.documents()):
            body = json.dumps(self.annotated(document, inline(self.annotations[n])))
            length += len(body)
            self.server.request("PUT", f"/{self.database}/{self.ids[n]}", body)
        return length


def inline(content, kind=KIND):
    return {"content_type": kind, "data": base64.b64encode(content).decode()}


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--pid", type=int)
    parser.add_argument("--documents", type=int, default=400)
    parser.add_argument("--kb", type=int, default=30)
    args = parser.parse_args()
    server = Server(args.url)
    ways = {
        "read  _bulk_get, JSON, 64 at a time": lambda calls: calls.bulk_get(64, "application/json"),
        "read  _bulk_get, JSON, 16 at a time": lambda calls: calls.bulk_get(16, "application/json"),
        "read  _bulk_get, JSON, 256 at a time": lambda calls: calls.bulk_get(256, "application/json"),
        "read  _bulk_get, parts, 64 at a time": lambda calls: calls.bulk_get(64, "multipart/mixed"),
        "read  _bulk_get, parts, 16 at a time": lambda calls: calls.bulk_get(16, "multipart/mixed"),
        "read  _all_docs?attachments=true": lambda calls: calls.all_docs(True),
        "read  GET attachment": lambda calls: calls.get("identity"),
        "read  GET attachment, gzip": lambda calls: calls.get("gzip"),
        "read  GET document, parts": lambda calls: calls.get_documents(),
        "(stubs alone, _all_docs)": lambda calls: calls.all_docs(False),
        "write _bulk_docs, inline, 64 at a time": lambda calls: calls.bulk_docs(64),
        "write _bulk_docs, inline, 16 at a time": lambda calls: calls.bulk_docs(16),
        "write _bulk_docs, inline, 256 at a time": lambda calls: calls.bulk_docs(256),
        "write _bulk_docs, uncompressed type": lambda calls: calls.bulk_docs(64, "application/octet-stream"),
        "write PUT document, inline": lambda calls: calls.put_inline(),
        "write PUT document, parts": lambda calls: calls.put_in_parts(False),
        "write PUT document, parts, gzip": lambda calls: calls.put_in_parts(True),
        "write PUT attachment": lambda calls: calls.put(False),
        "write PUT attachment, gzip": lambda calls: calls.put(True),
    }
    contents = texts(args.documents, args.kb * 1000)
    print(f"{args.documents} documents of {args.kb} kB; per document: CPU of server and client, bytes on the wire")
    for number, (name, way) in enumerate(ways.items()):
        calls = Calls(server, f"skol_calls_{os.getpid()}_{number}", contents)
        try:
            calls.seed()
            time.sleep(1)
            before = cpu_seconds(args.pid) if args.pid else 0
            client, begin = time.process_time(), time.perf_counter()
            length = way(calls)
            wall, client = time.perf_counter() - begin, time.process_time() - client
            time.sleep(0.5)
            spent = f"{(cpu_seconds(args.pid) - before) * 1000 / len(contents):6.2f} ms" if args.pid else "       - "
        finally:
            server.request("DELETE", f"/{calls.database}")
        rate, size = len(contents) / wall, length / len(contents)
        print(f"  {name:40} server {spent}   client {client * 1000 / len(contents):5.2f} ms {size:8.0f} B {rate:6.0f}/s")


if __name__ == "__main__":
    main()

"""A proxy between Customary and a provider's adapter that makes faults.

Usage: provider_proxy.py --target URL [--port PORT] [--hints-target URL] [--seed N] [--faults N] [--rate F]

Calls go to the adapter at --target. If --hints-target is given, hints (POST /api/Ingest/…) go to Customary there, so the
adapter's --customary can be the address of this proxy. All other paths pass unchanged. --faults says how many faults there
are in all, and --rate which share of the requests they hit until then. The proxy prints one line, `listening on http://…`.
`GET /faults` answers {"done": …, "by_kind": {…}, "requests": …}; hints count as requests.
"""

import argparse
import base64
import http.client
import json
import random
import secrets
import socket
import threading
import time
import urllib.parse
from collections import Counter, deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CALLS = ("/charges", "/refunds", "/voids", "/sessions")
HINTS = "/api/Ingest/"
SIGNATURES = ("webhook-id", "webhook-timestamp", "webhook-signature")
# Headers of one connection, which the proxy makes anew.
OWN_HEADERS = {"connection", "keep-alive", "host", "content-length", "transfer-encoding", "expect", "date", "server"}
ADAPTER_SECONDS = 90
REMEMBERED = 200

CALL_FAULTS = [
    "drop_request",  # the adapter never sees it, and the connection ends
    "drop_answer",  # the adapter answers, and the connection ends
    "cut_answer",  # half of the adapter's answer arrives
    "delay",  # all is well, but late
    "error_500",  # the adapter never sees it
    "error_500_after",  # the adapter did it
    "conflict_409",  # unsigned; the adapter never sees it
    "conflict_409_after",  # unsigned; the adapter did it
    "twice",  # the adapter gets it twice at the same time
    "stale",  # the rightly signed answer of another call
    "garbage",  # 200 and no JSON
    "broken_signature",  # 200 and right JSON, which the secret did not sign
]
HINT_FAULTS = ["hint_repeat", "hint_lost", "hint_drop", "hint_delay"]


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def id(self):
        return next((value for name, value in self.headers if name.lower() == "webhook-id"), "").removeprefix("get:")


class Proxy(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, options):
        super().__init__(("127.0.0.1", options.port), Handler)
        self.options = options
        self.random = random.Random(options.seed)
        self.lock = threading.Lock()
        self.by_kind = Counter()
        self.requests = 0
        self.old_answers = deque(maxlen=REMEMBERED)

    def handle_error(self, request, client_address):
        """Connections end all the time here."""

    def fault(self, kinds, our_id):
        """The kind of fault that hits a request, if one does, and a source of random of its own."""
        with self.lock:
            self.requests += 1
            own = random.Random(self.random.random())
            is_hit = self.by_kind.total() < self.options.faults and self.random.random() < self.options.rate
            if not is_hit:
                return None, own
            kind = self.random.choice(kinds)
            if kind == "stale" and not self.others(our_id):
                kind = "drop_answer"
            self.by_kind[kind] += 1
            return kind, own

    def others(self, our_id):
        return [answer for answer in self.old_answers if answer.id() != our_id]

    def remember(self, answer):
        with self.lock:
            if answer.id():
                self.old_answers.append(answer)

    def report(self):
        with self.lock:
            return {"done": self.by_kind.total(), "by_kind": dict(self.by_kind), "requests": self.requests}


def send(target, method, path, headers, body):
    """One request to a target, on a connection of its own."""
    base = urllib.parse.urlsplit(target)
    connection = http.client.HTTPConnection(base.hostname, base.port or 80, timeout=ADAPTER_SECONDS)
    try:
        kept = {name: value for name, value in headers.items() if name.lower() not in OWN_HEADERS}
        connection.request(method, base.path.rstrip("/") + path, body or None, kept)
        response = connection.getresponse()
        kept = [(name, value) for name, value in response.getheaders() if name.lower() not in OWN_HEADERS]
        return Answer(response.status, kept, response.read())
    finally:
        connection.close()


def without_signature(answer, status, body):
    kept = [(name, value) for name, value in answer.headers if name.lower() not in SIGNATURES]
    return Answer(status, kept, body)


def broken(answer, own):
    """An answer with another signature, or with another body under the right one."""
    if own.random() < 0.5:
        other = "v1," + base64.b64encode(secrets.token_bytes(32)).decode()
        names = [(name, other if name.lower() == "webhook-signature" else value) for name, value in answer.headers]
        return Answer(200, names, answer.body)
    try:
        told = json.loads(answer.body)
    except ValueError:
        told = {}
    told["status"] = "declined" if told.get("status") == "succeeded" else "succeeded"
    told.pop("error", None)
    return Answer(200, answer.headers, json.dumps(told).encode())


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format, *args):
        """The report says enough."""

    def do_GET(self):
        self.pass_on()

    def do_POST(self):
        self.pass_on()

    def answer(self, answer, cut=False):
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body[: len(answer.body) // 2] if cut else answer.body)
        self.wfile.flush()
        if cut:
            self.drop()

    def drop(self):
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/faults":
            report = json.dumps(self.server.report()).encode()
            return self.answer(Answer(200, [("Content-Type", "application/json")], report))
        try:
            if self.path.startswith(HINTS) and self.server.options.hints_target:
                self.hint(body)
            elif self.path.startswith(CALLS):
                self.call(body)
            else:
                self.answer(self.forward(body))
        except (OSError, http.client.HTTPException):
            # The target is away, or ended the connection.
            self.drop()

    def forward(self, body):
        return send(self.server.options.target, self.command, self.path, self.headers, body)

    def called(self, body):
        """The adapter's answer to a call."""
        answer = self.forward(body)
        self.server.remember(answer)
        return answer

    def call(self, body):
        our_id = (self.headers.get("webhook-id") or "").removeprefix("get:")
        fault, own = self.server.fault(CALL_FAULTS, our_id)
        json_header = [("Content-Type", "application/json")]
        match fault:
            case "drop_request":
                self.drop()
            case "drop_answer":
                self.called(body)
                self.drop()
            case "cut_answer":
                self.answer(self.called(body), cut=True)
            case "delay":
                time.sleep(own.uniform(0.2, 3))
                self.answer(self.called(body))
            case "error_500":
                self.answer(Answer(500, json_header, b'{"error":"internal"}'))
            case "error_500_after":
                answer = self.called(body)
                signed = Answer(500, answer.headers, answer.body)
                self.answer(signed if own.random() < 0.5 else without_signature(answer, 500, b"Internal Server Error"))
            case "conflict_409":
                self.answer(Answer(409, json_header, json.dumps({"id": our_id, "error": "expired"}).encode()))
            case "conflict_409_after":
                told = json.dumps({"id": our_id, "error": "expired"}).encode()
                self.answer(without_signature(self.called(body), 409, told))
            case "twice":
                other = threading.Thread(target=self.called_quietly, args=(body,))
                other.start()
                answer = self.called(body)
                other.join()
                self.answer(answer)
            case "stale":
                if own.random() < 0.5:
                    self.called(body)
                with self.server.lock:
                    stale = own.choice(self.server.others(our_id))
                self.answer(stale)
            case "garbage":
                answer = self.called(body) if own.random() < 0.5 else Answer(200, json_header, b"")
                self.answer(Answer(200, answer.headers, own.choice([b"<html>ok</html>", b"{", b"null", b"\xff\x00\xfe", b""])))
            case "broken_signature":
                self.answer(broken(self.called(body), own))
            case _:
                self.answer(self.called(body))

    def called_quietly(self, body):
        try:
            self.called(body)
        except (OSError, http.client.HTTPException):
            pass

    def hint(self, body):
        target = self.server.options.hints_target
        fault, own = self.server.fault(HINT_FAULTS, None)
        if fault == "hint_lost":
            # The adapter believes that it arrived.
            return self.answer(Answer(200, [("Content-Type", "application/json")], b"{}"))
        if fault == "hint_drop":
            return self.drop()
        if fault == "hint_delay":
            time.sleep(own.uniform(0.2, 3))
        for _ in range(own.randint(1, 3) if fault == "hint_repeat" else 0):
            send(target, self.command, self.path, self.headers, body)
        self.answer(send(target, self.command, self.path, self.headers, body))


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--target", required=True)
    parser.add_argument("--hints-target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--faults", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0.6)
    return parser.parse_args()


if __name__ == "__main__":
    proxy = Proxy(arguments())
    print(f"listening on http://127.0.0.1:{proxy.server_port}", flush=True)
    try:
        proxy.serve_forever(poll_interval=0.1)
    except KeyboardInterrupt:
        pass

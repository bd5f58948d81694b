#!/usr/bin/env python3
"""The reference adapter: the small program between Customary and a payment provider.

It has a test bank in place of a provider, and a ledger in one SQLite file. Python 3.11 and its standard library are enough.
Start it with the secret that Customary has too, and give Customary its address:

    export CUSTOMARY_PROVIDER_SECRET=whsec_…
    python3 examples/provider_adapter.py --ledger ledger.db --customary http://127.0.0.1:8080

To connect a real provider, replace the class Bank. docs/reference/provider.md says what an adapter must promise.
"""

import argparse
import base64
import hashlib
import hmac
import html
import json
import os
import queue
import re
import secrets
import signal
import sqlite3
import sys
import threading
import time
import traceback
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WINDOW_SECONDS, PENDING_SECONDS, WAIT_MAX_SECONDS = 300, 2.0, 60.0
BODY_MAX, READ_MAX, HINT_TRIES = 64 * 1024, 1024 * 1024, 5
ID, TEXT, URL = r"[A-Za-z0-9._~:-]{1,200}", r"[!-~]{1,250}", r"https?://[!-~]{1,2000}"
CALLS = {"/charges": "charge", "/refunds": "refund", "/voids": "void", "/sessions": "session"}
PAGES = {"session": "session", "charge": "action"}
SCHEMA = """
CREATE TABLE IF NOT EXISTS request (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL, same TEXT NOT NULL, amount TEXT, currency TEXT,
  charge TEXT, method TEXT, status TEXT NOT NULL, created REAL NOT NULL, due REAL, valid_until REAL NOT NULL,
  provider_id TEXT NOT NULL, auth_code TEXT, network_id TEXT, fee TEXT, error TEXT, message TEXT, stored_method TEXT);
CREATE INDEX IF NOT EXISTS request_status ON request (status);
CREATE TABLE IF NOT EXISTS movement (
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, charge TEXT NOT NULL,
  amount TEXT NOT NULL, currency TEXT NOT NULL, moved REAL NOT NULL);
CREATE INDEX IF NOT EXISTS movement_charge ON movement (charge);
"""
WORDS = {
    "en": dict(lang="en", payment="Pay", method="Save", choose="Choose a test method", cancel="Cancel", back="Back",
               approve="Approve", decline="Decline", declined="This method was declined, choose another.",
               expired="This page has expired.", done="Everything is done here.", unknown="There is no such page."),
    "fr": dict(lang="fr", payment="Payer", method="Enregistrer", choose="Choisissez un moyen de test", cancel="Annuler",
               back="Retour", approve="Approuver", decline="Refuser", declined="Ce moyen est refusé, choisissez-en un autre.",
               expired="Cette page a expiré.", done="Tout est fait ici.", unknown="Cette page n'existe pas."),
}  # fmt: skip


class Refusal(Exception):
    """A request that is answered with an error; nothing was done for it."""

    def __init__(self, status: int, error: str, message: str = "") -> None:
        super().__init__(error)
        self.status, self.error, self.message = status, error, message


class Signer:
    """Standard Webhooks 1.0.0: HMAC-SHA256 of id, time and body."""

    def __init__(self, secret: str) -> None:
        self.key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        if not secret.startswith("whsec_") or len(self.key) < 24:
            raise ValueError("too short")

    def _signature(self, message_id: str, at: str, body: bytes) -> str:
        digest = hmac.new(self.key, f"{message_id}.{at}.".encode() + body, hashlib.sha256).digest()
        return "v1," + base64.b64encode(digest).decode()

    def headers(self, message_id: str, body: bytes) -> dict[str, str]:
        at = str(int(time.time()))
        return {"webhook-id": message_id, "webhook-timestamp": at, "webhook-signature": self._signature(message_id, at, body)}

    def proved_id(self, headers: Any, body: bytes) -> str:
        """The `webhook-id` of a request that the secret signed within the last five minutes."""
        message_id, at, sent = (headers.get(f"webhook-{name}") or "" for name in ("id", "timestamp", "signature"))
        wanted = self._signature(message_id, at, body).encode()
        # Every signature is compared, so the time tells nothing of them.
        matches = [hmac.compare_digest(each.encode(), wanted) for each in sent.split(" ")[:16]]
        if not any(matches) or not re.fullmatch(r"[!-~]{1,300}", message_id):
            raise Refusal(401, "bad_signature")
        if not re.fullmatch(r"[0-9]{1,12}", at) or abs(time.time() - int(at)) > WINDOW_SECONDS:
            raise Refusal(401, "bad_timestamp")
        return message_id


class Bank:
    """The test bank. A real adapter calls its provider here, with our id as the idempotency key."""

    # What the page of a session offers: type, brand and last digits. `test-action` and all other names succeed too.
    METHODS = {
        "test-visa": ("card", "visa", "4242"), "test-mastercard": ("card", "mastercard", "4444"),
        "test-ach": ("ach", None, "6789"), "test-wallet": ("wallet", None, None),
        "test-declined": ("card", "visa", "0002"), "test-insufficient": ("card", "visa", "9995"),
        "test-expired": ("card", "visa", "0069"), "test-pending": ("card", "visa", "0077"),
    }  # fmt: skip
    DECLINES = {
        "test-declined": ("declined", "The bank declined."),
        "test-insufficient": ("insufficient_funds", "The account has too little money."),
        "test-expired": ("expired_card", "The card has expired."),
    }
    WHOLE = {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"}

    @staticmethod
    def test_name(method_id: str) -> str:
        """The test method that a token stands for; a token saved in a session is `pm-`, that method and letters."""
        saved = re.fullmatch(r"pm-(.+)-[a-z]+", method_id)
        return saved[1] if saved else method_id

    @classmethod
    def fee(cls, amount: str, currency: str) -> str:
        rate, step, fixed = ("0.03", "1", "0") if currency in cls.WHOLE else ("0.029", "0.01", "0.30")
        return str((Decimal(amount) * Decimal(rate)).quantize(Decimal(step), ROUND_HALF_EVEN) + Decimal(fixed))

    @classmethod
    def stored_method(cls, name: str) -> dict[str, Any]:
        """What a session tells of the method that the payer chose."""
        kind, brand, last4 = cls.METHODS[name]
        told: dict[str, Any] = {"providerMethodId": f"pm-{name}-{letters()}", "method": kind, "fingerprint": f"fp-{name}"}
        told |= {"brand": brand, "last4": last4}
        if kind == "card":
            told |= {"expMonth": 12, "expYear": datetime.now(UTC).year + 3, "networkTransactionId": f"nti-{letters()}"}
        return {member: value for member, value in told.items() if value is not None}


def letters() -> str:
    """A random name. It has no digits, so that nobody takes it for a card number."""
    return "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(16))


class Ledger:
    """Every request by its id, and every movement of money. Each change is one durable transaction, so a process that is
    killed loses nothing and moves nothing twice."""

    def __init__(self, file: str, bank_seconds: float) -> None:
        self.bank_seconds = bank_seconds
        self.news: queue.Queue[sqlite3.Row] = queue.Queue()
        self._unsent: list[sqlite3.Row] = []
        self._lock = threading.RLock()
        self._db = sqlite3.connect(file, timeout=30, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {SCHEMA}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._unsent = []
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            for row in self._unsent:
                self.news.put(row)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _row(self, our_id: str) -> sqlite3.Row | None:
        return self._db.execute("SELECT * FROM request WHERE id = ?", (our_id,)).fetchone()

    def _set(self, row: sqlite3.Row, is_news: bool = True, **values: Any) -> sqlite3.Row:
        names = ", ".join(f"{name} = :{name}" for name in values)
        update = f"UPDATE request SET {names} WHERE id = :id RETURNING *"
        changed = self._db.execute(update, {**values, "id": row["id"]}).fetchall()
        self._unsent += changed if is_news else []
        return changed[0]

    def _move(self, row: sqlite3.Row, kind: str, charge: str, amount: str) -> None:
        moved = (row["id"], kind, charge, amount, row["currency"], time.time())
        self._db.execute("INSERT INTO movement (id, kind, charge, amount, currency, moved) VALUES (?, ?, ?, ?, ?, ?)", moved)

    def _settle(self, row: sqlite3.Row, is_news: bool = True) -> sqlite3.Row:
        """The end of a charge or a session: what the bank decides."""
        name = Bank.test_name(row["method"])
        if name in Bank.DECLINES:
            error, message = Bank.DECLINES[name]
            return self._set(row, is_news, status="declined", error=error, message=message)
        values = {"status": "succeeded", "auth_code": letters()[:6].upper(), "network_id": f"nti-{letters()}"}
        if row["kind"] == "session":
            values["stored_method"] = json.dumps(Bank.stored_method(name))
        if row["amount"] is not None:
            self._move(row, "charge", row["id"], row["amount"])
            values["fee"] = Bank.fee(row["amount"], row["currency"])
        return self._set(row, is_news, **values)

    def _fresh(self, row: sqlite3.Row) -> sqlite3.Row:
        """The row as it is by now."""
        if row["status"] == "pending" and row["due"] <= time.time():
            return self._settle(row, is_news=row["due"] > row["created"])
        if row["status"] == "requiresAction" and row["valid_until"] < time.time():
            return self._set(row, status="declined", error="expired", message="The payer did not finish in time.")
        return row

    def look(self, our_id: str) -> sqlite3.Row | None:
        with self._transaction():
            row = self._row(our_id)
            return row and self._fresh(row)

    def watch(self) -> None:
        """Ends what is due, for ever."""
        due = "SELECT id FROM request WHERE status = 'pending' AND due <= ? OR status = 'requiresAction' AND valid_until < ?"
        while True:
            time.sleep(0.1)
            try:
                with self._lock:
                    ids = self._db.execute(due, (time.time(), time.time())).fetchall()
                for row in ids:
                    self.look(row["id"])
            except sqlite3.Error as error:
                print(f"ledger: {error}", file=sys.stderr)

    def start(self, body: dict[str, Any], raw: str) -> sqlite3.Row:
        """Takes a request once; the same id again answers what became of it."""
        method, amount = body.get("providerMethodId"), body.get("amount") and f"{Decimal(body['amount']).normalize():f}"
        same = json.dumps([body["kind"], amount, body.get("currency"), method, body.get("chargeId"), body.get("purpose")])
        with self._transaction():
            row = self._row(body["id"])
            if row is not None:
                if row["same"] != same:
                    raise Refusal(422, "different_request", "This id stands for another request.")
                return self._fresh(row)
            now = time.time()
            if body["until"] < now:
                raise Refusal(409, "expired", "validUntil is over.")
            name = Bank.test_name(method or "")
            status = "requiresAction" if body["kind"] == "session" or name == "test-action" else "pending"
            due = now + max(self.bank_seconds, PENDING_SECONDS if name == "test-pending" else 0.0)
            new = {"id": body["id"], "kind": body["kind"], "body": raw, "same": same, "amount": body.get("amount"),
                   "currency": body.get("currency"), "charge": body.get("chargeId"), "method": method, "status": status,
                   "created": now, "due": due, "valid_until": body["until"], "provider_id": f"{body['kind']}-{letters()}"}  # fmt: skip
            insert = f"INSERT INTO request ({', '.join(new)}) VALUES (:{', :'.join(new)}) RETURNING *"
            [row] = self._db.execute(insert, new).fetchall()
            return self._give_back(row, body) if "chargeId" in body else self._fresh(row)

    def _give_back(self, row: sqlite3.Row, body: dict[str, Any]) -> sqlite3.Row:
        """Decides a refund or a void."""
        charge, amount = self._row(row["charge"]), Decimal(row["amount"])
        if charge is not None and charge["status"] == "pending" and row["kind"] == "void":
            charge = self._settle(charge)
        moved = self._db.execute("SELECT amount FROM movement WHERE charge = ?", (row["charge"],)).fetchall()
        left = sum((Decimal(each["amount"]) for each in moved), Decimal(0))
        error = None
        if charge is None or body.get("chargeProviderId") not in (None, charge["provider_id"]):
            error = "unknown_charge"
        elif not moved:
            error = "charge_not_settled"
        elif charge["currency"] != row["currency"]:
            error = "wrong_currency"
        elif row["kind"] == "refund" and amount > left:
            error = "amount_too_high"
        elif row["kind"] == "void" and len(moved) > 1:
            error = "already_refunded"
        elif row["kind"] == "void" and amount != left:
            error = "wrong_amount"
        if error:
            return self._set(row, False, status="declined", error=error, message="The charge does not allow this.")
        self._move(row, row["kind"], row["charge"], f"-{row['amount']}")
        return self._set(row, False, status="succeeded")

    def choose(self, page: str, our_id: str, choice: str) -> tuple[sqlite3.Row | None, bool]:
        """What a payer chose on a page, which may be nothing. Says also whether the payer has to choose another method."""
        with self._transaction():
            row = self._row(our_id)
            if row is None or PAGES.get(row["kind"]) != page:
                return None, False
            row = self._fresh(row)
            if row["status"] != "requiresAction" or choice not in (Bank.METHODS if page == "session" else ("approve", "decline")):
                return row, False
            if choice in Bank.DECLINES:
                return row, True
            if choice == "decline":
                return self._set(row, status="declined", error="declined", message="The payer declined."), False
            if choice == "test-pending":
                return self._set(row, status="pending", method=choice, due=time.time() + PENDING_SECONDS), False
            return self._settle(self._set(row, False, method=row["method"] or choice)), False

    def shown(self) -> dict[str, Any]:
        """Everything, for tests."""
        with self._lock:
            moved = self._db.execute("SELECT id, kind, charge, amount, currency FROM movement ORDER BY number").fetchall()
            asked = self._db.execute("SELECT id, kind, status, charge, amount, currency, error FROM request").fetchall()
        return {"movements": [dict(row) for row in moved], "requests": {row["id"]: dict(row) for row in asked}}


def checked(data: bytes, kind: str) -> dict[str, Any]:
    """Of the body of a call what counts, if it is one."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        raise Refusal(400, "invalid_json") from None
    if not isinstance(body, dict):
        raise Refusal(400, "invalid_json", "The body must be an object.")
    patterns = {"id": ID, "kind": kind, "entrypoint": TEXT}
    if kind != "session" or body.get("purpose") == "payment":
        patterns |= {"amount": r"(?=.*[1-9])[0-9]{1,15}(\.[0-9]{1,4})?", "currency": "[A-Z]{3}"}
    if kind == "charge":
        body["providerMethodId"] = body["method"].get("providerMethodId") if isinstance(body.get("method"), dict) else None
        patterns["providerMethodId"] = TEXT
    elif kind == "session":
        patterns |= {"purpose": "payment|method", "returnUrl": URL, "cancelUrl": URL}
        if not isinstance(body.get("methodTypes"), list):
            raise Refusal(400, "invalid_request", "methodTypes is missing or wrong.")
    else:
        patterns["chargeId"] = ID
    for name, pattern in patterns.items():
        if not isinstance(body.get(name), str) or not re.fullmatch(pattern, body[name]):
            raise Refusal(400, "invalid_request", f"{name} is missing or wrong.")
    try:
        until = datetime.fromisoformat(body["validUntil"])
        kept = {name: body[name] for name in patterns} | {"chargeProviderId": body.get("chargeProviderId")}
        return kept | {"until": (until if until.tzinfo else until.replace(tzinfo=UTC)).timestamp()}
    except (KeyError, TypeError, ValueError, OverflowError):
        raise Refusal(400, "invalid_request", "validUntil is missing or wrong.") from None


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, options: argparse.Namespace, signer: Signer, ledger: Ledger) -> None:
        super().__init__((options.host, options.port), Handler)
        self.signer, self.ledger, self.customary = signer, ledger, (options.customary or "").rstrip("/")
        self.public = (options.public_url or f"http://127.0.0.1:{self.server_port}").rstrip("/")

    def answer(self, row: sqlite3.Row) -> dict[str, Any]:
        """What a row tells Customary."""
        keys = {"providerId": "provider_id", "authCode": "auth_code", "networkTransactionId": "network_id"}
        keys |= {"fee": "fee", "error": "error", "message": "message"}
        told = {"id": row["id"], "kind": row["kind"], "status": row["status"]}
        told |= {name: row[column] for name, column in keys.items() if row[column] is not None}
        if row["status"] == "requiresAction":
            told["url"] = f"{self.public}/{PAGES[row['kind']]}/{row['id']}"
        if row["stored_method"]:
            told["method"] = json.loads(row["stored_method"])
        return told

    def send_hints(self) -> None:
        """Tells Customary that something changed. Only Customary's own question brings the result."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while True:
            row = self.ledger.news.get()
            entry = urllib.parse.quote(json.loads(row["body"])["entrypoint"], safe="")
            body = json.dumps({"type": "charge.updated", "data": {"id": row["id"]}}).encode()
            hint = f"hint-{letters()}"
            for attempt in range(HINT_TRIES if self.customary else 0):
                headers = {"Content-Type": "application/json", **self.signer.headers(hint, body)}
                try:
                    request = urllib.request.Request(f"{self.customary}/api/Ingest/{entry}/provider", body, headers)
                    with opener.open(request, timeout=5):
                        break
                except Exception:  # An error is as good as none: Customary asks by itself too.
                    time.sleep(0.2 * 2**attempt)


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 75

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged, because addresses contain ids."""

    def do_GET(self) -> None:
        # Only who proved to know the secret gets signed answers, so nobody can have a text of theirs signed.
        self.proved = ""
        try:
            self._route(urllib.parse.unquote(self.path.partition("?")[0]), self._read())
        except Refusal as refusal:
            told = {"id": self.proved.removeprefix("get:"), "error": refusal.error, "message": refusal.message}
            self._json(refusal.status, {name: value for name, value in told.items() if value})
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        except Exception:
            traceback.print_exc()
            self.proved, self.close_connection = "", True
            self._json(500, {"error": "internal"})

    do_POST = do_GET

    def _send(self, status: int, media: str, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": media, "Content-Length": str(len(body)), "Cache-Control": "no-store", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _json(self, status: int, told: dict[str, Any]) -> None:
        body = json.dumps(told).encode()
        self._send(status, "application/json", body, self.server.signer.headers(self.proved, body) if self.proved else {})

    def _read(self) -> bytes:
        length = self.headers.get("Content-Length", "0" if self.command == "GET" else "none")
        if not re.fullmatch(r"[0-9]{1,9}", length) or int(length) > READ_MAX or self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            raise Refusal(413 if length.isdecimal() else 411, "invalid_length")
        data = self.rfile.read(int(length))
        if len(data) < int(length):
            raise ConnectionError
        return data

    def _route(self, path: str, data: bytes) -> None:
        ledger, is_post = self.server.ledger, self.command == "POST"
        folder, _, our_id = path.removeprefix("/").partition("/")
        if path == "/ledger" and not is_post:
            is_near = self.client_address[0].startswith("127.") or self.client_address[0] == "::1"
            if not is_near or self.headers.get("X-Forwarded-For") or self.headers.get("Forwarded"):
                raise Refusal(403, "only_from_this_machine")
            return self._json(200, ledger.shown())
        if folder in PAGES.values():
            form = urllib.parse.parse_qs(data[:BODY_MAX].decode(errors="replace"))
            return self._page(is_post, *ledger.choose(folder, our_id, form.get("choice", [""])[0]))
        self.proved = self.server.signer.proved_id(self.headers, data)
        # An unknown path is no 404, which would mean that an id was never seen.
        if path not in CALLS if is_post else folder != "charges" or not our_id:
            raise Refusal(400, "no_such_path")
        row = self._start(path, data) if is_post else ledger.look(our_id)
        if not is_post and self.proved != f"get:{our_id}":
            raise Refusal(400, "invalid_request", "webhook-id is of another request.")
        if row is None:
            raise Refusal(404, "not_found", "This id was never seen.")
        self._json(200, self.server.answer(row))

    def _start(self, path: str, data: bytes) -> sqlite3.Row | None:
        if len(data) > BODY_MAX:
            raise Refusal(413, "too_large", "A body has at most 64 KiB.")
        body, ledger = checked(data, CALLS[path]), self.server.ledger
        if not self.proved == self.headers.get("Idempotency-Key") == body["id"]:
            raise Refusal(400, "invalid_request", "webhook-id and Idempotency-Key must be the id.")
        row = ledger.start(body, data.decode())
        # The bank takes its time; whoever repeats the request meanwhile waits for the same end.
        wait = row["created"] + min(ledger.bank_seconds, WAIT_MAX_SECONDS) - time.time()
        if row["status"] != "pending" or wait <= 0:
            return row
        time.sleep(wait)
        return ledger.look(body["id"])

    def _page(self, is_post: bool, row: sqlite3.Row | None, declined: bool) -> None:
        body = json.loads(row["body"]) if row else {}
        words, status = WORDS["fr" if body.get("language") == "fr" else "en"], 200
        if row is None:
            status, content = 404, f"<p>{words['unknown']}"
        elif is_post and row["kind"] == "session" and row["status"] in ("succeeded", "pending"):
            return self._send(303, "text/plain", b"", {"Location": body["returnUrl"]})
        elif row["status"] != "requiresAction":
            status, word = (410, "expired") if row["error"] == "expired" else (200, "done")
            content = f"<p role=status>{words[word]}"
            if row["kind"] == "session":
                content += f'<p><a href="{html.escape(body["returnUrl"])}">{words["back"]}</a>'
        else:
            title = f"<h1>{row['amount']} {row['currency']}</h1>" if row["amount"] else ""
            alert = f"<p role=alert>{words['declined']}" if declined else ""
            if row["kind"] == "charge":
                fields = "".join(f"<button name=choice value={each}>{words[each]}</button> " for each in ("approve", "decline"))
            else:
                names = [name for name, (kind, *_) in Bank.METHODS.items() if kind in body["methodTypes"]]
                radio = "<p><label><input type=radio name=choice value={0} required> {0}</label>"
                fields = f"<fieldset><legend>{words['choose']}</legend>{''.join(map(radio.format, names))}</fieldset>"
                fields += f'<p><button>{words[body["purpose"]]}</button> <a href="{html.escape(body["cancelUrl"])}">{words["cancel"]}</a>'
            content = f"{title}{alert}<form method=post>{fields}</form>"
        head = f'<meta charset=utf-8><meta name=viewport content="width=device-width"><title>{words["payment"]}</title>'
        page = f"<!doctype html><html lang={words['lang']}>{head}<main>{content}</main></html>"
        safe = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Referrer-Policy": "no-referrer"}
        self._send(status, "text/html; charset=utf-8", page.encode(errors="replace"), safe)


def main() -> None:
    parser = argparse.ArgumentParser(description="The reference adapter between Customary and a payment provider.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=7070)
    parser.add_argument("--ledger", required=True, metavar="FILE", help="SQLite file of all requests and movements")
    parser.add_argument("--customary", metavar="URL", help="where hints go, such as http://127.0.0.1:8080")
    parser.add_argument("--bank-seconds", type=float, default=0.0, metavar="F", help="how long a charge takes")
    parser.add_argument("--public-url", metavar="URL", help="where payers reach this program; http://127.0.0.1:PORT")
    options = parser.parse_args()
    try:
        signer = Signer(os.environ.get("CUSTOMARY_PROVIDER_SECRET", ""))
    except ValueError:
        sys.exit("Set CUSTOMARY_PROVIDER_SECRET to whsec_ and base64 of 24 bytes or more.")
    ledger = Ledger(options.ledger, options.bank_seconds)
    server = Server(options, signer, ledger)
    for work in (server.send_hints, ledger.watch):
        threading.Thread(target=work, daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"listening on http://{options.host}:{server.server_port}", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    ledger.close()


if __name__ == "__main__":
    main()

"""A mail server with controllable behaviour: aiosmtpd with TLS and sign-in, and every kind of failure.

Usage: mail_server.py FOLDER [--security none|starttls|tls] [--login USER:PASSWORD]

The server writes the certificate authority of its certificate to FOLDER/ca.pem. It reads commands from standard input,
one a line: the name of a mode, `away`, `back`. It prints one JSON object a line: {"port": …} when it listens,
{"did": command}, {"reached": mode} when a client runs into the mode, and {"mail": …} for every accepted message.
"""

import argparse
import asyncio
import json
import ssl
import sys
from pathlib import Path

import trustme
from aiosmtpd.smtp import SMTP, AuthResult

# The modes of the server. `ok` accepts everything.
MODES = {
    "ok",
    "later-sender",  # 451 to MAIL
    "later",  # 451 to RCPT
    "never",  # 550 to RCPT
    "later-message",  # 451 after the message
    "never-message",  # 554 after the message
    "hang-sender",  # no answer to MAIL
    "hang-address",  # no answer to RCPT
    "hang-message",  # no answer after the message, which is discarded
    "drop-address",  # the connection ends at RCPT
    "drop-message",  # the connection ends after the message, which is discarded
    "drop-after",  # the message is accepted, and the connection ends right after the 250
    "ascii",  # new connections have no SMTPUTF8
}
FOR_EVER = 3600


def say(**what):
    print(json.dumps(what), flush=True)


class Handler:
    def __init__(self):
        self.mode = "ok"
        self.tasks = set()

    async def hang(self):
        say(reached=self.mode)
        await asyncio.sleep(FOR_EVER)

    def drop(self, server):
        say(reached=self.mode)
        server.transport.abort()

    async def handle_MAIL(self, server, session, envelope, address, options):
        if self.mode == "later-sender":
            return "451 not now"
        if self.mode == "hang-sender":
            await self.hang()
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        match self.mode:
            case "later":
                return "451 not now"
            case "never":
                return f"550 nobody knows {address}"
            case "hang-address":
                await self.hang()
            case "drop-address":
                self.drop(server)
                return "421 goodbye"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        match self.mode:
            case "later-message":
                return "451 not now"
            case "never-message":
                return "554 not this"
            case "hang-message":
                await self.hang()
            case "drop-message":
                self.drop(server)
                return "421 goodbye"
            case "drop-after":
                asyncio.get_running_loop().call_later(0.05, server.transport.abort)
        say(
            mail={
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "message": envelope.content.decode(),
                "tls": session.ssl is not None,
                "user": session.auth_data,
            }
        )
        return "250 OK"


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--security", choices=["none", "starttls", "tls"], default="none")
    parser.add_argument("--login")
    return parser.parse_args()


def tls_context(folder):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


async def main():
    options = arguments()
    handler = Handler()
    context = tls_context(options.folder)

    def authenticate(server, session, envelope, mechanism, data):
        given = f"{data.login.decode()}:{data.password.decode()}"
        return AuthResult(success=given == options.login, auth_data=data.login.decode())

    def protocol():
        return SMTP(
            handler,
            hostname="mail.example.test",
            tls_context=context if options.security == "starttls" else None,
            require_starttls=options.security == "starttls",
            auth_required=options.login is not None,
            auth_require_tls=options.security == "starttls",
            authenticator=authenticate,
            enable_SMTPUTF8=handler.mode != "ascii",
        )

    loop = asyncio.get_running_loop()
    wrapped = context if options.security == "tls" else None
    listening = await loop.create_server(protocol, "127.0.0.1", 0, ssl=wrapped)
    port = listening.sockets[0].getsockname()[1]
    say(port=port)
    while line := (await loop.run_in_executor(None, sys.stdin.readline)):
        command = line.strip()
        if command == "away":
            listening.close()
            listening.abort_clients() if hasattr(listening, "abort_clients") else None
        elif command == "back":
            listening = await loop.create_server(protocol, "127.0.0.1", port, ssl=wrapped)
        elif command in MODES:
            handler.mode = command
        else:
            sys.exit(f"unknown command {command!r}")
        say(did=command)


asyncio.run(main())

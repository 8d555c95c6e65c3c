"""Real receivers of messages on this machine: a mail server and a web hook that can be slow, broken, or away."""

from __future__ import annotations

import contextlib
import email
import email.policy
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller


class Mailbox:
    """What an SMTP server took."""

    def __init__(self) -> None:
        self.mails: list[Any] = []

    async def handle_DATA(self, _server, _session, envelope) -> str:  # noqa: N802 - the name aiosmtpd calls
        parsed: Any = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails.append((envelope.rcpt_tos, str(parsed["subject"]), parsed.get_body(("plain",)).get_content()))
        return "250 taken"


@contextlib.contextmanager
def mail_server(port: int) -> Iterator[Mailbox]:
    """Run an SMTP server; its address for Apprise is mailto://localhost:PORT."""
    box = Mailbox()
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    try:
        yield box
    finally:
        server.stop()


class Hook:
    """What a web hook was sent; `broken` answers 500, `hold` keeps an answer back until it is set."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []
        self.broken = False
        self.hold: threading.Event | None = None
        self.came = threading.Condition()
        self.port = 0

    def wait(self, n: int, seconds: float = 30.0) -> list[dict[str, Any]]:
        with self.came:
            assert self.came.wait_for(lambda: len(self.said) >= n, seconds), self.said
        return self.said


@contextlib.contextmanager
def web_hook() -> Iterator[Hook]:
    hook = Hook()

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with hook.came:
                if not hook.broken:
                    hook.said.append(body)
                hook.came.notify_all()
            if hook.hold is not None:
                hook.hold.wait(60)
            with contextlib.suppress(OSError):
                self.send_response(500 if hook.broken else 200)
                self.end_headers()

        def log_message(self, *_args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    hook.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hook
    finally:
        if hook.hold is not None:
            hook.hold.set()
        server.shutdown()
        server.server_close()
        thread.join(5)

"""A stub that speaks a little of the OpenAI protocol over real HTTP: it stands in for a model server, and thinks nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Stub:
    """What it will answer, in order (the last one again and again), and what it was asked."""

    answers: list[Any]
    key: str = ""
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)

    def reply(self, said: dict[str, Any], key: str) -> tuple[int, bytes]:
        self.asked.append(said)
        if self.key and key != f"Bearer {self.key}":
            return 401, b'{"error": {"message": "no such key"}}'
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if isinstance(answer, int):
            return answer, b'{"error": {"message": "the stub was told to fail"}}'
        if isinstance(answer, bytes):
            return 200, answer
        message: dict[str, Any] = {"role": "assistant", "content": answer if isinstance(answer, str) else None}
        if not isinstance(answer, str):
            name, arguments = answer
            call = {
                "id": f"call-{len(self.asked)}",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(arguments)},
            }
            message["tool_calls"] = [call]
        usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if "tool_calls" in message else "stop"}
        about = {"id": "x", "object": "chat.completion", "created": 1, "model": said.get("model"), "usage": usage}
        return 200, json.dumps({**about, "choices": [choice]}).encode()


@contextmanager
def stub(*answers: Any, key: str = "") -> Iterator[Stub]:
    """Run the stub on a free port of this machine."""
    made = Stub(list(answers), key)

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            code, answer = made.reply(json.loads(body), self.headers.get("Authorization") or "")
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_said: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)

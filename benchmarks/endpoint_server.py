"""A local server that speaks the protocol of OpenAI's chat completions, knows two labels, and fails as servers do.

    python benchmarks/endpoint_server.py 8000     # http://127.0.0.1:8000/v1, model `echo`, until Ctrl-C

It reads a text's label off its words, so that answers can be checked. Which requests fail is a function of the text and
of how often it was asked for, so that two runs meet the same failures.
"""

import asyncio
import json
import math
import sys
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response

MODEL = "echo"
GOOD = ("gem", "delight", "moving", "superb", "warm", "witty", "fresh", "bright", "good")
FAULTS = ("429", "500", "dropped", "malformed", "shapeless", "bare")
"""Too many requests, a broken server, a broken connection, no JSON, JSON of another form, no log-probabilities."""


@dataclass
class Behaviour:
    """How a server behaves, and what it has seen.

    Attributes:
        faults: what it does wrong; none: nothing.
        every: one text of so many meets a fault, at its first request.
        latency: seconds before each answer.
        logprobs: whether it gives log-probabilities.
        probability: of the second label, from the text; None: its words say it.
        answer: from the text and how often it was asked for, what the model says; None: the code of its label.
        choices: at most in one answer.
        key: that it asks for; None: none.
        seen: the text of each request, in their order.
        bodies: of the requests, in their order.
        most: requests at a time, at most.
    """

    faults: tuple[str, ...] = ()
    every: int = 4
    latency: float = 0.0
    logprobs: bool = True
    probability: Callable[[str], float] | None = None
    answer: Callable[[str, int], str] | None = None
    choices: int = 100
    key: str | None = None
    seen: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    most: int = 0
    _flying: int = 0
    _asked: Counter[str] = field(default_factory=Counter)

    def fault(self, text: str) -> str | None:
        """Return what goes wrong with this request, if anything does."""
        number = zlib.crc32(text.encode())
        if not self.faults or number % self.every or self._asked[text] > 1:
            return None
        return self.faults[number // self.every % len(self.faults)]

    async def completion(self, request: Request) -> Response:
        """Answer a request."""
        body = json.loads(await request.body())
        if self.key is not None and request.headers.get("authorization") != f"Bearer {self.key}":
            said = f"Incorrect API key provided: {request.headers.get('authorization')}"
            return _error(401, said)
        question = body["messages"][-1]["content"]
        text = question.rpartition("Text: ")[2].partition("\n")[0]
        self.seen.append(text)
        self.bodies.append(body)
        self._asked[text] += 1
        self._flying += 1
        self.most = max(self.most, self._flying)
        try:
            await asyncio.sleep(self.latency)
        finally:
            self._flying -= 1
        fault = self.fault(text)
        failed = {
            "429": lambda: _error(429, "too many requests", {"retry-after": "0.05"}),
            "500": lambda: _error(500, "the engine died"),
            "dropped": lambda: Response('{"choi', headers={"content-length": "1000"}),
            "malformed": lambda: Response('{"choices": [{', media_type="application/json"),
            "shapeless": lambda: Response('{"choices": []}', media_type="application/json"),
        }
        if fault in failed:
            return failed[fault]()
        scored = bool(body.get("logprobs")) and self.logprobs and fault != "bare"
        return Response(json.dumps(self._answer(text, body, question, scored)), media_type="application/json")

    def _answer(self, text: str, body: dict[str, Any], question: str, scored: bool) -> dict[str, Any]:
        second = None if self.probability is None else self.probability(text)
        label = int(any(word in text.split() for word in GOOD) if second is None else second > 0.5)
        count = min(body.get("n", 1), self.choices)
        said = [self.answer(text, self._asked[text] + k) if self.answer else "AB"[label] for k in range(count)]
        choices: list[dict[str, Any]] = [
            {"index": k, "message": {"role": "assistant", "content": one}} for k, one in enumerate(said)
        ]
        if scored:
            held = {"AB"[label]: 0.7, " " + "AB"[label]: 0.1, "AB"[1 - label]: 0.1, "The": 0.05}
            if second is not None:
                held = {"AB"[label]: 0.9 * max(second, 1 - second), "AB"[1 - label]: 0.9 * min(second, 1 - second)}
            tops = [{"token": token, "logprob": math.log(p), "bytes": None} for token, p in held.items()]
            choices[0]["logprobs"] = {"content": [{**tops[0], "top_logprobs": tops}]}
        return {
            "id": "1", "object": "chat.completion", "model": body["model"], "choices": choices,
            "usage": {"prompt_tokens": len(question) // 4, "completion_tokens": count, "total_tokens": 0},
        }  # fmt: skip


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    body = json.dumps({"error": {"message": message, "code": None}})
    return Response(body, status, headers=headers, media_type="application/json")


def _application(behaviour: Behaviour) -> FastAPI:
    app = FastAPI()

    @app.post("/v1/chat/completions")
    async def completions(request: Request) -> Response:
        return await behaviour.completion(request)

    return app


@contextmanager
def served(behaviour: Behaviour, port: int = 0) -> Iterator[str]:
    """Run a server in a thread of this process while the block runs, and yield its address."""
    settings = uvicorn.Config(
        _application(behaviour), host="127.0.0.1", port=port, log_level="critical", lifespan="off"
    )
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    started = threading.Event()
    while not server.started:
        started.wait(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join()


if __name__ == "__main__":
    uvicorn.run(_application(Behaviour()), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")

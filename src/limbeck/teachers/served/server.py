"""One request to a server, and how long to wait for the next."""

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from limbeck import installed
from limbeck.errors import LimbeckError, first_line, one_line
from limbeck.files import parsed_json
from limbeck.teachers.served.reply import Reply, UnreadableError, read_reply

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 60.0
"""Before the second attempt, and between attempts at most: the wait doubles."""
LONGEST_ASKED_S = 600.0
"""The longest wait that a server may ask for: after it, somebody should know."""
_PASSING = frozenset((408, 425, 429))
_EMPTY = "insufficient_quota"
"""The code of an answer 429 that no waiting mends."""
_SHOWN = 300


@dataclass(frozen=True)
class Address:
    """Where a server is, and who asks.

    Attributes:
        url: that the paths of the protocol are added to.
        key: the name of the environment variable that holds the key; None: the server wants none.
        timeout: seconds that an answer may take.
    """

    url: str
    key: str | None
    timeout: float


class AgainError(Exception):
    """A request that failed, and may not fail again.

    Args:
        why: one line.
        wait: seconds that the server asks for; None: it does not say.
        answered: whether an answer may have been made, which its owner may have counted.
    """

    def __init__(self, why: str, *, wait: float | None = None, answered: bool = False) -> None:
        super().__init__(why)
        self.why, self.wait, self.answered = why, wait, answered


class Server:
    """An OpenAI-compatible server, within one event loop.

    Args:
        address: of it.
        where: the key of its settings in the recipe, for errors.

    Raises:
        LimbeckError: the `openai` package is missing, or the environment has no such variable.
    """

    def __init__(self, address: Address, where: str) -> None:
        self._address, self._where = address, where
        self._key = key_of(address.key, where)
        # Its own attempts would be counted by nobody.
        self._client = _client()(
            api_key=self._key or "none", base_url=address.url, timeout=address.timeout, max_retries=0
        )

    async def ask(self, body: Mapping[str, Any]) -> Reply:
        """Return the answer to one request.

        Args:
            body: of a chat completion.

        Raises:
            AgainError: the server has too much to do, failed, took too long, broke off, or said nothing that can be
                read.
            LimbeckError: it refuses, and would refuse again.
        """
        import openai

        try:
            answer = await self._client.chat.completions.with_raw_response.create(**body)
            return read_reply(answer.http_response.content)
        except openai.APITimeoutError as error:
            raise AgainError(f"no answer in {self._address.timeout:g} s", answered=_reached(error)) from None
        except openai.APIStatusError as error:
            raise self._refused(error.response.status_code, error.response.text, error.response.headers) from None
        except openai.APIConnectionError as error:
            why = f"no connection ({self._clean(first_line(error.__cause__ or error))})"
            raise AgainError(why, answered=_reached(error)) from None
        except UnreadableError as error:
            raise AgainError(f"an answer that cannot be read ({self._clean(str(error))})", answered=True) from None
        except openai.OpenAIError as error:
            raise LimbeckError(self._clean(first_line(error)), where=f"{self._where}.base_url") from None

    async def close(self) -> None:
        """Close its connections."""
        await self._client.close()

    def _refused(self, status: int, text: str, headers: Mapping[str, str]) -> Exception:
        code, said = _said(text)
        line = f"{status}: {self._clean(said)}"
        if (status in _PASSING or status >= 500) and code != _EMPTY:
            return AgainError(line, wait=wait_of(headers))
        where, fix = _fixes(status, self._where)
        return LimbeckError(f"the server refuses ({line})", where=where, fix=fix)

    def _clean(self, text: str) -> str:
        """Return what a server says as a line, without the key."""
        return one_line(text.replace(self._key, "***") if self._key else text)[:_SHOWN]


def key_of(name: str | None, where: str) -> str | None:
    """Return the key that an environment variable holds; None where no variable is named.

    Raises:
        LimbeckError: the environment has no such variable.
    """
    if name is None:
        return None
    if not (key := os.environ.get(name, "").strip()):
        raise LimbeckError(
            f"the environment has no variable {name}",
            where=f"{where}.key",
            fix=f"export {name}=..., or set it to null for a server that wants no key",
        )
    return key


def require_client(address: Address, where: str) -> None:
    """Refuse an environment in which nobody could ask.

    Raises:
        LimbeckError: see `Server`.
    """
    key_of(address.key, where)
    _client()


def _client() -> Callable[..., Any]:
    try:
        from openai import AsyncOpenAI
    except ImportError:
        raise LimbeckError("the package `openai` is not installed", fix=installed.line("distill", "endpoint")) from None
    return AsyncOpenAI


def wait_of(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that an answer's headers ask to wait; None where they do not say."""
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        said = headers.get(name, "").strip()
        try:
            seconds = float(said) * unit
        except ValueError:
            continue
        return seconds if 0 <= seconds < float("inf") else None
    try:
        return max(parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time(), 0.0)
    except (TypeError, ValueError, OverflowError):
        return None


def _reached(error: Exception) -> bool:
    """Return whether a request that was broken off may have reached its server."""
    return type(error.__cause__).__name__ not in ("ConnectError", "ConnectTimeout")


def _said(text: str) -> tuple[str, str]:
    """Return the code of an error and its words, as far as a server has such."""
    try:
        found = parsed_json(text)
        error = found.get("error", found) if isinstance(found, dict) else text
    except ValueError:
        error = text
    if isinstance(error, dict):
        words = error.get("message") or error.get("detail") or text
        return str(error.get("code")), str(words)
    return "", str(error).strip() or "no words"


def _fixes(status: int, where: str) -> tuple[str, str]:
    """Return which key a refusal is about, and what to do."""
    known = {
        401: ("key", "name the environment variable that holds a key of this server"),
        403: ("key", "ask its owner for the right, or take another model"),
        404: ("model", "look at teacher.base_url and at the names of its models"),
    }
    key, fix = known.get(
        status,
        (
            "base_url",
            "where it is about logprobs, teacher.by=votes asks for none; about length, teacher.max_characters",
        ),
    )
    return f"{where}.{key}", fix


class Spacing:
    """Keeps requests apart, and all of them back when the server asks for it.

    Args:
        per_minute: requests at most; None: any number.
        now: the seconds of a clock.
        sleep: waits for so many.
    """

    def __init__(
        self,
        per_minute: float | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._apart = 60.0 / per_minute if per_minute else 0.0
        self._now, self._sleep = now, sleep
        self._next = self._held = 0.0

    async def turn(self) -> None:
        """Wait until the next request may be sent."""
        while True:
            mine = max(self._next, self._held, self._now())
            self._next = mine + self._apart
            if (left := mine - self._now()) > 0:
                await self._sleep(left)
            if self._held <= mine:  # else all were held back in the meantime
                return

    def hold(self, seconds: float) -> None:
        """Let nobody send anything for so many seconds."""
        self._held = max(self._held, self._now() + seconds)


def wait_before(attempt: int, draw: Callable[[], float] = random.random) -> float:
    """Return the seconds before an attempt, from 1 for the second: doubled each time, of which a half is drawn."""
    longest = min(FIRST_WAIT_S * 2.0 ** min(attempt - 1, 30), LONGEST_WAIT_S)
    return longest * (0.5 + 0.5 * draw())

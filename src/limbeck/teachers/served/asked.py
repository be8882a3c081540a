"""Texts in, log-probabilities of their labels out: a server is asked for each text once, several at a time."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from limbeck.console import Meter, meter
from limbeck.errors import LimbeckError
from limbeck.settings import Settings
from limbeck.teachers.served.journal import Journal, Told, row_key
from limbeck.teachers.served.prompt import Prompt
from limbeck.teachers.served.reply import Reply
from limbeck.teachers.served.scores import of_codes, of_votes
from limbeck.teachers.served.server import LONGEST_ASKED_S, Address, AgainError, Server, Spacing, wait_before
from limbeck.teachers.served.spending import PriceSettings, Spending, SpendingSettings, exceeded, in_words

MOST_LABELS, TOP = 20, 20
"""Labels that may be told apart by log-probabilities, and how many of these a server is asked for."""
FRAME = 64
"""Tokens that a server may put around a question."""
_BARE = 3
"""Answers without log-probabilities, and none with them, after which a server is not asked for them any more."""
_T = TypeVar("_T")


class VotesSettings(Settings):
    """How a row is asked that log-probabilities do not answer."""

    count: Annotated[int, Field(ge=1, le=100, description="answers that are drawn for a text")] = 5
    temperature: Annotated[float, Field(ge=0, le=2, description="at which they are drawn")] = 1.0
    tokens: Annotated[
        int | None,
        Field(ge=1, description="of an answer at most; null: the server's own limit, for a model that thinks aloud"),
    ] = 8
    together: Annotated[
        bool, Field(description="ask for all of them in one request; false: for a server that refuses `n` above 1")
    ] = True


@dataclass(frozen=True)
class Manner:
    """How a server is asked.

    Attributes:
        by: what is asked for first.
        votes: how a row is asked that log-probabilities do not answer.
        concurrency: requests at a time.
        per_minute: requests at most; None: any number.
        retries: of a request that failed.
        budget: what may be spent.
        price: what tokens cost.
    """

    by: Literal["logprobs", "votes"]
    votes: VotesSettings
    concurrency: int
    per_minute: float | None
    retries: int
    budget: SpendingSettings
    price: PriceSettings | None


@dataclass(frozen=True)
class Counts:
    """How texts were answered.

    Attributes:
        rows: that have an answer.
        voted: of these, by votes.
        few: rows whose codes held less than half of the mass.
        answers: votes that were drawn.
        unnamed: of these, how many named no label.
        uniform: rows without any vote that names one.
    """

    rows: int
    voted: int
    few: int
    answers: int
    unnamed: int
    uniform: int


@dataclass(frozen=True)
class Interview:
    """Who is asked what, and how.

    Attributes:
        model: as the server calls it.
        version: names the model's answers; None: the server's address does.
        address: of the server.
        prompt: what is asked.
        manner: how it is asked.
        where: the key of the settings in the recipe, for errors.
    """

    model: str
    version: str | None
    address: Address
    prompt: Prompt
    manner: Manner
    where: str

    @property
    def named(self) -> dict[str, Any]:
        """Everything on which the answers depend, as JSON."""
        votes = self.manner.votes
        return {
            "model": self.model,
            **({"base_url": self.address.url} if self.version is None else {"version": self.version}),
            "prompt": self.prompt.digest,
            "by": self.manner.by,
            "votes": [votes.count, votes.temperature, votes.tokens],
        }


class Served:
    """A language model behind a server, as a classifier of texts.

    Args:
        interview: who is asked what.
        folder: for the journal of its answers; None: they stay in memory.

    Raises:
        LimbeckError: see `Journal`.
    """

    def __init__(self, interview: Interview, folder: Path | None = None) -> None:
        self._interview, self._prompt, self._manner = interview, interview.prompt, interview.manner
        self._journal = Journal(folder, interview.named, len(interview.prompt.labels))

    @property
    def spent(self) -> Spending:
        """What all requests took, those of earlier starts among them."""
        return self._journal.spent

    def ask(self, texts: Sequence[str], title: str = "teacher answers") -> None:
        """Ask for the texts that have no answer yet. An answer is on disk before the next text is asked for.

        Raises:
            LimbeckError: the server refuses or fails too often, or the budget is spent; what was answered stays.
        """
        todo = {key: text for text in texts if not self._is_done(key := row_key(text))}
        if not todo:
            return
        with meter(title, len(todo)) as progress:
            try:
                _finished(lambda: _Round(self, todo, progress).run())
            finally:
                self._journal.close()

    def answers(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return log-probabilities of texts that were asked for, (rows, labels).

        Raises:
            KeyError: one was not.
        """
        return np.stack([self._answer(self._journal.rows[row_key(text)]) for text in texts])

    def counts(self, texts: Sequence[str]) -> Counts:
        """Return how texts were answered; one that stands twice counts once, and one without an answer does not."""
        every = [self._journal.rows[key] for key in dict.fromkeys(map(row_key, texts)) if self._is_done(key)]
        voted = [told for told in every if told.scores is None]
        return Counts(
            rows=len(every),
            voted=len(voted),
            few=sum(told.way == "few" for told in voted),
            answers=sum(told.voted for told in voted),
            unnamed=sum(told.unnamed for told in voted),
            uniform=sum(told.voted == told.unnamed for told in voted),
        )

    def _answer(self, told: Told) -> NDArray[np.float32]:
        if told.scores is not None:
            return told.scores
        if told.votes is None:
            raise KeyError("this text was not answered")
        return of_votes(told.votes)

    def _is_done(self, key: str) -> bool:
        told = self._journal.rows.get(key)
        return told is not None and (told.scores is not None or told.voted >= self._manner.votes.count)

    @property
    def _is_bare(self) -> bool:
        """Whether the server gives no log-probabilities, as far as is known."""
        ways = [told.way for told in self._journal.rows.values() if told.way is not None]
        return len(ways) >= _BARE and set(ways) == {"bare"}


class _Round:
    """Asks for some texts, in an event loop.

    Args:
        served: by whom.
        todo: texts by key.
        progress: counts them.
    """

    def __init__(self, served: Served, todo: Mapping[str, str], progress: Meter) -> None:
        self._served, self._todo, self._progress = served, todo, progress
        self._manner, self._journal = served._manner, served._journal
        self._by_votes = self._manner.by == "votes" or len(served._prompt.labels) > MOST_LABELS or served._is_bare
        self._looking = not self._by_votes  # whether the server gives log-probabilities at all
        self._where = served._interview.where
        self._server = Server(served._interview.address, self._where)
        self._pace = Spacing(self._manner.per_minute, sleep=self._pause)
        self._flying, self._settled = 0, asyncio.Condition()
        self._stop: LimbeckError | None = None
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Ask for all of them; where one cannot be asked, end when the answers that are on their way have come."""
        texts = iter(self._todo.items())

        async def work() -> None:
            for key, text in texts:
                if self._stop is not None:
                    return
                try:
                    await self._row(key, text)
                except LimbeckError as error:
                    self._stop = self._stop or error
                    self._stopped.set()
                    return
                self._progress.advance(note=in_words(self._journal.spent, self._manner.price))

        try:
            workers = [asyncio.create_task(work()) for _ in range(min(self._manner.concurrency, len(self._todo)))]
            await asyncio.gather(*workers)
        finally:
            await self._server.close()
        if self._stop is not None:
            raise self._stop

    async def _row(self, key: str, text: str) -> None:
        question = self._served._prompt.about(text)
        told = self._journal.rows.get(key, Told())
        if not self._by_votes and told.way is None:
            await self._score(key, question)
        while not self._served._is_done(key):
            await self._vote(key, question)

    async def _score(self, key: str, question: str) -> None:
        """Ask for log-probabilities."""
        body = {"temperature": 1, "max_tokens": 1, "logprobs": True, "top_logprobs": TOP}
        reply, spent = await self._request(key, question, body, written=1)
        if reply.tops is None:
            self._journal.scored(key, "bare", None, spent)
            self._by_votes = self._looking and self._served._is_bare
            return
        self._looking = self._by_votes = False
        scores, _ = of_codes(reply.tops, self._served._prompt.codes)
        self._journal.scored(key, "few" if scores is None else "scores", scores, spent)

    async def _vote(self, key: str, question: str) -> None:
        """Ask for votes: for all that are missing, or for one."""
        votes, told = self._manner.votes, self._journal.rows.get(key, Told())
        wanted = votes.count - told.voted if votes.together else 1
        limits = {} if votes.tokens is None else {"max_tokens": votes.tokens}
        body = {"temperature": votes.temperature, **limits, **({"n": wanted} if wanted > 1 else {})}
        reply, spent = await self._request(key, question, body, written=wanted * (votes.tokens or 0))
        found = [self._served._prompt.label_of(text) for text in reply.texts[:wanted]]
        self._journal.voted(key, [label for label in found if label is not None], found.count(None), spent)

    async def _request(self, key: str, question: str, body: Mapping[str, Any], written: int) -> tuple[Reply, Spending]:
        """Return an answer and what it took, after as many attempts as are allowed.

        Raises:
            LimbeckError: none succeeded, the server refuses, or the budget is spent.
        """
        whole = {"model": self._served._interview.model, "messages": [{"role": "user", "content": question}], **body}
        # A token is a byte or more, in every tokenizer that knows bytes.
        most = Spending(0, len(question.encode("utf-8", "replace")) + FRAME, written)
        last = "none"
        for attempt in range(1, self._manner.retries + 2):
            await self._pace.turn()
            await self._afford(most)
            self._journal.sent(key, most)
            try:
                reply = await self._fly(whole)
            except AgainError as again:
                self._journal.failed(key, most if again.answered else Spending())
                last = again.why
                await self._wait(again, attempt)
            except LimbeckError:
                self._journal.failed(key, Spending())
                raise
            else:
                return reply, most if reply.tokens is None else Spending(0, *reply.tokens)
        raise LimbeckError(
            f"{self._manner.retries + 1} attempts failed; the last: {last}",
            where=f"{self._where}.base_url",
            fix="what was answered stays, and the same line goes on",
        )

    async def _fly(self, body: Mapping[str, Any]) -> Reply:
        self._flying += 1
        try:
            return await self._server.ask(body)
        finally:
            self._flying -= 1
            async with self._settled:
                self._settled.notify_all()

    async def _wait(self, again: AgainError, attempt: int) -> None:
        """Wait before another attempt; where the server says how long, everybody does."""
        if again.wait is None:
            if attempt <= self._manner.retries:
                await self._pause(wait_before(attempt))
            return
        if again.wait > LONGEST_ASKED_S:
            raise LimbeckError(
                f"the server wants nothing for {again.wait:,.0f} s ({again.why})",
                where=f"{self._where}.requests_per_minute",
                fix="what was answered stays, and the same line goes on later",
            )
        self._pace.hold(again.wait)

    async def _afford(self, most: Spending) -> None:
        """Wait until a request is sure to stay within the budget, while others may take less than they might.

        Raises:
            LimbeckError: it would not, or asking has ended.
        """
        budget, price, journal = self._manner.budget, self._manner.price, self._journal
        while (over := exceeded(journal.spent + most + Spending(1), budget, price)) is not None and self._stop is None:
            if not self._flying:
                raise self._spent_up(over)
            async with self._settled:
                await self._settled.wait()
        if self._stop is not None:
            raise self._stop

    def _spent_up(self, over: str) -> LimbeckError:
        done = sum(self._served._is_done(key) for key in self._todo)
        spent = in_words(self._journal.spent, self._manner.price)
        return LimbeckError(
            f"the budget is spent ({spent}): another request could exceed it; {done:,} of {len(self._todo):,} texts "
            "have their answer",
            where=f"{self._where}.budget.{over}",
            fix="what was answered stays: raise it, and the same line goes on",
        )

    async def _pause(self, seconds: float) -> None:
        """Wait for so many seconds, or until asking has ended."""
        try:
            await asyncio.wait_for(self._stopped.wait(), seconds)
        except TimeoutError:
            return


def _finished(start: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
    """Return what a coroutine returns; also where a loop runs already, as in a notebook."""
    loops: list[asyncio.AbstractEventLoop] = []

    async def main() -> _T:
        loops.append(asyncio.get_running_loop())
        return await start()

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(main())
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(asyncio.run, main())
        try:
            return running.result()
        except KeyboardInterrupt:
            for loop in loops:
                loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks()])
            raise

"""A language model behind an OpenAI-compatible server: it answers with the code of a label."""

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, field_validator, model_validator

from limbeck.console import say
from limbeck.errors import LimbeckError, nearest
from limbeck.models import label_order
from limbeck.settings import Settings
from limbeck.teachers.kind import register
from limbeck.teachers.named import as_name
from limbeck.teachers.raw import RawSource, RawTeacher
from limbeck.teachers.served.asked import Interview, Manner, Served, VotesSettings
from limbeck.teachers.served.made import AskedServer, Asking, texts_of
from limbeck.teachers.served.prompt import PROMPT, Example, Prompt, placeholders, repeated
from limbeck.teachers.served.server import Address, require_client
from limbeck.teachers.served.spending import PriceSettings, Spending, SpendingSettings, exceeded, in_words
from limbeck.teachers.work import Made, Work


def _no_secret(key: Any) -> Any:
    """Refuse what is no name of a variable, without repeating it: it may be a key."""
    if key is not None and (not isinstance(key, str) or not re.fullmatch(r"[A-Z][A-Z0-9_]*", key)):
        raise ValueError(
            "must be the name of an environment variable in capitals, such as OPENAI_API_KEY; the key itself belongs "
            "into the environment"
        )
    return key


class ExampleSettings(Settings):
    """A text with its label, which the prompt shows."""

    text: Annotated[str, Field(min_length=1)]
    label: Annotated[
        str,
        BeforeValidator(as_name, json_schema_input_type=str | int | bool),
        Field(min_length=1, description="its class"),
    ]


class EndpointTeacher(RawTeacher):
    """A language model that is asked for the label of each text, through the protocol of OpenAI's chat completions.

    Each text is asked for once; every answer stands in the cache's folder as soon as it has come.
    """

    of_classes: ClassVar[bool] = True
    of_modality: ClassVar[str | None] = "text"
    another: ClassVar[str] = "teacher.model=NAME"

    kind: Literal["endpoint"]
    base_url: Annotated[str, Field(min_length=1, description="of the server, such as http://localhost:8000/v1")]
    model: Annotated[str, Field(min_length=1, description="as the server calls it")]
    version: Annotated[
        str | None,
        Field(min_length=1, description="names the model's answers, where base_url may change; null: base_url does"),
    ] = None
    key: Annotated[
        str | None,
        BeforeValidator(_no_secret),
        Field(description="the name of the environment variable that holds the key; null: the server wants none"),
    ] = None
    prompt: Annotated[str, Field(description="with {labels} and {text}, and {examples} where there are some")] = PROMPT
    examples: Annotated[tuple[ExampleSettings, ...], Field(description="that the prompt shows")] = ()
    max_characters: Annotated[int | None, Field(ge=1, description="of a text that are sent, its first; null: all")] = (
        None
    )
    by: Annotated[
        Literal["logprobs", "votes"],
        Field(description="log-probabilities of the codes, and votes where they do not do; or votes alone"),
    ] = "logprobs"
    votes: VotesSettings = VotesSettings()
    concurrency: Annotated[int, Field(ge=1, le=1000, description="requests at a time")] = 8
    requests_per_minute: Annotated[float | None, Field(gt=0, description="at most; null: any number")] = None
    timeout: Annotated[float, Field(gt=0, le=3600, description="seconds that an answer may take")] = 60.0
    retries: Annotated[int, Field(ge=0, le=50, description="of a request that failed")] = 8
    price: Annotated[PriceSettings | None, Field(description="of tokens; null: no money is counted")] = None
    budget: SpendingSettings = SpendingSettings()
    terms: Annotated[
        str | None,
        Field(
            min_length=1, description="the licence or the terms of the model's answers, as card and evaluation state it"
        ),
    ] = None

    @field_validator("base_url")
    @classmethod
    def _plain_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an address such as http://localhost:8000/v1")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("must be an address alone: what is secret belongs into the environment, see `key`")
        return url.rstrip("/")

    @field_validator("prompt")
    @classmethod
    def _has_places(cls, prompt: str) -> str:
        if missing := {"labels", "text"} - placeholders(prompt):
            raise ValueError(f"has no place for {{{min(missing)}}}")
        return prompt

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.examples and "examples" not in placeholders(self.prompt):
            raise ValueError("`examples` are given, and `prompt` has no place for {examples}")
        if self.budget.money is not None and self.price is None:
            raise ValueError("a budget of money needs `price`")
        if self.votes.tokens is None and (self.budget.tokens or self.budget.money):
            raise ValueError("a budget of tokens or money needs `votes.tokens`, the most that an answer may have")
        return self

    @property
    def metered(self) -> bool:
        """True: a check asks for one text."""
        return True

    @property
    def unverifiable(self) -> str:
        """What names its answers: nothing of a server can be digested."""
        return self.version or f"{self.model} at {self.base_url}"

    def order(self, outputs: Sequence[str], work: Work) -> tuple[dict[str, str], str]:
        """Return which label is which class; where nothing tells, no text is sent to find out."""
        return label_order(outputs, work.classes, self.labels, key=f"{work.key}.labels")

    def source(self, work: Work) -> RawSource:
        """Return what answers, from memory until its cache is known."""
        asking = Asking(self._interview(work))
        return RawSource(asking.digest, asking.interview.prompt.labels, asking)

    def check(self, work: Work) -> None:
        """Look at rows, labels and the environment; nobody is asked, as every answer may be there already."""
        _ = work.view(self.read_as).transfer
        require_client(self._interview(work).address, work.key)

    def announce(self, work: Work) -> float:
        """Ask for one text, and say what all of them cost; see `Kind.announce`."""
        interview = self._interview(work)
        served, prompt = Served(interview), interview.prompt
        (tried,) = texts_of(work.examples("validation").values[:1])
        texts = [*dict.fromkeys(texts_of(work.asked.values))]
        start = time.monotonic()
        served.ask([tried], f"{work.key} is asked for one text")
        seconds, spent = time.monotonic() - start, served.spent
        lengths = [len(prompt.about(text).encode()) for text in texts]
        read = spent.read * sum(lengths) // len(prompt.about(tried).encode())
        whole = Spending(len(texts) * spent.requests, read, len(texts) * spent.written)
        say(f"{work.key}: {len(texts):,} texts take about {in_words(whole, self.price)}, if none has its answer yet")
        if served.counts([tried]).voted and self.by == "logprobs":
            say(f"{work.key}: log-probabilities do not tell the labels apart here, votes do", style="yellow")
        if longer := sum(self.max_characters is not None and len(text) > self.max_characters for text in texts):
            say(f"{work.key}: {longer:,} of them are cut at {self.max_characters:,} characters", style="yellow")
        if (over := exceeded(whole, self.budget, self.price)) is not None:
            say(f"{work.key}.budget.{over} is less: the run will stop before its end", style="yellow")
        paced = 60 * whole.requests / self.requests_per_minute if self.requests_per_minute else 0.0
        return max(len(texts) * seconds / self.concurrency, paced)

    def make(self, work: Work) -> tuple[Made, ...]:
        """Take it as it is; its answers stand in the cache's folder."""
        teacher, view = self.asks(work), work.view(self.read_as)
        name, _ = work.once({"view": view.digest, "teacher": teacher.digest}, _nothing, _nothing)
        assert isinstance(teacher.source.ask, Asking)
        return (AskedServer(view, name, teacher, teacher.source.ask, self.terms),)

    def _interview(self, work: Work) -> Interview:
        """Return who is asked what.

        Raises:
            LimbeckError: labels cannot be told apart by their names, or an example is of another class.
        """
        order = self.labels or {name: name for name in work.classes}
        if (name := repeated([*order])) is not None:
            raise LimbeckError(
                f"an answer could not tell the label `{name}` from another",
                where=f"{work.key}.labels",
                fix="give each class a name of its own, as in {good film: 1, bad film: 0}",
            )
        classes = [*order.values()]
        for number, each in enumerate(self.examples):
            if each.label not in classes:
                where = f"{work.key}.examples.{number}.label"
                raise LimbeckError(f"there is no class `{each.label}`", where=where, fix=nearest(each.label, classes))
        examples = tuple(Example(each.text, classes.index(each.label)) for each in self.examples)
        return Interview(
            self.model,
            self.version,
            Address(self.base_url, self.key, self.timeout),
            Prompt(self.prompt, tuple(order), examples, self.max_characters),
            Manner(
                self.by,
                self.votes,
                self.concurrency,
                self.requests_per_minute,
                self.retries,
                self.budget,
                self.price,
            ),
            work.key,
        )


def _nothing(folder: Path) -> None:
    """Leave the stage's record only."""


register(EndpointTeacher)

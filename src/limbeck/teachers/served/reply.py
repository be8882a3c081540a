"""What a server's answer says: of what strangers send, only what is used is read, and all of it is checked."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from limbeck.files import parsed_json

_SLACK = 1e-3
"""A log-probability may be so far above 0, by rounding."""

_NO_OBJECT = ("model_type", "model_attributes_type")
"""What pydantic calls a value that is no JSON object."""


class UnreadableError(ValueError):
    """An answer that is none: no JSON, or of another form."""


@dataclass(frozen=True)
class Reply:
    """An answer of a server.

    Attributes:
        texts: one a choice; empty where a choice has none.
        tops: tokens that may come first, with their log-probabilities; None where the server does not say.
        tokens: of the prompt and of the answer, as the server counts them; None where it does not say.
    """

    texts: tuple[str, ...]
    tops: tuple[tuple[str, float], ...] | None
    tokens: tuple[int, int] | None


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


class _Top(_Part):
    token: str
    logprob: Annotated[float, Field(le=_SLACK)]


class _Token(_Top):
    top_logprobs: list[_Top] = []


class _Logprobs(_Part):
    content: list[_Token] | None = None


class _Message(_Part):
    content: str | None = None


class _Choice(_Part):
    message: _Message
    logprobs: _Logprobs | None = None


class _Usage(_Part):
    prompt_tokens: Annotated[int, Field(ge=0)]
    completion_tokens: Annotated[int, Field(ge=0)] = 0


class _Completion(_Part):
    choices: Annotated[list[_Choice], Field(min_length=1)]
    usage: _Usage | None = None


def read_reply(content: bytes) -> Reply:
    """Return what the body of an answer says.

    Raises:
        UnreadableError: it is no JSON, or of another form.
    """
    try:
        found = _Completion.model_validate(parsed_json(content.decode("utf-8")))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the answer"
        said = "no JSON object" if first["type"] in _NO_OBJECT else first["msg"]
        raise UnreadableError(f"{place}: {said}") from None
    except ValueError:  # of the encoding, or of JSON
        raise UnreadableError("no JSON") from None
    scored = found.choices[0].logprobs
    first = scored.content[0] if scored is not None and scored.content else None
    tops = None if first is None else tuple((top.token, min(top.logprob, 0.0)) for top in first.top_logprobs or [first])
    usage = found.usage
    return Reply(
        tuple(choice.message.content or "" for choice in found.choices),
        tops,
        None if usage is None else (usage.prompt_tokens, usage.completion_tokens),
    )

"""What asking costs, and how much of it may be spent."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from limbeck.settings import Settings

_MILLION = 1_000_000


class PriceSettings(Settings):
    """What the server's owner asks for a million tokens, in any currency."""

    input: Annotated[float, Field(ge=0, description="for a million tokens of prompts")]
    output: Annotated[float, Field(ge=0, description="for a million tokens of answers")]


class SpendingSettings(Settings):
    """What may be spent on all answers together, in this run's folder and its earlier starts; null: anything."""

    requests: Annotated[int | None, Field(ge=1, description="requests that are sent, those that fail among them")] = (
        None
    )
    tokens: Annotated[int | None, Field(ge=1, description="tokens of prompts and answers")] = None
    money: Annotated[float | None, Field(gt=0, description="in the currency of `price`")] = None


@dataclass(frozen=True)
class Spending:
    """What requests took.

    Attributes:
        requests: that were sent.
        read: tokens of prompts.
        written: tokens of answers.
    """

    requests: int = 0
    read: int = 0
    written: int = 0

    def __add__(self, other: "Spending") -> "Spending":
        return Spending(self.requests + other.requests, self.read + other.read, self.written + other.written)

    def __sub__(self, other: "Spending") -> "Spending":
        return Spending(self.requests - other.requests, self.read - other.read, self.written - other.written)

    @property
    def tokens(self) -> int:
        """Tokens of prompts and answers."""
        return self.read + self.written

    def money(self, price: PriceSettings) -> float:
        """Return what they cost."""
        return (self.read * price.input + self.written * price.output) / _MILLION


_CENT = 0.01
"""Of whatever money the price is in; less is shown by its first digit."""


def exceeded(spent: Spending, budget: SpendingSettings, price: PriceSettings | None) -> str | None:
    """Return the first key of the budget that is exceeded, or None."""
    taken = {
        "requests": spent.requests,
        "tokens": spent.tokens,
        "money": 0.0 if price is None else spent.money(price),
    }
    limits = budget.model_dump()
    return next((name for name, value in taken.items() if limits[name] is not None and value > limits[name]), None)


def in_words(spent: Spending, price: PriceSettings | None) -> str:
    """Say what was spent: requests, tokens and, where there is a price, money."""
    money = ""
    if price is not None:
        sum_ = spent.money(price)
        money = f", {sum_:,.2f}" if sum_ >= _CENT or not sum_ else f", {sum_:.1g}"
        money += " at the price given"
    return f"{spent.requests:,} request{'s' * (spent.requests != 1)}, {spent.tokens:,} tokens{money}"

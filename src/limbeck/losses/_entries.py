"""One entry of a recipe's `losses`: its settings, made of a loss's card and of its function's parameters."""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, create_model, model_validator

from limbeck.cards import Card
from limbeck.losses.schedules import Weight, ever_counts
from limbeck.losses.transforms import Transform, TransformSettings
from limbeck.settings import Settings


def _left_out(value: Any) -> bool:
    return value is None


class TermSettings(Settings):
    """One entry of a recipe's `losses`; each loss derives its own from its function's signature.

    Attributes:
        card: of the loss.
    """

    card: ClassVar[Card]
    name: str
    weight: Weight = 1.0

    @property
    def counts(self) -> bool:
        """Whether its weight is ever more than 0."""
        return ever_counts(self.weight)

    @property
    def parameters(self) -> dict[str, Any]:
        """What the loss is called with in Python: all but `name` and `weight`."""
        return {name: value for name, value in self if name not in TermSettings.model_fields}


_Path = Annotated[str, Field(min_length=1)]
_PAIR = ("student", "teacher")
_OF_STUDENT, _OF_TEACHER = (
    f"path of a module in the {whose}, e.g. `{path}`"
    for whose, path in zip(_PAIR, ("dropout", "encoder.layer.5"), strict=True)
)


class SoftTermSettings(TermSettings):
    """An entry that compares two distributions over classes, whose logits may be transformed before."""

    transform: Annotated[
        TransformSettings | None,
        Field(exclude_if=_left_out, description="what is done to the logits of student and teacher before"),
    ] = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The same, without the transform."""
        return {name: value for name, value in super().parameters.items() if name != "transform"}

    @model_validator(mode="after")
    def _softened(self) -> "SoftTermSettings":
        if self.transform is not None:
            require_fits(self.transform, self.card, self.parameters)
        return self


def require_fits(transform: Transform, card: Card, parameters: Mapping[str, Any]) -> None:
    """Refuse a transform that works at the temperature of a loss that has none, or learns one that cannot be learned.

    Raises:
        ValueError: it does.
    """
    if transform.softens and "temperature" not in parameters:
        raise ValueError(
            f"transform {transform.kind} works at a temperature, and {card.name} has none; leave it out, or take kd"
        )
    if not transform.learns:
        return
    if card.scope != "prediction" or card.softens != "both":
        raise ValueError(
            f"transform {transform.kind} learns a temperature that divides the logits of student and teacher, of each "
            f"prediction alone, and that of {card.name} does not; leave it out, or take kd"
        )
    transform.critic(float(parameters["temperature"]))


class TapTermSettings(TermSettings):
    """An entry that compares two activations."""

    student: Annotated[_Path, Field(description=_OF_STUDENT)]
    teacher: Annotated[_Path, Field(description=_OF_TEACHER)]


class OutputsOrTapTermSettings(TermSettings):
    """An entry that compares outputs, or two activations where it names both."""

    student: Annotated[_Path | None, Field(exclude_if=_left_out, description=_OF_STUDENT)] = None
    teacher: Annotated[_Path | None, Field(exclude_if=_left_out, description=_OF_TEACHER)] = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The same, without the two modules where none is named."""
        return {name: value for name, value in super().parameters.items() if name not in _PAIR or value is not None}

    @model_validator(mode="after")
    def _both_or_neither(self) -> "OutputsOrTapTermSettings":
        if (self.student is None) != (self.teacher is None):
            given, lacking = _PAIR if self.teacher is None else _PAIR[::-1]
            raise ValueError(
                f"{self.name} names a module of the {given} and none of the {lacking}; name both, or neither to "
                "compare outputs"
            )
        return self


def settings_of(function: Callable[..., Any], card: Card) -> type[TermSettings]:
    """Return the settings of a loss's entry: `name`, `weight`, what its card lets a recipe say, and the parameters."""
    fields: dict[str, Any] = {
        parameter.name: (parameter.annotation, ... if parameter.default is parameter.empty else parameter.default)
        for parameter in parameters_of(function)
    }
    name = (Literal[card.name], card.name)  # pyrefly: ignore[invalid-literal]
    made = create_model(card.name, __base__=_base(card), __doc__=card.summary, name=name, **fields)
    made.card, made.also = card, card.also
    return made


def _base(card: Card) -> type[TermSettings]:
    """Return the settings that a recipe's entry has beside the function's own."""
    if card.tap is None:
        return SoftTermSettings if takes_transforms(card) else TermSettings
    return TapTermSettings if "taps" in card.needs else OutputsOrTapTermSettings


def takes_transforms(card: Card) -> bool:
    """Return whether a loss compares two distributions over the same classes, and more of them than the decision."""
    of_classes = "teacher" in card.needs and "distribution" in card.fits and card.tap is None
    return of_classes and card.widths == "equal" and not card.decides


def parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the keyword-only parameters of a loss's function, without the mask."""
    parameters = inspect.signature(function).parameters.values()
    return [each for each in parameters if each.kind is each.KEYWORD_ONLY and each.name != "mask"]

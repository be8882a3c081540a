"""From a function on tensors to an objective: `0.9 * KD(temperature=4) + 0.1 * CrossEntropy()`.

Nothing here takes a mean: a term gives a sum and, without any forward, a count. Whoever trains divides the sums by the
counts of the whole accumulation group, so that the gradient does not depend on how a batch was split.
"""

import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, get_args

import torch
from pydantic import ConfigDict, TypeAdapter
from torch import Tensor, nn

from limbeck.cards import Card, Need
from limbeck.errors import LimbeckError
from limbeck.logits import Factored, Logits, Sampled, TopK, WholeForm, form_of
from limbeck.losses._counted import COUNTED, labelled
from limbeck.losses._entries import TermSettings, parameters_of, require_fits, settings_of, takes_transforms
from limbeck.losses._forms import collapsed
from limbeck.losses._learned import at_learned
from limbeck.losses.schedules import Weight, weight_at
from limbeck.losses.transforms import Compared, Transform
from limbeck.types import Batch, Outputs, TapPair


@dataclass(frozen=True, repr=False)
class Term:
    """A loss function with its parameters chosen, and for a loss of activations the pair that it compares."""

    function: Callable[..., Any]
    parameters: Mapping[str, Any]
    card: Card
    taps: TapPair | None = None
    of_samples: Callable[..., Tensor] | None = None
    transform: Transform | None = None

    @property
    def name(self) -> str:
        """The card's name, e.g. `kd`."""
        return self.card.name

    @property
    def needs(self) -> tuple[Need, ...]:
        """What it reads besides the student's logits: `taps` alone where it compares activations."""
        return self.card.needs if self.taps is None else ("taps",)

    @property
    def cards(self) -> tuple[Card, ...]:
        """Its own, and that of its transform."""
        return (self.card,) if self.transform is None else (self.card, self.transform.card)

    @property
    def convex(self) -> bool:
        """Whether its value is convex in the student's outputs; those of a transform are not."""
        return self.card.convex and self.transform is None

    def after(self, transform: Transform) -> "Term":
        """Return the same with a transform of the logits before it: `KD(temperature=2).after(Standardize())`.

        Raises:
            ValueError: the loss compares no distributions over classes, has no such temperature, or has a transform.
        """
        if self.transform is not None:
            raise ValueError(f"{self.name} has a transform already, {self.transform.kind}, and takes one")
        if not takes_transforms(self.card):
            raise ValueError(f"{self.name} compares no distributions over classes that could be transformed before")
        require_fits(transform, self.card, self.parameters)
        return replace(self, transform=transform)

    def critic(self) -> nn.Module | None:
        """Return a new module that learns the temperature; None where the temperature is a number."""
        return None if self.transform is None else self.transform.critic(self._temperature)

    def count(self, batch: Batch) -> int:
        """Return how many predictions count: unmasked and, where the loss needs labels, labelled."""
        return int(self._counted(batch).sum())

    def sum(self, student: Outputs, teacher: Outputs | None, batch: Batch, learned: Tensor | None = None) -> Tensor:
        """Return the sum of the loss over the predictions that count: float32, or float64 for float64 logits.

        A term that needs labels multiplies each prediction's value by its example's weight, where the batch has
        weights. The count, by which whoever trains divides, does not: it stays a number of predictions.

        Args:
            student: its outputs.
            teacher: its outputs; None where the loss needs none.
            batch: of both.
            learned: () the temperature that its `critic` gives; None where it has no critic.

        Raises:
            ValueError: the loss needs a teacher or a critic and there is none, or the logits' predictions are not those
                that `count` sees.
            LimbeckError: it does not take the form of the teacher's logits, or compares examples with one another and
                an example has several predictions.
        """
        found = self._values(student, teacher, batch, learned)
        return found[0] if self.card.scope == "batch" else found.sum()

    def _values(self, student: Outputs, teacher: Outputs | None, batch: Batch, learned: Tensor | None) -> Any:
        """Return what the function does: a value a prediction, or of a batch the sum and its rows."""
        counted = self._counted(batch)
        if self.taps is not None:
            if teacher is None:
                raise ValueError(f"{self.name} needs a teacher's activations, and there is no teacher")
            own, other = student.features[self.taps.name], teacher.features[self.taps.taps[1].name]
            self._require_places(own, other, counted)
            mask = counted if self.taps.shape == "tokens" else self._mask(batch, counted)
            return self.function(own, other, mask=mask, **self.parameters)
        if self.card.scope == "batch":
            self._require_one_an_example(counted)
        own, mask = student.dense, self._mask(batch, counted)
        if own.shape[:-1] != counted.shape:
            raise ValueError(
                f"{self.name}: logits of shape {tuple(own.shape)} make predictions of shape {tuple(own.shape[:-1])}, "
                f"but the batch counts {tuple(counted.shape)}: give it a mask"
            )
        function, given = self.function, {}
        if "teacher" in self.card.needs:
            function, own, given["teacher"] = self.compared(own, self._teacher_logits(teacher), mask)
        if "labels" in self.card.needs:
            given["labels"] = self._labels(own, batch)
        if self.transform is not None:
            own, given["teacher"] = self.transform(self._before(own, given["teacher"], batch, mask))
        values = self._called(partial(function, mask=mask), [own, *(given[need] for need in self.card.needs)], learned)
        if batch.weights is not None and "labels" in self.card.needs:
            values = values * batch.weights.reshape(batch.weights.shape + (1,) * (values.ndim - 1))
        return values

    def _called(self, function: Callable[..., Any], given: Sequence[Any], learned: Tensor | None) -> Any:
        """Return what the function says with the term's parameters, at the temperature that is learned if one is."""
        if self.transform is None or not self.transform.learns:
            return function(*given, **self.parameters)
        if learned is None:
            raise ValueError(f"{self.name} has a temperature that is learned: train it with a Distiller")
        others = {name: value for name, value in self.parameters.items() if name != "temperature"}
        return at_learned(partial(function, **others), given, learned)

    def _counted(self, batch: Batch) -> Tensor:
        """Return a bool a prediction, True where it counts."""
        if batch.mask is not None:
            counted = batch.mask
        else:
            shape = (batch.ids if batch.labels is None else batch.labels).shape
            counted = torch.ones(shape, dtype=torch.bool, device=batch.device)
        if self.taps is not None:
            return COUNTED[self.taps.shape](counted, batch)
        return labelled(counted, batch) if "labels" in self.card.needs else counted

    def _before(self, own: Tensor, other: Tensor, batch: Batch, mask: Tensor | None) -> Compared:
        """Return what a transform is given."""
        everywhere = torch.ones(own.shape[:-1], dtype=torch.bool, device=own.device)
        known = labelled(everywhere if batch.mask is None else batch.mask, batch)
        return Compared(own, other, mask, self._labels(own, batch), known, self._temperature)

    def _require_places(self, own: Tensor, other: Tensor, counted: Tensor) -> None:
        """Refuse activations of other examples or tokens than those that count.

        Raises:
            LimbeckError: teacher and student read an example as different tokens.
        """
        if own.shape[:-1] == other.shape[:-1] == counted.shape:
            return
        raise LimbeckError(
            f"{self.name} compares activations at {tuple(counted.shape)} places, and the student has "
            f"{tuple(own.shape[:-1])}, the teacher {tuple(other.shape[:-1])}",
            where="losses",
            fix="teacher and student have to read the same tokens, or take a loss of one vector an example",
        )

    def _require_one_an_example(self, counted: Tensor) -> None:
        """Refuse outputs of several predictions an example, of which none is the example's own.

        Raises:
            LimbeckError: they are.
        """
        if counted.ndim > 1:
            raise LimbeckError(
                f"{self.name} compares examples with one another, and an example has several predictions",
                where="losses",
                fix="take kd"
                if self.card.tap is None
                else "name with `student` and `teacher` a module of each whose activations it compares, or take kd",
            )

    @property
    def _temperature(self) -> float:
        return float(self.parameters.get("temperature", 1.0))

    def _mask(self, batch: Batch, counted: Tensor) -> Tensor | None:
        """Return what the function masks by: None, which costs it less, where all predictions surely count."""
        return counted if batch.mask is not None or "labels" in self.card.needs else None

    def compared(
        self, own: Tensor, other: Logits, mask: Tensor | None = None
    ) -> tuple[Callable[..., Any], Tensor, Tensor | Sampled]:
        """Return what is called, and with which logits (see `_forms`); LimbeckError for a form that is not taken."""
        form = form_of(other)
        if self.transform is not None and form not in get_args(WholeForm):
            raise LimbeckError(
                f"transform {self.transform.kind} reads every logit, and the teacher's answers are {form}",
                where="losses",
                fix="take cache.codec=dense, or leave it out",
            )
        if form not in self.card.forms:
            raise LimbeckError(
                f"{self.name} takes {' or '.join(self.card.forms)} logits, and the teacher's answers are {form}",
                where="losses",
                fix="take cache.codec=dense, or another loss",
            )
        if isinstance(other, Sampled) and self.of_samples is not None:
            return self.of_samples, own, other
        if isinstance(other, TopK):
            softened = self._temperature if self.card.softens == "both" else 1.0
            together = collapsed(own, other, self._temperature, softened, mask=mask, decides=self.card.decides)
            return self.function, *together
        return self.function, own, other.dense if isinstance(other, Factored) else other

    def _teacher_logits(self, teacher: Outputs | None) -> Logits:
        if teacher is None:
            raise ValueError(f"{self.name} needs a teacher's outputs, and there is no teacher")
        return teacher.logits

    def _labels(self, own: Tensor, batch: Batch) -> Tensor:
        """Return the labels; of a batch without any, some of the form that the function takes, none of which counts."""
        if batch.labels is not None:
            return batch.labels
        if "distribution" in self.card.fits:
            return torch.zeros(own.shape[:-1], dtype=torch.int64, device=own.device)
        return torch.zeros_like(own)

    def __mul__(self, weight: Weight) -> "Objective":
        return Objective.of([(weight, self)])

    __rmul__ = __mul__

    def __add__(self, other: "Term | Objective") -> "Objective":
        return 1.0 * self + other

    def __repr__(self) -> str:
        pair = {} if self.taps is None else {"student": self.taps.student, "teacher": self.taps.teacher}
        given = {**pair, **self.parameters, **({"transform": self.transform} if self.transform else {})}
        return f"{self.name}({', '.join(f'{name}={value!r}' for name, value in given.items())})"


@dataclass(frozen=True, repr=False)
class Objective:
    """A weighted sum of terms, each under a name of its own: (name, weight, term)."""

    terms: tuple[tuple[str, Weight, Term], ...]

    @classmethod
    def of(cls, weighted: Iterable[tuple[Weight, Term]]) -> "Objective":
        """Name the terms: `kd`, and `kd_2` for a second term of the same loss.

        Raises:
            ValueError: there is no term, or a weight is negative or not finite.
        """
        seen: Counter[str] = Counter()
        terms = []
        for weight, term in weighted:
            seen[term.name] += 1
            name = term.name if seen[term.name] == 1 else f"{term.name}_{seen[term.name]}"
            terms.append((name, _WEIGHT.validate_python(weight), term))
        if not terms:
            raise ValueError("an objective needs at least one term")
        return cls(tuple(terms))

    @property
    def needs(self) -> frozenset[str]:
        """What the terms read besides the student's logits: `teacher`, `labels`, `taps`."""
        return frozenset(need for _, _, term in self.terms for need in term.needs)

    @property
    def pairs(self) -> tuple[TapPair, ...]:
        """The pairs of taps that the terms compare, each once."""
        return tuple(dict.fromkeys(term.taps for _, _, term in self.terms if term.taps is not None))

    def entries(self) -> list[dict[str, Any]]:
        """Return the terms as a recipe writes them; `objective_from` reads them again."""
        return [
            {
                "name": term.name,
                "weight": _WEIGHT.dump_python(weight),
                **({"student": term.taps.student, "teacher": term.taps.teacher} if term.taps else {}),
                **term.parameters,
                **({"transform": term.transform.model_dump()} if term.transform else {}),
            }
            for _, weight, term in self.terms
        ]

    def weights(self, progress: float) -> dict[str, float]:
        """Return each term's weight when the share `progress` in [0, 1] of the training steps is done."""
        return {name: weight_at(weight, progress) for name, weight, _ in self.terms}

    def counts(self, batch: Batch) -> dict[str, int]:
        """Return how many predictions of the batch each term counts; no forward is needed."""
        return {name: term.count(batch) for name, _, term in self.terms}

    def critics(self) -> dict[str, nn.Module]:
        """Return new modules that learn the temperatures of terms, by the term's name; most objectives have none."""
        return {name: critic for name, _, term in self.terms if (critic := term.critic()) is not None}

    def sums(
        self, student: Outputs, teacher: Outputs | None, batch: Batch, learned: Mapping[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Return each term's unweighted sum over the predictions that it counts.

        Args:
            student: its outputs.
            teacher: its outputs; None where no term needs them.
            batch: of both.
            learned: what the critics give, by name of the term; see `critics`.
        """
        known = learned or {}
        return {name: term.sum(student, teacher, batch, known.get(name)) for name, _, term in self.terms}

    def __add__(self, other: "Term | Objective") -> "Objective":
        others = other if isinstance(other, Objective) else 1.0 * other
        return Objective.of((weight, term) for _, weight, term in self.terms + others.terms)

    def __repr__(self) -> str:
        return " + ".join(f"{weight!r} * {term!r}" for _, weight, term in self.terms)


_WEIGHT: TypeAdapter[Weight] = TypeAdapter(Weight, config=ConfigDict(allow_inf_nan=False))


@dataclass(frozen=True)
class Loss:
    """A catalogue entry, and the composable twin of its function: `KD(temperature=4)` is a `Term`.

    Attributes:
        function: the loss on tensors: one value a prediction, or of a batch (sum, rows).
        card: where it comes from and when to use it.
        settings: its entry in a recipe: `name`, `weight` and the function's parameters.
        of_samples: estimates it from outputs that were drawn (`Sampled`), where its card takes these.
        fewest_classes: with fewer classes it has no gradient.
    """

    function: Callable[..., Any]
    card: Card
    settings: type[TermSettings]
    of_samples: Callable[..., Tensor] | None = None
    fewest_classes: int = 2

    @property
    def __signature__(self) -> inspect.Signature:
        """The function's keyword-only parameters, without the mask, after the pair of taps: what a call accepts."""
        pair = () if self.card.tap is None else ("student", "teacher")
        default = inspect.Parameter.empty if "taps" in self.card.needs else None
        keyword = inspect.Parameter.KEYWORD_ONLY
        taps = [inspect.Parameter(name, keyword, annotation=str, default=default) for name in pair]
        return inspect.Signature([*taps, *parameters_of(self.function)], return_annotation=Term)

    def __call__(self, **parameters: Any) -> Term:
        """Return the term with these parameters; TypeError for an unknown one, ValueError for one out of range."""
        self.__signature__.bind(**parameters)
        settings = self.settings(name=self.card.name, **parameters)
        chosen = settings.parameters
        if self.card.tap is not None and "student" in chosen:
            projected = self.card.widths == "equal"
            pair = TapPair(chosen.pop("student"), chosen.pop("teacher"), self.card.tap, projected)
            return Term(self.function, chosen, self.card, pair)
        return Term(self.function, chosen, self.card, of_samples=self.of_samples)


def term(
    function: Callable[..., Any],
    *,
    card: Card,
    of_samples: Callable[..., Tensor] | None = None,
    fewest_classes: int = 2,
) -> Loss:
    """Return the composable twin of a loss function.

    Its parameters are the function's keyword-only ones except `mask`; their annotations, e.g.
    `Annotated[float, Field(gt=0)]`, and defaults become its settings in a recipe.

    Raises:
        TypeError: the function's name or positional parameters are not those that the card promises, or the card
            contradicts itself.
    """
    parameters = inspect.signature(function).parameters.values()
    positional = tuple(parameter.name for parameter in parameters if parameter.kind is not parameter.KEYWORD_ONLY)
    if (function.__name__, positional) != (card.name, card.positional):
        raise TypeError(
            f"{function.__name__}({', '.join(positional)}) does not fit its card: "
            f"{card.name}({', '.join(card.positional)})"
        )
    if "taps" in card.needs and card.tap is None:
        raise TypeError(f"{card.name} compares activations and its card says not of which shape")
    if ("sampled" in card.forms) != (of_samples is not None):
        raise TypeError(f"{card.name} takes outputs that were drawn and nothing estimates it from them, or the reverse")
    if "topk" in card.forms and "labels" in card.needs:
        raise TypeError(f"{card.name} reads labels, and of the largest logits and a rest no label can be told")
    return Loss(function, card, settings_of(function, card), of_samples, fewest_classes)

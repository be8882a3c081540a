"""Which output of a teacher speaks for which class of the data."""

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from limbeck.data.spelling import fold
from limbeck.errors import LimbeckError, nearest
from limbeck.logits import Factored
from limbeck.taps import Around
from limbeck.types import device_of

_PLACEHOLDER = re.compile(r"LABEL_(\d+)")
_BARE = re.compile(r"[A-Za-z_][\w-]*|0|[1-9][0-9]*")
"""Names that YAML reads as text, or as the whole number that they are."""
_SHOWN = 8


class UnmatchedError(LimbeckError):
    """A teacher's outputs and the data's classes, as many, of which nobody knows which is which.

    Args:
        what: see `LimbeckError`.
        key: `teacher.labels`, or that of an ensemble's member.
        guess: the classes in the order of the outputs, as good as can be told: the line to paste has it.
    """

    def __init__(self, what: str, *, key: str, guess: Mapping[str, str]) -> None:
        super().__init__(what, where=key, fix=f"say which is which, as in {ready(key, guess)}")
        self.guess = dict(guess)


def label_order(
    outputs: Sequence[str], classes: Sequence[str], labels: Mapping[str, str] | None, *, key: str = "teacher.labels"
) -> tuple[dict[str, str], str]:
    """Return, in the order of the classes, the output that speaks for each, and how that is known.

    What is explicit holds. Else names that are equal but for case, blanks and Unicode form belong together, and
    `LABEL_3`, which transformers writes where nobody gave a name, is the class `3`.

    Args:
        outputs: names of the teacher's outputs, in the order of its logits.
        classes: names of the data's classes.
        labels: class by output; an output is named, or given as its number from 0. None: not said.
        key: of `labels`, for errors.

    Returns:
        Classes by the name of their output (its number where outputs share a name), and a few words that say why.

    Raises:
        UnmatchedError: as many outputs as classes, and nothing tells which is which.
        LimbeckError: other numbers of outputs and classes, or `labels` name what there is not.
    """
    if labels is not None:
        columns = _explicit(outputs, classes, labels, key)
        return _named(outputs, classes, columns), f"as {key} says"
    if len(outputs) != len(classes):
        raise LimbeckError(
            f"the teacher has {_count(outputs, 'output')}, and the data {_count(classes, 'class')}",
            where=key,
            fix=_pick(key, outputs, classes)
            if len(outputs) > len(classes)
            else "give a teacher that knows every class, or one that is trained here",
        )
    matched = _by_name(outputs, classes)
    if len(matched) == len(classes):
        return _named(outputs, classes, [matched[name] for name in classes]), "by their names"
    numbers = [_PLACEHOLDER.fullmatch(name) for name in outputs]
    if all(numbers):
        numbered = {number[1]: column for column, number in enumerate(numbers) if number}
        if numbered.keys() == set(classes):
            return _named(outputs, classes, [numbered[name] for name in classes]), "LABEL_i is taken for the class i"
    raise _unmatched(outputs, classes, matched, key)


def positions(outputs: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Return the columns of outputs that are named, or given by number, as `label_order` gives them.

    Raises:
        LimbeckError: there is no such output.
    """
    return [_position(outputs, name, "teacher.labels") for name in wanted]


def ready(key: str, labels: Mapping[str, str]) -> str:
    """Return the `key=value` that says which output is which class, for a shell."""
    inside = ", ".join(f"{_yaml(output)}: {_yaml(name)}" for output, name in labels.items())
    return shlex.quote(f"{key}={{{inside}}}")


class Ordered(Around):
    """A classifier whose logits stand in the order of the data's classes.

    Attributes:
        network: what is asked. Its activations keep their paths, see `Taps`.
        order: (classes,) int64, the network's output for each class; a buffer, so that it is part of what names, saves
            and exports the network.
    """

    def __init__(self, network: nn.Module, columns: Sequence[int]) -> None:
        super().__init__(network)
        self.register_buffer("order", torch.tensor(columns, device=device_of(network)))

    @property
    def saved(self) -> nn.Module:
        """What a file of its weights is of: of a network of transformers, that alone; its recipe says the order."""
        return getattr(self.network, "saved", self)

    def forward(self, **inputs: Tensor) -> Tensor:
        """Return logits (batch, classes)."""
        return self.network(**inputs).index_select(-1, self.order)

    def factored(self, inner: Factored) -> Factored:
        """Return the rows of the matrix in the order of the classes; see `Around.factored`."""
        bias = None if inner.bias is None else inner.bias[self.order]
        return Factored(inner.hidden, inner.matrix[self.order], bias)


def ordered(network: nn.Module, columns: Sequence[int], outputs: int) -> nn.Module:
    """Return a network with its outputs in another order; the network itself where that is its own order."""
    return network if list(columns) == list(range(outputs)) else Ordered(network, columns)


def _explicit(outputs: Sequence[str], classes: Sequence[str], labels: Mapping[str, str], key: str) -> list[int]:
    by_class: dict[str, int] = {}
    for output, name in labels.items():
        column, found = _position(outputs, output, key), _class(classes, name, key)
        if found in by_class:
            raise LimbeckError(f"two outputs are called the class `{found}`", where=key, fix="name one output a class")
        if column in by_class.values():
            raise LimbeckError(f"the output `{output}` is called two classes", where=key, fix="name one output a class")
        by_class[found] = column
    if missing := [name for name in classes if name not in by_class]:
        raise LimbeckError(
            f"no output is called the class {_some(missing)}", where=key, fix=f"the teacher's outputs: {_some(outputs)}"
        )
    return [by_class[name] for name in classes]


def _class(classes: Sequence[str], wanted: str, key: str) -> str:
    alike = [name for name in classes if _plain(name) == _plain(wanted)]
    if wanted in classes or len(alike) == 1:
        return wanted if wanted in classes else alike[0]
    raise LimbeckError(f"the data has no class `{wanted}`", where=key, fix=nearest(wanted, classes))


def _position(outputs: Sequence[str], wanted: str, key: str) -> int:
    """Return the column of an output by its name, by a name like it, or by its number."""
    for form in (str, _plain):
        names = [form(name) for name in outputs]
        if names.count(form(wanted)) == 1:
            return names.index(form(wanted))
    if wanted.isdecimal() and int(wanted) < len(outputs):
        return int(wanted)
    raise LimbeckError(f"the teacher has no output `{wanted}`", where=key, fix=nearest(wanted, outputs))


def _by_name(outputs: Sequence[str], classes: Sequence[str]) -> dict[str, int]:
    """Return the columns of the classes that have an output of their name; of names that are alike, none."""
    found: dict[str, int] = {}
    for form in (str, _plain):
        theirs, ours = [form(name) for name in outputs], [form(name) for name in classes]
        for name, own in zip(classes, ours, strict=True):
            if name not in found and theirs.count(own) == 1 and ours.count(own) == 1:
                found[name] = theirs.index(own)
    return found


def _plain(name: str) -> str:
    """Return a name without what does not tell two names apart: see `fold`, and which blank joins words."""
    return re.sub(r"[\s_-]+", " ", fold(name)).strip()


def _named(outputs: Sequence[str], classes: Sequence[str], columns: Sequence[int]) -> dict[str, str]:
    """Return the classes by the name of their output, or its number where that name stands twice."""
    names = [outputs[c] if list(outputs).count(outputs[c]) == 1 else str(c) for c in columns]
    return dict(zip(names, classes, strict=True))


def _unmatched(outputs: Sequence[str], classes: Sequence[str], matched: Mapping[str, int], key: str) -> UnmatchedError:
    """Return the error that names what is left on both sides, the nearest beside each other."""
    left = [column for column in range(len(outputs)) if column not in matched.values()]
    open_classes = [name for name in classes if name not in matched]
    by_column = {column: name for name, column in matched.items()}
    # What is nearest is guessed first; the rest stands in its order.
    for column in list(left):
        close = nearest(outputs[column], open_classes) if open_classes else ""
        if close.startswith("did you mean `"):
            by_column[column] = close.split("`")[1]
            open_classes.remove(by_column[column])
            left.remove(column)
    by_column |= dict(zip(left, open_classes, strict=True))
    unknown = [outputs[column] for column in range(len(outputs)) if column not in matched.values()]
    without = [name for name in classes if name not in matched]
    guess = {
        name if list(outputs).count(name) == 1 else str(column): by_column[column]
        for column, name in enumerate(outputs)
    }
    return UnmatchedError(
        f"the teacher's outputs {_some(unknown)} are not the names of the classes {_some(without)}",
        key=key,
        guess=guess,
    )


def _pick(key: str, outputs: Sequence[str], classes: Sequence[str]) -> str:
    matched = _by_name(outputs, classes)
    if len(matched) == len(classes):
        return f"say which are meant: {ready(key, _named(outputs, classes, [matched[name] for name in classes]))}"
    return f"say which are meant, as in {ready(key, dict(zip(outputs, classes, strict=False)))}"


def _count(names: Sequence[Any], what: str) -> str:
    plural = {"output": "outputs", "class": "classes"}[what]
    return f"{len(names)} {what if len(names) == 1 else plural} ({_some(names)})"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(f"`{' '.join(name.split())[:40]}`" for name in names[:_SHOWN]) + more


def _yaml(name: str) -> str:
    """Return a name as it can stand in a mapping of YAML's on one line."""
    if _BARE.fullmatch(name) and name.lower() not in ("null", "~"):
        return name
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'

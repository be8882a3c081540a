"""What a language model is asked about a text, and which label its answer names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from limbeck.digest import digest

PROMPT = """\
Which label fits the text best? The labels, each after its code:
{labels}

{examples}Text: {text}
Answer with the code of one label, and nothing else.
Code:"""
"""What is asked where a recipe says nothing else."""
_PLACE = re.compile(r"\{(labels|examples|text)\}")
_THOUGHT = "</think>"
"""Ends what a model that thinks aloud says before its answer."""
_LED = re.compile(r"(?:code|answer|label)\s*[:=]\s*", re.IGNORECASE)
_AROUND = " \t\r\n\"'`*_()[]{}<>"
_AFTER = ".):,;-–\n"
"""What may stand between a code and an explanation; a blank alone may not: `A` is a word too."""


@dataclass(frozen=True)
class Example:
    """A text with its label, which a prompt shows.

    Attributes:
        text: the text.
        label: position of its label.
    """

    text: str
    label: int


@dataclass(frozen=True)
class Prompt:
    """A question about a text.

    Attributes:
        template: with `{labels}` and `{text}`, and `{examples}` where there are some.
        labels: names of the labels as the model reads them, in the order of the classes.
        examples: that are shown.
        max_characters: of a text are sent, its first; None: all.
    """

    template: str
    labels: tuple[str, ...]
    examples: tuple[Example, ...] = ()
    max_characters: int | None = None

    @property
    def digest(self) -> str:
        """Names what is asked of any text: 16 hex digits."""
        examples = [[each.text, each.label] for each in self.examples]
        return digest([self.template, list(self.labels), examples, self.max_characters])

    @property
    def codes(self) -> tuple[str, ...]:
        """What a label is answered by: letters, or of more than 26 labels numbers from 1."""
        return codes(len(self.labels))

    def about(self, text: str) -> str:
        """Return the question about a text. What the text holds in braces stays as it is."""
        parts = {
            "labels": "\n".join(f"{code}: {label}" for code, label in zip(self.codes, self.labels, strict=True)),
            "examples": "".join(f"Text: {each.text}\nCode: {self.codes[each.label]}\n\n" for each in self.examples),
            "text": text[: self.max_characters],
        }
        return _PLACE.sub(lambda found: parts[found[1]], self.template)

    def label_of(self, answer: str) -> int | None:
        """Return the position of the label that an answer names, by its code or its name; None: it names none."""
        said = answer.rpartition(_THOUGHT)[2].strip(_AROUND)
        said = _LED.sub("", said, count=1).strip(_AROUND) if _LED.match(said) else said
        if (word := re.match(r"\w+", said)) is not None and word[0] in self.codes:
            label = self.codes.index(word[0])
            rest = said[word.end() :].lstrip("\"'`*_)]}>")
            named = _plain(rest).startswith(_plain(self.labels[label]))
            if not rest or rest[0] in _AFTER or named:
                return label
        plain = _plain(said)
        return next((number for number, label in enumerate(self.labels) if _plain(label) == plain), None)


def codes(count: int) -> tuple[str, ...]:
    """Return the codes of so many labels."""
    if count <= len(ascii_uppercase):
        return tuple(ascii_uppercase[:count])
    return tuple(str(number) for number in range(1, count + 1))


def placeholders(template: str) -> set[str]:
    """Return which of `labels`, `examples` and `text` a template has a place for."""
    return set(_PLACE.findall(template))


def repeated(labels: Sequence[str]) -> str | None:
    """Return a name that an answer could not tell from another, or None."""
    plain = [_plain(label) for label in labels]
    return next((label for label, name in zip(labels, plain, strict=True) if plain.count(name) > 1 or not name), None)


def _plain(text: str) -> str:
    """Return a name without what answers change about it: case, blanks, quotes and a full stop around it."""
    return " ".join(text.strip(_AROUND + ".").casefold().split())

"""A thing to do next, and what is known of the bundle when it is said."""

from dataclasses import dataclass

from limbeck.report.words.numbers import capital

NEXT = "Next:"
"""The sentence that ends a verdict begins with it, wherever it is printed."""


@dataclass(frozen=True)
class Step:
    """A thing to do.

    Attributes:
        why: what was measured, a clause; empty: nothing asks for it.
        what: to do, a clause.
        code: what to type: a key, or a command.
    """

    why: str
    what: str
    code: str

    @property
    def text(self) -> str:
        """Why and what, a sentence."""
        return f"{capital(f'{self.why}: {self.what}' if self.why else self.what)}."

    @property
    def sentence(self) -> str:
        """What, with what to type, and why: a sentence that follows a verdict."""
        return f"{NEXT} {self.what} (`{self.code}`){f', as {self.why}' if self.why else ''}."


@dataclass(frozen=True)
class Delivered:
    """What is known of the bundle.

    Attributes:
        bundle: its folder, as a line to type names it; None: there is none.
        error: why there is none; None: there is one, or nobody asked for it.
    """

    bundle: str | None
    error: str | None = None

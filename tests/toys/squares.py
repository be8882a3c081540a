"""A toy reader: images of 4 x 4 pixels, black and white."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from limbeck.digest import digest
from limbeck.runtime.readers import Form
from limbeck.runtime.rows import Stacked
from limbeck.runtime.takes import Takes
from limbeck.runtime.textfiles import Lines

SIDE = 4


class SquaresReader:
    """Reads strings of 16 signs, `#` for black, as arrays (rows, 1, 4, 4)."""

    kind: ClassVar[str] = "squares"
    needs: ClassVar[Mapping[str, type]] = {"ink": str}
    files: ClassVar[tuple[str, ...]] = ()
    takes: ClassVar[Takes | None] = Lines()

    def __init__(self, ink: str = "#") -> None:
        self.ink = ink

    @property
    def digest(self) -> str:
        return digest(self.ink)

    @property
    def form(self) -> Form:
        return Form(self.kind, {"pixels": np.zeros((2, 1, SIDE, SIDE), np.float32)}, {"pixels": {0: "batch"}})

    @property
    def shapes(self) -> dict[str, tuple[int | None, ...]]:
        return {"pixels": (1, SIDE, SIDE)}

    def encode(self, values: Sequence[str]) -> Stacked:
        signs = np.array([[sign == self.ink for sign in value] for value in values], np.float32)
        return Stacked({"pixels": signs.reshape(len(values), 1, SIDE, SIDE)})

    def probe(self) -> list[str]:
        return ["".join("#" if place % (row + 2) else "." for place in range(SIDE**2)) for row in range(8)]

    def save(self, folder: Path) -> dict[str, Any]:
        return {"ink": self.ink}

    @classmethod
    def load(cls, folder: Path, info: Mapping[str, Any]) -> "SquaresReader":
        return cls(info["ink"])

"""What every codec of a teacher cache can do."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import ClassVar, Self, get_args

import torch
from torch import Tensor

from limbeck.logits import Factored, LogitForm, WholeForm
from limbeck.settings import Settings
from limbeck.types import Outputs


class Codec(Settings, ABC):
    """How the logits of a prediction are stored: settings of a recipe, and what obeys them.

    A codec sees predictions one after another, whatever examples they are of, and each by itself: the stored rows of
    some predictions are those rows of all. Activations are stored as float32, whatever the codec.

    Attributes:
        form: of the logits that it gives back; a loss says on its card which forms it takes.
        asks: the form in which the teacher has to answer.
    """

    form: ClassVar[LogitForm] = "dense"
    asks: ClassVar[WholeForm] = "dense"

    kind: str

    @abstractmethod
    def encode(self, answers: Outputs) -> dict[str, Tensor]:
        """Return what is stored of answers.

        Args:
            answers: finite logits (predictions, outputs), in the form that it asks for.

        Returns:
            Tensors (predictions, ...) by name, of a dtype that numpy has. `ids`, and names that begin with `offsets` or
            `tap/`, are taken.

        Raises:
            LimbeckError: the codec cannot hold these logits.
        """

    @abstractmethod
    def decode(self, stored: Mapping[str, Tensor], outputs: int) -> Outputs:
        """Return the answers that were stored: logits (predictions, outputs) in the codec's form, float32.

        Args:
            stored: what `encode` returned, or some of its rows; and what `shared` did.
            outputs: size of the logits' last axis.
        """

    @abstractmethod
    def bytes_per_prediction(self, outputs: int, width: int | None = None) -> float:
        """Return the size of a stored prediction in bytes.

        Args:
            outputs: size of the logits' last axis.
            width: of what enters the last layer; needed where a codec asks for `factored` logits.
        """

    def shared(self, answers: Outputs) -> dict[str, Tensor]:
        """Return what is stored once for all predictions, by name: the same of any answers of one teacher.

        Args:
            answers: as in `encode`.
        """
        return {}

    def shared_bytes(self, outputs: int, width: int | None = None) -> float:
        """Return the size of what is stored once, in bytes; see `bytes_per_prediction`."""
        return 0.0

    @property
    def exactly(self) -> "Codec | None":
        """How the same answers are stored exactly; None: as `dense` in float32."""
        return None

    def settled(self, temperatures: Collection[float]) -> Self:
        """Return the same codec with what it has to know of the losses, which stands in the manifest.

        Args:
            temperatures: at which losses compare.

        Raises:
            ValueError: it cannot answer at one of them.
        """
        return self

    def require_fits(self, outputs: int) -> None:
        """Refuse logits of that many outputs.

        Raises:
            LimbeckError: the codec's settings mean nothing for them.
        """
        return

    def error(self, answers: Outputs, stored: Mapping[str, Tensor]) -> float:
        """Return how far what is stored is off, in the unit of `said`: of dense logits the largest difference of one.

        Args:
            answers: logits (predictions, outputs), in the form that it asks for.
            stored: what `encode` and `shared` returned of them.
        """
        off = (self.decode(stored, answers.dense.shape[-1]).dense - answers.dense).abs()
        return float(off.max()) if off.numel() else 0.0

    def said(self, error: float) -> str:
        """Return an error in words."""
        return f"a logit differs by {error:.2g} at most"

    @property
    def of_states(self) -> bool:
        """Whether it stores what enters the teacher's last layer, in the place of logits."""
        return self.asks == Factored.form

    @property
    def whole(self) -> bool:
        """Whether it gives back every logit."""
        return self.form in get_args(WholeForm)

    @property
    def title(self) -> str:
        """The codec in words: `dense, dtype float32`."""
        settings = self.model_dump(mode="json", exclude={"kind"})
        return ", ".join([self.kind, *(f"{name} {_said(value)}" for name, value in settings.items())])


def _said(value: object) -> str:
    return " ".join(f"{each:g}" for each in value) if isinstance(value, list) else str(value)


def index_dtype(outputs: int) -> torch.dtype:
    """Return the smallest dtype for the number of an output that numpy has."""
    return next(dtype for dtype in (torch.uint8, torch.uint16, torch.int32) if outputs - 1 <= torch.iinfo(dtype).max)

"""What every codec of a teacher cache can do."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor

from limbeck.settings import Settings
from limbeck.types import Outputs


class Codec(Settings, ABC):
    """How the logits of a prediction are stored: settings of a recipe, and what obeys them.

    A codec sees predictions one after another, whatever examples they are of, and each by itself: the stored rows of
    some predictions are those rows of all. Activations are stored as float32, whatever the codec.
    """

    kind: str

    @abstractmethod
    def encode(self, answers: Outputs) -> dict[str, Tensor]:
        """Return what is stored of answers.

        Args:
            answers: finite logits (predictions, outputs).

        Returns:
            Tensors (predictions, ...) by name, of a dtype that numpy has. `ids`, and names that begin with `offsets` or
            `tap/`, are taken.

        Raises:
            LimbeckError: the codec cannot hold these logits.
        """

    @abstractmethod
    def decode(self, stored: Mapping[str, Tensor], outputs: int) -> Outputs:
        """Return the answers that were stored: logits (predictions, outputs), float32 where they are dense.

        Args:
            stored: what `encode` returned, or some of its rows.
            outputs: size of the logits' last axis.
        """

    @abstractmethod
    def bytes_per_prediction(self, outputs: int) -> float:
        """Return the size of a stored prediction in bytes, where the logits' last axis has that size."""

    @property
    def title(self) -> str:
        """The codec in words: `dense, dtype float32`."""
        settings = self.model_dump(mode="json", exclude={"kind"})
        return ", ".join([self.kind, *(f"{name} {value}" for name, value in settings.items())])

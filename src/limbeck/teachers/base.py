"""The protocol that live, cached and remote teachers share."""

from typing import Protocol

from limbeck.types import Batch, Outputs


class Teacher(Protocol):
    """Answers for a batch."""

    @property
    def digest(self) -> str:
        """Names the teacher's weights and settings; a cache made by another digest is refused."""
        ...

    def predict(self, batch: Batch) -> Outputs:
        """Return the teacher's logits, and its activations by tap, for the batch's rows, without a gradient."""
        ...

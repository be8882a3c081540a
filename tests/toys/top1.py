"""A toy codec: the decision of a prediction and its probability."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from limbeck.cache.codecs import Codec
from limbeck.types import Outputs


class Top1(Codec):
    """The most probable class and its probability; what is left is shared equally by the other classes."""

    kind: Literal["top1"] = "top1"

    def encode(self, answers: Outputs) -> dict[str, Tensor]:
        probability, decided = answers.logits.softmax(-1).max(-1)
        return {"decided": decided.int(), "probability": probability.clamp(max=1 - 1e-6)}

    def decode(self, stored: Mapping[str, Tensor], outputs: int) -> Outputs:
        probability = stored["probability"][:, None]
        rest = ((1 - probability) / (outputs - 1)).expand(-1, outputs)
        return Outputs(rest.scatter(1, stored["decided"].long()[:, None], probability).log())

    def bytes_per_prediction(self, outputs: int, width: int | None = None) -> float:
        return torch.int32.itemsize + torch.float32.itemsize

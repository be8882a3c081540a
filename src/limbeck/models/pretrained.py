"""What the networks of transformers have in common: the names of their outputs, and how they are called."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def output_names(config: Any) -> tuple[str, ...]:
    """Return the names of a classifier's outputs, in the order of its logits; of a checkpoint without a head, none.

    Args:
        config: of a network of transformers.
    """
    if not any(name.endswith("ForSequenceClassification") for name in config.architectures or ()):
        return ()
    return named_outputs(config)


def named_outputs(config: Any) -> tuple[str, ...]:
    """Return what a configuration calls the outputs, in their order; `LABEL_i` for one without a name."""
    names: Mapping[int, str] = config.id2label or {}
    return tuple(str(names.get(column, f"LABEL_{column}")) for column in range(config.num_labels))


def encoder_inputs(input_ids: Tensor, mask: Tensor, pad_id: int) -> dict[str, Tensor]:
    """Return what an encoder is called with, where an empty text sees its first padding: attention needs one token."""
    first = torch.arange(mask.shape[1], device=mask.device).unsqueeze(0) == 0
    visible = mask | (first & ~mask.any(1, keepdim=True))
    # Some encoders number positions by which ids are padding, so padding has to be what the tokenizer says it is.
    return {"input_ids": torch.where(mask, input_ids, pad_id), "attention_mask": visible.to(torch.int64)}

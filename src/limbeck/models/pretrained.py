"""What the networks of transformers have in common: how they are loaded and called, and the names of their outputs."""

import os
import warnings
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pickle import UnpicklingError
from typing import Annotated, Any, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from limbeck.errors import LimbeckError
from limbeck.modalities.text.pretrained import unloadable
from limbeck.models.catalogue import ModelOptions
from limbeck.models.embedding import Rate
from limbeck.models.lora import LoraSettings

_NO_CONVERSION = "DISABLE_SAFETENSORS_CONVERSION"
_OF_TEXTS = "ForSequenceClassification"
_ATTENTION_DROPOUT = ("attention_probs_dropout_prob", "attention_dropout")
"""What configurations call it: BERT and its relatives, and others."""
_BEFORE = ("embeddings", "feature_extractor", "embedder")
"""What encoders call what comes before their layers: of texts and patches, of samples, of pixels."""


class PretrainedOptions(ModelOptions):
    """What pretrained networks with a head to be trained have in common."""

    path: Annotated[str, Field(min_length=1, description="a folder with config.json and its processor, or a hub id")]
    dropout: Annotated[Rate, Field(description="before a new head, in training")] = 0.1
    attention_dropout: Annotated[
        Rate | None,
        Field(description="share of the attention weights that is dropped in training; null: as the checkpoint has it"),
    ] = None
    freeze: Annotated[int, Field(ge=0, description="lower layers that are not trained, embeddings included")] = 0
    freeze_embeddings: Annotated[
        bool, Field(description="do not train what comes before the layers: patches, or convolutions over samples")
    ] = False
    outputs: Annotated[
        list[str] | None,
        Field(
            description="outputs of the checkpoint's own head, one a class in their order; []: a new head; null: its "
            "own head as it is where it has as many outputs as there are classes, else a new one"
        ),
    ] = None
    lora: Annotated[
        LoraSettings | None,
        Field(description="train low-rank adapters in the place of the encoder's weights (extra `lora`); null: no"),
    ] = None

    @property
    def blank(self) -> None:
        """Its files say its size."""

    @property
    def trained(self) -> Self:
        """The same without adapters: they are merged."""
        return self.model_copy(update={"lora": None})


def classified_by(config: Any) -> str | None:
    """Return what a checkpoint's own head classifies: text, image or audio; None: it has no such head.

    Args:
        config: of a network of transformers.
    """
    from transformers.models.auto import modeling_auto as auto  # slow to import

    names = set(config.architectures or ())
    for kind, known in (
        ("audio", auto.MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES),  # some are called as those of texts are
        ("image", auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES),
    ):
        entries = (entry if isinstance(entry, tuple) else (entry,) for entry in known.values())
        if names & {name for entry in entries for name in entry}:
            return kind
    return "text" if any(name.endswith(_OF_TEXTS) for name in names) else None


def output_names(config: Any) -> tuple[str, ...]:
    """Return the names of a classifier's outputs, in the order of its logits; of a checkpoint without a head, none.

    Args:
        config: of a network of transformers.
    """
    return () if classified_by(config) is None else named_outputs(config)


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


def load_pretrained(source: str, config: Any, kind: Any, *, new_head: bool = False, **more: Any) -> Any:
    """Return a network of transformers in float32; no code of the checkpoint runs, and only tensors are unpickled.

    Args:
        source: a folder or a hub id.
        config: of the network.
        kind: whose `from_pretrained` is called: `AutoModel` or one with a head.
        new_head: whether weights outside of the encoder may be missing.
        more: options that some architectures take, and others do not know.

    Raises:
        LimbeckError: it cannot be loaded, or lacks weights.
    """
    network, info = _loaded(source, config, kind, **more)
    own = f"{network.base_model_prefix}."
    if missing := sorted(key for key in info["missing_keys"] if not new_head or key.startswith(own)):
        raise lacking(missing, source)
    return network


def with_new_head(source: str, config: Any, kind: Any) -> tuple[Any, list[str]]:
    """Return a network of transformers whose head is new, and the names of the new weights, in float32.

    A pooler that the checkpoint does not have is part of the head. New weights are drawn from torch's generator.

    Args:
        source: a folder or a hub id.
        config: of the network, with as many labels as the head is to have.
        kind: whose `from_pretrained` is called: an `AutoModelFor...` with a head.

    Raises:
        LimbeckError: it cannot be loaded, or lacks weights below its head.
    """
    network, info = _loaded(source, config, kind, ignore_mismatched_sizes=True)
    new = sorted({*info["missing_keys"], *(str(name) for name, *_ in info["mismatched_keys"])})
    inner = f"{network.base_model_prefix}."
    if missing := [name for name in new if name.startswith(inner) and not name.startswith(f"{inner}pooler.")]:
        raise lacking(missing, source)
    return network, new


def lacking(missing: Sequence[str], source: str) -> LimbeckError:
    """Return the error of a checkpoint without some of the network's weights."""
    what = f"the checkpoint lacks {len(missing)} of the network's weights, among them `{missing[0]}`"
    return LimbeckError(what, where=source)


def _loaded(source: str, config: Any, kind: Any, **more: Any) -> tuple[Any, Mapping[str, Any]]:
    """Return a network of transformers, and what transformers says about its weights."""
    options = {
        "config": config,
        "dtype": torch.float32,
        "weights_only": True,  # of a pickled file, which is read where there are no safetensors, nothing but tensors
        "trust_remote_code": False,
        "output_loading_info": True,
    }
    try:
        with _quiet():
            try:
                return kind.from_pretrained(source, **options, **more)
            except TypeError:
                return kind.from_pretrained(source, **options)
    except UnpicklingError as error:
        raise LimbeckError(
            "its pickled weights are damaged, or hold more than tensors, which is never unpickled",
            where=source,
            fix="take a checkpoint with model.safetensors",
        ) from error
    except Exception as error:  # a damaged or foreign file raises whatever its reader raises
        raise unloadable(source, error) from error


def set_attention_dropout(config: Any, rate: float, where: str) -> None:
    """Put a rate into the configuration of a network.

    Raises:
        LimbeckError: it has no such rate.
    """
    name = next((one for one in _ATTENTION_DROPOUT if hasattr(config, one)), None)
    if name is None:
        what = f"`{config.model_type}` has no dropout of attention weights that could be set"
        raise LimbeckError(what, where=f"{where}, attention_dropout", fix="set it to null")
    setattr(config, name, rate)


def freeze_layers(encoder: Any, config: Any, layers: int, *, embeddings: bool, where: str) -> None:
    """Leave the lower layers of an encoder as they are, and what comes before them.

    Args:
        encoder: of transformers.
        config: of it.
        layers: how many; above 0 also embeddings.
        embeddings: whether these are frozen anyway.
        where: names the network, for errors.

    Raises:
        LimbeckError: its layers cannot be told apart.
    """
    frozen: list[nn.Module] = []
    if layers or embeddings:
        first = next((found for name in _BEFORE if (found := getattr(encoder, name, None)) is not None), None)
        frozen.append(first or encoder.get_input_embeddings())
    if layers:
        deep = getattr(config, "num_hidden_layers", None)
        stacks = [m for m in encoder.modules() if isinstance(m, nn.ModuleList) and len(m) == deep]
        if not stacks:
            raise LimbeckError("cannot tell the layers of this network apart", where=where, fix="set freeze: 0")
        frozen.extend(stacks[0][:layers])
    for module in frozen:
        module.requires_grad_(False)


@contextmanager
def _quiet() -> Generator[None, None, None]:
    """Silence transformers' progress bar and its report of unused weights; missing weights raise instead.

    Its wish to have pickled weights of the hub converted there is silenced too, and what torch thinks of a pickle.
    """
    from transformers.utils import logging

    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    convert = os.environ.get(_NO_CONVERSION)
    os.environ[_NO_CONVERSION] = "1"
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Detected pickle protocol")
            yield
    finally:
        os.environ.pop(_NO_CONVERSION) if convert is None else os.environ.update({_NO_CONVERSION: convert})
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()

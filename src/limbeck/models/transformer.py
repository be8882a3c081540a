"""A pretrained encoder, from a folder, the hub or an asset."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from limbeck.data.tokenizers import PRETRAINED, pretrained_folder
from limbeck.errors import LimbeckError
from limbeck.models.catalogue import Settings, register
from limbeck.models.embedding import Rate
from limbeck.models.pooling import masked_mean
from limbeck.models.vocabulary import Vocabulary


class TransformerSettings(Settings):
    """Options of `transformer`."""

    name: Literal["transformer"] = "transformer"
    path: Annotated[str, Field(min_length=1, description="a folder with config.json, a hub id, or the asset `minilm`")]
    pooling: Annotated[
        Literal["mean", "cls"], Field(description="what is classified: the mean of the last states, or the first one")
    ] = "mean"
    dropout: Annotated[Rate, Field(description="share of the pooled state that is dropped in training")] = 0.1
    layers: Annotated[int | None, Field(ge=1, description="keep this many lower layers; null: all")] = None
    freeze: Annotated[int, Field(ge=0, description="lower layers that are not trained, embeddings included")] = 0
    freeze_embeddings: Annotated[bool, Field(description="do not train the embeddings")] = False


class Transformer(nn.Module):
    """A pretrained encoder with a linear head over its pooled states.

    Attributes:
        encoder: the pretrained network.
        head: the new, randomly initialised linear layer.
    """

    def __init__(
        self, encoder: nn.Module, settings: TransformerSettings, *, width: int, classes: int, pad_id: int
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.settings = settings
        self.pad_id = pad_id
        self.dropout = nn.Dropout(settings.dropout)
        self.head = nn.Linear(width, classes)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return logits (batch, classes) of ids (batch, tokens); the mask is 0 where a token is padding."""
        mask = attention_mask.bool()
        states = self.encoder(**_inputs(input_ids, mask, self.pad_id)).last_hidden_state
        pooled = masked_mean(states, mask) if self.settings.pooling == "mean" else states[:, 0]
        return self.head(self.dropout(pooled))


class FinetunedClassifier(nn.Module):
    """A pretrained classifier with the head that it was trained with.

    Attributes:
        encoder: the pretrained network, head included; `head` is left to networks whose head is new.
    """

    def __init__(self, encoder: nn.Module, *, pad_id: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.pad_id = pad_id

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return logits (batch, classes) of ids (batch, tokens); the mask is 0 where a token is padding."""
        return self.encoder(**_inputs(input_ids, attention_mask.bool(), self.pad_id)).logits


def build_transformer(settings: TransformerSettings, *, classes: int, vocabulary: Vocabulary) -> nn.Module:
    """Load the encoder, in float32 and from safetensors only.

    A checkpoint of a `...ForSequenceClassification` with as many labels as `classes` keeps its own head (`pooling` and
    `dropout` then mean nothing); any other gets a new one.

    Args:
        settings: see `TransformerSettings`.
        classes: number of logits.
        vocabulary: of the tokenizer that makes the ids; its ids must be the checkpoint's.

    Raises:
        LimbeckError: the checkpoint cannot be loaded, lacks weights, has too few layers or too small a vocabulary.
    """
    source = pretrained_folder(settings.path)
    config = _config(source, settings)
    finetuned = config.num_labels == classes and any(
        name.endswith("ForSequenceClassification") for name in config.architectures or ()
    )
    network = _load(source, config, finetuned)
    encoder = network.base_model if finetuned else network
    rows = encoder.get_input_embeddings().num_embeddings
    if vocabulary.size > rows:
        raise LimbeckError(
            f"the tokenizer has {vocabulary.size} tokens but the model only {rows}",
            where=settings.path,
            fix="use the model's own tokenizer",
        )
    _freeze(encoder, config, settings)
    if finetuned:
        return FinetunedClassifier(network, pad_id=vocabulary.pad_id)
    return Transformer(network, settings, width=config.hidden_size, classes=classes, pad_id=vocabulary.pad_id)


def _inputs(input_ids: Tensor, mask: Tensor, pad_id: int) -> dict[str, Tensor]:
    """Return what an encoder is called with, where an empty text sees its first padding: attention needs one token."""
    first = torch.arange(mask.shape[1], device=mask.device).unsqueeze(0) == 0
    visible = mask | (first & ~mask.any(1, keepdim=True))
    # Some encoders number positions by which ids are padding, so padding has to be what the tokenizer says it is.
    return {"input_ids": torch.where(mask, input_ids, pad_id), "attention_mask": visible.to(torch.int64)}


def _config(source: str, settings: TransformerSettings) -> Any:
    from transformers import AutoConfig  # slow to import, and needed for this network only

    try:
        config = AutoConfig.from_pretrained(source, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise _unloadable(settings.path, error) from error
    if config.is_encoder_decoder:
        raise LimbeckError("an encoder-decoder cannot classify", where=settings.path, fix="take an encoder")
    kept = settings.layers or config.num_hidden_layers
    if kept > config.num_hidden_layers or settings.freeze > kept:
        raise LimbeckError(
            f"cannot keep {kept} and freeze {settings.freeze} of {config.num_hidden_layers} layers",
            where=settings.path,
            fix="freeze <= layers <= what the checkpoint has",
        )
    config.num_hidden_layers = kept
    return config


def _load(source: str, config: Any, finetuned: bool) -> Any:
    from transformers import AutoModel, AutoModelForSequenceClassification

    kind, headless = (
        (AutoModelForSequenceClassification, {}) if finetuned else (AutoModel, {"add_pooling_layer": False})
    )
    options = {
        "config": config,
        "dtype": torch.float32,
        "use_safetensors": True,
        "trust_remote_code": False,
        "output_loading_info": True,
    }
    try:
        with _quiet():
            try:
                # Nothing would train the pooler of BERT and its relatives.
                network, info = kind.from_pretrained(source, **options, **headless)
            except TypeError:
                network, info = kind.from_pretrained(source, **options)
    except (OSError, ValueError, RuntimeError) as error:
        raise _unloadable(source, error) from error
    if missing := sorted(info["missing_keys"]):
        raise LimbeckError(
            f"the checkpoint lacks {len(missing)} of the network's weights, among them `{missing[0]}`", where=source
        )
    return network


def _unloadable(source: str, error: Exception) -> LimbeckError:
    reason = str(error).strip().split("\n")[0].rstrip(".")
    return LimbeckError(
        f"cannot load the model: {reason}",
        where=source,
        fix=PRETRAINED,
    )


def _freeze(encoder: Any, config: Any, settings: TransformerSettings) -> None:
    frozen: list[nn.Module] = []
    if settings.freeze or settings.freeze_embeddings:
        frozen.append(getattr(encoder, "embeddings", None) or encoder.get_input_embeddings())
    if settings.freeze:
        stacks = [m for m in encoder.modules() if isinstance(m, nn.ModuleList) and len(m) == config.num_hidden_layers]
        if not stacks:
            raise LimbeckError("cannot tell the layers of this network apart", where=settings.path, fix="set freeze: 0")
        frozen.extend(stacks[0][: settings.freeze])
    for module in frozen:
        module.requires_grad_(False)


@contextmanager
def _quiet() -> Generator[None, None, None]:
    """Silence transformers' progress bar and its report of unused weights; missing weights raise instead."""
    from transformers.utils import logging

    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()


register("a pretrained encoder from a folder or the hub: strong and slow", TransformerSettings, build_transformer)

"""A pretrained encoder, from a folder, the hub or an asset."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field
from torch import Tensor, nn

from limbeck.errors import LimbeckError
from limbeck.modalities.text.pretrained import pretrained_config
from limbeck.modalities.text.tokenizers import pretrained_folder
from limbeck.models.catalogue import register
from limbeck.models.embedding import Rate
from limbeck.models.label_order import ordered, positions
from limbeck.models.lora import adapt
from limbeck.models.pooling import masked_mean
from limbeck.models.pretrained import (
    PretrainedOptions,
    encoder_inputs,
    freeze_layers,
    load_pretrained,
    output_names,
    set_attention_dropout,
    with_new_head,
)
from limbeck.runtime import TextForm


class TransformerSettings(PretrainedOptions):
    """Options of `transformer`."""

    name: Literal["transformer"] = "transformer"
    path: Annotated[str, Field(min_length=1, description="a folder with config.json, a hub id, or the asset `minilm`")]
    dropout: Annotated[
        Rate, Field(description="share of the pooled state that is dropped in training; of `own` the checkpoint's")
    ] = 0.1
    freeze_embeddings: Annotated[bool, Field(description="do not train the embeddings")] = False
    pooling: Annotated[
        Literal["mean", "cls", "own"],
        Field(
            description="what a new head classifies: the mean of the last states, or the first one; own: the head is "
            "that of transformers' `...ForSequenceClassification`, so that transformers can load what was trained"
        ),
    ] = "mean"
    layers: Annotated[int | None, Field(ge=1, description="keep this many lower layers; null: all")] = None


class Transformer(nn.Module):
    """A pretrained encoder with a linear head over its pooled states.

    Attributes:
        encoder: the pretrained network.
        head: the new, randomly initialised linear layer.
    """

    def __init__(
        self, encoder: nn.Module, settings: TransformerSettings, *, width: int, outputs: int, pad_id: int
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.settings = settings
        self.pad_id = pad_id
        self.dropout = nn.Dropout(settings.dropout)
        self.head = nn.Linear(width, outputs)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return logits (batch, outputs) of ids (batch, tokens); the mask is 0 where a token is padding."""
        mask = attention_mask.bool()
        states = self.encoder(**encoder_inputs(input_ids, mask, self.pad_id)).last_hidden_state
        pooled = masked_mean(states, mask) if self.settings.pooling == "mean" else states[:, 0]
        return self.head(self.dropout(pooled))


class FinetunedClassifier(nn.Module):
    """A classifier of transformers, with the head that it was trained with, or a new one of the same form.

    Attributes:
        encoder: the network of transformers, head included; `head` is left to networks with a head of ours.
    """

    def __init__(self, encoder: nn.Module, *, pad_id: int, new: Sequence[str] = ()) -> None:
        super().__init__()
        self.encoder = encoder
        self.pad_id = pad_id
        self._new = frozenset(new)

    @property
    def saved(self) -> nn.Module:
        """What a file of its weights is of: the network of transformers, under its own names."""
        return self.encoder

    @property
    def new_parameters(self) -> list[nn.Parameter]:
        """Those that no checkpoint has trained."""
        return [parameter for name, parameter in self.encoder.named_parameters() if name in self._new]

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return logits (batch, outputs) of ids (batch, tokens); the mask is 0 where a token is padding."""
        return self.encoder(**encoder_inputs(input_ids, attention_mask.bool(), self.pad_id)).logits


def build_transformer(settings: TransformerSettings, *, outputs: int, form: TextForm) -> nn.Module:
    """Load the encoder, in float32; no code of the checkpoint runs, and nothing is unpickled but tensors.

    A checkpoint of a `...ForSequenceClassification` with `outputs` labels keeps its own head (`pooling` and `dropout`
    then mean nothing), unless `settings.outputs` says otherwise; any other gets a new one, see `settings.pooling`.

    Args:
        settings: see `TransformerSettings`.
        outputs: number of logits.
        form: of the token ids, which must be the checkpoint's.

    Raises:
        LimbeckError: the checkpoint cannot be loaded, lacks weights or outputs, has too few layers or too small a
            vocabulary.
    """
    source, vocabulary = pretrained_folder(settings.path), form.vocabulary
    config = _config(source, settings)
    if config.pad_token_id is None:
        config.pad_token_id = vocabulary.pad_id  # decoders find the last token of a text by it
    columns = _columns(config, settings, outputs)
    whole = columns is not None or settings.pooling == "own"
    if columns is None and whole:
        config.num_labels = outputs
    network, new = _load(source, config, whole, new_head=columns is None)
    encoder = network.base_model if whole else network
    rows = encoder.get_input_embeddings().num_embeddings
    if vocabulary.size > rows:
        raise LimbeckError(
            f"the tokenizer has {vocabulary.size} tokens but the model only {rows}",
            where=settings.path,
            fix="use the model's own tokenizer",
        )
    if settings.lora is not None:
        adapt(encoder, settings.lora, settings.path)
    freeze_layers(encoder, config, settings.freeze, embeddings=settings.freeze_embeddings, where=settings.path)
    if whole:
        classifier = FinetunedClassifier(network, pad_id=vocabulary.pad_id, new=new)
        return ordered(classifier, range(outputs) if columns is None else columns, config.num_labels)
    return Transformer(network, settings, width=config.hidden_size, outputs=outputs, pad_id=vocabulary.pad_id)


def _config(source: str, settings: TransformerSettings) -> Any:
    config = pretrained_config(source)
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
    if settings.attention_dropout is not None:
        set_attention_dropout(config, settings.attention_dropout, settings.path)
    return config


def _columns(config: Any, settings: TransformerSettings, outputs: int) -> list[int] | None:
    """Return which outputs of the checkpoint's own head are taken; None where it gets a new one."""
    names = output_names(config)
    if settings.outputs is None:
        return list(range(outputs)) if len(names) == outputs else None
    if not settings.outputs:
        return None
    columns = positions(names, settings.outputs)
    if len(columns) != outputs:
        raise LimbeckError(f"{len(columns)} outputs are named where {outputs} are needed", where="outputs")
    return columns


def _load(source: str, config: Any, whole: bool, *, new_head: bool) -> tuple[Any, Sequence[str]]:
    """Return the network, with a head of transformers or none, and the names of its weights that are new."""
    from transformers import AutoModel, AutoModelForSequenceClassification

    if whole and new_head:
        return with_new_head(source, config, AutoModelForSequenceClassification)
    if whole:
        return load_pretrained(source, config, AutoModelForSequenceClassification), ()
    # Nothing would train the pooler of BERT and its relatives.
    return load_pretrained(source, config, AutoModel, add_pooling_layer=False), ()


register(
    "a pretrained encoder from a folder or the hub: strong and slow",
    TransformerSettings,
    build_transformer,
    reads="text",
    per="example",
)

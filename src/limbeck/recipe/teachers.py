"""Settings of the teachers, by kind."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, cast

from pydantic import BeforeValidator, Field, PrivateAttr, ValidationInfo, field_validator

from limbeck.data import label_name
from limbeck.modalities import ArraysReads, TextReads, kind_of_reads
from limbeck.modalities.text.reads import MAX_LENGTH, Length, Tail
from limbeck.modalities.text.tokenizers import (
    TokenizerSettings,
    TransformersTokenizerSettings,
    WordTokenizerSettings,
)
from limbeck.models import GivenSettings
from limbeck.models.transformer import TransformerSettings
from limbeck.recipe.networks import NetworkSettings
from limbeck.settings import Settings, union
from limbeck.teachers.nblr import NBLRSettings
from limbeck.trainer import TrainSettings


class _Teacher(Settings):
    """What every teacher has."""

    accept_bad: Annotated[
        bool, Field(description="go on with a teacher whose balanced accuracy is not above a constant prediction's")
    ] = False

    @property
    def finished(self) -> bool:
        """Whether it is taken as it is: nothing of it is trained here."""
        return False


class _Single(_Teacher):
    """What a teacher of one network adds to it."""

    calibrate: Annotated[
        bool, Field(description="divide its logits by the temperature that fits the validation rows best")
    ] = False
    _labels_found: bool = PrivateAttr(default=False)

    @property
    def labels_found(self) -> bool:
        """Whether `labels` were found by the run's settling, and not said by the recipe."""
        return self._labels_found

    def with_labels(self, labels: Mapping[str, str]) -> Self:
        """Return the same teacher with `labels`, which remembers whether it had some before."""
        settled = self.model_copy(update={"labels": dict(labels)})
        settled._labels_found = getattr(self, "labels", None) is None
        return settled

    @property
    def members(self) -> "list[SingleTeacher]":
        """The teachers that answer together: this one."""
        return [cast("SingleTeacher", self)]

    def shares(self, members: int) -> list[float]:
        """Return the members' weights."""
        return [1.0] * members


def _as_names(labels: Any) -> Any:
    """Turn the values of YAML (`0`, `true`) into the names that outputs and classes have."""
    if not isinstance(labels, Mapping):
        return labels
    return {_as_name(output): _as_name(name) for output, name in labels.items()}


def _as_name(value: Any) -> Any:
    return label_name(value) if isinstance(value, bool | int) else value


Labels = Annotated[
    dict[str, str] | None,
    BeforeValidator(_as_names, json_schema_input_type=dict[str, str | int | bool] | None),
    Field(
        description="class by output: the names of its outputs (or their numbers, from 0) and the classes that they "
        "mean; null: outputs and classes have the same names"
    ),
]


class PretrainedReads(Settings):
    """Texts, cut by the tokenizer of the teacher's own folder."""

    max_length: Annotated[
        int | None,
        Field(ge=1, description="tokens kept of each text; null: 128 where it is trained here, else its limit, <= 512"),
    ] = None
    tail: Tail = 0


class TokenizedReads(Settings):
    """Texts, cut into tokens for a module that was given."""

    kind: Literal["text"] = "text"
    tokenizer: TokenizerSettings = WordTokenizerSettings()
    max_length: Annotated[
        int | None,
        Field(ge=1, description="tokens kept of each text; null: 128, of a model of transformers its limit, <= 512"),
    ] = None
    tail: Tail = 0


if TYPE_CHECKING:
    GivenReads = TokenizedReads | ArraysReads
else:
    GivenReads = union({"text": TokenizedReads, "arrays": ArraysReads}, on="kind", tag=kind_of_reads)


class NBLRReads(TextReads):
    """Whole texts, and all of their words."""

    tokenizer: TokenizerSettings = WordTokenizerSettings(size=200_000)
    max_length: Length = 1024


class NetworkTeacher(NetworkSettings, _Single):
    """A teacher that is trained here on the labelled rows, of any network in the catalogue."""

    kind: Literal["network"]

    @property
    def network(self) -> NetworkSettings:
        """What is trained: the same, without what is a teacher's own."""
        return NetworkSettings(**{name: getattr(self, name) for name in NetworkSettings.model_fields})


class TransformersTeacher(_Single):
    """A pretrained network: a finished classifier as it is, or an encoder that is fine-tuned here on the labelled rows.

    A run settles what is left open, see `pipeline.finished`: `finetune`, `labels` ({}: a new head) and `max_length`.
    """

    kind: Literal["transformers"]
    model: Annotated[str, Field(min_length=1, description="a packaged name (minilm), a folder, or a hub id")]
    finetune: Annotated[
        bool | None,
        Field(description="train it here; false: as it is; null: as it is where its head fits the classes"),
    ] = None
    labels: Labels = None
    pooling: Annotated[Literal["mean", "cls"], Field(description="how token states become one vector")] = "mean"
    dropout: Annotated[float, Field(ge=0, lt=1, description="before the new head")] = 0.1
    freeze: Annotated[int, Field(ge=0, description="lower layers that are not trained; above 0 also embeddings")] = 0
    freeze_embeddings: Annotated[bool, Field(description="leave the embeddings as they are")] = True
    reads: PretrainedReads = PretrainedReads()
    train: TrainSettings = TrainSettings(epochs=3, batch_size=16, lr=1e-4, head_lr_scale=20, warmup=0.1, validations=6)

    @property
    def finished(self) -> bool:
        """Whether it is taken as it is: nothing of it is trained here."""
        return self.finetune is False

    @property
    def meaningless(self) -> list[str]:
        """Keys that were changed, and mean nothing to a network with a head of its own that is not trained."""
        keys = ("pooling", "dropout", "freeze", "freeze_embeddings", "train")
        return [key for key in keys if getattr(self, key) != type(self).model_fields[key].default]

    @property
    def network(self) -> NetworkSettings:
        """The same teacher in the words of any network."""
        model = TransformerSettings(
            path=self.model,
            pooling=self.pooling,
            dropout=self.dropout,
            freeze=self.freeze,
            freeze_embeddings=self.freeze_embeddings,
            outputs=None if self.labels is None else list(self.labels),
        )
        tokenizer = TransformersTokenizerSettings(kind="transformers", path=self.model)
        length = MAX_LENGTH if self.reads.max_length is None else self.reads.max_length
        reads = TextReads(tokenizer=tokenizer, max_length=length, tail=self.reads.tail)
        return NetworkSettings(model=model, reads=reads, train=self.train)


class GivenTeacher(_Single):
    """A finished module that was handed to `limbeck.distill`; a recipe can only say so."""

    kind: Literal["given"]
    model: GivenSettings
    labels: Labels = None
    reads: GivenReads = TokenizedReads()

    @property
    def finished(self) -> bool:
        """Whether it is taken as it is: nothing of it is trained here."""
        return True

    @property
    def network(self) -> NetworkSettings:
        """The same teacher in the words of any network."""
        reads = self.reads
        if isinstance(reads, TokenizedReads):
            length = MAX_LENGTH if reads.max_length is None else reads.max_length
            reads = TextReads(tokenizer=reads.tokenizer, max_length=length, tail=reads.tail)
        return NetworkSettings(model=self.model, reads=reads)


class NBLRTeacher(_Single):
    """Logistic regression on Naive-Bayes-weighted n-grams, fitted here on the labelled rows by a solver."""

    kind: Literal["nblr"]
    regression: NBLRSettings = NBLRSettings()
    reads: NBLRReads = NBLRReads()


_SINGLE = {"transformers": TransformersTeacher, "network": NetworkTeacher, "nblr": NBLRTeacher, "given": GivenTeacher}

if TYPE_CHECKING:
    SingleTeacher = TransformersTeacher | NetworkTeacher | NBLRTeacher | GivenTeacher
else:
    SingleTeacher = union(_SINGLE, on="kind", title="member")


class EnsembleTeacher(_Teacher):
    """Several teachers, whose probabilities are averaged."""

    kind: Literal["ensemble"]
    members: Annotated[
        list[SingleTeacher],
        Field(min_length=2, description="teachers of any kind but this"),
    ]
    weights: Annotated[
        list[Annotated[float, Field(ge=0)]] | None,
        Field(description="one a member; null: those that fit the validation rows best"),
    ] = None

    @field_validator("members")
    @classmethod
    def _accepted_together(cls, members: list[SingleTeacher]) -> list[SingleTeacher]:
        if any(member.accept_bad for member in members):
            raise ValueError("an ensemble is judged as a whole: set teacher.accept_bad, beside members")
        return members

    @property
    def finished(self) -> bool:
        """Whether nothing of it is trained here."""
        return all(member.finished for member in self.members)

    @field_validator("weights")
    @classmethod
    def _one_each(cls, weights: list[float] | None, info: ValidationInfo) -> list[float] | None:
        members = info.data.get("members", [])
        if weights is not None and (len(weights) != len(members) or not sum(weights)):
            raise ValueError(f"give one for each of the {len(members)} members, not all 0")
        return weights

    def shares(self, members: int) -> list[float] | None:
        """Return the members' weights, of sum 1; None where they are to be fitted."""
        return None if self.weights is None else [weight / sum(self.weights) for weight in self.weights]


if TYPE_CHECKING:
    TeacherSettings = SingleTeacher | EnsembleTeacher
else:
    TeacherSettings = union({**_SINGLE, "ensemble": EnsembleTeacher}, on="kind", title="teacher")

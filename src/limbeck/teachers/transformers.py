"""A pretrained teacher of transformers: taken as it is, or fine-tuned here."""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field
from torch import nn

from limbeck.console import say
from limbeck.errors import LimbeckError
from limbeck.modalities.text.pretrained import longest_text, pretrained_config
from limbeck.modalities.text.reads import MAX_LENGTH, TextReads
from limbeck.modalities.text.tokenizers import TransformersTokenizerSettings, pretrained_folder
from limbeck.models import TransformerSettings, UnmatchedError, label_order
from limbeck.models.pretrained import output_names
from limbeck.networks import NetworkSettings, TrainSettings
from limbeck.teachers.kind import register
from limbeck.teachers.named import LONGEST, CutReads, Named, order_in_words
from limbeck.teachers.work import Made, Work


class PretrainedReads(CutReads):
    """Texts, cut by the tokenizer of the teacher's own folder."""

    max_length: Annotated[
        int | None,
        Field(ge=1, description="tokens kept of each text; null: 128 where it is trained here, else its limit, <= 512"),
    ] = None


class TransformersTeacher(Named):
    """A pretrained network: a finished classifier as it is, or an encoder that is fine-tuned here on the labelled rows.

    A run settles what is left open: `finetune`, `labels` ({}: a new head) and `max_length`.
    """

    gives: ClassVar[frozenset[str]] = frozenset({"logits", "taps"})
    of_modality: ClassVar[str | None] = "text"
    another: ClassVar[str] = "teacher.model=NAME"

    kind: Literal["transformers"]
    model: Annotated[str, Field(min_length=1, description="a packaged name (minilm), a folder, or a hub id")]
    finetune: Annotated[
        bool | None,
        Field(description="train it here; false: as it is; null: as it is where its head fits the classes"),
    ] = None
    pooling: Annotated[Literal["mean", "cls"], Field(description="how token states become one vector")] = "mean"
    dropout: Annotated[float, Field(ge=0, lt=1, description="before the new head")] = 0.1
    attention_dropout: Annotated[
        float | None,
        Field(
            ge=0,
            lt=1,
            description="of attention weights in training; null: as the checkpoint has it. 0 is faster: long texts "
            "take half of the time",
        ),
    ] = None
    freeze: Annotated[int, Field(ge=0, description="lower layers that are not trained; above 0 also embeddings")] = 0
    freeze_embeddings: Annotated[bool, Field(description="leave the embeddings as they are")] = True
    reads: PretrainedReads = PretrainedReads()
    train: TrainSettings = TrainSettings(epochs=3, batch_size=16, lr=1e-4, head_lr_scale=20, warmup=0.1, validations=6)

    @property
    def refits(self) -> bool:
        """Whether it is fine-tuned here; else it is taken as it is."""
        return self.finetune is not False

    @property
    def by_steps(self) -> bool:
        """Whether it is fine-tuned here."""
        return self.refits

    @property
    def pretrained(self) -> str:
        """It itself."""
        return self.model

    @property
    def network(self) -> NetworkSettings:
        """The same teacher in the words of any network."""
        model = TransformerSettings(
            path=self.model,
            pooling=self.pooling,
            dropout=self.dropout,
            attention_dropout=self.attention_dropout,
            freeze=self.freeze,
            freeze_embeddings=self.freeze_embeddings,
            outputs=None if self.labels is None else list(self.labels),
        )
        tokenizer = TransformersTokenizerSettings(kind="transformers", path=self.model)
        length = MAX_LENGTH if self.reads.max_length is None else self.reads.max_length
        reads = TextReads(tokenizer=tokenizer, max_length=length, tail=self.reads.tail)
        return NetworkSettings(model=model, reads=reads, train=self.train)

    @property
    def read_as(self) -> NetworkSettings:
        """Settings that say in full what it reads."""
        return self.network

    def settle(self, work: Work) -> Self:
        """Find out whether it is taken as it is, which output is which class, and how much it reads.

        Raises:
            LimbeckError: the checkpoint cannot be had, its head does not fit, or nothing tells which output is which
                class.
        """
        config = pretrained_config(pretrained_folder(self.model))
        outputs = output_names(config)
        as_it_is = not self.finetune if self.finetune is not None else _fits(outputs, work.classes, self.labels)
        if not as_it_is:
            labels, head = _head_to_train(outputs, work.classes, self.labels, work.key)
            if outputs:
                say(f"  {work.key}: {self.model} is fine-tuned; {head}")
            reads = self.reads.up_to(MAX_LENGTH)
            return self.model_copy(update={"finetune": True, "labels": labels, "reads": reads})
        if not outputs:
            raise LimbeckError(
                f"`{self.model}` has no head that classifies, so that it cannot be taken as it is",
                where=f"{work.key}.finetune",
                fix="set it to true, or give the folder of a `...ForSequenceClassification`",
            )
        reads = self.reads.up_to(longest_text(config, LONGEST))
        taken = self.model_copy(update={"finetune": False, "reads": reads})
        labels, why = taken.order(outputs, work)
        said = f"{work.key}: {self.model} is taken as it is"
        more = f"({work.key}.finetune=true trains it), {reads.max_length} tokens of a text"
        say(f"  {said} {more}; {order_in_words(labels, why)}")
        if self._meaningless:
            say(f"  {said}: without a meaning are {', '.join(self._meaningless)}", style="yellow")
        return taken.with_labels(labels)

    @property
    def _meaningless(self) -> list[str]:
        """Keys that were changed, and mean nothing to a network with a head of its own that is not trained."""
        keys = ("pooling", "dropout", "attention_dropout", "freeze", "freeze_embeddings", "train")
        return [key for key in keys if getattr(self, key) != type(self).model_fields[key].default]

    def finished(self, work: Work) -> nn.Module:
        """Return the network as it is taken, with its logits in the order of the classes; it is settled."""
        return work.build(self.network).eval()

    def check(self, work: Work) -> None:
        """Load it; see `Kind.check`."""
        settings = self.network
        work.try_out(settings, lambda: work.build(settings))

    def make(self, work: Work) -> tuple[Made, ...]:
        """Fine-tune it, or take it as it is."""
        settings = self.network
        if not self.refits:
            return (work.keep(self.finished(work), settings),)
        return (work.train(work.build(settings), settings),)


def _fits(outputs: Sequence[str], classes: Sequence[str], labels: Mapping[str, str] | None) -> bool:
    """Return whether a checkpoint has a head for the classes: as many outputs, or some that are said to be them."""
    return bool(outputs) and (len(outputs) == len(classes) if labels is None else bool(labels))


def _head_to_train(
    outputs: Sequence[str], classes: Sequence[str], labels: Mapping[str, str] | None, key: str
) -> tuple[dict[str, str], str]:
    """Return the outputs of its own head that a checkpoint is trained with, none for a new head, and what is said."""
    if labels or (labels is None and len(outputs) == len(classes)):
        try:
            found, why = label_order(outputs, classes, labels, key=f"{key}.labels")
            return found, f"its head keeps its outputs: {order_in_words(found, why)}"
        except UnmatchedError as error:
            return {}, f"{error.what}: it gets a new head"
    return {}, f"its head of {len(outputs)} outputs gives way to one of {len(classes)}"


register(TransformersTeacher)

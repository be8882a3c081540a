"""A pretrained teacher of transformers: taken as it is, or fine-tuned here."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field
from torch import nn

from limbeck.console import say
from limbeck.data.modality import Reads
from limbeck.errors import LimbeckError
from limbeck.modalities import DEFAULT, MODALITIES, AudioReads, ImageReads
from limbeck.modalities.text.pretrained import longest_text, pretrained_config, tokenizer_limit
from limbeck.modalities.text.reads import MAX_LENGTH, TextReads
from limbeck.modalities.text.tokenizers import TransformersTokenizerSettings, pretrained_folder
from limbeck.models import TransformerSettings, UnmatchedError, label_order, ordered, positions
from limbeck.models.lora import LoraSettings
from limbeck.models.pretrained import classified_by, output_names
from limbeck.networks import HasReads, NetworkSettings, TrainSettings
from limbeck.settings import union
from limbeck.teachers.folders import FOLDERS
from limbeck.teachers.kind import register
from limbeck.teachers.named import LONGEST, CutReads, Named, order_in_words
from limbeck.teachers.reading import AsRead
from limbeck.teachers.work import Made, Work
from limbeck.types import best_device


class PretrainedReads(CutReads):
    """Texts, cut by the tokenizer of the teacher's own folder."""

    kind: Literal["text"] = "text"
    max_length: Annotated[
        int | None,
        Field(ge=1, description="tokens kept of each text; null: 128 where it is trained here, else its limit, <= 512"),
    ] = None


if TYPE_CHECKING:
    FolderReads = Any
else:
    FolderReads = union(
        {DEFAULT: PretrainedReads, "image": ImageReads, "audio": AudioReads}, on="kind", default=DEFAULT
    )


class TransformersTeacher(Named):
    """A pretrained network: a finished classifier as it is, or an encoder that is fine-tuned here.

    A run settles what is left open: `finetune`, `labels` ({}: a new head), and what is read, which its folder says.
    """

    gives: ClassVar[frozenset[str]] = frozenset({"logits", "taps", "hidden"})
    of_modalities: ClassVar[tuple[str, ...]] = (DEFAULT, *FOLDERS)
    another: ClassVar[str] = "teacher.model=NAME"

    kind: Literal["transformers"]
    model: Annotated[str, Field(min_length=1, description="a packaged name (minilm), a folder, or a hub id")]
    finetune: Annotated[
        bool | None,
        Field(
            description="train it here; false: as it is; null: as it is where its head fits the classes, and of images "
            "or sounds in any case"
        ),
    ] = None
    pooling: Annotated[
        Literal["mean", "cls", "own"],
        Field(
            description="how token states become one vector for a new head; own: the head is that of transformers' "
            "`...ForSequenceClassification`, and `teacher` in the run's folder is one that transformers can load"
        ),
    ] = "mean"
    dropout: Annotated[float, Field(ge=0, lt=1, description="before the new head; of `own` the checkpoint's")] = 0.1
    attention_dropout: Annotated[
        float | None,
        Field(
            ge=0,
            lt=1,
            description="of attention weights in training; null: as the checkpoint has it. 0 is faster: long texts "
            "take half of the time",
        ),
    ] = None
    lora: Annotated[
        LoraSettings | None,
        Field(
            description="fine-tune by low-rank adapters and the head alone (extra `lora`); they are merged before it "
            "answers; null: the encoder's own weights are trained"
        ),
    ] = None
    freeze: Annotated[int, Field(ge=0, description="lower layers that are not trained; above 0 also embeddings")] = 0
    freeze_embeddings: Annotated[bool, Field(description="leave the embeddings as they are")] = True
    reads: FolderReads = PretrainedReads()
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
    def pretrained(self) -> str | None:
        """It itself, of texts."""
        return self.model if self._reads_texts else None

    @property
    def network(self) -> NetworkSettings | None:
        """The same teacher in the words of any network; None of images and sounds where it is taken as it is."""
        if self._reads_texts:
            return self._of_texts
        return self._of_folder if self.finetune else None

    @property
    def _reads_texts(self) -> bool:
        return self.reads.kind == DEFAULT

    @property
    def _of_folder(self) -> NetworkSettings:
        model = FOLDERS[self.reads.kind].trained(
            path=self.model,
            dropout=self.dropout,
            attention_dropout=self.attention_dropout,
            freeze=self.freeze,
            freeze_embeddings=self.freeze_embeddings,
            lora=self.lora,
            outputs=None if self.labels is None else list(self.labels),
        )
        return NetworkSettings(model=model, reads=self.reads, train=self.train)

    @property
    def _of_texts(self) -> NetworkSettings:
        model = TransformerSettings(
            path=self.model,
            pooling=self.pooling,
            dropout=self.dropout,
            attention_dropout=self.attention_dropout,
            freeze=self.freeze,
            freeze_embeddings=self.freeze_embeddings,
            lora=self.lora if self.refits else None,
            outputs=None if self.labels is None else list(self.labels),
        )
        tokenizer = TransformersTokenizerSettings(kind="transformers", path=self.model)
        length = MAX_LENGTH if self.reads.max_length is None else self.reads.max_length
        reads = TextReads(tokenizer=tokenizer, max_length=length, tail=self.reads.tail)
        return NetworkSettings(model=model, reads=reads, train=self.train)

    @property
    def read_as(self) -> HasReads:
        """Settings that say in full what it reads."""
        return self.network or AsRead(self.reads)

    def decided(self, classes: Sequence[str]) -> Self:
        """Return the same; of texts it is taken as it is where its head fits the classes, if nobody says otherwise."""
        if self.finetune is not None or not self._reads_texts:
            return self
        outputs = output_names(pretrained_config(pretrained_folder(self.model)))
        return self.model_copy(update={"finetune": not _fits(outputs, classes, self.labels)})

    def settle(self, work: Work) -> Self:
        """Find out whether it is taken as it is, which output is which class, and what it reads.

        Raises:
            LimbeckError: the checkpoint cannot be had, reads something else than the data are, its head does not fit,
                or nothing tells which output is which class.
        """
        config = pretrained_config(source := pretrained_folder(self.model))
        outputs = output_names(config)
        self._require_fit(classified_by(config), work)
        if not self._reads_texts:
            reads, said = FOLDERS[self.reads.kind].settled(source, config, self.reads, f"{work.key}.reads")
            return (
                self._trained(outputs, reads, said, work)
                if self.finetune
                else self._as_it_is(outputs, reads, said, work)
            )
        if self.decided(work.classes).finetune:
            return self._trained(outputs, self.reads.up_to(MAX_LENGTH), "", work)
        reads = self.reads.up_to(longest_text(config, tokenizer_limit(source, LONGEST)))
        how = f"({work.key}.finetune=true trains it), {reads.max_length} tokens of a text"
        return self._as_it_is(outputs, reads, how, work)

    def _require_fit(self, classifies: str | None, work: Work) -> None:
        """Refuse a checkpoint that reads something else than the data are, or cannot be taken as it is.

        Args:
            classifies: what its own head reads; None: it has none.
            work: of the run.
        """
        kind, nouns = self.reads.kind, f"{MODALITIES[self.reads.kind].noun}s"
        if classifies is not None and classifies != kind:
            theirs = MODALITIES[classifies]
            raise LimbeckError(
                f"`{self.model}` classifies {theirs.noun}s, and the data are {nouns}",
                where=f"{work.key}.model",
                fix=f"take one of {nouns}, or name the column with the {theirs.noun}s in data.{theirs.key}",
            )
        if classifies is None and (self.finetune is False or not (self._reads_texts or self.finetune)):
            head = FOLDERS[kind].head if kind in FOLDERS else "ForSequenceClassification"
            raise LimbeckError(
                f"`{self.model}` has no head that classifies, so that it cannot be taken as it is",
                where=f"{work.key}.finetune",
                fix=f"set it to true, which trains a new head, or give the folder of a `...{head}`",
            )

    def _trained(self, outputs: Sequence[str], reads: Reads | CutReads, how: str, work: Work) -> Self:
        """Return the same as a teacher that is fine-tuned; say what it reads, and what becomes of its head."""
        labels, head = _head_to_train(outputs, work.classes, self.labels, work.key)
        if outputs or how:
            head = head if outputs else "it gets a head"
            say(f"  {work.key}: {self.model} is fine-tuned{f' {how}' * bool(how)}; {head}")
        return self.model_copy(update={"finetune": True, "labels": labels, "reads": reads})

    def _as_it_is(self, outputs: Sequence[str], reads: Reads | CutReads, how: str, work: Work) -> Self:
        """Return the same as a finished teacher; say what it reads, and which output is which class."""
        taken = self.model_copy(update={"finetune": False, "reads": reads})
        labels, why = taken.order(outputs, work)
        said = f"{work.key}: {self.model} is taken as it is"
        say(f"  {said} {how}; {order_in_words(labels, why)}")
        if self._meaningless:
            say(f"  {said}: without a meaning are {', '.join(self._meaningless)}", style="yellow")
        return taken.with_labels(labels)

    @property
    def _meaningless(self) -> list[str]:
        """Keys that were changed, and mean nothing to a network with a head of its own that is not trained."""
        keys = ("pooling", "dropout", "attention_dropout", "lora", "freeze", "freeze_embeddings", "train")
        return [key for key in keys if getattr(self, key) != type(self).model_fields[key].default]

    def finished(self, work: Work) -> nn.Module:
        """Return the network as it is taken, with its logits in the order of the classes; it is settled."""
        if (settings := self.network) is not None:
            return work.build(settings).eval()
        config = pretrained_config(source := pretrained_folder(self.model))
        network = FOLDERS[self.reads.kind].built(source, config, work.view(self.read_as).form)
        names = output_names(config)
        columns = positions(names, list(self.labels or names))
        return ordered(network.requires_grad_(False), columns, len(names)).to(best_device())

    def check(self, work: Work) -> None:
        """Load it; see `Kind.check`."""
        settings = self.network
        build = (lambda: self.finished(work)) if settings is None else (lambda: work.build(settings))
        work.try_out(self.read_as, build)

    def make(self, work: Work) -> tuple[Made, ...]:
        """Fine-tune it, or take it as it is."""
        settings = self.network
        if settings is None or not self.refits:
            return (work.keep(self.finished(work), self.read_as),)
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

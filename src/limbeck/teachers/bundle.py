"""The student of an exported bundle, asked by onnxruntime."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field
from torch import nn

from limbeck.console import say
from limbeck.models import ordered, positions
from limbeck.models.onnxfile import OnnxFile
from limbeck.runtime.bundle import checked, load
from limbeck.runtime.description import MODEL
from limbeck.teachers.kind import register
from limbeck.teachers.named import Named, order_in_words
from limbeck.teachers.onnx import asked
from limbeck.teachers.reading import AsRead, SavedReads, require_modality
from limbeck.teachers.run import require_task
from limbeck.teachers.work import Made, Work


class BundleTeacher(Named):
    """The student of a bundle, with the logits that `limbeck.load(path).logits` gives."""

    another: ClassVar[str] = "teacher.path=FOLDER"

    kind: Literal["bundle"]
    path: Annotated[str, Field(min_length=1, description="the bundle's folder, or that of a run with one")]

    @property
    def refits(self) -> bool:
        """False: it is taken as it is."""
        return False

    @property
    def read_as(self) -> AsRead:
        """Settings that say in full what it reads: the bundle's own reader."""
        folder, info = checked(self.path)
        reads = {name: value for name, value in info["reads"].items() if name != "kind"}
        return AsRead(SavedReads(kind=info["reads"]["kind"], folder=str(folder), info=reads))

    def settle(self, work: Work) -> Self:
        """Find out which output is which class.

        Raises:
            LimbeckError: it is no bundle, or not the one that was exported; it is of another task or modality; or
                nothing tells which output is which class.
        """
        bundle = load(self.path)
        require_modality(bundle.reader.kind, work.modality, "the bundle", f"{work.key}.path")
        require_task(bundle.info["task"], work, "the bundle")
        labels, why = self.order(bundle.labels, work)
        say(f"  {work.key}: the bundle {self.path} ({bundle.info['precision']}); {order_in_words(labels, why)}")
        return self.with_labels(labels)

    def finished(self, work: Work) -> nn.Module:
        """Return the bundle's file as a network, with its logits in the order of the classes; it is settled."""
        folder, info = checked(self.path)
        view = work.view(self.read_as)
        network = asked(OnnxFile(folder / MODEL), view, feeds={}, output=None, key=work.key)
        columns = positions(info["labels"], list(self.labels or info["labels"]))
        return ordered(network.eval(), columns, len(info["labels"]))

    def check(self, work: Work) -> None:
        """Ask it for a few rows; see `Kind.check`."""
        work.try_out(self.read_as, lambda: self.finished(work))

    def make(self, work: Work) -> tuple[Made, ...]:
        """Take it as it is."""
        return (work.keep(self.finished(work), self.read_as),)


register(BundleTeacher)

"""The teacher's largest probability for the label (Wen et al. 2019)."""

from typing import ClassVar, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._checks import check_labels, check_logits, check_mask
from limbeck.losses._mask import counted_logits
from limbeck.losses.transforms.transform import Compared, Transform

CARD = Card(
    name="probability_shift",
    kind="transform",
    family="soft targets",
    scope="prediction",
    needs=("teacher", "labels"),
    also=("knowledge_adjustment",),
    summary="the teacher's logits of its decision and of the label exchanged, where these differ",
    paper="Wen, Lai & Qian, Preparing Lessons: Improve Knowledge Distillation with Better Supervision, 2019, "
    "arXiv:1911.07471, knowledge adjustment by probability shift",
    citation="""@article{wen2019preparing,
  title = {Preparing Lessons: Improve Knowledge Distillation with Better Supervision},
  author = {Wen, Tiancheng and Lai, Shenqi and Qian, Xueming},
  journal = {arXiv preprint arXiv:1911.07471},
  year = {2019}
}""",
    equation="z_T(argmax z_T), z_T(y) -> z_T(y), z_T(argmax z_T)",
    code="none by the authors; compared with airaria/TextBrewer 000f4af, src/textbrewer/distiller_utils.py, and "
    "SforAiDl/KD_Lib 095bcbd, KD_Lib/KD/vision/KA/PS.py (both read)",
    units="logits",
    defaults={},
    use_when="labels are right more often than the teacher, and rows with labels are most of the transfer set",
    beware="a wrong label is taught with all of the teacher's confidence; rows without a label are left as they are",
    differs="KD_Lib exchanges the two largest logits, whether or not the label is one of them. TextBrewer takes a "
    "label of -1, which says that there is none, for the last class.",
)


def probability_shift(
    student: Float[Tensor, "*batch classes"],
    teacher: Float[Tensor, "*batch classes"],
    labels: Int[Tensor, "*batch"],
    *,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> tuple[Float[Tensor, "*batch classes"], Float[Tensor, "*batch classes"]]:
    """Return the student's logits as they are, and the teacher's with those of decision and label exchanged.

    Args:
        student: (*batch, classes) logits.
        teacher: (*batch, classes) logits, float32 at least afterwards.
        labels: (*batch) integer class indices in [0, classes) where the mask is True.
        mask: (*batch) bool, True where there is a label; None means everywhere. Elsewhere nothing changes.

    Raises:
        TypeError: logits are not floating point, labels are not integers, or the mask is not bool.
        ValueError: shapes differ, there are fewer than 2 classes, or a label is out of range.

    Example:
        >>> import torch
        >>> teacher = torch.tensor([[3.0, 1.0, 2.0]])
        >>> probability_shift(torch.zeros(1, 3), teacher, torch.tensor([1]))[1]
        tensor([[1., 3., 2.]])
    """
    check_logits(student=student, teacher=teacher)
    check_mask(mask, student)
    check_labels(labels, student, mask)
    told = counted_logits(teacher.detach(), None)
    decided = told.argmax(-1)
    label = labels.to(decided.dtype) if mask is None else torch.where(mask, labels, decided)
    pair = torch.stack([decided, label], -1)
    return student, told.scatter(-1, pair, told.gather(-1, pair.flip(-1)))


class ProbabilityShift(Transform):
    """The teacher's logits of its decision and of the label exchanged, where these differ."""

    card: ClassVar[Card] = CARD
    kind: Literal["probability_shift"] = "probability_shift"

    def __call__(self, given: Compared) -> tuple[Tensor, Tensor]:
        """Return the teacher's logits with the largest one at the label."""
        return probability_shift(given.student, given.teacher, given.labels, mask=given.labelled)

"""A smoothed label where the teacher is wrong (Wen et al. 2019)."""

from typing import Annotated, ClassVar, Literal

import torch
from jaxtyping import Bool, Float, Int
from pydantic import Field
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._checks import check_labels, check_logits, check_mask, check_positive
from limbeck.losses._mask import counted_labels, counted_logits
from limbeck.losses.transforms.transform import Compared, Transform, there

CARD = Card(
    name="label_smoothing",
    kind="transform",
    family="soft targets",
    scope="prediction",
    needs=("teacher", "labels"),
    also=("knowledge_adjustment",),
    summary="a smoothed label in place of the teacher's distribution, where the teacher decides for another class",
    paper="Wen, Lai & Qian, Preparing Lessons: Improve Knowledge Distillation with Better Supervision, 2019, "
    "arXiv:1911.07471, knowledge adjustment by label smooth regularization",
    citation="""@article{wen2019preparing,
  title = {Preparing Lessons: Improve Knowledge Distillation with Better Supervision},
  author = {Wen, Tiancheng and Lai, Shenqi and Qian, Xueming},
  journal = {arXiv preprint arXiv:1911.07471},
  year = {2019}
}""",
    equation="p_T -> correct at the label and (1 - correct) / (classes - 1) elsewhere, at the loss's temperature, "
    "where argmax z_T != y; of the other classes, only those count that the teacher does not rule out",
    code="none by the authors; compared with SforAiDl/KD_Lib 174f1f7, KD_Lib/KD/vision/KA/LSR.py (read)",
    units="logits",
    defaults={"correct": "0.9, in KD_Lib"},
    use_when="labels are right more often than the teacher, and its confidence where it errs says little",
    beware="where the teacher is right, nothing is smoothed; rows without a label are left as they are; for a "
    "student that learns from labels alone it does nothing",
    differs="the target is meant at the loss's temperature, as in KD_Lib. KD_Lib calls `KLDivLoss` with the target "
    "in the place of the student's log-probabilities, which is no divergence.",
)


def label_smoothing(
    student: Float[Tensor, "*batch classes"],
    teacher: Float[Tensor, "*batch classes"],
    labels: Int[Tensor, "*batch"],
    *,
    temperature: float = 1.0,
    correct: float = 0.9,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> tuple[Float[Tensor, "*batch classes"], Float[Tensor, "*batch classes"]]:
    """Return the student's logits as they are, and the teacher's with a smoothed label where it is wrong.

    Args:
        student: (*batch, classes) logits.
        teacher: (*batch, classes) logits, float32 at least afterwards; a class that it rules out has no share of the
            smoothed label, unless it is the label.
        labels: (*batch) integer class indices in [0, classes) where the mask is True.
        temperature: T > 0 of the loss: softmax(z_T / T) is the smoothed label.
        correct: the label's probability, in (0, 1).
        mask: (*batch) bool, True where there is a label; None means everywhere. Elsewhere nothing changes.

    Raises:
        TypeError: logits are not floating point, labels are not integers, or the mask is not bool.
        ValueError: shapes differ, there are fewer than 2 classes, a label or a parameter is out of range.

    Example:
        >>> import torch
        >>> teacher = torch.tensor([[3.0, 1.0, 2.0]])
        >>> label_smoothing(torch.zeros(1, 3), teacher, torch.tensor([1]), correct=0.8)[1].softmax(-1)
        tensor([[0.1000, 0.8000, 0.1000]])
    """
    check_logits(student=student, teacher=teacher)
    check_mask(mask, student)
    check_labels(labels, student, mask)
    check_positive(temperature=temperature, correct=correct)
    if correct >= 1:
        raise ValueError(f"correct must be less than 1, not {correct}")
    told = counted_logits(teacher.detach(), None)
    label = counted_labels(labels, mask)
    wrong = (told.argmax(-1, keepdim=True) != label) & (True if mask is None else mask.unsqueeze(-1))
    right = torch.zeros_like(told, dtype=torch.bool).scatter(-1, label, True)
    others = there(told) & ~right
    share = (1 - correct) / others.sum(-1, keepdim=True).clamp(min=1).to(told.dtype)
    target = torch.where(right, correct, share).log() * temperature
    return student, torch.where(wrong & (others | right), target, told)


class LabelSmoothing(Transform):
    """A smoothed label in place of the teacher's distribution, where the teacher decides for another class."""

    card: ClassVar[Card] = CARD
    softens: ClassVar[bool] = True
    kind: Literal["label_smoothing"] = "label_smoothing"
    correct: Annotated[float, Field(gt=0, lt=1, description="the label's probability")] = 0.9

    def __call__(self, given: Compared) -> tuple[Tensor, Tensor]:
        """Return the teacher's logits with a smoothed label where it is wrong."""
        how = {"temperature": given.temperature, "correct": self.correct}
        return label_smoothing(given.student, given.teacher, given.labels, mask=given.labelled, **how)

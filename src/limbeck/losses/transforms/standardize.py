"""Logits in standard deviations (Sun et al. 2024)."""

from typing import ClassVar, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._checks import check_logits, check_mask
from limbeck.losses._mask import counted_logits
from limbeck.losses.transforms.transform import Compared, Transform, deviations, there

CARD = Card(
    name="standardize",
    kind="transform",
    family="logits",
    scope="prediction",
    needs=("teacher",),
    also=("logit_standardization",),
    summary="the logits of student and teacher less their mean, in standard deviations, before they are compared",
    paper="Sun, Ren, Li, Wang & Cao, Logit Standardization in Knowledge Distillation, CVPR 2024, arXiv:2403.01427",
    citation="""@inproceedings{sun2024logit,
  title = {Logit Standardization in Knowledge Distillation},
  author = {Sun, Shangquan and Ren, Wenqi and Li, Jingzhi and Wang, Rui and Cao, Xiaochun},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2024}
}""",
    equation="z -> (z - mean(z)) / std(z), for student and teacher alike, then / T in the loss",
    code="github.com/sunshangquan/logit-standardization-KD 6083e2d, mdistiller/distillers/KD.py (read)",
    units="standard deviations",
    defaults={"temperature": "2, of the loss", "weight": "9, of kd beside cross_entropy at 1"},
    use_when="the student is much smaller than the teacher: it is told the order and the relative size of the "
    "logits, and keeps a scale of its own",
    beware="the student's logits have no scale of the teacher's any more, so its probabilities are no better "
    "calibrated than labels make them; gradient 0 with two classes, as nothing is left but the sign: the student "
    "learns nothing from it, and neither does a column of two classes beside longer ones",
    differs="the official code adds 1e-7 to the deviation, and its gradient is NaN where all logits are equal; here "
    "equal logits become zeros, with the gradient of logits less their mean, so that a student whose logits are all 0 "
    "begins to learn. The deviation is the sample's, of classes - 1, as there. A class that the teacher rules out is "
    "left as it is.",
)


def standardize(
    student: Float[Tensor, "*batch classes"],
    teacher: Float[Tensor, "*batch classes"],
    *,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> tuple[Float[Tensor, "*batch classes"], Float[Tensor, "*batch classes"]]:
    """Return both logits in standard deviations of their own prediction: of two classes the sign, without gradient.

    Args:
        student: (*batch, classes) logits; computed in float32 at least.
        teacher: (*batch, classes) logits; -inf rules a class out.
        mask: (*batch) bool, True where a prediction counts; None means all do. Elsewhere zeros are returned.

    Raises:
        TypeError: logits are not floating point, or the mask is not bool.
        ValueError: shapes differ, or there are fewer than 2 classes.

    Example:
        >>> import torch
        >>> standardize(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.0, 0.0, 0.0]))
        (tensor([-1.,  0.,  1.]), tensor([0., 0., 0.]))
    """
    check_logits(student=student, teacher=teacher)
    check_mask(mask, student)
    z_S, z_T = counted_logits(student, mask), counted_logits(teacher.detach(), mask)
    seen = there(z_T)
    return _standardized(z_S, seen), _standardized(z_T, seen)


def _standardized(z: Tensor, seen: Tensor) -> Tensor:
    centred, deviation = deviations(z, seen)
    return torch.where(seen, centred / torch.where(deviation > 0, deviation, 1), z)


class Standardize(Transform):
    """Student's and teacher's logits in standard deviations."""

    card: ClassVar[Card] = CARD
    fewest_classes: ClassVar[int] = 3
    kind: Literal["standardize"] = "standardize"

    def __call__(self, given: Compared) -> tuple[Tensor, Tensor]:
        """Return both logits standardized."""
        return standardize(given.student, given.teacher, mask=given.mask)

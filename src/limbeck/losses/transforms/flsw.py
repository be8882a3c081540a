"""A temperature of each example by how far student and teacher are apart (Wen et al. 2019)."""

from typing import Annotated, ClassVar, Literal

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._checks import check_logits, check_mask, check_not_negative, check_positive
from limbeck.losses._mask import counted_logits
from limbeck.losses._relations import lengths, scaled
from limbeck.losses.transforms.transform import Compared, Transform, own_temperatures, softened, there

CARD = Card(
    name="flsw",
    kind="transform",
    family="temperatures",
    scope="batch",
    needs=("teacher",),
    also=("dynamic_temperature",),
    summary="a lower temperature for examples whose logits point away from the teacher's (focal loss style weights)",
    paper="Wen, Lai & Qian, Preparing Lessons: Improve Knowledge Distillation with Better Supervision, 2019, "
    "arXiv:1911.07471, dynamic temperature distillation with focal loss style weights",
    citation="""@article{wen2019preparing,
  title = {Preparing Lessons: Improve Knowledge Distillation with Better Supervision},
  author = {Wen, Tiancheng and Lai, Shenqi and Qian, Xueming},
  journal = {arXiv preprint arXiv:1911.07471},
  year = {2019}
}""",
    equation="z -> z * T / T_i, T_i = max(T / 10, T + beta * (mean(w) - w_i)), w_i = (1 - cos(z_S, z_T))^gamma",
    code="none by the authors; compared with airaria/TextBrewer d41c255, src/textbrewer/schedulers.py (read)",
    units="logits",
    defaults={"beta": "none in TextBrewer, 1 here", "gamma": "none in TextBrewer, 1 here"},
    use_when="many classes and a high temperature: hard examples are to be told a sharper distribution than easy ones",
    beware="the mean is over one micro-batch of one process, so that a prediction's value depends on the others "
    "there, and the gradient of a batch on how it is split. No gradient goes through a temperature. The loss's T^2 "
    "stays that of T",
    differs="TextBrewer has no floor, and with a large beta a temperature can be 0 or negative; its power of a "
    "rounding below 0 is NaN for gamma < 1, and so is the direction of logits that are all 0.",
)


def flsw(
    student: Float[Tensor, "*batch classes"],
    teacher: Float[Tensor, "*batch classes"],
    *,
    temperature: float,
    beta: float = 1.0,
    gamma: float = 1.0,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> tuple[Float[Tensor, "*batch classes"], Float[Tensor, "*batch classes"]]:
    """Return both logits such that at T each prediction is compared at a temperature of its own.

    Args:
        student: (*batch, classes) logits; computed in float32 at least.
        teacher: (*batch, classes) logits; -inf rules a class out.
        temperature: T > 0 of the loss.
        beta: >= 0, how far temperatures spread.
        gamma: > 0, power of the distance of the two directions.
        mask: (*batch) bool, True where a prediction counts; None means all do. Elsewhere zeros are returned.

    Raises:
        TypeError: logits are not floating point, or the mask is not bool.
        ValueError: shapes differ, there are fewer than 2 classes, or a parameter is out of range.

    Example:
        >>> import torch
        >>> z = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> flsw(z, torch.tensor([[1.0, 0.0], [1.0, 0.0]]), temperature=2.0)[0]
        tensor([[0.8000, 0.0000],
                [0.0000, 1.3333]])
    """
    check_logits(student=student, teacher=teacher)
    check_mask(mask, student)
    check_positive(temperature=temperature, gamma=gamma)
    check_not_negative(beta=beta)
    z_S, z_T = counted_logits(student, mask), counted_logits(teacher.detach(), mask)
    v, t = (torch.where(there(z_T), z.detach(), 0) for z in (z_S, z_T))
    cosines = (scaled(v, lengths(v)) * scaled(t, lengths(t))).sum(-1)
    own = own_temperatures((1 - cosines).clamp(min=0) ** gamma, temperature, beta, mask)
    return softened(z_S, temperature, own), softened(z_T, temperature, own)


class FLSW(Transform):
    """A lower temperature for examples whose logits point away from the teacher's."""

    card: ClassVar[Card] = CARD
    softens: ClassVar[bool] = True
    kind: Literal["flsw"] = "flsw"
    beta: Annotated[float, Field(ge=0, description="how far temperatures spread")] = 1.0
    gamma: Annotated[float, Field(gt=0, description="power of the distance of the two directions")] = 1.0

    def __call__(self, given: Compared) -> tuple[Tensor, Tensor]:
        """Return both logits for temperatures of each prediction's own."""
        how = {"temperature": given.temperature, "beta": self.beta, "gamma": self.gamma}
        return flsw(given.student, given.teacher, mask=given.mask, **how)

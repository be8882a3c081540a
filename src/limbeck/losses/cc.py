"""Correlation congruence of rows (Peng et al. 2019)."""

from math import exp, factorial
from typing import Annotated

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._checks import check_positive
from limbeck.losses._relations import counted_rows, lengths, scaled, two_rows, unrounded
from limbeck.losses.term import term

CARD = Card(
    name="cc",
    kind="loss",
    family="relations",
    scope="batch",
    needs=("teacher",),
    tap="vector",
    widths="any",
    fits=("distribution", "independent", "values", "vectors"),
    also=("cckd", "correlation_congruence"),
    summary="squared distance between the student's and the teacher's kernel values of rows",
    paper="Peng, Jin, Liu, Zhou, Wu, Liu, Li & Zhang, Correlation Congruence for Knowledge Distillation, ICCV 2019, "
    "arXiv:1904.01802, section 3: the Gaussian kernel by its Taylor series",
    citation="""@inproceedings{peng2019correlation,
  title = {Correlation Congruence for Knowledge Distillation},
  author = {Peng, Baoyun and Jin, Xiao and Liu, Jiaheng and Zhou, Shunfeng and Wu, Yichao and Liu, Yu and Li, Dongsheng
            and Zhang, Zhaoning},
  booktitle = {IEEE/CVF International Conference on Computer Vision},
  year = {2019}
}""",
    equation="1/rows^2 * sum_ij (C_S(i,j) - C_T(i,j))^2, C_X(i,j) = exp(-2 gamma) * sum_{p=0}^{order} (2 gamma)^p / "
    "p! * cos(x_i, x_j)^p",
    code="none by the authors; compared with JDAI-CV/FaceX-Zoo, addition_module/face_lightning/KDF/loss/cc.py (read)",
    units="squared kernel values, each in [-1, 1], of an even order in [0, 1]",
    defaults={
        "gamma": "0.4, in the re-implementations that go round; the paper's text was not at hand",
        "order": "2, likewise",
    },
    use_when="rows that are alike to the teacher should be alike to the student, by direction alone",
    beware="it sees the rows of one micro-batch, and of one process. All kernel values lie near one another, so its "
    "value is small and its weight large. With a high order the kernel is exp(-gamma * ||x/|x| - y/|y|||^2)",
    differs="RepDistiller's `Correlation` (1e2f816, distiller_zoo/CC.py) multiplies the differences of neighbouring "
    "rows, so that its value depends on the order of the batch; this is the paper's kernel. A row of zeros on a "
    "side has no direction, and its pairs count nothing.",
)


def cc(
    student: Float[Tensor, "*batch width"],
    teacher: Float[Tensor, "*batch other_width"],
    *,
    gamma: Annotated[float, Field(gt=0)] = 0.4,
    order: Annotated[int, Field(ge=1, le=20)] = 2,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> tuple[Float[Tensor, ""], int]:
    """Squared distance of kernel values, without unit, over the rows of a batch: (sum, rows).

        1/rows^2 * sum_ij (C_S(i,j) - C_T(i,j))^2,   C = exp(-2 gamma) * sum_p (2 gamma)^p / p! * cos(x_i, x_j)^p

    No gradient reaches the teacher.

    Args:
        student: (*batch, width) outputs or activations x_S; computed in float32 at least.
        teacher: (*batch, other_width) finite outputs or activations x_T of the same rows.
        gamma: > 0, how fast the kernel falls with the distance of two directions.
        order: 1 to 20, the last term of the series.
        mask: (*batch) bool, True where a row counts; None means all do.

    Returns:
        The equation's value, times the rows that count: a scalar >= 0, 0 where the kernels agree; and the number of
        rows that count.

    Raises:
        TypeError: outputs are not floating point, or the mask is not bool.
        ValueError: shapes differ in more than the width, there is no output, or a parameter is out of range.

    Source:
        Peng et al. 2019, arXiv:1904.01802, section 3. No official code.

    Example:
        >>> import torch
        >>> teacher = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> cc(torch.tensor([[2.0], [3.0]]), teacher, order=1)
        (tensor(0.1292), 2)
    """
    check_positive(gamma=gamma)
    if not 1 <= order <= 20:
        raise ValueError(f"order must be in [1, 20], not {order}")
    x_S, x_T = counted_rows(student, teacher, mask)
    with unrounded(x_S):
        size_S, size_T = lengths(x_S), lengths(x_T)
        seen = (size_S > 0) & (size_T > 0)
        cos_S, cos_T = (u @ u.mT for u in (scaled(x_S, size_S), scaled(x_T, size_T)))
        terms = [(2 * gamma) ** p / factorial(p) * (cos_S**p - cos_T**p) for p in range(1, order + 1)]
        apart = (exp(-2 * gamma) * torch.stack(terms).sum(0)).square()
        return apart.masked_fill(~two_rows(seen), 0).sum() / max(1, len(x_S)), len(x_S)


CC = term(cc, card=CARD)

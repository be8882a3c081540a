"""Relational distillation of angles between rows (Park et al. 2019)."""

from jaxtyping import Bool, Float
from torch import Tensor, where
from torch.nn.functional import smooth_l1_loss
from torch.utils.checkpoint import checkpoint

from limbeck.cards import Card
from limbeck.losses._relations import counted_rows, lengths, scaled, unrounded
from limbeck.losses.term import term

CARD = Card(
    name="rkd_angle",
    kind="loss",
    family="relations",
    scope="batch",
    needs=("teacher",),
    tap="vector",
    widths="any",
    fits=("distribution", "independent", "values", "vectors"),
    also=("rkd",),
    summary="Huber distance between the cosines of the angles that rows make with one another",
    paper="Park, Kim, Lu & Cho, Relational Knowledge Distillation, CVPR 2019, arXiv:1904.05068, section 3.2, equations "
    "for the angle-wise loss",
    citation="""@inproceedings{park2019relational,
  title = {Relational Knowledge Distillation},
  author = {Park, Wonpyo and Kim, Dongju and Lu, Yan and Cho, Minsu},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2019}
}""",
    equation="mean over three different rows of huber(a_S(i,j,k), a_T(i,j,k)), a_X(i,j,k) = <e_ij, e_kj>, "
    "e_ij = (x_i - x_j) / ||x_i - x_j||",
    code="github.com/lenscloth/RKD 21fae20, metric/loss.py (read)",
    units="none: cosines",
    defaults={"weight": "50 beside rkd_distance at 25, in RepDistiller 1e2f816, distiller_zoo/RKD.py"},
    use_when="beside rkd_distance: angles say more of the shape of the teacher's space than distances do",
    beware="the weight was published for activations: of outputs begin with a tenth. "
    "And it sees the rows of one micro-batch, and of one process. Its time grows with rows^3: 16.8 million angles "
    "for 256 rows. They are computed in chunks, and once more in the backward pass, so that memory stays below 200 "
    "MB up to 1,000 rows of width 1,000; a chunk is one row's angles at least, rows^2 + rows x width numbers",
    differs="the paper sums over triples, the official code takes the mean over rows^3 of them; this takes the mean "
    "over triples of different rows. Where two of a triple's rows coincide on a side there is no angle, and the "
    "triple counts 0; the official code compares the other side's cosine with 0. The official code holds all rows^3 "
    "cosines.",
)

_AT_ONCE = 1 << 22
"""Numbers of a chunk, for each side."""


def rkd_angle(
    student: Float[Tensor, "*batch width"],
    teacher: Float[Tensor, "*batch other_width"],
    *,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> tuple[Float[Tensor, ""], int]:
    """Huber distance between cosines of angles, without unit, over the rows of a batch: (sum, rows).

        mean over i, j, k of huber(<e_ij, e_kj>_S, <e_ij, e_kj>_T),   e_ij = (x_i - x_j) / ||x_i - x_j||

    huber(a, b) is (a - b)^2 / 2 up to |a - b| = 1, then |a - b| - 1/2. No gradient reaches the teacher.

    Args:
        student: (*batch, width) outputs or activations x_S; computed in float32 at least.
        teacher: (*batch, other_width) finite outputs or activations x_T of the same rows.
        mask: (*batch) bool, True where a row counts; None means all do.

    Returns:
        The mean over triples, times the rows that count: a scalar >= 0, 0 where all angles agree and where fewer than
        three rows count; and the number of rows that count.

    Raises:
        TypeError: outputs are not floating point, or the mask is not bool.
        ValueError: shapes differ in more than the width, or there is no output.

    Source:
        Park et al. 2019, arXiv:1904.05068, section 3.2. Official code: github.com/lenscloth/RKD 21fae20,
        metric/loss.py, which divides by all rows^3 triples.

    Example:
        >>> import torch
        >>> teacher = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> rkd_angle(5 * teacher + 1, teacher)
        (tensor(0.), 3)
    """
    x_S, x_T = counted_rows(student, teacher, mask)
    rows = len(x_S)
    at_once = max(1, _AT_ONCE // max(1, rows * (rows + max(x_S.shape[-1], x_T.shape[-1]))))
    total = x_S[:0].sum()
    for first in range(0, rows, at_once):
        vertices = slice(first, first + at_once)
        total = total + checkpoint(_apart, x_S, x_T, vertices, use_reentrant=False, preserve_rng_state=False)
    return total / max(1, (rows - 1) * (rows - 2)), rows


def _apart(x_S: Tensor, x_T: Tensor, vertices: slice) -> Tensor:
    """Return the Huber distances of all angles at some of the rows, added up."""
    with unrounded(x_S):
        e_S, e_T = (x - x[vertices, None] for x in (x_S, x_T))
        far_S, far_T = lengths(e_S), lengths(e_T)
        seen = (far_S > 0) & (far_T > 0)
        e_S, e_T = scaled(e_S, where(seen, far_S, 0)), scaled(e_T, where(seen, far_T, 0))
        return smooth_l1_loss(e_S @ e_S.mT, e_T @ e_T.mT, reduction="sum")


RKDAngle = term(rkd_angle, card=CARD)

"""Relational distillation of distances between rows (Park et al. 2019)."""

from jaxtyping import Bool, Float
from torch import Tensor, where
from torch.nn.functional import pdist, smooth_l1_loss

from limbeck.cards import Card
from limbeck.losses._relations import counted_rows, unrounded
from limbeck.losses.term import term

CARD = Card(
    name="rkd_distance",
    kind="loss",
    family="relations",
    scope="batch",
    needs=("teacher",),
    tap="vector",
    widths="any",
    fits=("distribution", "independent", "values", "vectors"),
    also=("rkd",),
    summary="Huber distance between the student's and the teacher's distances of rows from one another",
    paper="Park, Kim, Lu & Cho, Relational Knowledge Distillation, CVPR 2019, arXiv:1904.05068, section 3.2, equations "
    "for the distance-wise loss",
    citation="""@inproceedings{park2019relational,
  title = {Relational Knowledge Distillation},
  author = {Park, Wonpyo and Kim, Dongju and Lu, Yan and Cho, Minsu},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2019}
}""",
    equation="mean over i != j of huber(d_S(i,j), d_T(i,j)), d_X(i,j) = ||x_i - x_j|| / mean over i != j of ||x_i - "
    "x_j||",
    code="github.com/lenscloth/RKD 21fae20, metric/loss.py and metric/utils.py (read); RepDistiller 1e2f816, "
    "distiller_zoo/RKD.py (read)",
    units="none: distances are in multiples of their mean",
    defaults={"weight": "25 beside rkd_angle at 50, in RepDistiller 1e2f816, distiller_zoo/RKD.py"},
    use_when="the student's space has another width or scale than the teacher's, and what matters is which rows are "
    "near one another: embeddings, retrieval",
    beware="the weight was published for activations: of outputs begin with a tenth. "
    "And it sees the rows of one micro-batch, and of one process: accumulation and several processes do not make "
    "one larger batch of them, so batches of 32 and more are wanted. A batch of which all rows of a side are equal "
    "counts nothing. Memory: rows^2 / 2 distances, on a GPU times the width in the backward pass",
    differs="the paper sums over pairs, the official code takes the mean over rows^2 pairs, those of a row with "
    "itself too; this takes the mean over pairs of two rows. The official code leaves distances of 0 out of the "
    "mean distance, is NaN for one row, and computes ||x||^2 + ||y||^2 - 2xy, which has no digits left where rows "
    "share a large offset; here distances are of differences.",
)


def rkd_distance(
    student: Float[Tensor, "*batch width"],
    teacher: Float[Tensor, "*batch other_width"],
    *,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> tuple[Float[Tensor, ""], int]:
    """Huber distance between relative distances, without unit, over the rows of a batch: (sum, rows).

        mean over i != j of huber(d_S(i,j), d_T(i,j)),   d_X(i,j) = ||x_i - x_j|| / mean ||x_i - x_j||

    huber(a, b) is (a - b)^2 / 2 up to |a - b| = 1, then |a - b| - 1/2. No gradient reaches the teacher.

    Args:
        student: (*batch, width) outputs or activations x_S; computed in float32 at least.
        teacher: (*batch, other_width) finite outputs or activations x_T of the same rows.
        mask: (*batch) bool, True where a row counts; None means all do.

    Returns:
        The mean over pairs, times the rows that count: a scalar >= 0, 0 where all relative distances agree, where fewer
        than two rows count and where all rows of a side are equal; and the number of rows that count.

    Raises:
        TypeError: outputs are not floating point, or the mask is not bool.
        ValueError: shapes differ in more than the width, or there is no output.

    Source:
        Park et al. 2019, arXiv:1904.05068, section 3.2. Official code: github.com/lenscloth/RKD 21fae20,
        metric/loss.py, which divides by all rows^2 pairs.

    Example:
        >>> import torch
        >>> teacher = torch.tensor([[0.0], [1.0], [3.0]])
        >>> rkd_distance(torch.tensor([[0.0, 0.0], [0.0, 2.0], [0.0, 6.0]]), teacher)
        (tensor(0.), 3)
    """
    x_S, x_T = counted_rows(student, teacher, mask)
    if len(x_S) < 2:  # torch 2.13 crashes on the way back from no distance
        return x_S[:0].sum(), len(x_S)
    with unrounded(x_S):
        d_S, d_T = pdist(x_S), pdist(x_T)
        mean_S, mean_T = d_S.mean(), d_T.mean()
        apart = (mean_S > 0) & (mean_T > 0)
        unit_S, unit_T = where(apart, mean_S, 1), where(apart, mean_T, 1)
        mean = smooth_l1_loss(d_S / unit_S, d_T / unit_T)
        return where(apart, mean, 0) * len(x_S), len(x_S)


RKDDistance = term(rkd_distance, card=CARD)

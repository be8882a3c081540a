"""Similarity-preserving distillation (Tung & Mori 2019)."""

from jaxtyping import Bool, Float
from torch import Tensor, where

from limbeck.cards import Card
from limbeck.losses._relations import counted_rows, lengths, scaled, unrounded
from limbeck.losses.term import term

CARD = Card(
    name="sp",
    kind="loss",
    family="relations",
    scope="batch",
    needs=("teacher",),
    tap="vector",
    widths="any",
    fits=("distribution", "independent", "values", "vectors"),
    also=("similarity_preserving",),
    summary="squared distance between the student's and the teacher's normalised matrices of inner products of rows",
    paper="Tung & Mori, Similarity-Preserving Knowledge Distillation, ICCV 2019, arXiv:1907.09682, equations 1 to 4",
    citation="""@inproceedings{tung2019similarity,
  title = {Similarity-Preserving Knowledge Distillation},
  author = {Tung, Frederick and Mori, Greg},
  booktitle = {IEEE/CVF International Conference on Computer Vision},
  year = {2019}
}""",
    equation="1/rows^2 * sum_ij (G_S(i,j) - G_T(i,j))^2, G_X(i,:) = A(i,:) / ||A(i,:)||, A = X X'",
    code="none by the authors; RepDistiller 1e2f816, distiller_zoo/SP.py (read), says that the first author verified "
    "it",
    units="squared normalised inner products",
    defaults={"weight": "3000, in RepDistiller b0722bc, scripts/run_cifar_distill.sh"},
    use_when="the student's activations have another width or meaning than the teacher's, but rows that excite the "
    "teacher alike should excite the student alike",
    beware="the weight was published for activations: of outputs begin with a tenth. "
    "And it sees the rows of one micro-batch, and of one process, and a weight belongs to one size of batch: "
    "the value falls with the number of rows. The logits' common offset counts: they are not centred. A row of "
    "zeros on a side has no direction, and its row of the matrix counts nothing",
    differs="the paper flattens convolutional maps, (rows, channels x height x width); a tap here gives one vector a "
    "row.",
)


def sp(
    student: Float[Tensor, "*batch width"],
    teacher: Float[Tensor, "*batch other_width"],
    *,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> tuple[Float[Tensor, ""], int]:
    """Squared distance of normalised similarities, without unit, over the rows of a batch: (sum, rows).

        1/rows^2 * sum_ij (G_S(i,j) - G_T(i,j))^2,   G_X(i,:) = A(i,:) / ||A(i,:)||,   A = X X'

    No gradient reaches the teacher.

    Args:
        student: (*batch, width) outputs or activations X_S; computed in float32 at least.
        teacher: (*batch, other_width) finite outputs or activations X_T of the same rows.
        mask: (*batch) bool, True where a row counts; None means all do.

    Returns:
        The equation's value, times the rows that count: a scalar >= 0, 0 where the similarities agree; and the number
        of rows that count.

    Raises:
        TypeError: outputs are not floating point, or the mask is not bool.
        ValueError: shapes differ in more than the width, or there is no output.

    Source:
        Tung & Mori 2019, arXiv:1907.09682, equations 1 to 4. No official code; RepDistiller 1e2f816,
        distiller_zoo/SP.py, computes the same.

    Example:
        >>> import torch
        >>> teacher = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> sp(torch.tensor([[2.0], [2.0]]), teacher)
        (tensor(0.5858), 2)
    """
    x_S, x_T = counted_rows(student, teacher, mask)
    with unrounded(x_S):
        A_S, A_T = x_S @ x_S.mT, x_T @ x_T.mT
        size_S, size_T = lengths(A_S), lengths(A_T)
        seen = (size_S > 0) & (size_T > 0)
        apart = scaled(A_S, where(seen, size_S, 0)) - scaled(A_T, where(seen, size_T, 0))
        return apart.square().sum() / max(1, len(x_S)), len(x_S)


SP = term(sp, card=CARD)

"""Probabilistic knowledge transfer (Passalis & Tefas 2018)."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._relations import counted_rows, lengths, scaled, two_rows, unrounded
from limbeck.losses.term import term

CARD = Card(
    name="pkt",
    kind="loss",
    family="relations",
    scope="batch",
    needs=("teacher",),
    tap="vector",
    widths="any",
    fits=("distribution", "independent", "values", "vectors"),
    also=("probabilistic_knowledge_transfer",),
    summary="divergence between the teacher's and the student's probabilities that a row has another one as neighbour",
    paper="Passalis & Tefas, Learning Deep Representations with Probabilistic Knowledge Transfer, ECCV 2018, "
    "arXiv:1803.10837, section 3: the cosine kernel and the Kullback-Leibler divergence",
    citation="""@inproceedings{passalis2018learning,
  title = {Learning Deep Representations with Probabilistic Knowledge Transfer},
  author = {Passalis, Nikolaos and Tefas, Anastasios},
  booktitle = {European Conference on Computer Vision},
  year = {2018}
}""",
    equation="mean over i of sum_{j != i} p_T(j|i) * log(p_T(j|i) / p_S(j|i)), p_X(j|i) = K(x_i, x_j) / sum_{k != i} "
    "K(x_i, x_k), K = (1 + cos) / 2",
    code="github.com/passalis/probabilistic_kt bbca0b8, nn/pkt.py (read)",
    units="nats, per row",
    defaults={
        "weight": "30,000, in RepDistiller b0722bc, scripts/run_cifar_distill.sh, of a mean over rows^2: 30,000 / "
        "rows here"
    },
    use_when="the student's space has another width than the teacher's, and neighbours should stay neighbours: "
    "retrieval",
    beware="the weight was published for activations: of outputs begin with a tenth. "
    "And it sees the rows of one micro-batch, and of one process. Cosine neighbourhoods of a batch are nearly "
    "uniform, so the value is small and its weight large",
    differs="the official code counts a row as its own neighbour, and takes the mean over rows^2, so that the value "
    "falls with the number of rows; the paper leaves the row itself out, and this is per row. The official code "
    "adds 1e-7 to each probability within the logarithm, by which the value can be negative; here 1e-7 is added to "
    "each kernel value, so that opposite rows have a finite divergence. A row of zeros on a side has no direction "
    "and is nobody's neighbour.",
)

_LEAST = 1e-7
"""What is added to each kernel value."""


def pkt(
    student: Float[Tensor, "*batch width"],
    teacher: Float[Tensor, "*batch other_width"],
    *,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> tuple[Float[Tensor, ""], int]:
    """Divergence of neighbourhoods, in nats, over the rows of a batch: (sum, rows).

        sum_i sum_{j != i} p_T(j|i) * log(p_T(j|i) / p_S(j|i)),   p_X(j|i) ~ (1 + cos(x_i, x_j)) / 2

    No gradient reaches the teacher.

    Args:
        student: (*batch, width) outputs or activations x_S; computed in float32 at least.
        teacher: (*batch, other_width) finite outputs or activations x_T of the same rows.
        mask: (*batch) bool, True where a row counts; None means all do.

    Returns:
        A scalar >= 0, 0 where the neighbourhoods agree and where fewer than three rows count; and the number of rows
        that count.

    Raises:
        TypeError: outputs are not floating point, or the mask is not bool.
        ValueError: shapes differ in more than the width, or there is no output.

    Source:
        Passalis & Tefas 2018, arXiv:1803.10837, section 3. Official code: github.com/passalis/probabilistic_kt bbca0b8,
        nn/pkt.py.

    Example:
        >>> import torch
        >>> teacher = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
        >>> pkt(torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]), teacher)
        (tensor(1.3863), 3)
    """
    x_S, x_T = counted_rows(student, teacher, mask)
    with unrounded(x_S):
        size_S, size_T = lengths(x_S), lengths(x_T)
        seen = (size_S > 0) & (size_T > 0)
        pairs = two_rows(seen)
        p_S, p_T = _neighbours(scaled(x_S, size_S), pairs), _neighbours(scaled(x_T, size_T), pairs)
        # The last two add up to 0 over a row's neighbours; with them no summand is negative.
        return (p_T * (p_T.log() - p_S.log()) - p_T + p_S).masked_fill(~pairs, 0).sum(), len(x_S)


def _neighbours(directions: Tensor, pairs: Tensor) -> Tensor:
    """Return p(j|i), (rows, rows), and 1 where two rows are no pair."""
    kernel = torch.where(pairs, ((directions @ directions.mT + 1) / 2).clamp(min=0) + _LEAST, 0)
    return torch.where(pairs, kernel / kernel.sum(-1, keepdim=True).clamp(min=_LEAST), 1)


PKT = term(pkt, card=CARD)

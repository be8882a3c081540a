"""The true labels' term."""

from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import log_softmax

from limbeck.cards import Card
from limbeck.losses._checks import check_labels, check_logits, check_mask
from limbeck.losses._mask import counted_labels, counted_logits, counted_values
from limbeck.losses.term import term

CARD = Card(
    name="cross_entropy",
    kind="loss",
    family="labels",
    scope="prediction",
    needs=("labels",),
    convex=True,
    summary="negative log-likelihood of the true label",
    paper="Goodfellow, Bengio & Courville, Deep Learning, 2016, section 6.2.2.3, equation 6.30",
    citation="""@book{goodfellow2016deep,
  title = {Deep Learning},
  author = {Goodfellow, Ian and Bengio, Yoshua and Courville, Aaron},
  publisher = {MIT Press},
  year = {2016}
}""",
    equation="-log p_S(y), p_S = softmax(z_S)",
    code="torch.nn.functional.cross_entropy with reduction='none'",
    units="nats",
    defaults={"weight": "beside kd, a relative weight of 0.5 for speech (Hinton et al. 2015, section 4.1)"},
    use_when="some rows have true labels; alone it trains the baseline that distillation must beat",
    beware="few labelled rows seen many times are learned by heart: fix the labelled share of a batch and keep the "
    "weight well below kd's",
    differs="no averaging, no ignore_index and no label smoothing: a mask says which labels count.",
)


def cross_entropy(
    student: Float[Tensor, "*batch classes"],
    labels: Int[Tensor, "*batch"],
    *,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """Negative log-likelihood of the true label, in nats, per prediction.

        -log p_S(y),   p_S = softmax(z_S)

    Args:
        student: (*batch, classes) logits z_S; computed in float32 at least.
        labels: (*batch) integers y in [0, classes); any value where masked.
        mask: (*batch) bool, True where a prediction counts; None means all do.

    Returns:
        (*batch) values >= 0 (nats), approaching 0 as the label's logit grows; 0 where masked.

    Raises:
        TypeError: logits are not floating point, labels are not integers, or the mask is not bool.
        ValueError: shapes differ, fewer than 2 classes, or a label that counts is outside [0, classes).

    Source:
        Goodfellow, Bengio & Courville 2016, equation 6.30; `torch.nn.functional.cross_entropy` with no reduction.

    Example:
        >>> import torch
        >>> student = torch.tensor([[2.0, 0.0, -2.0], [0.0, 0.0, 0.0]])
        >>> cross_entropy(student, torch.tensor([0, 2]))
        tensor([0.1429, 1.0986])
    """
    check_logits(student=student)
    check_mask(mask, student)
    check_labels(labels, student, mask)
    log_p_S = log_softmax(counted_logits(student, mask), dim=-1)
    return counted_values(-log_p_S.gather(-1, counted_labels(labels, mask)).squeeze(-1), mask)


CrossEntropy = term(cross_entropy, card=CARD)

"""The true labels' term, where each output is a yes or no of its own."""

from jaxtyping import Bool, Float, Shaped
from torch import Tensor
from torch.nn.functional import softplus

from limbeck.cards import Card
from limbeck.losses._checks import check_mask, check_outputs, check_sets
from limbeck.losses._mask import counted_logits, counted_values
from limbeck.losses.term import term

CARD = Card(
    name="binary_cross_entropy",
    kind="loss",
    family="labels",
    scope="prediction",
    needs=("labels",),
    fits=("independent",),
    convex=True,
    summary="negative log-likelihood of the true label set, each output a probability of its own",
    paper="Goodfellow, Bengio & Courville, Deep Learning, 2016, section 6.2.2.2, for each output; for label sets: Nam, "
    "Kim, Loza Mencia, Gurevych & Fuernkranz, Large-scale Multi-label Text Classification: Revisiting Neural Networks, "
    "ECML PKDD 2014, arXiv:1312.5419",
    citation="""@inproceedings{nam2014large,
  title = {Large-scale Multi-label Text Classification: Revisiting Neural Networks},
  author = {Nam, Jinseok and Kim, Jungi and Loza Menc{\\'i}a, Eneldo and Gurevych, Iryna and F{\\"u}rnkranz, Johannes},
  booktitle = {European Conference on Machine Learning and Knowledge Discovery in Databases},
  year = {2014}
}""",
    equation="sum_c softplus((1 - 2 y(c)) * z_S(c)), y(c) in {0, 1}",
    code="torch.nn.functional.binary_cross_entropy_with_logits with reduction='none', summed over the classes",
    units="nats",
    defaults={"weight": "1, as the only term"},
    use_when="a row may have several labels, or none; alone it trains the baseline of a multilabel task",
    beware="rare classes are learned as `never` first: look at macro F1 and at the thresholds, which are fitted on "
    "validation",
    differs="the sum over the classes is the likelihood of the whole label set; torch's mean would be 1 / classes of "
    "it.",
)


def binary_cross_entropy(
    student: Float[Tensor, "*batch classes"],
    labels: Shaped[Tensor, "*batch classes"],
    *,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """Negative log-likelihood of the true label set, in nats, per prediction.

        sum_c softplus((1 - 2 y(c)) * z_S(c)),   y(c) in {0, 1}

    Args:
        student: (*batch, classes) logits z_S, one class or more; computed in float32 at least.
        labels: (*batch, classes) of 0 and 1 in any dtype; anything where masked.
        mask: (*batch) bool, True where a prediction counts; None means all do.

    Returns:
        (*batch) values >= 0 (nats), approaching 0 as each logit is surely on its label's side; 0 where masked.

    Raises:
        TypeError: logits are not floating point, or the mask is not bool.
        ValueError: shapes differ, there is no class, or a label that counts is neither 0 nor 1.

    Source:
        Goodfellow, Bengio & Courville 2016, section 6.2.2.2; `binary_cross_entropy_with_logits` with no reduction.

    Example:
        >>> import torch
        >>> binary_cross_entropy(torch.tensor([[2.0, -2.0], [0.0, 0.0]]), torch.tensor([[1, 0], [1, 1]]))
        tensor([0.2539, 1.3863])
    """
    check_outputs(student=student)
    check_mask(mask, student)
    check_sets(labels, student, mask)
    y = labels.to(student.dtype)
    z_S, y = counted_logits(student, mask), counted_logits(y, mask)
    return counted_values(softplus((1 - 2 * y) * z_S).sum(dim=-1), mask)


BinaryCrossEntropy = term(binary_cross_entropy, card=CARD)

"""Sorted probabilities, for a student and a teacher with classes of their own (Boizard et al. 2025)."""

from typing import Annotated

from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor
from torch.nn.functional import pad

from limbeck.cards import Card
from limbeck.losses._checks import check_positive, check_predictions
from limbeck.losses._mask import counted_logits, counted_values
from limbeck.losses._units import softened
from limbeck.losses.term import term

CARD = Card(
    name="uld",
    kind="loss",
    family="soft targets",
    scope="prediction",
    needs=("teacher",),
    also=("universal_logit_distillation",),
    widths="any",
    summary="distance of the student's sorted probabilities from the teacher's, whatever the classes of either",
    paper="Boizard, El Haddad, Hudelot & Colombo, Towards Cross-Tokenizer Distillation: the Universal Logit "
    "Distillation Loss for LLMs, TMLR 2025, arXiv:2402.12030, the closed form of the Wasserstein distance",
    citation="""@article{boizard2025towards,
  title = {Towards Cross-Tokenizer Distillation: the Universal Logit Distillation Loss for {LLMs}},
  author = {Boizard, Nicolas and El Haddad, Kevin and Hudelot, C{\\'e}line and Colombo, Pierre},
  journal = {Transactions on Machine Learning Research},
  year = {2025}
}""",
    equation="sum_i |s_S(i) - s_T(i)|, s_X = softmax(z_X / T) in falling order, filled up with zeros",
    code="github.com/Nicolas-BZRD/llm-recipes 0bfcb37, models/distillation_model.py; defaults: configs/distillation.py",
    units="probability, in [0, 2]",
    defaults={
        "temperature": "1 for both (official configuration)",
        "weight": "1.5 beside cross_entropy at 1 (official configuration)",
    },
    use_when="student and teacher have different vocabularies, and each prediction of the one stands where the other's "
    "does: nothing else here can compare them",
    beware="it sees how sure the teacher is and of how many classes, never of which: without a term of labels or of "
    "the teacher's text the student may be sure of the wrong ones; who calls it has to align the positions",
    differs="the official code cuts both texts to the shorter one and averages over its tokens, and over the texts "
    "again; here a mask says which positions count, and nothing is averaged.",
)


def uld(
    student: Float[Tensor, "*batch classes"],
    teacher: Float[Tensor, "*batch others"],
    *,
    temperature: Annotated[float, Field(gt=0)] = 1.0,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """Distance of the sorted probabilities of student and teacher at temperature T, a probability, per prediction.

        sum_i |s_S(i) - s_T(i)|,   s_X = softmax(z_X / T) in falling order

    The shorter one is filled up with zeros: probabilities, not logits. No gradient reaches the teacher.

    Args:
        student: (*batch, classes) logits z_S; computed in float32 at least.
        teacher: (*batch, others) logits z_T of the same predictions, over any number of classes; -inf rules a class
            out.
        temperature: T > 0, of both.
        mask: (*batch) bool, True where a prediction counts; None means all do.

    Returns:
        (*batch) values in [0, 2], 0 where the sorted probabilities agree and where masked.

    Raises:
        TypeError: logits are not floating point, or the mask is not bool.
        ValueError: shapes differ but for the last axis, fewer than 2 classes, or the temperature is not finite and
            greater than 0.

    Source:
        Boizard et al. 2025, arXiv:2402.12030. Official code: github.com/Nicolas-BZRD/llm-recipes.

    Example:
        >>> import torch
        >>> student, teacher = torch.tensor([[0.0, 0.0, 0.0]]), torch.tensor([[2.0, 0.0, -2.0, -9.0]])
        >>> uld(student, teacher)
        tensor([1.0670])
    """
    check_predictions(mask, student=student, teacher=teacher)
    check_positive(temperature=temperature)
    own, other = (_sorted(each, temperature, mask) for each in (student, teacher.detach()))
    width = max(own.shape[-1], other.shape[-1])
    own, other = (pad(each, (0, width - each.shape[-1])) for each in (own, other))
    return counted_values((own - other).abs().sum(dim=-1), mask)


def _sorted(logits: Tensor, temperature: float, mask: Tensor | None) -> Tensor:
    return softened(counted_logits(logits, mask), temperature).sort(dim=-1, descending=True).values


ULD = term(uld, card=CARD)

"""Divergence of the distributions over a query's candidates, for retrievers (Lin et al. 2020)."""

from typing import Annotated

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._checks import check_mask, check_outputs, check_positive
from limbeck.losses._divergence import softened_kl
from limbeck.losses._mask import counted_logits, counted_values
from limbeck.losses.term import term

CARD = Card(
    name="ranking_kl",
    kind="loss",
    family="relations",
    scope="prediction",
    needs=("teacher",),
    fits=("scores",),
    convex=True,
    summary="divergence of the student's distribution over a query's candidates from the teacher's",
    paper="Lin, Yang & Lin, Distilling Dense Representations for Ranking using Tightly-Coupled Teachers, 2020, "
    "arXiv:2010.11386",
    citation="""@article{lin2020distilling,
  title = {Distilling Dense Representations for Ranking using Tightly-Coupled Teachers},
  author = {Lin, Sheng-Chieh and Yang, Jheng-Hong and Lin, Jimmy},
  journal = {arXiv preprint arXiv:2010.11386},
  year = {2020}
}""",
    equation="T^2 * sum_c p_T(c) * (log p_T(c) - log p_S(c)), p_X = softmax of the scores / T over a query's "
    "candidates",
    code="github.com/castorini/tct_colbert 0158838, tct_colbert/model_fn.py (read); compared with "
    "github.com/UKPLab/sentence-transformers 0af02e7, sentence_transformers/losses/DistillKLDivLoss.py (read)",
    units="nats, times T^2",
    defaults={
        "temperature": "1/4 of the teacher alone (official code); 1, in sentence-transformers since 5.0.1; 2 before"
    },
    use_when="a cross-encoder's scores of several candidates teach a retriever whose scores have another offset and "
    "scale",
    beware="a prediction is a query, and its candidates stand along the last axis: it sees those candidates and no "
    "others of the batch. The order counts where scores are near one another and little else: too low a temperature "
    "teaches the first candidate alone",
    differs="the official code multiplies the teacher's scores by 4 and leaves the student's, has no T^2, and takes "
    "all passages of the batch for candidates. Here one temperature divides both sides, as in sentence-transformers, "
    "whose default this is. Both average over the queries; this does not. kd counts a class that the teacher rules out "
    "against the student; here a candidate that a query has not, marked by a teacher's score of -inf, is left out on "
    "both sides, so that queries may have different numbers of them.",
)


def ranking_kl(
    student: Float[Tensor, "*batch candidates"],
    teacher: Float[Tensor, "*batch candidates"],
    *,
    temperature: Annotated[float, Field(gt=0)] = 1.0,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """T^2 times the divergence of two distributions over candidates, in nats, per prediction, which is a query.

        T^2 * sum_c p_T(c) * (log p_T(c) - log p_S(c)),   p_X = softmax(x / T)

    No gradient reaches the teacher.

    Args:
        student: (*batch, candidates) scores; computed in float32 at least.
        teacher: (*batch, candidates) scores; -inf where a query has no such candidate, and then the student's may be
            anything.
        temperature: T > 0.
        mask: (*batch) bool, True where a query counts; None means all do.

    Returns:
        (*batch) values >= 0 (nats times T^2), 0 where the distributions agree, where there is one candidate only and
        where masked.

    Raises:
        TypeError: scores are not floating point, or the mask is not bool.
        ValueError: shapes differ, there is no candidate, or the temperature is not finite and greater than 0.

    Source:
        Lin et al. 2020, arXiv:2010.11386. Official code: github.com/castorini/tct_colbert, with another temperature.
        sentence-transformers 0af02e7, losses/DistillKLDivLoss.py, computes the same for queries with equally many
        candidates.

    Example:
        >>> import torch
        >>> ranking_kl(torch.tensor([[0.0, 0.0, 9.0]]), torch.tensor([[2.0, 0.0, -torch.inf]]))
        tensor([0.3278])
    """
    check_outputs(student=student, teacher=teacher)
    check_mask(mask, student)
    check_positive(temperature=temperature)
    s, t = counted_logits(student, mask), counted_logits(teacher.detach(), mask)
    there = ~t.isneginf()
    several = there.sum(dim=-1, keepdim=True) > 1
    s, t = (torch.where(several, torch.where(there, each, -torch.inf), 0) for each in (s, t))
    return counted_values(temperature**2 * softened_kl(s, t, temperature), mask)


RankingKL = term(ranking_kl, card=CARD)

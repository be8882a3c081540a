"""Squared differences of score margins, for retrievers (Hofstaetter et al. 2020)."""

from jaxtyping import Bool, Float
from torch import Tensor, where

from limbeck.cards import Card
from limbeck.losses._checks import check_mask, check_outputs
from limbeck.losses._mask import counted_logits, counted_values
from limbeck.losses.term import term

CARD = Card(
    name="margin_mse",
    kind="loss",
    family="relations",
    scope="prediction",
    needs=("teacher",),
    fits=("scores",),
    convex=True,
    summary="mean over a query's other candidates of squared differences between the student's and the teacher's "
    "margin",
    paper="Hofstaetter, Althammer, Schroeder, Sertkan & Hanbury, Improving Efficient Neural Ranking Models with "
    "Cross-Architecture Knowledge Distillation, 2020, arXiv:2010.02666, section 4",
    citation="""@article{hofstaetter2020improving,
  title = {Improving Efficient Neural Ranking Models with Cross-Architecture Knowledge Distillation},
  author = {Hofst{\\"a}tter, Sebastian and Althammer, Sophia and Schr{\\"o}der, Michael and Sertkan, Mete
            and Hanbury, Allan},
  journal = {arXiv preprint arXiv:2010.02666},
  year = {2020}
}""",
    equation="mean over c >= 1 of ((s_0 - s_c) - (t_0 - t_c))^2, s the student's scores of a query's candidates, t the "
    "teacher's, candidate 0 the relevant one",
    code="github.com/sebastian-hofstaetter/neural-ranking-kd 590c9f8, margin_mse_loss.py (read)",
    units="squared scores",
    defaults={"weight": "1, with no other term (section 4)"},
    use_when="a cross-encoder's scores teach a retriever whose scores have another offset: only margins count",
    beware="a prediction is a query, and its candidates stand along the last axis, the relevant one first: it sees "
    "those candidates and no others of the batch. The scale of the scores counts; take ranking_kl where it should "
    "not",
    differs="the paper has one other candidate a query; of several, the mean is taken. A candidate that a query has "
    "not is marked by a teacher's score of -inf.",
)


def margin_mse(
    student: Float[Tensor, "*batch candidates"],
    teacher: Float[Tensor, "*batch candidates"],
    *,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """Mean squared difference of margins, in squared scores, per prediction, which is a query.

        mean over c >= 1 of ((s_0 - s_c) - (t_0 - t_c))^2

    No gradient reaches the teacher.

    Args:
        student: (*batch, candidates) scores s, the relevant candidate first; computed in float32 at least.
        teacher: (*batch, candidates) scores t; -inf where a query has no such candidate, and then s may be anything.
        mask: (*batch) bool, True where a query counts; None means all do.

    Returns:
        (*batch) values >= 0, 0 where all margins agree, where there is one candidate only or not the first, and where
        masked.

    Raises:
        TypeError: scores are not floating point, or the mask is not bool.
        ValueError: shapes differ, or there is no candidate.

    Source:
        Hofstaetter et al. 2020, arXiv:2010.02666, section 4. Official code: neural-ranking-kd 590c9f8,
        margin_mse_loss.py, for one other candidate.

    Example:
        >>> import torch
        >>> margin_mse(torch.tensor([[3.0, 1.0, 0.0]]), torch.tensor([[9.0, 8.0, 6.0]]))
        tensor([0.5000])
    """
    check_outputs(student=student, teacher=teacher)
    check_mask(mask, student)
    s, t = counted_logits(student, mask), counted_logits(teacher.detach(), mask)
    there = ~t.isneginf()
    s, t = where(there, s, 0), where(there, t, 0)
    pairs = there[..., :1] & there[..., 1:]
    apart = (s[..., :1] - s[..., 1:]) - (t[..., :1] - t[..., 1:])
    values = where(pairs, apart.square(), 0).sum(dim=-1) / pairs.sum(dim=-1).clamp(min=1)
    return counted_values(values, mask)


MarginMSE = term(margin_mse, card=CARD)

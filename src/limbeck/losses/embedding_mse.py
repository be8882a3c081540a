"""Regression on the teacher's embedding (Reimers & Gurevych 2020)."""

from jaxtyping import Bool, Float
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._checks import check_mask, check_outputs
from limbeck.losses._mask import counted_logits, counted_values
from limbeck.losses.term import term

CARD = Card(
    name="embedding_mse",
    kind="loss",
    family="relations",
    scope="prediction",
    needs=("teacher",),
    tap="vector",
    fits=("distribution", "independent", "values", "vectors"),
    convex=True,
    summary="mean over the width of squared differences between the student's and the teacher's vector",
    paper="Reimers & Gurevych, Making Monolingual Sentence Embeddings Multilingual using Knowledge Distillation, EMNLP "
    "2020, arXiv:2004.09813, equation 1",
    citation="""@inproceedings{reimers2020making,
  title = {Making Monolingual Sentence Embeddings Multilingual using Knowledge Distillation},
  author = {Reimers, Nils and Gurevych, Iryna},
  booktitle = {Conference on Empirical Methods in Natural Language Processing},
  year = {2020}
}""",
    equation="1/width * sum_i (v_i - u_i)^2, u the teacher's vector, v the student's",
    code="github.com/UKPLab/sentence-transformers 005f3f4, sentence_transformers/losses/MSELoss.py (read)",
    units="squared activations",
    defaults={"weight": "1, with no other term (section 2)"},
    use_when="the student is to answer with the teacher's own vectors, so that both can search one index",
    beware="it wants the teacher's space itself, with its scale: normalise both sides or neither. Of two modules, the "
    "student's is projected by a learned linear map, which is thrown away",
    differs="the value of a batch in the paper adds a translated sentence's; here each row is one prediction. fitnet "
    "is half the sum over the width: width / 2 times this.",
)


def embedding_mse(
    student: Float[Tensor, "*batch width"],
    teacher: Float[Tensor, "*batch width"],
    *,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """Mean over the width of squared differences of two vectors, in squared activations, per prediction.

        1/width * sum_i (v_i - u_i)^2

    No gradient reaches the teacher.

    Args:
        student: (*batch, width) vector v; computed in float32 at least.
        teacher: (*batch, width) finite vector u.
        mask: (*batch) bool, True where a prediction counts; None means all do.

    Returns:
        (*batch) values >= 0, 0 where the vectors are equal and where masked.

    Raises:
        TypeError: outputs are not floating point, or the mask is not bool.
        ValueError: shapes differ, or there is no output.

    Source:
        Reimers & Gurevych 2020, arXiv:2004.09813, equation 1. Official code: sentence-transformers 005f3f4,
        losses/MSELoss.py, whose mean over the batch is the trainer's here.

    Example:
        >>> import torch
        >>> embedding_mse(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]]))
        tensor([2.5000])
    """
    check_outputs(student=student, teacher=teacher)
    check_mask(mask, student)
    v, u = counted_logits(student, mask), counted_logits(teacher.detach(), mask)
    return counted_values((v - u).square().mean(dim=-1), mask)


EmbeddingMSE = term(embedding_mse, card=CARD)

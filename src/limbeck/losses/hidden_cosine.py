"""Cosine distance between hidden states (Sanh et al. 2019)."""

from jaxtyping import Bool, Float
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._checks import check_features, check_mask
from limbeck.losses._mask import counted_logits, counted_values
from limbeck.losses._relations import lengths, scaled
from limbeck.losses.term import term

CARD = Card(
    name="hidden_cosine",
    kind="loss",
    family="features",
    scope="prediction",
    needs=("taps",),
    tap="tokens",
    fits=("distribution", "independent", "values", "vectors"),
    summary="one less the cosine of the student's and the teacher's hidden state of a token",
    paper="Sanh, Debut, Chaumond & Wolf, DistilBERT, a distilled version of BERT, 2019, arXiv:1910.01108, section 3",
    citation="""@article{sanh2019distilbert,
  title = {{DistilBERT}, a distilled version of {BERT}: smaller, faster, cheaper and lighter},
  author = {Sanh, Victor and Debut, Lysandre and Chaumond, Julien and Wolf, Thomas},
  journal = {arXiv preprint arXiv:1910.01108},
  year = {2019}
}""",
    equation="1 - <v, u> / (||v|| * ||u||), u the teacher's state of a token, v the student's",
    code="github.com/huggingface/transformers 1607444, examples/research_projects/distillation/distiller.py (read)",
    units="none: 1 less a cosine, 0 to 2",
    defaults={"weight": "1, beside soft targets at 5 and a language-model term at 2 (the official README)"},
    use_when="teacher and student are transformers with the same tokenizer, and the student's layers are fewer",
    beware="directions alone: a state of zeros has none and counts 0, without gradient. It wants the teacher's "
    "states of all tokens, which make a large cache",
    differs="the paper's student has the teacher's width; here a learned linear map projects it, and is thrown away. "
    "Sanh et al. take the mean over tokens, which the trainer does here.",
)


def hidden_cosine(
    student: Float[Tensor, "*batch features"],
    teacher: Float[Tensor, "*batch features"],
    *,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """One less the cosine of two states, without unit, per prediction.

        1 - <v, u> / (||v|| * ||u||)

    Computed as ||v/||v|| - u/||u||||^2 / 2, which loses no digits where the directions nearly agree. No gradient
    reaches the teacher.

    Args:
        student: (*batch, features) state v, already projected to the teacher's width; computed in float32 at least.
        teacher: (*batch, features) finite state u.
        mask: (*batch) bool, True where a token counts; None means all do.

    Returns:
        (*batch) values in [0, 2], 0 where the directions agree, where a state is zero and where masked.

    Raises:
        TypeError: states are not floating point, or the mask is not bool.
        ValueError: shapes differ.

    Source:
        Sanh et al. 2019, arXiv:1910.01108, section 3. Official code: huggingface/transformers 1607444,
        examples/research_projects/distillation/distiller.py: the last hidden state of each real token.

    Example:
        >>> import torch
        >>> hidden_cosine(torch.tensor([[3.0, 0.0], [2.0, 2.0]]), torch.tensor([[0.0, 2.0], [1.0, 1.0]]))
        tensor([1., 0.])
    """
    check_features(student=student, teacher=teacher)
    check_mask(mask, student)
    v, u = counted_logits(student, mask), counted_logits(teacher.detach(), mask)
    size_v, size_u = lengths(v), lengths(u)
    seen = ((size_v > 0) & (size_u > 0)).squeeze(-1)
    apart = (scaled(v, size_v) - scaled(u, size_u)).square().sum(dim=-1) / 2
    return counted_values(counted_values(apart, seen), mask)


HiddenCosine = term(hidden_cosine, card=CARD)

"""Soft targets at a temperature (Hinton et al. 2015)."""

from typing import Annotated

from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._checks import check_logits, check_mask, check_positive
from limbeck.losses._divergence import softened_kl
from limbeck.losses._forms import sampled_kd
from limbeck.losses._mask import counted_logits, counted_values
from limbeck.losses.term import term

CARD = Card(
    name="kd",
    kind="loss",
    family="soft targets",
    scope="prediction",
    needs=("teacher",),
    convex=True,
    forms=("dense", "factored", "topk", "sampled"),
    also=("forward_kl", "soft_targets"),
    summary="divergence of the student's softened distribution from the teacher's",
    paper="Hinton, Vinyals & Dean, Distilling the Knowledge in a Neural Network, 2015, arXiv:1503.02531, section 2",
    citation="""@article{hinton2015distilling,
  title = {Distilling the Knowledge in a Neural Network},
  author = {Hinton, Geoffrey and Vinyals, Oriol and Dean, Jeff},
  journal = {arXiv preprint arXiv:1503.02531},
  year = {2015}
}""",
    equation="T^2 * sum_c p_T(c) * (log p_T(c) - log p_S(c)), p_X = softmax(z_X / T)",
    code="none by the authors; widely compared with: github.com/HobbitLong/RepDistiller b84f547, distiller_zoo/KD.py",
    units="nats, times T^2",
    defaults={
        "temperature": "2 for speech, the best of 1, 2, 5, 10 (section 4.1); 20 for MNIST with 2 x 800 units, "
        "2.5 to 4 with 30 units a layer (section 3)",
        "weight": "cross_entropy beside it at a relative weight of 0.5 (section 4.1), 'considerably lower' in general",
    },
    use_when="teacher and student predict over the same classes and the teacher's logits are at hand: start here",
    beware="with 2 classes the teacher says little beyond its label, so prefer more unlabelled text to a higher T; "
    "an overconfident teacher needs a higher T; the value already holds T^2: do not multiply again",
    differs="the paper writes a cross-entropy with soft targets; this subtracts the teacher's entropy, which leaves "
    "the gradient as it is and makes 0 the minimum. RepDistiller averages over the batch; this does not average.",
)


def kd(
    student: Float[Tensor, "*batch classes"],
    teacher: Float[Tensor, "*batch classes"],
    *,
    temperature: Annotated[float, Field(gt=0)] = 2.0,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """T^2 times the Kullback-Leibler divergence of student from teacher at temperature T, in nats, per prediction.

        T^2 * sum_c p_T(c) * (log p_T(c) - log p_S(c)),   p_X = softmax(z_X / T)

    T^2 keeps the size of the gradient about constant over T. No gradient reaches the teacher.

    Nearly equal logits lose no digits: in float32, values above 1e-20 have a relative error below 1e-4 at every T from
    0.1 to 10,000 and logits up to +-10,000, and so has the gradient beside its largest component (within a rounding of
    the divergence, 6e-8 of it). Both can be differentiated no further.

    Args:
        student: (*batch, classes) logits z_S; computed in float32 at least.
        teacher: (*batch, classes) logits z_T; -inf rules a class out.
        temperature: T > 0.
        mask: (*batch) bool, True where a prediction counts; None means all do.

    Returns:
        (*batch) values >= 0 (nats times T^2), 0 where the distributions agree and where masked.

    Raises:
        TypeError: logits are not floating point, or the mask is not bool.
        ValueError: shapes differ, fewer than 2 classes, or the temperature is not finite and greater than 0.

    Source:
        Hinton, Vinyals & Dean 2015, arXiv:1503.02531, equation 1 and section 2. No official code. The paper's
        cross-entropy with soft targets differs by the teacher's entropy, a constant.

    Example:
        >>> import torch
        >>> teacher, student = torch.tensor([[2.0, 0.0, -2.0]]), torch.tensor([[0.0, 0.0, 0.0]])
        >>> kd(student, teacher, temperature=2.0)
        tensor([1.0649])
        >>> kd(teacher, teacher, temperature=2.0)
        tensor([0.])
    """
    check_logits(student=student, teacher=teacher)
    check_mask(mask, student)
    check_positive(temperature=temperature)
    z_S, z_T = counted_logits(student, mask), counted_logits(teacher.detach(), mask)
    return counted_values(temperature**2 * softened_kl(z_S, z_T, temperature), mask)


KD = term(kd, card=CARD, of_samples=sampled_kd)

"""The teacher's decision as if it were the true label (Lee 2013)."""

from jaxtyping import Bool, Float
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._checks import check_logits
from limbeck.losses.cross_entropy import cross_entropy
from limbeck.losses.term import term

CARD = Card(
    name="hard_labels",
    kind="loss",
    family="labels",
    scope="prediction",
    needs=("teacher",),
    convex=True,
    forms=("dense", "factored", "topk"),
    decides=True,
    also=("deit_hard", "hard_distillation", "pseudo_labels"),
    summary="negative log-likelihood of the teacher's decision",
    paper="Lee, Pseudo-Label: The Simple and Efficient Semi-Supervised Learning Method for Deep Neural Networks, "
    "ICML 2013 Workshop on Challenges in Representation Learning, section 2.4",
    citation="""@inproceedings{lee2013pseudo,
  title = {Pseudo-Label: The Simple and Efficient Semi-Supervised Learning Method for Deep Neural Networks},
  author = {Lee, Dong-Hyun},
  booktitle = {ICML Workshop on Challenges in Representation Learning},
  year = {2013}
}""",
    equation="-log p_S(argmax_c z_T(c)), p_S = softmax(z_S)",
    code="none by the author; widely compared with: github.com/facebookresearch/deit, losses.py, type 'hard'",
    units="nats",
    defaults={
        "weight": "0 for 100 epochs, then in a straight line to 3 at epoch 600, beside true labels at 1 (section 2.4)"
    },
    use_when="all that is known of the teacher is what it decides; as an arm of a recipe, it tells how much of the "
    "gain is more text, and how much is soft targets",
    beware="a wrong decision weighs as much as a right one, however unsure the teacher was; student = teacher is not "
    "the minimum: the student is driven to be surer than its teacher",
    differs="the paper's network labels for itself, anew at each update, with a sigmoid a class; here a teacher "
    "decides, and a softmax learns it. Beside cross_entropy, each at a half, it is the hard distillation of DeiT "
    "(Touvron et al. 2021, arXiv:2012.12877), without its distillation token.",
)


def hard_labels(
    student: Float[Tensor, "*batch classes"],
    teacher: Float[Tensor, "*batch classes"],
    *,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """Negative log-likelihood of the teacher's decision, in nats, per prediction.

        -log p_S(argmax_c z_T(c)),   p_S = softmax(z_S)

    A tie goes to the lowest class. No gradient reaches the teacher.

    Args:
        student: (*batch, classes) logits z_S; computed in float32 at least.
        teacher: (*batch, classes) logits z_T; -inf rules a class out.
        mask: (*batch) bool, True where a prediction counts; None means all do.

    Returns:
        (*batch) values >= 0 (nats), approaching 0 as the student's logit of the teacher's class grows; 0 where masked.

    Raises:
        TypeError: logits are not floating point, or the mask is not bool.
        ValueError: shapes differ, or fewer than 2 classes.

    Source:
        Lee 2013, section 2.4, with a teacher in the place of the network itself. No official code. The hard
        distillation of Touvron et al. 2021, arXiv:2012.12877, is this beside `cross_entropy`, each at a half.

    Example:
        >>> import torch
        >>> teacher, student = torch.tensor([[2.0, 0.0, -2.0]]), torch.tensor([[0.0, 0.0, 0.0]])
        >>> hard_labels(student, teacher)
        tensor([1.0986])
        >>> hard_labels(teacher, teacher)
        tensor([0.1429])
    """
    check_logits(student=student, teacher=teacher)
    return cross_entropy(student, teacher.argmax(dim=-1), mask=mask)


HardLabels = term(hard_labels, card=CARD)

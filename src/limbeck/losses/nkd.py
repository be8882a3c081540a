"""The label's share as the teacher weighs it, and the others normalised (Yang et al. 2023)."""

from typing import Annotated

from jaxtyping import Bool, Float, Int
from pydantic import Field
from torch import Tensor
from torch.nn.functional import log_softmax

from limbeck.cards import Card
from limbeck.losses._checks import check_labels, check_logits, check_mask, check_not_negative, check_positive
from limbeck.losses._mask import counted_labels, counted_logits, counted_values
from limbeck.losses._target import others_kl
from limbeck.losses.term import term

CARD = Card(
    name="nkd",
    kind="loss",
    family="soft targets",
    scope="prediction",
    needs=("teacher", "labels"),
    convex=True,
    also=("normalized_kd",),
    summary="cross-entropy of the label weighed by the teacher's confidence, and soft targets among the other classes",
    paper="Yang, Zeng, Li, Zhang, Yuan & Li, From Knowledge Distillation to Self-Knowledge Distillation: A Unified "
    "Approach with Normalized Loss and Customized Soft Labels, ICCV 2023, arXiv:2303.13005, the normalised loss",
    citation="""@inproceedings{yang2023knowledge,
  title = {From Knowledge Distillation to Self-Knowledge Distillation: A Unified Approach with Normalized Loss and
           Customized Soft Labels},
  author = {Yang, Zhendong and Zeng, Ailing and Li, Zhe and Zhang, Tianke and Yuan, Chun and Li, Yu},
  booktitle = {International Conference on Computer Vision},
  year = {2023}
}""",
    equation="-p_T(y) * log p_S(y) + gamma * T^2 * KL(q_T || q_S), p_X = softmax(z_X), "
    "q_X = softmax of z_X / T without class y",
    code="github.com/yzd-v/cls_KD ad4876f, mmcls/distillation/losses/nkd.py",
    units="nats, the others' part times T^2",
    defaults={
        "gamma": "1.5 (official code)",
        "temperature": "1 (official code)",
        "weight": "1 beside cross_entropy at 1",
    },
    use_when="many classes and labels for the transfer set; its first part is a cross-entropy that trusts labels which "
    "the teacher finds likely",
    beware="student = teacher is not the minimum: the label's share is driven to 1; with 2 classes only that part is "
    "left; unlabelled rows do not count: put kd beside it for those",
    differs="paper and code have a cross-entropy among the other classes; this subtracts the teacher's entropy, which "
    "leaves the gradient as it is and makes 0 the minimum. Earlier commits of the code, such as 1c2c0ff, keep the "
    "label among the others (`scatter_(1, label, 1)` in a mask of ones); the author calls that a mistake (issue 16). "
    "They average over the batch; this does not.",
)


def nkd(
    student: Float[Tensor, "*batch classes"],
    teacher: Float[Tensor, "*batch classes"],
    labels: Int[Tensor, "*batch"],
    *,
    gamma: Annotated[float, Field(ge=0)] = 1.5,
    temperature: Annotated[float, Field(gt=0)] = 1.0,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """Cross-entropy weighed by the teacher's confidence, and a divergence among the others, in nats, per prediction.

        -p_T(y) * log p_S(y) + gamma * T^2 * KL(q_T || q_S),   p_X = softmax(z_X)

    q_X is softmax(z_X / T) over all classes but y. The first part has no temperature. No gradient reaches the teacher.

    Args:
        student: (*batch, classes) logits z_S; computed in float32 at least.
        teacher: (*batch, classes) logits z_T; -inf rules a class out.
        labels: (*batch) integers y in [0, classes); any value where masked.
        gamma: >= 0, weight of the others.
        temperature: T > 0, of the others.
        mask: (*batch) bool, True where a prediction counts; None means all do.

    Returns:
        (*batch) values >= 0 (nats), approaching 0 as the label's logit grows above others that agree; 0 where masked.

    Raises:
        TypeError: logits are not floating point, labels are not integers, or the mask is not bool.
        ValueError: shapes differ, fewer than 2 classes, a label that counts is outside [0, classes), gamma is negative
            or not finite, or the temperature is not finite and greater than 0.

    Source:
        Yang et al. 2023, arXiv:2303.13005. Official code: github.com/yzd-v/cls_KD.

    Example:
        >>> import torch
        >>> teacher, student = torch.tensor([[2.0, 0.0, -2.0]]), torch.tensor([[0.0, 0.0, 0.0]])
        >>> nkd(student, teacher, torch.tensor([0]))
        tensor([1.4440])
    """
    check_logits(student=student, teacher=teacher)
    check_mask(mask, student)
    check_labels(labels, student, mask)
    check_not_negative(gamma=gamma)
    check_positive(temperature=temperature)
    z_S, z_T, y = counted_logits(student, mask), counted_logits(teacher.detach(), mask), counted_labels(labels, mask)
    trust = log_softmax(z_T, dim=-1).gather(-1, y).exp().squeeze(-1)
    own = trust * -log_softmax(z_S, dim=-1).gather(-1, y).squeeze(-1)
    return counted_values(own + gamma * temperature**2 * others_kl(z_S, z_T, y, temperature), mask)


NKD = term(nkd, card=CARD)

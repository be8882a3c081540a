"""Soft targets in two parts: how likely the label is, and which of the others (Zhao et al. 2022)."""

from typing import Annotated

from jaxtyping import Bool, Float, Int
from pydantic import Field
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._checks import check_labels, check_logits, check_mask, check_not_negative, check_positive
from limbeck.losses._divergence import softened_kl
from limbeck.losses._mask import counted_labels, counted_logits, counted_values
from limbeck.losses._target import against_others, others_kl
from limbeck.losses.term import term

CARD = Card(
    name="dkd",
    kind="loss",
    family="soft targets",
    scope="prediction",
    needs=("teacher", "labels"),
    also=("decoupled_kd",),
    summary="kd in two parts with weights of their own: the label against the others, and the others among themselves",
    paper="Zhao, Cui, Song, Qiu & Liang, Decoupled Knowledge Distillation, CVPR 2022, arXiv:2203.08679, section 3",
    citation="""@inproceedings{zhao2022decoupled,
  title = {Decoupled Knowledge Distillation},
  author = {Zhao, Borui and Cui, Quan and Song, Renjie and Qiu, Yiyu and Liang, Jiajun},
  booktitle = {Computer Vision and Pattern Recognition},
  year = {2022}
}""",
    equation="T^2 * (alpha * KL(b_T || b_S) + beta * KL(q_T || q_S)); b_X = (p_X(y), 1 - p_X(y)), "
    "q_X = softmax of z_X / T without class y",
    code="github.com/megvii-research/mdistiller e8c5bb3, mdistiller/distillers/DKD.py; defaults: engine/cfg.py",
    units="nats, times T^2",
    defaults={
        "alpha": "1 (official configuration)",
        "beta": "8 (official configuration); it differs by pair of networks, from 0.25 to 8; on ImageNet 0.5 for "
        "ResNet34 to ResNet18, and 2 for ResNet50 to MobileNet",
        "temperature": "4 (official configuration); on ImageNet 1",
        "weight": "1 beside cross_entropy at 1, in a straight line from 0 during the first 20 epochs; on ImageNet "
        "during the first epoch",
    },
    use_when="many classes, labels for the transfer set, and a teacher that is sure of the label: what it knows of the "
    "other classes then reaches the student with a weight of its own",
    beware="with 2 classes nothing is left among the others, and it is alpha times kd; unlabelled rows do not count: "
    "put kd beside it for those. Where beta < alpha * (1 - p_T(y)), the others count less than in kd. A student that "
    "is surer of the label than its teacher can then be pulled away from the teacher's others: those rise most to "
    "which it gives most already",
    differs="the official code adds -1000 to the label's logit, so logits beyond that leak, and takes the log of a "
    "softmax, which is infinite from a standard deviation of about 200 on; here both parts are in log space, and the "
    "label's class is left out. It averages over the batch; this does not. The warm-up is a schedule of the weight.",
)


def dkd(
    student: Float[Tensor, "*batch classes"],
    teacher: Float[Tensor, "*batch classes"],
    labels: Int[Tensor, "*batch"],
    *,
    alpha: Annotated[float, Field(ge=0)] = 1.0,
    beta: Annotated[float, Field(ge=0)] = 8.0,
    temperature: Annotated[float, Field(gt=0)] = 4.0,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """T^2 times two divergences, of the label's share and of the others among themselves, in nats, per prediction.

        T^2 * (alpha * KL(b_T || b_S) + beta * KL(q_T || q_S)),   b_X = (p_X(y), 1 - p_X(y))

    p_X is softmax(z_X / T), and q_X the same over all classes but y. With alpha = 1 and beta = 1 - p_T(y) it is `kd`.
    No gradient reaches the teacher.

    Args:
        student: (*batch, classes) logits z_S; computed in float32 at least.
        teacher: (*batch, classes) logits z_T; -inf rules a class out.
        labels: (*batch) integers y in [0, classes); any value where masked.
        alpha: >= 0, weight of the label's share.
        beta: >= 0, weight of the others.
        temperature: T > 0.
        mask: (*batch) bool, True where a prediction counts; None means all do.

    Returns:
        (*batch) values >= 0 (nats times T^2), 0 where the distributions agree and where masked.

    Raises:
        TypeError: logits are not floating point, labels are not integers, or the mask is not bool.
        ValueError: shapes differ, fewer than 2 classes, a label that counts is outside [0, classes), alpha or beta is
            negative or not finite, or the temperature is not finite and greater than 0.

    Source:
        Zhao et al. 2022, arXiv:2203.08679, section 3. Official code: github.com/megvii-research/mdistiller.

    Example:
        >>> import torch
        >>> teacher, student = torch.tensor([[2.0, 0.0, -2.0]]), torch.tensor([[0.0, 0.0, 0.0]])
        >>> dkd(student, teacher, torch.tensor([0]))
        tensor([4.8939])
    """
    check_logits(student=student, teacher=teacher)
    check_mask(mask, student)
    check_labels(labels, student, mask)
    check_not_negative(alpha=alpha, beta=beta)
    check_positive(temperature=temperature)
    z_S, z_T, y = counted_logits(student, mask), counted_logits(teacher.detach(), mask), counted_labels(labels, mask)
    b_S, b_T = against_others(z_S, y, temperature), against_others(z_T, y, temperature)
    own, among = softened_kl(b_S, b_T, temperature), others_kl(z_S, z_T, y, temperature)
    return counted_values(temperature**2 * (alpha * own + beta * among), mask)


DKD = term(dkd, card=CARD)

"""Soft targets at several temperatures (Jin et al. 2023)."""

from typing import Annotated

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._checks import check_every_positive
from limbeck.losses.kd import kd
from limbeck.losses.term import term

CARD = Card(
    name="mlkd_instance",
    kind="loss",
    family="soft targets",
    scope="prediction",
    needs=("teacher",),
    also=("mlkd", "mlld"),
    convex=True,
    summary="kd at several temperatures, added up",
    paper="Jin, Wang & Lin, Multi-Level Logit Distillation, CVPR 2023, pages 24276-24285, instance-level alignment "
    "with prediction augmentation",
    citation="""@inproceedings{jin2023multi,
  title = {Multi-Level Logit Distillation},
  author = {Jin, Ying and Wang, Jiaqi and Lin, Dahua},
  booktitle = {Computer Vision and Pattern Recognition},
  pages = {24276--24285},
  year = {2023}
}""",
    equation="sum_T T^2 * KL(softmax(z_T / T) || softmax(z_S / T)) over the temperatures",
    code="github.com/Jin-Ying/Multi-Level-Logit-Distillation 6327e73, mdistiller/distillers/KD_ours.py; defaults: "
    "mdistiller/engine/cfg.py",
    units="nats, times T^2",
    defaults={
        "temperatures": "2, 3, 4, 5 and 6 (official code)",
        "weight": "0.9 beside mlkd_batch and mlkd_class at 0.9 and cross_entropy at 0.1 (official configuration)",
    },
    use_when="the best temperature of kd is not known, and none is to be searched for",
    beware="the method is this with mlkd_batch and mlkd_class together; its value is that of as many kd as there are "
    "temperatures, so its weight beside labels is too; a cache has to keep every logit",
    differs="it is one loss in the paper. Here its three levels are three, as this one is of each prediction alone and "
    "the others compare rows. The official code trains on a weakly and a strongly augmented view. Its mask of "
    "the weak views of which the teacher is less sure leaves nothing out: it multiplies the mean of the batch, which "
    "becomes the mean times the mask's share, about a half. Of the strong views it counts this level only: it weighs "
    "three times as much there as each of the others. Here every row counts, once. The code averages over the batch; "
    "this does not.",
)


def mlkd_instance(
    student: Float[Tensor, "*batch classes"],
    teacher: Float[Tensor, "*batch classes"],
    *,
    temperatures: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)] = (2.0, 3.0, 4.0, 5.0, 6.0),
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """Sum over temperatures T of T^2 times the divergence of student from teacher, in nats, per prediction.

        sum_T T^2 * KL(softmax(z_T / T) || softmax(z_S / T))

    No gradient reaches the teacher.

    Args:
        student: (*batch, classes) logits z_S; computed in float32 at least.
        teacher: (*batch, classes) logits z_T; -inf rules a class out.
        temperatures: each > 0, one or more.
        mask: (*batch) bool, True where a prediction counts; None means all do.

    Returns:
        (*batch) values >= 0 (nats times T^2), 0 where the distributions agree and where masked.

    Raises:
        TypeError: logits are not floating point, or the mask is not bool.
        ValueError: shapes differ, fewer than 2 classes, or there is no temperature or one that is not finite and
            greater than 0.

    Source:
        Jin, Wang & Lin 2023, instance-level alignment. Official code:
        github.com/Jin-Ying/Multi-Level-Logit-Distillation.

    Example:
        >>> import torch
        >>> teacher, student = torch.tensor([[2.0, 0.0, -2.0]]), torch.tensor([[0.0, 0.0, 0.0]])
        >>> mlkd_instance(student, teacher, temperatures=(1.0, 2.0))
        tensor([1.7224])
    """
    check_every_positive(temperatures=temperatures)
    values = [kd(student, teacher, temperature=temperature, mask=mask) for temperature in temperatures]
    return torch.stack(values).sum(dim=0)


MLKDInstance = term(mlkd_instance, card=CARD)

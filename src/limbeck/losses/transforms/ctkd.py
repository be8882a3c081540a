"""Curriculum temperature: a temperature that is learned against the student (Li et al. 2023)."""

import math
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from limbeck.cards import Card
from limbeck.losses.schedules import Cosine
from limbeck.losses.transforms.transform import Compared, Transform

CARD = Card(
    name="ctkd",
    kind="transform",
    family="temperatures",
    scope="prediction",
    needs=("teacher",),
    also=("curriculum_temperature",),
    summary="a temperature of all examples that is learned against the student: it climbs the loss that the student "
    "descends (curriculum temperature, global)",
    paper="Li, Li, Yang, Zhao, Song, Luo, Li & Yang, Curriculum Temperature for Knowledge Distillation, AAAI 2023, "
    "arXiv:2211.16231, the global temperature; the strength is equation 11",
    citation="""@inproceedings{li2023curriculum,
  title = {Curriculum Temperature for Knowledge Distillation},
  author = {Li, Zheng and Li, Xiang and Yang, Lingfeng and Zhao, Borui and Song, Renjie and Luo, Lei and Li, Jun
            and Yang, Jian},
  booktitle = {AAAI Conference on Artificial Intelligence},
  year = {2023}
}""",
    equation="student: w <- w - lr dL(T)/dw; temperature: a <- a + lr strength dL(T)/da, T = least + (most - least) "
    "sigmoid(a)",
    code="github.com/zhengli97/CTKD 8ca3ce8, train_student.py and helper/loops.py (read)",
    units="logits",
    defaults={
        "temperature": "15.6 to begin with: 1 + 20 sigmoid(1)",
        "least": "1",
        "most": "21: 1 + 20",
        "until": "10 of 240 epochs",
    },
    use_when="no temperature is to be searched for: it begins at the loss's own and moves to where teacher and student "
    "differ most",
    beware="it learns at train.lr, and a small rate or few steps leave it near where it began. Its gradient counts in "
    "train.clip. Of the instance-wise form there is none",
    differs="in the paper the strength, 0 to 1 along half a cosine, is a factor of the reversed gradient; here it is "
    "one of the learning rate. With SGD both are the same; AdamW divides a gradient by its own size, and of a factor "
    "that grows makes larger first steps and not smaller ones. The official code begins at 15.6 whatever the "
    "temperature is.",
)


class CTKD(Transform):
    """A temperature that is learned against the student, and begins at the loss's own."""

    card: ClassVar[Card] = CARD
    softens: ClassVar[bool] = True
    learns: ClassVar[bool] = True
    kind: Literal["ctkd"] = "ctkd"
    least: Annotated[float, Field(gt=0, description="the temperature stays above it")] = 1.0
    most: Annotated[float, Field(gt=0, description="the temperature stays below it")] = 21.0
    until: Annotated[
        float, Field(gt=0, le=1, description="share of the steps in which its learning rate rises to the student's")
    ] = 0.04

    def __call__(self, given: Compared) -> tuple[Tensor, Tensor]:
        """Return both logits as they are: the loss divides them by the temperature that was learned."""
        return given.student, given.teacher

    def critic(self, temperature: float) -> "CurriculumTemperature":
        """Return what learns the temperature.

        Raises:
            ValueError: see `CurriculumTemperature`.
        """
        return CurriculumTemperature(temperature, least=self.least, most=self.most, until=self.until)


class CurriculumTemperature(nn.Module):
    """A temperature least + (most - least) * sigmoid(raw), whose gradient is reversed: training makes a loss larger.

    Args:
        start: the temperature before the first step, between the two.
        least: > 0.
        most: above `least`, finite.
        until: in (0, 1], the share of the steps in which the strength rises from 0 to 1.

    Attributes:
        raw: (1,) the one parameter.
        strength: factor of its learning rate, as a function of the share of the training steps that are done.

    Raises:
        ValueError: `start` is not between the two, or `least` is not positive.
    """

    def __init__(self, start: float, *, least: float = 1.0, most: float = 21.0, until: float = 0.04) -> None:
        super().__init__()
        if not 0 < least < start < most < math.inf:
            raise ValueError(
                f"ctkd learns a temperature between {least:g} and {most:g}, and begins at {start:g}; set temperature "
                "between them, or least and most around it"
            )
        self._least, self._most = least, most
        self.raw = nn.Parameter(torch.tensor([math.log((start - least) / (most - start))]))
        self.strength = Cosine(start=0.0, end=1.0, until=until)

    def forward(self) -> Tensor:
        """Return the temperature, (), float32; the gradient that reaches `raw` is that of the loss times -1."""
        temperature = self.at(self.raw)
        return 2 * temperature.detach() - temperature

    def at(self, raw: Tensor) -> Tensor:
        """Return the temperature, (), that the parameter means."""
        return self._least + (self._most - self._least) * raw.sigmoid().squeeze()

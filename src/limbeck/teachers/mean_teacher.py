"""The mean of the student's own weights as its teacher: it moves while the student learns."""

from typing import Annotated, Literal

from pydantic import Field

from limbeck.teachers.beside import Beside
from limbeck.teachers.moving import Moving, MovingMean


class MeanTeacher(Beside):
    """The moving average of the student's own weights (mean teacher), for many unlabelled rows and no other teacher."""

    kind: Literal["mean_teacher"]
    decay: Annotated[
        float, Field(gt=0, lt=1, description="of the mean, at each step: it looks back some 1 / (1 - decay) steps")
    ] = 0.999

    @property
    def moving(self) -> Moving:
        """How it is made beside each student."""
        return MovingMean(self.decay)

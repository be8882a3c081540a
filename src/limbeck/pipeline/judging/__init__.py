"""After the training: the one touch of the test split, what it says, and what is delivered."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from limbeck.data import Task
from limbeck.pipeline.training.arms import Arm
from limbeck.pipeline.training.curves import Points
from limbeck.pipeline.training.learn import Trained
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.teacher import RunTeacher
from limbeck.recipe import Recipe


@dataclass(frozen=True)
class Trainings:
    """Everything that a run has trained.

    Attributes:
        recipe: settled.
        material: what it worked on.
        teacher: with its cache.
        arms: by name, in the order in which they are reported.
        points: of the curves; none where the recipe asks for none.
    """

    recipe: Recipe
    material: Material
    teacher: RunTeacher
    arms: Mapping[str, Arm]
    points: Points

    @cached_property
    def task(self) -> Task:
        """What is predicted, as the labelled rows of the run have it: by it all models are judged."""
        splits = self.material.splits
        return splits.task.fit(splits.labelled.labels)

    @property
    def shown(self) -> dict[str, Trained]:
        """The network of each arm that is exported, timed and shown: of the seed that is best on validation."""
        return {name: arm.trained[arm.best_seed] for name, arm in self.arms.items()}

    @property
    def digests(self) -> dict[str, list[str]]:
        """Names of all networks by arm, those of the curves under `curves`."""
        names = {name: [trained.digest for trained in arm.trained.values()] for name, arm in self.arms.items()}
        if self.points:
            names["curves"] = [name for along in self.points.values() for point in along for name in point.digests]
        return names

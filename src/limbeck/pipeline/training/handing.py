"""A run's networks, written down for a later run that takes one as its teacher."""

from collections.abc import Mapping
from pathlib import Path

from limbeck.data import Task
from limbeck.models.published import publish
from limbeck.networks import NetworkSettings
from limbeck.pipeline.training.arms import Arm
from limbeck.pipeline.training.learn import Trained
from limbeck.pipeline.training.teacher import RunTeacher, member_names
from limbeck.recipe import Recipe
from limbeck.teachers.handed_on import hand_on


def hand_on_networks(recipe: Recipe, task: Task, teacher: RunTeacher, arms: Mapping[str, Arm], out: Path) -> None:
    """Write what each network is that was trained in a run, see `limbeck.teachers.handed_on`.

    Args:
        recipe: settled.
        task: of the run.
        teacher: of which those members are written that are a network of the catalogue, or one's own, trained here.
        arms: by name.
        out: the run's folder.
    """

    def write(
        name: str, settings: NetworkSettings, trained: Mapping[int, Trained], shipped: int, temperature: float | None
    ) -> None:
        files = {seed: one.weights for seed, one in trained.items() if one.weights is not None}
        finished = settings.model_copy(update={"model": settings.model.trained})
        about = {"task": task.kind, "names": list(task.names), "settings": finished.model_dump(mode="json")}
        about |= {"shipped": shipped, "temperature": temperature}
        hand_on(out, name, about, trained[shipped].view.reader, files)
        for seed, file in files.items():
            publish(trained[seed].model, task, trained[seed].view.reader, file.parent)

    first, names = recipe.seeds[0], member_names(len(teacher.members))
    moved = [arms["student"].settings] if recipe.teacher.moving is not None else []
    networks = [*moved, *(each.network for each in recipe.teacher.members)]
    for name, member, network in zip(names, teacher.members, networks, strict=True):
        made = teacher.made.get(name)
        if made is not None and made.weights is not None and network is not None:
            write(name, network, {first: made}, first, member.temperature)
    for name, arm in arms.items():
        write(name, arm.settings, arm.trained, arm.best_seed, None)

"""Students of the grid that are small and quick enough to be chosen."""

import math
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import BaseModel

from limbeck.bundle import export_onnx, reason_of
from limbeck.console import say
from limbeck.digest import digest
from limbeck.errors import LimbeckError
from limbeck.evaluation import measure
from limbeck.files import read_json, write_json
from limbeck.networks import NetworkSettings
from limbeck.pipeline.stages.stage import Stage, once
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.start import start_of
from limbeck.recipe import Recipe
from limbeck.recipe.grid import points
from limbeck.version import __version__

FOLDER = "limits"
_BYTES = 4  # of a parameter
_FEWEST_BUCKETS = 1024
_TIMED = 100
"""Rows that a network is timed with."""
_TIME = "time.json"


def within_limits(recipe: Recipe, material: Material) -> Recipe:
    """Return a recipe whose grid has those points whose students keep within `budget.megabytes` and `.milliseconds`.

    A network has the size of its parameters in float32. Its time is that of one validation row on one processor
    thread, measured with untrained weights and kept in the run's folder: a run that goes on measures nothing again.
    Where nobody has said how many buckets a network has, it gets as many as fit.

    Raises:
        LimbeckError: no student keeps within them.
    """
    budget = recipe.budget
    if budget is None or (budget.megabytes is None and budget.milliseconds is None):
        return recipe
    every = [point for _, point in points(recipe.grid)]
    kept: list[dict[str, Any]] = []
    reasons: list[str] = []
    for point in every:
        found, settings, size = _sized(recipe, material, point)
        reason = _too_large(size, budget.megabytes) or _too_slow(settings, material, budget.milliseconds)
        if reason:
            reasons.append(f"{settings.model.name} {reason}")
            continue
        kept.append(found)
        if found != point:
            made = f"{settings.model.name} with buckets={found['model.buckets']}"
            say(f"  {made}: with more of them it takes more than budget.megabytes={budget.megabytes:g}")
    if not kept:
        raise LimbeckError(
            f"no student keeps within it: {'; '.join(reasons)}", where="budget", fix="raise it, or name another student"
        )
    for reason in reasons:
        say(f"  left out of the grid: {reason}")
    return recipe if kept == every else recipe.model_copy(update={"grid": kept})


def _sized(recipe: Recipe, material: Material, point: dict[str, Any]) -> tuple[dict[str, Any], NetworkSettings, float]:
    """Return a point with as many buckets as fit, where their number is open; its settings and its size in MB."""
    assert recipe.budget is not None
    most, student = recipe.budget.megabytes or math.inf, recipe.arm("student")
    settings = student.changed(point, "grid.")
    size = _megabytes(settings, material)
    buckets = getattr(settings.model, "buckets", 0) if _open(recipe, point) else 0
    while size > most and buckets > _FEWEST_BUCKETS:
        buckets //= 2
        point = point | {"model.buckets": buckets}
        settings = student.changed(point, "grid.")
        size = _megabytes(settings, material)
    return point, settings, size


def _open(recipe: Recipe, point: Mapping[str, Any]) -> bool:
    """Return whether nobody has said how many buckets a point's network has, and every arm has that network."""
    if "model" not in point:
        return recipe.buckets_open and not any(key.split(".")[0] == "model" for key in recipe.baseline or {})
    model = point["model"]
    said = model.model_fields_set if isinstance(model, BaseModel) else model if isinstance(model, Mapping) else ()
    return "buckets" not in said and "model.buckets" not in point


def _megabytes(settings: NetworkSettings, material: Material) -> float:
    return _BYTES * sum(each.numel() for each in material.build(settings, seed=0).parameters()) / 1e6


def _too_large(size: float, most: float | None) -> str:
    """Return how far a size is above a limit, or nothing."""
    return "" if most is None or size <= most else f"takes {size:.3g} MB (budget.megabytes={most:g})"


def _too_slow(settings: NetworkSettings, material: Material, most: float | None) -> str:
    """Return how far a network's time is above a limit, or that it has none; or nothing."""
    if most is None:
        return ""
    with nullcontext(material.folder) if material.folder is not None else TemporaryDirectory() as folder:
        try:
            spent = _milliseconds(settings, material, Path(folder) / FOLDER)
        except LimbeckError:
            raise
        except Exception as error:  # whatever the exporter raises for a network that it cannot express
            return f"cannot be exported and timed ({reason_of(error)})"
    return "" if spent <= most else f"takes {spent:.3g} ms (budget.milliseconds={most:g})"


def _milliseconds(settings: NetworkSettings, material: Material, limits: Path) -> float:
    """Return the processor time of one validation row, as a folder has it or measured."""
    view, name = material.view(settings), settings.model.name
    network = material.build(settings, seed=0)
    inputs = {
        "version": __version__,
        "settings": settings.model_dump(mode="json", exclude={"train", "pretrain"}),
        "view": view.digest,
        **start_of(network, settings.model, material, view, title=name),
    }
    # By what it is, not by its place in the grid, from which others may have gone.
    folder = limits / digest({key: value for key, value in inputs.items() if key != "answers"})

    def take(stage: Stage) -> float:
        path = folder / "model.onnx"
        export_onnx(network, path, *view.example)
        spent = measure(view.runner(path), material.samples, latency_repeats=_TIMED, budget_s=1.0).cpu_ms
        path.unlink()
        say(f"  {name}: {spent:.3g} ms")
        write_json(folder / _TIME, {"milliseconds": spent})
        return spent

    return once(folder, inputs, take, lambda _: read_json(folder / _TIME, dict)["milliseconds"])[1]

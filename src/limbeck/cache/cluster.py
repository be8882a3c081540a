"""A teacher that is asked on a cluster: a Ray Data job of batches, actors that hold the teacher, and their answers.

Ray starts an actor again that is lost, and gives its batches to others. The answers come back to this process, which
writes them as it writes those that it has asked for itself: a job that is killed goes on where it stopped.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import numpy as arrays, torch as saved

from limbeck import installed
from limbeck.errors import LimbeckError, first_line
from limbeck.models import let_import
from limbeck.ranks import Ranks
from limbeck.teachers import Teacher
from limbeck.types import Batch, Outputs, tensors

_JOB_BYTES = 1 << 30
"""Of the batches of one job: they wait in the memory of the cluster."""
_LOGITS = "logits"


@dataclass(frozen=True)
class Cluster(Ranks):
    """This process, which has a cluster to ask teachers on that can be sent there; it asks others itself.

    Attributes:
        address: of the cluster, as `ray.init` takes it; empty: what Ray finds, else a local cluster of its own.
        folder: of the recipe, from which modules can be imported on machines that have it.
    """

    address: str = ""
    folder: Path | None = None

    def answers(self, teacher: Teacher, batches: Iterator[Batch]) -> Iterator[tuple[int, Outputs]]:
        """Yield the number of each batch and what the teacher says of it, in the order in which they are answered.

        Args:
            teacher: one that `travels`.
            batches: with `teacher_inputs`.

        Raises:
            LimbeckError: Ray is missing, cannot be reached, or gives up on a batch.
        """
        ray = _ray(self.address)
        actor = {"packed": ray.put(ray.cloudpickle.dumps(teacher)), "folder": self.folder}
        for items in _jobs(batches):
            try:
                for row in _mapped(ray, items, actor).iter_rows():
                    found = saved.load(row["outputs"])
                    yield int(row["number"]), Outputs(found.pop(_LOGITS), found)
            except ray.exceptions.RayError as error:
                fix = "the same line goes on where it stopped; Ray's own log says more"
                raise LimbeckError(f"the Ray job failed ({first_line(error)})", where="--ray", fix=fix) from error


def _jobs(batches: Iterator[Batch]) -> Iterator[list[dict[str, Any]]]:
    """Yield the batches as rows of a dataset, some of them at a time."""
    items: list[dict[str, Any]] = []
    size = 0
    for number, batch in enumerate(batches):
        inputs = {name: value.numpy() for name, value in (batch.teacher_inputs or {}).items()}
        items.append({"number": number, "ids": batch.ids.numpy().tobytes(), "inputs": arrays.save(inputs)})
        size += len(items[-1]["inputs"])
        if size > _JOB_BYTES:
            yield items
            items, size = [], 0
    if items:
        yield items


def _mapped(ray: Any, items: Sequence[dict[str, Any]], actor: dict[str, Any]) -> Any:
    """Return the job of some batches: an actor a GPU, or a processor core where there is none."""
    resources = ray.cluster_resources()
    on_gpu = int(resources.get("GPU", 0))
    pool = ray.data.ActorPoolStrategy(min_size=1, max_size=min(len(items), on_gpu or max(1, int(resources["CPU"]))))
    needs = {"num_gpus": 1} if on_gpu else {"num_cpus": 1}
    parts = min(len(items), 1000)  # a block is what is asked again where an actor is lost
    data = ray.data.from_items(list(items), override_num_blocks=parts)
    return data.map_batches(
        _Answering, fn_constructor_kwargs=actor, batch_size=1, compute=pool, batch_format="numpy", **needs
    )


class _Answering:
    """An actor: holds the teacher, and answers batches."""

    def __init__(self, packed: Any, folder: Path | None) -> None:
        import ray

        let_import(folder)
        # What this very job has sent, not a file from elsewhere.
        self._teacher: Teacher = ray.cloudpickle.loads(ray.get(packed))

    def __call__(self, rows: dict[str, NDArray[Any]]) -> dict[str, Any]:
        ids = torch.from_numpy(np.frombuffer(rows["ids"][0], np.int64).copy())
        batch = Batch(ids, {}, teacher_inputs=tensors(arrays.load(rows["inputs"][0])))
        found = self._teacher.predict(batch)
        outputs = {_LOGITS: found.dense, **found.features}
        packed = saved.save({name: value.cpu().contiguous() for name, value in outputs.items()})
        return {"number": rows["number"], "outputs": np.array([packed], object)}


def _ray(address: str) -> Any:
    """Return the module of Ray, connected.

    Raises:
        LimbeckError: it is not installed, or there is no cluster at the address.
    """
    if find_spec("ray") is None:
        raise LimbeckError("--ray needs Ray", fix=installed.line("ray"))
    import ray
    import ray.data

    if not ray.is_initialized():
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody has asked for anything to be sent
        try:
            ray.init(address=address or None, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ValueError, RuntimeError) as error:
            fix = "start it (ray start --head), or leave the address out for a local one"
            where = f"--ray {address}".strip()
            raise LimbeckError(f"no Ray cluster answers ({first_line(error)})", where=where, fix=fix) from None
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars, context.print_on_execution_start = False, False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    return ray

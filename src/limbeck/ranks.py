"""Several processes that train one network: who am I, what is the sum over all of us, wrap this module.

Start them with `accelerate launch` or `torchrun`. Accelerate finds the device and starts the process group. Wrapping is
torch's own: accelerate refuses FSDP2 on processors, where our tests run, and divides by its own accumulation steps.
"""

import atexit
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

PATIENCE = timedelta(hours=24)
"""How long a process waits for the others: the first one exports, judges and writes while they wait."""


@dataclass(frozen=True)
class Ranks:
    """The processes that work on something together.

    Attributes:
        world: how many there are.
        rank: this one's number, from 0.
    """

    world: int = 1
    rank: int = 0

    @property
    def main(self) -> bool:
        """True in the one process that writes and prints."""
        return self.rank == 0

    def total(self, values: Tensor) -> Tensor:
        """Return the sum over all processes; every process has to ask."""
        if self.world > 1:
            values = values.clone()
            dist.all_reduce(values)
        return values

    def agree(self, decision: bool) -> bool:
        """Return what the main process decided."""
        return bool(self.share(decision))

    def share(self, value: Any) -> Any:
        """Return the main process's value."""
        if self.world == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box)
        return box[0]

    def gather(self, value: Any) -> list[Any]:
        """Return every process's value, by rank."""
        if self.world == 1:
            return [value]
        values: list[Any] = [None] * self.world
        dist.all_gather_object(values, value)
        return values

    def align(self, module: nn.Module) -> None:
        """Give every process the main one's buffers: each has seen other rows, and a batch norm keeps what it saw."""
        if self.world > 1:
            for buffer in module.buffers():
                dist.broadcast(buffer, 0)

    def wait(self) -> None:
        """Return when all processes are here."""
        if self.world > 1:
            dist.barrier()

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """Run a block in the main process, then in the others, which find its files."""
        if not self.main:
            self.wait()
        yield
        if self.main:
            self.wait()

    def wrap(self, module: nn.Module, *, shard: bool) -> nn.Module:
        """Return the module such that a backward pass averages its gradient over all processes.

        Args:
            module: the trainable; its child `student` can be called alone afterwards.
            shard: False copies it to every process (DDP); True shards it (FSDP2), in place.
        """
        if self.world == 1:
            return module
        if not shard:
            return nn.parallel.DistributedDataParallel(module, find_unused_parameters=_may_leave_out(module))
        from torch.distributed.fsdp import fully_shard

        # A unit of its own, so that it can be validated alone; the root gathers what is left: the projectors.
        for unit in (module.get_submodule("student"), module):
            fully_shard(unit, mesh=_mesh())
        return module

    @contextmanager
    def gradient(self, wrapped: nn.Module, *, last: bool) -> Iterator[None]:
        """Around forward and backward of a micro-batch: processes exchange gradients after the last one only."""
        sharded = self.world > 1 and not isinstance(wrapped, nn.parallel.DistributedDataParallel)
        if sharded:
            wrapped.set_requires_gradient_sync(last)  # type: ignore[operator]
        local = self.world > 1 and not last and not sharded
        with wrapped.no_sync() if local else nullcontext():  # type: ignore[operator]
            yield


ALONE = Ranks()
"""For work that one process does by itself, however many there are."""


@cache
def ranks() -> Ranks:
    """Return the processes of this run, one when nothing launched more; starts their group at the first call."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return ALONE
    if not dist.is_initialized():
        # Its functions take the group of the moment for their default, and keep it: so it comes before there is one.
        import torch.distributed.nn.functional
        from accelerate import PartialState  # slow to import, and needed by several processes only

        PartialState(cpu=not torch.cuda.is_available(), timeout=PATIENCE)
        if dist.get_backend() == "gloo":
            atexit.register(_leave)
    return Ranks(world, int(os.environ.get("RANK", "0")))


def _may_leave_out(module: nn.Module) -> bool:
    """Return whether a forward may leave parameters out: one that is neither ours nor torch's.

    Looking for them costs each step a walk through the graph: 0.1 ms of 0.3 for the smallest network, 5 % for a
    transformer of four layers.
    """
    return any(not type(part).__module__.startswith(("limbeck.", "torch.")) for part in module.modules())


@cache
def _mesh() -> Any:
    """Return the processes as what a network is sharded over."""
    return dist.init_device_mesh("cuda" if torch.cuda.is_available() else "cpu", (dist.get_world_size(),))


def _leave() -> None:
    """End gloo's threads while the interpreter is there.

    One that lets go of an exchanged tensor afterwards asks for the interpreter and takes the process down, though all
    work is done (pytorch #190489). Threads end with the last reference to their group: torch's caches keep the mesh of
    a sharded network, and that keeps the group.
    """
    if not dist.is_initialized():
        return
    if _mesh.cache_info().currsize:
        getattr(_mesh(), "_pg_registry", {}).clear()
    dist.destroy_process_group()
    gc.collect()


def whole(value: Tensor) -> Tensor:
    """Return a detached copy of a tensor, put together from all processes when it is sharded."""
    if ranks().world == 1:
        return value.detach().clone()
    from torch.distributed.tensor import DTensor

    return value.full_tensor().detach().clone() if isinstance(value, DTensor) else value.detach().clone()


def as_part_of(value: Tensor, target: Tensor) -> Tensor:
    """Return a whole tensor in the form of `target`: sharded when that is."""
    if ranks().world == 1:
        return value
    from torch.distributed.tensor import DTensor, distribute_tensor

    if isinstance(target, DTensor) and value.shape == target.shape:
        return distribute_tensor(value.to(target.device), target.device_mesh, target.placements)
    return value

"""A peer: a second student, trained beside the first one, each of which is the other one's teacher."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from limbeck.distiller import Distiller
from limbeck.losses import Objective
from limbeck.networks import TrainSettings
from limbeck.optimizer import AdamW, batch_norms, load_optimizer, optimizer_state, slow_down
from limbeck.teachers import MovingNetwork
from limbeck.teachers.moving import MovingPeer, answer
from limbeck.types import Batch, Outputs
from limbeck.update import parameter_groups, take_step


class Peer(MovingNetwork):
    """A network like the student that learns the same batches by the same objective, with the student as its teacher.

    In a step both see the same rows. First the student learns, with the peer's answers; then the peer, with the answers
    that the student gives after its step. With `cross_entropy` and `kd` at temperature 1, each of weight 1, it is the
    paper's: each of two networks minimises its cross-entropy and KL(other || own).

    Source: Zhang, Xiang, Hospedales & Lu, Deep mutual learning, CVPR 2018, arXiv:1706.00384, equations 3 to 5 and
    algorithm 1, for two networks. There a network answers as it is trained, with its dropout and the statistics of the
    batch; here it answers in evaluation mode. The optimizer is AdamW, as the student's is.

    Args:
        network: with first weights of its own; changed in place.
        student: the first one.
        objective: that of the student.
        settings: how both are trained.
        steps: optimizer steps of the whole training.
        seen: see `Distiller`.
    """

    def __init__(
        self,
        network: nn.Module,
        student: nn.Module,
        objective: Objective,
        settings: TrainSettings,
        *,
        steps: int,
        seen: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.module = network
        (self.digest,) = MovingPeer().names
        self._settings, self._steps = settings, steps
        self._distiller = Distiller(network, objective, _Asked(student), seen=seen)
        groups = parameter_groups(self._distiller.trainable, settings)
        self._optimizer = AdamW(groups, weight_decay=settings.weight_decay, fused=True)
        self._norms = [] if settings.average is None else batch_norms(network)

    def follow(self, student: nn.Module, done: int, group: Sequence[Batch]) -> None:
        """Take the peer's own step on the rows of the student's, see `MovingNetwork.follow`."""
        distiller, settings = self._distiller, self._settings
        distiller.trainable.train()
        slow_down(self._norms, settings.average or 0.0, done)
        take_step(distiller, distiller.trainable, self._optimizer, group, done - 1, self._steps, settings)

    def state(self) -> dict[str, Tensor]:
        """Return its weights and its optimizer's state, by name."""
        own = {f"network/{name}": value for name, value in self._distiller.trainable.state_dict().items()}
        return own | {f"optimizer/{name}": value for name, value in optimizer_state(self._optimizer).items()}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Put back what `state` has returned, see `MovingNetwork.load`."""
        parts: dict[str, dict[str, Tensor]] = {"network": {}, "optimizer": {}}
        for key, value in state.items():
            part, name = key.split("/", 1)
            parts[part][name] = value
        self._distiller.trainable.load_state_dict(parts["network"])
        load_optimizer(self._optimizer, parts["optimizer"])

    def finish(self) -> None:
        """Leave the average of its weights, where the settings ask for one, as in the student."""
        with self._optimizer.averaged(), torch.no_grad():
            kept = {name: value.clone() for name, value in self.module.state_dict().items()}
        self.module.load_state_dict(kept)
        self.module.eval()


class _Asked:
    """The student as its peer's teacher: it answers as it is at the moment."""

    def __init__(self, module: nn.Module) -> None:
        self.digest = "student"
        self._module = module

    def predict(self, batch: Batch) -> Outputs:
        """Return the student's logits, see `answer`."""
        return answer(self._module, batch)

"""A live PyTorch teacher."""

import copy
import hashlib
import io
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from limbeck.lastlayer import Factoring
from limbeck.logits import Factored, WholeForm
from limbeck.taps import Taps
from limbeck.types import Batch, Outputs, Tap, best_device, device_of, evaluating


class ModuleTeacher:
    """Asks a module, which stays untouched: evaluation mode while it answers, no gradient, no parameter trained.

    The module's own mode is put back after each answer, because a student may share the teacher's weights.

    Args:
        module: called with the batch's `teacher_inputs`; returns logits (batch, classes) or (batch,
            tokens, classes).
        digest: names its weights; computed from them when None.
        taps: modules whose outputs are wanted too.
        form: of the logits that are wanted: `dense`, or `factored` of a module that ends in a linear layer.

    Raises:
        LimbeckError: the module has no submodule of such a path.
    """

    travels: ClassVar[bool] = True
    """Whether another process can be sent it: it takes the device of that one."""

    def __init__(
        self,
        module: nn.Module,
        digest: str | None = None,
        *,
        taps: Sequence[Tap] = (),
        form: WholeForm = "dense",
    ) -> None:
        self._module = module
        self._taps, self._form = tuple(taps), form
        self._network = self._asked()
        self._shared: dict[torch.device, tuple[Tensor, Tensor | None]] = {}
        self.digest = digest or weights_digest(module)

    def __getstate__(self) -> dict[str, Any]:
        here = self._module
        module = here if device_of(here).type == "cpu" else copy.deepcopy(here).cpu()
        return {**vars(self), "_module": module, "_network": None, "_shared": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._module.to(best_device())
        self._network = self._asked()

    def _asked(self) -> Taps | Factoring:
        """Return the module as it is asked."""
        return Taps(self._module, self._taps) if self._form == "dense" else Factoring(self._module, self._taps)

    def predict(self, batch: Batch) -> Outputs:
        """Return the module's logits and taps, float32, on the batch's device, wherever the module is.

        Of `factored` logits, matrix and bias are the same tensors each time that the device is.

        Raises:
            LimbeckError: a tap cannot be read; `factored` logits are wanted, and no last linear layer gives them.
            ValueError: the batch carries no inputs for a live teacher.
        """
        if batch.teacher_inputs is None:
            raise ValueError("the batch has no teacher_inputs: a live teacher needs its own view of the examples")
        device = device_of(self._module)
        inputs = {name: value.to(device) for name, value in batch.teacher_inputs.items()}
        with evaluating(self._module), torch.no_grad():
            logits, features = self._network(**inputs)
        here = batch.device
        said = self._on(here, logits) if isinstance(logits, Factored) else logits.float().to(here)
        return Outputs(said, {name: value.float().to(here) for name, value in features.items()})

    def _on(self, device: torch.device, logits: Factored) -> Factored:
        """Return logits on a device, to which matrix and bias are copied once."""
        if device not in self._shared:
            bias = None if logits.bias is None else logits.bias.to(device)
            self._shared[device] = (logits.matrix.to(device), bias)
        return Factored(logits.hidden.to(device), *self._shared[device])


def weights_digest(module: nn.Module) -> str:
    """Return 16 hex digits that name a module's parameters, buffers and whatever else its state holds."""
    return tensors_digest(module.state_dict())


def tensors_digest(tensors: Mapping[str, Any]) -> str:
    """Return 16 hex digits that name tensors, with their names, types and shapes."""
    state = hashlib.blake2b(digest_size=8)
    for name, value in sorted(tensors.items()):
        if isinstance(value, Tensor):
            state.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        else:
            state.update(f"{name} {type(value).__name__}".encode())
        state.update(_bytes(value))
    return state.hexdigest()


def _bytes(value: Any) -> bytes:
    if isinstance(value, Tensor) and value.layout == torch.strided and not value.is_quantized:
        whole = value.detach().cpu().resolve_conj().resolve_neg()
        # Flattened first: a tensor without axes cannot be viewed as bytes.
        return whole.flatten().view(torch.uint8).numpy().tobytes()
    # A sparse or quantized tensor, the packed weights of a quantized layer, or a module's own extra state.
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()

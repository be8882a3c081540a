"""How large the tensors are that some operations make."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Largest(TorchDispatchMode):
    """Within it, how many numbers the largest tensor has that an operation makes, backward passes included.

    A view of another tensor makes none.
    """

    numbers = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        given = {part.untyped_storage().data_ptr() for part in tree_leaves((args, kwargs)) if torch.is_tensor(part)}
        for part in tree_leaves(made):
            if torch.is_tensor(part) and part.untyped_storage().data_ptr() not in given:
                self.numbers = max(self.numbers, part.numel())
        return made

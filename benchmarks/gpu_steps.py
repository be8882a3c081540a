"""What `gpu.py` measures with: logits in another arithmetic, and steps that have nothing to read."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from limbeck.runtime.rows import Rows
from limbeck.types import best_device, device_of


def clocked(work: Callable[[], Any]) -> float:
    """Return the seconds that work takes on the device."""
    wait()
    start = time.perf_counter()
    work()
    wait()
    return time.perf_counter() - start


def wait() -> None:
    """Return when the GPU has nothing left to do."""
    if best_device().type == "cuda":
        torch.cuda.synchronize()


def directly(network: nn.Module, rows: Rows, dtype: torch.dtype | None) -> Tensor:
    """Return logits as torch computes them by default, or in another precision."""
    place, found = device_of(network), []
    network.eval()
    with torch.inference_mode(), torch.autocast(place.type, dtype or torch.bfloat16, enabled=dtype is not None):
        for start in range(0, len(rows), 250):
            batch = rows.batch(np.arange(start, min(start + 250, len(rows))))
            found.append(network(**{name: torch.from_numpy(value).to(place) for name, value in batch.items()}).float())
    return torch.cat(found).cpu()


def apart(one: Tensor, exact: Tensor) -> dict[str, float]:
    """Return how far logits are from exact ones: at most, of their standard deviation, and in decisions."""
    most = float((one - exact).abs().max())
    agreement = float((one.argmax(1) == exact.argmax(1)).float().mean())
    return {"largest_error": most, "of_deviation": most / float(exact.std()), "agreement": agreement}


def bare(network: nn.Module, batch: int) -> dict[str, float]:
    """Return the seconds of a step on images that lie on the device: what no way of reading them can beat."""
    place = best_device()
    pixels = torch.randint(0, 256, (batch, 32, 32, 3), dtype=torch.uint8, device=place)
    labels = torch.randint(0, 10, (batch,), device=place)
    found = {}
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        for layout in (torch.contiguous_format, torch.channels_last):
            network.train().to(memory_format=layout)
            optimizer = torch.optim.AdamW(network.parameters(), 1e-3, fused=True)

            def step() -> None:
                with torch.autocast(place.type, torch.bfloat16, enabled=dtype is torch.bfloat16):  # noqa: B023
                    loss = F.cross_entropy(network(pixels=pixels), labels)
                loss.backward()
                optimizer.step()  # noqa: B023
                optimizer.zero_grad()  # noqa: B023

            step()
            count = 50 if place.type == "cuda" else 1
            seconds = clocked(lambda: [step() for _ in range(count)])  # noqa: B023
            found[name + "_channels_last" * (layout is torch.channels_last)] = seconds / count
    return found

"""Train the example in `WORLD_SIZE` processes on the same batches of 8; the first process writes the weights."""

import os
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from test_hf_trainer import SPLITS, example, trained


def main(folder: str) -> None:
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    SPLITS[0] = (2, 4 // processes)
    if processes > 1:
        quiet = example.arguments
        example.arguments = lambda *args, **changes: quiet(*args, ddp_backend="gloo", **changes)
    weights = trained(folder, 0)
    if os.environ.get("RANK", "0") == "0":
        save_file(weights, str(Path(folder) / f"{processes}.safetensors"))
    if processes > 1:
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1])

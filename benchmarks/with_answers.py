"""The command `limbeck`, which also keeps what each model of a run answered to the test rows.

    python benchmarks/with_answers.py run RECIPE [KEY=VALUE ...] --out FOLDER

Writes `answers.npz` beside the run's folder, when the test split is opened: `truth`, and by model the class that it
decides for with the first seed, (rows,) int64 each.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from limbeck.cli import main
from limbeck.pipeline import order
from limbeck.pipeline.judging.models import judged_models


def answers_of(folder: Path) -> Path:
    """Return where the answers of a run are."""
    return folder.with_name(f"{folder.name}-answers.npz")


def keep_answers(path: Path) -> None:
    """Have the run of this process write them."""
    asked = order.answer_test

    def kept(run: Any, **among: Any) -> Any:
        said = asked(run, **among)
        models = judged_models(run, said)
        first = {name: model.sheets[next(iter(model.sheets))] for name, model in models.items()}
        truth = first["teacher"]["labels"]
        np.savez_compressed(path, truth=truth, **{name: sheet["decided"] for name, sheet in first.items()})
        return said

    order.answer_test = kept


if __name__ == "__main__":
    keep_answers(answers_of(Path(sys.argv[sys.argv.index("--out") + 1])))
    main()

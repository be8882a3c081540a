"""Networks that are trained side by side are those that are trained one after the other."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tiny import recipe, write_csv

from limbeck.errors import LimbeckError
from limbeck.pipeline import order, run, side_by_side
from limbeck.ranks import Ranks
from limbeck.recipe import Recipe, parse_recipe

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def wanted(folder: Path, **changes) -> Recipe:
    values = recipe(write_csv(folder / "rows.csv", 180), **{"seeds": [0, 1, 2], **changes})
    values["student"]["model"] |= {"dropout": 0.3, "ngram_dropout": 0.3}
    return parse_recipe(values, "test")


def weights(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("model.safetensors")}


def killed(*_):
    """What a worker does whose memory ran out; by its name, so that a new process finds it."""
    os.kill(os.getpid(), signal.SIGKILL)


def test_the_same_networks_and_the_same_result(tmp_path: Path, monkeypatch, capsys) -> None:
    settings = wanted(tmp_path, seeds=[0, 1], grid={"train.lr": [0.01, 0.03]})
    one = run(settings, tmp_path / "one")
    found = []

    def train_arm(name, recipe, material, answers, folder, target):
        found.append([name, weights(folder)])
        return order_train_arm(name, recipe, material, answers, folder, target)

    order_train_arm = order.train_arm
    monkeypatch.setattr(order, "train_arm", train_arm)
    capsys.readouterr()
    two = run(settings, tmp_path / "two", jobs=4)
    expected = weights(tmp_path / "one")
    # The teacher, two points of the grid with the first seed, and the winner with the other.
    assert len(expected) == 1 + 2 * 2 + 2 * 1
    assert found == [["student", expected], ["baseline", expected]], "all was there when the run came to its arms"
    assert one.evaluation.gain == two.evaluation.gain
    assert one.evaluation.student.settings == two.evaluation.student.settings
    said = capsys.readouterr().out
    assert "2 processes, 1 thread each" in said, "no more than there are networks at a time"
    assert "baseline, seed 1: done after" in said
    assert said.replace("\n", "") == (tmp_path / "two/train.log").read_text().replace("\n", "")


def test_arms_of_one_pretraining_are_trained_by_one_process(tmp_path: Path) -> None:
    plain = wanted(tmp_path)
    assert side_by_side._phases(plain) == [
        [(("student",), [0]), (("baseline",), [0])],
        [(("student",), [0, 1]), (("baseline",), [0, 1]), (("student",), [0, 2]), (("baseline",), [0, 2])],
    ]
    pretrained = wanted(tmp_path, baseline={"model": {"name": "bigru", "hidden": 3}, "pretrain": {"negatives": 4}})
    both = ("student", "baseline")
    assert side_by_side._phases(pretrained) == [[(both, [0])], [(both, [0, 1]), (both, [0, 2])]]
    assert side_by_side._phases(wanted(tmp_path, seeds=[5], baseline=False)) == [[(("student",), [5])], []]


def test_an_error_of_a_training_is_the_runs(tmp_path: Path) -> None:
    said = []
    for jobs in (1, 2):
        with pytest.raises(LimbeckError) as caught:
            run(wanted(tmp_path, seeds=[0], grid={"train.lr": [1e30]}), tmp_path / str(jobs), jobs=jobs)
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_a_worker_that_is_killed_ends_the_run_and_the_same_line_goes_on(tmp_path: Path, monkeypatch) -> None:
    settings = wanted(tmp_path, seeds=[0])
    with monkeypatch.context() as patch:
        patch.setattr(side_by_side, "_work", killed)
        with pytest.raises(LimbeckError, match="a training process was killed; run again, with fewer of them"):
            run(settings, tmp_path / "run", jobs=2)
    assert len(weights(tmp_path / "run")) == 1
    assert run(settings, tmp_path / "run").evaluation.seeds == [0]


def test_workers_end_with_a_run_that_is_killed(tmp_path: Path) -> None:
    settings = wanted(tmp_path, seeds=[0])
    run(settings, tmp_path / "run")
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from limbeck.pipeline import side_by_side\n"
        "from limbeck.recipe import load_recipe\n"
        "if __name__ == '__main__':\n"
        "    folder = Path(sys.argv[1])\n"
        "    recipe = load_recipe(str(folder / 'recipe.yaml'), [])\n"
        "    with side_by_side._workers(recipe, folder, 2, ()) as (workers, tasks, told):\n"
        "        tasks.put((('student',), [0]))\n"
        "        told.get()\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    (tmp_path / "killed.py").write_text(code)
    line = [sys.executable, str(tmp_path / "killed.py"), str(tmp_path / "run")]
    # The pipe is at its end when nobody holds it any more, neither the run nor a worker.
    ended = subprocess.run(line, stdout=subprocess.PIPE, timeout=120, check=False)
    assert ended.returncode == -signal.SIGKILL


def test_ctrl_c_is_the_runs_business(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("limbeck.interrupt._noted", [signal.SIGINT])
    with pytest.raises(KeyboardInterrupt):
        side_by_side._wait(1, [], None)


def test_processes_that_train_each_network_together_have_no_workers(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(order, "ranks", lambda: Ranks(2, 0))
    with pytest.raises(LimbeckError, match="several processes train each network already; leave it out"):
        run(wanted(tmp_path), tmp_path / "run", jobs=2)
    assert not (tmp_path / "run").exists()

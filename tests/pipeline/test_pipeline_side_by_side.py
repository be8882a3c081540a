"""Networks that are trained side by side are those that are trained one after the other."""

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from tiny import recipe, write_csv

from limbeck import trainer
from limbeck.data import load_splits
from limbeck.errors import LimbeckError
from limbeck.pipeline import order, run
from limbeck.pipeline.training import side_by_side
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


def dies(*arguments):
    """A worker that is killed after the baseline's first checkpoint; a new process finds it by its name."""
    save = trainer.save_checkpoint

    def save_and_die(path, *rest):
        save(path, *rest)
        if "baseline" in str(path):
            os.kill(os.getpid(), signal.SIGKILL)

    trainer.CHECKPOINT_EVERY_S, trainer.save_checkpoint = -1.0, save_and_die
    side_by_side._work(*arguments)


def leaves(*_):
    sys.exit(3)


@pytest.mark.usefixtures("quick_export")
def test_the_same_networks_and_the_same_result(tmp_path: Path, monkeypatch, capsys) -> None:
    settings = wanted(tmp_path, seeds=[0, 1], grid={"train.lr": [0.01, 0.03]})
    one = run(settings, tmp_path / "one")
    found = []

    def train_arm(name, recipe, material, answers, folder, until):
        found.append([name, weights(folder)])
        return order_train_arm(name, recipe, material, answers, folder, until)

    order_train_arm = order.train_arm
    monkeypatch.setattr(order, "train_arm", train_arm)
    capsys.readouterr()
    two = run(settings, tmp_path / "two", jobs=4)
    expected = weights(tmp_path / "one")
    # The teacher, two points of the grid with the first seed, and the winner with the other.
    assert len(expected) == 1 + 2 * 2 + 2 * 1
    assert found == [["student", expected], ["baseline", expected]], "all was there when the run came to its arms"
    assert one.evaluation.gain == two.evaluation.gain
    assert one.evaluation.models["student"].settings == two.evaluation.models["student"].settings
    said = capsys.readouterr().out
    assert "2 processes, 1 thread each" in said, "no more than there are networks at a time"
    assert "baseline, seed 1: done after" in said
    assert said.replace("\n", "") == (tmp_path / "two/train.log").read_text().replace("\n", "")


def test_arms_of_one_pretraining_are_trained_by_one_process(tmp_path: Path) -> None:
    grid = {"train.lr": [0.01, 0.03]}
    plain = wanted(tmp_path, grid=grid)
    assert side_by_side._phases(plain) == [
        [(("student",), [0]), (("baseline",), [0])],
        [(("student",), [0, 1]), (("baseline",), [0, 1]), (("student",), [0, 2]), (("baseline",), [0, 2])],
    ]
    pretrained = {"baseline": {"model": {"name": "bigru", "hidden": 3}, "pretrain": {"negatives": 4}}}
    both = ("student", "baseline")
    assert side_by_side._phases(wanted(tmp_path, grid=grid, **pretrained)) == [
        [(both, [0])],
        [(both, [0, 1]), (both, [0, 2])],
    ]
    assert side_by_side._phases(wanted(tmp_path, **pretrained)) == [[(both, [0]), (both, [1]), (both, [2])]]


def test_without_a_grid_no_seed_waits_for_another(tmp_path: Path) -> None:
    """Nothing is chosen with the first one, so that all networks may be trained at a time."""
    arms = (("student",), ("baseline",))
    assert side_by_side._phases(wanted(tmp_path)) == [[(arm, [seed]) for seed in (0, 1, 2) for arm in arms]]
    assert side_by_side._phases(wanted(tmp_path, seeds=[5], baseline=False)) == [[(("student",), [5])]]


def test_a_planned_run_trains_two_small_students_at_a_time(tmp_path: Path, monkeypatch) -> None:
    """Nobody says how many: it is planned for two cores, and each network takes one, and long enough."""
    torch.set_num_threads(2)

    def usual(*grid) -> int:
        return side_by_side.usual_jobs(wanted(tmp_path, grid=list(grid)))

    solved, small = {"model": "linear"}, {"train.threads": 1, "train.steps": 1000}
    assert usual(small, solved) == 2
    assert usual({"train.threads": 1, "train.epochs": 0.1}) == 2, "nobody knows how many steps that are"
    assert usual(small | {"train.steps": 999}, solved) == 1, "it ends before the processes have started"
    assert usual(small | {"train.steps": 999}, small) == 2
    assert usual(solved) == 1
    assert usual(small | {"train.threads": 2}, solved) == 1
    assert usual({"train.steps": 1000}, small) == 1, "one takes all threads"
    with monkeypatch.context() as several:
        several.setattr(side_by_side, "ranks", lambda: Ranks(world=2))
        assert usual(small) == 1
    torch.set_num_threads(1)
    assert usual(small) == 1, "there is one core"


def test_the_command_leaves_the_number_to_a_planned_run(tmp_path: Path, monkeypatch) -> None:
    asked, seen = [], []
    monkeypatch.setattr(order, "train_side_by_side", lambda recipe, out, jobs, *_: asked.append(jobs))
    monkeypatch.setattr(order, "usual_jobs", lambda recipe: seen.append(recipe) or 2)

    def complete(recipe, material, make):
        return recipe.model_copy(update={"budget": None, "name": "planned"}), material

    monkeypatch.setattr(order, "within_budget", complete)
    planned = {"seeds": [0], "budget": {"minutes": 10}}
    run(wanted(tmp_path, **planned), tmp_path / "one")
    run(wanted(tmp_path, seeds=[0]), tmp_path / "two", jobs=None)
    assert asked == []
    run(wanted(tmp_path, **planned), tmp_path / "three", jobs=None)
    assert asked == [2]
    assert [recipe.name for recipe in seen] == ["planned"]
    given = order.material_of(wanted(tmp_path))
    run(wanted(tmp_path, **planned), tmp_path / "four", jobs=None, material=lambda recipe: given)
    assert asked == [2], "no other process could make these rows"


@pytest.mark.slow
def test_an_error_of_a_training_is_the_runs(tmp_path: Path) -> None:
    said = []
    # One arm only: of two that fail, side by side, either may be the first.
    settings = wanted(tmp_path, seeds=[0], baseline={"train.lr": 1e9, "train.weight_decay": 1e9})
    for jobs in (1, 2):
        with pytest.raises(LimbeckError) as caught:
            run(settings, tmp_path / str(jobs), jobs=jobs)
        said.append(str(caught.value))
    assert said[0] == said[1]
    assert "baseline, seed 0" in said[0]


@pytest.mark.slow
def test_a_worker_that_is_killed_ends_the_run_and_the_same_line_goes_on(tmp_path: Path, monkeypatch) -> None:
    settings = wanted(tmp_path, seeds=[0])
    with monkeypatch.context() as patch:
        patch.setattr(side_by_side, "_work", dies)
        with pytest.raises(
            LimbeckError, match=r"trained baseline, seed 0 was killed \(SIGKILL\); run again, with fewer"
        ):
            run(settings, tmp_path / "killed", jobs=2)
    assert not multiprocessing.active_children()
    assert (tmp_path / "killed/baseline/seed-0/checkpoint.safetensors").is_file()
    run(settings, tmp_path / "killed", jobs=2)
    assert not multiprocessing.active_children()
    run(settings, tmp_path / "whole")
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")


@pytest.mark.slow
def test_a_worker_that_ends_without_a_word(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(side_by_side, "_work", leaves)
    with pytest.raises(LimbeckError, match="a training process ended with code 3"):
        side_by_side.train_side_by_side(wanted(tmp_path), tmp_path / "run", 2, side_by_side.Known("", ""))
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_a_worker_that_finds_other_data_touches_nothing(tmp_path: Path) -> None:
    settings = wanted(tmp_path, seeds=[0])
    run(settings, tmp_path / "run")
    before = weights(tmp_path / "run")
    (tmp_path / "rows.csv").write_text((tmp_path / "rows.csv").read_text().replace("film", "movie"))
    known = side_by_side.Known(load_splits(settings.data, settings.task).digest[:-1], "")
    with pytest.raises(LimbeckError, match="the data changed while the run was at work"):
        side_by_side.train_side_by_side(settings, tmp_path / "run", 2, known)
    assert weights(tmp_path / "run") == before


@pytest.mark.slow
def test_workers_end_with_a_run_that_is_killed(tmp_path: Path) -> None:
    settings = wanted(tmp_path, seeds=[0])
    run(settings, tmp_path / "run")
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from limbeck.data import load_splits\n"
        "from limbeck.pipeline.training import side_by_side\n"
        "from limbeck.recipe import load_recipe\n"
        "if __name__ == '__main__':\n"
        "    folder = Path(sys.argv[1])\n"
        "    recipe = load_recipe(str(folder / 'recipe.yaml'), [])\n"
        "    known = side_by_side.Known(load_splits(recipe.data, recipe.task).digest, '')\n"
        "    with side_by_side._workers(recipe, folder, 2, 1, known, ()) as (workers, tasks, told):\n"
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


def test_ctrl_c_waits_while_workers_are_started(monkeypatch) -> None:
    """They inherit what is blocked: while one imports torch, it would print a traceback."""
    done, started = [], []

    def interrupted():
        with side_by_side._without_ctrl_c():
            os.kill(os.getpid(), signal.SIGINT)
            done.append(True)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert done

    class Worker:
        pid = None

        def start(self):
            started.append(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))

    context = SimpleNamespace(Process=lambda **_: Worker(), Queue=lambda: None)
    monkeypatch.setattr(multiprocessing, "get_context", lambda _: context)
    wanted = SimpleNamespace(model_dump=lambda mode: {})
    with side_by_side._workers(wanted, Path(), 2, 1, None, []):
        assert started == [True, True]
        assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_processes_that_train_each_network_together_have_no_workers(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(order, "ranks", lambda: Ranks(2, 0))
    with pytest.raises(LimbeckError, match="several processes train each network already; leave it out"):
        run(wanted(tmp_path), tmp_path / "run", jobs=2)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("jobs", "made"), [(0, None), (-1, None), (2, lambda: None)])
def test_jobs_that_cannot_be(tmp_path: Path, jobs, made) -> None:
    with pytest.raises(ValueError, match="jobs="):
        run(wanted(tmp_path), tmp_path / "run", jobs=jobs, material=made)
    assert not (tmp_path / "run").exists()

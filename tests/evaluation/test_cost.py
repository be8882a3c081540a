import os

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from limbeck.errors import LimbeckError
from limbeck.evaluation import measure, measure_all
from limbeck.evaluation.cost import BATCH
from limbeck.evaluation.records import Cost

TEXTS = [f"text {k}" for k in range(100)]


class Machine:
    """Two clocks that only models move: processor and wall; `disturbed` says how much slower the wall is at a call."""

    def __init__(self):
        self.cpu = self.wall = 0.0
        self.disturbed = lambda call: 1.0
        self.calls = []

    def model(self, name, seconds):
        def predict(texts):
            assert isinstance(texts, list)
            self.calls.append((name, len(texts), texts[0]))
            spent = seconds(len(texts), len(self.calls))
            self.cpu += spent
            self.wall += spent * self.disturbed(len(self.calls))

        return predict

    def of(self, name, size):
        return [text for who, count, text in self.calls if (who, count) == (name, size)]


@pytest.fixture
def machine(monkeypatch):
    machine = Machine()
    monkeypatch.setattr("limbeck.evaluation.cost.perf_counter", lambda: machine.wall)
    monkeypatch.setattr("limbeck.evaluation.cost.process_time", lambda: machine.cpu)
    monkeypatch.setattr("limbeck.evaluation.cost.SAMPLE_S", 1e-3)  # other tests have no time for that
    return machine


def cost(speed):
    return Cost(parameters=1, size_bytes=1, **speed.figures)


def test_milliseconds_and_texts_per_second(machine):
    speed = measure(machine.model("m", lambda size, _: 0.001 + 0.0001 * size), TEXTS)
    expected = {"cpu_ms": 1.1, "latency_ms": 1.1, "throughput_per_s": BATCH / 0.0074, "wall_per_cpu": 1.0}
    assert speed.figures == pytest.approx(expected)
    assert not cost(speed).busy


def test_a_pause_and_a_slow_first_call_do_not_count(machine):
    def seconds(size, call):
        return 0.05 if call in (1, 3, 30) else 0.001 * size

    speed = measure(machine.model("m", seconds), TEXTS)
    assert (speed.cpu_ms, speed.throughput_per_s) == pytest.approx((1.0, 1000.0))


def test_another_program_moves_wall_time_and_no_ratio(machine):
    """Beside something that takes turns on the core: half of the calls take three times as long by the wall."""

    def timed():
        speeds = measure_all(
            {"teacher": machine.model("t", lambda *_: 0.01), "student": machine.model("s", lambda *_: 5e-5)}, TEXTS
        )
        return cost(speeds["teacher"]), cost(speeds["student"])

    teacher, student = timed()
    assert teacher.time_ms / student.time_ms == pytest.approx(200)
    turns = np.random.default_rng(0).integers(0, 2, 100_000)
    machine.disturbed = lambda call: 7.0 if turns[call] else 1.0
    late_teacher, late_student = timed()
    assert late_teacher.time_ms / late_student.time_ms == pytest.approx(200)
    assert late_student.busy
    assert late_student.wall_per_cpu == pytest.approx(4, abs=0.3)
    assert late_teacher.latency_ms == pytest.approx(10), "the 10th percentile is of calls that were left alone"
    assert late_student.latency_ms > 2 * student.latency_ms
    machine.disturbed = lambda call: 1.25
    assert not any(one.busy for one in timed())


def test_a_quick_call_is_repeated_until_the_clock_can_tell(machine):
    measure(machine.model("m", lambda size, _: 2e-5 * size), TEXTS, latency_repeats=10)
    first = machine.of("m", 1)[2:]  # after the warm-up
    assert first == [text for text in TEXTS[:10] for _ in range(50)]
    assert machine.of("m", BATCH)[1:3] == [TEXTS[0], TEXTS[0]], "1.28 ms need no repetition"
    assert len(machine.of("m", BATCH)) == 2 + 40


def test_the_budget_bounds_the_time(machine):
    measure(machine.model("m", lambda size, _: 0.01 * size), TEXTS, budget_s=2.0)
    assert machine.cpu < 2.0 + 2 * 0.64 + 0.2


def test_a_slow_model_is_called_twice_at_each_size(machine):
    speed = measure(machine.model("m", lambda size, _: 10.0 * size), TEXTS, budget_s=2.0)
    assert [size for _, size, _ in machine.calls] == [1, BATCH, 1, BATCH]
    assert (speed.cpu_ms, speed.throughput_per_s) == pytest.approx((10_000, 0.1))


def test_models_alternate_and_see_the_same_texts(machine):
    models = {name: machine.model(name, lambda _size, _call: 1e-3) for name in "abc"}
    measure_all(models, TEXTS)
    turns = []
    for who, _, _ in machine.calls[12:]:  # after the warm-up
        if not turns or turns[-1] != who:
            turns.append(who)
    assert "".join(turns) == "abcbabcbabcbabcbabcba"  # neighbours at the turning points run together
    for size in (1, BATCH):
        assert machine.of("a", size) == machine.of("b", size) == machine.of("c", size)
    assert len(set(machine.of("a", 1))) > 50


def test_drift_hits_all_models_alike(machine):
    def slowing(_size, call):
        return 0.001 * (1 + call / 1000)  # by half from first to last call

    speeds = measure_all({name: machine.model(name, slowing) for name in "ab"}, TEXTS)
    assert speeds["a"].cpu_ms == pytest.approx(speeds["b"].cpu_ms, rel=0.03)
    assert speeds["a"].throughput_per_s == pytest.approx(speeds["b"].throughput_per_s, rel=0.03)


def test_a_share_is_of_the_same_texts(machine):
    """One model is so slow that it is timed with a fifth of the texts, which are the short ones."""
    long = {text: 1 + index // 20 for index, text in enumerate(TEXTS)}

    def model(name, unit):
        def predict(texts):
            machine.calls.append((name, len(texts), texts[0]))
            machine.cpu += unit * sum(long[text] for text in texts)

        return predict

    speeds = measure_all({"slow": model("slow", 0.1), "quick": model("quick", 0.001)}, TEXTS, latency_repeats=100)
    assert len(speeds["slow"].samples) < len(speeds["quick"].samples)
    assert speeds["slow"].share_of(speeds["quick"]) == pytest.approx(100)


def test_every_library_is_held_to_one_thread_and_let_go(monkeypatch):
    monkeypatch.delenv("TOKENIZERS_PARALLELISM", raising=False)
    seen = set()

    def predict(texts):
        seen.update({os.environ["TOKENIZERS_PARALLELISM"], *(pool["num_threads"] for pool in threadpool_info())})

    with threadpool_limits(2):
        before = [pool["num_threads"] for pool in threadpool_info()]
        measure(predict, TEXTS, latency_repeats=1)
        assert seen == {"false", 1}
        assert [pool["num_threads"] for pool in threadpool_info()] == before
    assert "TOKENIZERS_PARALLELISM" not in os.environ


def test_one_text_is_enough_and_none_is_not(machine):
    predict = machine.model("m", lambda _size, _call: 0.0)  # faster than the clock
    assert measure(predict, ["only"], latency_repeats=10).cpu_ms == 0
    with pytest.raises(LimbeckError, match="no text"):
        measure(predict, [])

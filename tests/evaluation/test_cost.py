import pytest

from limbeck.errors import LimbeckError
from limbeck.evaluation import measure, measure_all
from limbeck.evaluation.cost import BATCH

TEXTS = [f"text {k}" for k in range(100)]


class Machine:
    """A clock that only models move."""

    def __init__(self):
        self.now = 0.0
        self.calls = []

    def model(self, name, seconds):
        def predict(texts):
            assert isinstance(texts, list)
            self.calls.append((name, len(texts), texts[0]))
            self.now += seconds(len(texts), len(self.calls))

        return predict

    def of(self, name, size):
        return [text for who, count, text in self.calls if (who, count) == (name, size)]


@pytest.fixture
def machine(monkeypatch):
    machine = Machine()
    monkeypatch.setattr("limbeck.evaluation.cost.perf_counter", lambda: machine.now)
    return machine


def test_milliseconds_and_texts_per_second(machine):
    speed = measure(machine.model("m", lambda size, _: 0.001 + 0.0001 * size), TEXTS)
    assert speed == pytest.approx((1.1, BATCH / 0.0074))
    assert (speed.latency_ms, speed.throughput_per_s) == speed


def test_a_pause_and_a_slow_first_call_do_not_count(machine):
    def seconds(size, call):
        return 0.5 if call <= 2 or call == 30 else 0.001 * size

    assert measure(machine.model("m", seconds), TEXTS) == pytest.approx((1.0, 1000.0))


def test_the_budget_bounds_the_time(machine):
    measure(machine.model("m", lambda size, _: 0.01 * size), TEXTS, budget_s=2.0)
    assert machine.now < 2.0 + 2 * 0.64 + 0.2


def test_a_slow_model_is_called_twice_at_each_size(machine):
    speed = measure(machine.model("m", lambda size, _: 10.0 * size), TEXTS, budget_s=2.0)
    assert [size for _, size, _ in machine.calls] == [1, BATCH, 1, BATCH]
    assert speed == pytest.approx((10_000, 0.1))


def test_a_fast_model_stops_at_the_repeats(machine):
    measure(machine.model("m", lambda _size, _call: 1e-6), TEXTS, latency_repeats=50)
    assert len(machine.of("m", 1)) == 1 + 50
    assert len(machine.of("m", BATCH)) == 1 + 40


def test_models_alternate_and_see_the_same_texts(machine):
    models = {name: machine.model(name, lambda _size, _call: 1e-6) for name in "abc"}
    measure_all(models, TEXTS)
    turns = []
    for who, _, _ in machine.calls[6:]:  # after the warm-up
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
    assert speeds["a"].latency_ms == pytest.approx(speeds["b"].latency_ms, rel=0.03)
    assert speeds["a"].throughput_per_s == pytest.approx(speeds["b"].throughput_per_s, rel=0.03)


def test_one_text_is_enough_and_none_is_not(machine):
    predict = machine.model("m", lambda _size, _call: 0.0)  # faster than the clock
    assert measure(predict, ["only"]).latency_ms == 0
    with pytest.raises(LimbeckError, match="no text"):
        measure(predict, [])

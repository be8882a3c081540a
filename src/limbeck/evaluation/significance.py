"""Did it help? The gain of the student over its baseline, how sure it is, and the verdict."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from limbeck.errors import LimbeckError
from limbeck.evaluation.metric import Metric, total
from limbeck.evaluation.records import Difference, Gain, Verdict

SWAPS = 100_000
RESAMPLES = 10_000
LEVEL = 0.05
_SEED = 20_240_229  # of the tests' own draws, unrelated to training seeds: the same inputs give the same numbers
_CELLS = 4_000_000  # most numbers held at once by a test: 32 MB
_OFTEN = 16  # from so many examples of one pattern on, one binomial draw costs less than a draw an example
_FEW = 100  # patterns: all are drawn so
_ROUNDING = 1e-9  # far less than one answer changes a metric; of values, relative to their size


def compare(
    student: NDArray,
    baseline: NDArray,
    metric: Metric,
    *,
    _swaps: int = SWAPS,
    _resamples: int = RESAMPLES,
    _seed: int = _SEED,
) -> Gain:
    """Compare two arms, trained with the same seeds, on the same test examples.

    Where several examples are one unit, such as texts that look alike, give the sums of their parts (`by_unit`):
    "examples" are units then.

    The statistic is the mean over seeds of the metric, student minus baseline, with the sign that makes more better.
    Seeds are never pooled as if they were
    examples.

    - `p_value`: two-sided swap test. A swap exchanges an example's answers between the two arms, for all seeds at once
      (seed k with seed k); every set of swaps is as likely where the teacher makes no difference. For a mean over
      examples, such as accuracy, this is the sign-flip test. It judges the networks at hand: it does not see that other
      seeds would have given other networks; the interval and `p_seeds` do.
    - `p_seeds`: two-sided t-test of Welch (1947, "The Generalization of 'Student's' Problem when Several Different
      Population Variances Are Involved") over the arms' metric by seed: would other seeds have given the gain too? The
      interval asks that as well, but a bootstrap of a few seeds has too short tails. None with one seed, and where
      every seed of either arm has the same value (networks that do not depend on it): without any spread there is
      nothing to test. The seeds then raise no doubt, and the examples decide.
    - `ci95`: percentile bootstrap over examples and, independently per arm, over seeds. An arm of S seeds is resampled
      with S - 1 draws, which makes the variance between seeds unbiased (McCarthy and Snowden 1985, "The Bootstrap and
      Finite Population Sampling"); S draws understate it by (S - 1) / S, a third for three seeds. One seed has no
      variance to resample: the interval is then about that one training only.
    - `per_seed`: seed by seed.

    Args:
        student: `(seeds, examples, k)`, the metric's parts.
        baseline: the same of the other arm.
        metric: what is compared.

    Returns:
        Fractions of the metric in [-1, 1] (0.01 is one point), nats, or the values' unit; `p_value` and
        `p_seeds` in (0, 1]; equal for equal inputs.

    Raises:
        LimbeckError: on empty, misshapen or unequal input.
    """
    student, baseline = np.asarray(student), np.asarray(baseline)
    if student.ndim != 3 or 0 in student.shape or student.shape != baseline.shape:
        raise LimbeckError(
            f"two arms need parts of one form, (seeds, examples, k): got {student.shape} and {baseline.shape}",
            where="significance",
        )
    student, baseline = _small(student), _small(baseline)
    by_seed, by_baseline = (metric.sign * metric.of(total(arm, axis=1)) for arm in (student, baseline))
    unit = _unit(metric, np.concatenate([by_seed, by_baseline]))
    drawn = metric.sign * _bootstrap(student, baseline, metric, _resamples, _seed)
    low, high = np.quantile(drawn, [LEVEL / 2, 1 - LEVEL / 2])
    return Gain(
        metric=metric.name,
        mean=float(by_seed.mean() - by_baseline.mean()),
        ci95=(float(low), float(high)),
        p_value=_swap_test(student, baseline, metric, _swaps, _seed, unit),
        p_seeds=_welch(by_seed / unit, by_baseline / unit, student.shape[1]),
        per_seed=(by_seed - by_baseline).tolist(),
    )


def difference(one: NDArray, other: NDArray, metric: Metric) -> Difference:
    """Return one model minus another, with sign and interval of `compare`; they may differ in the number of seeds.

    Args:
        one: `(seeds, examples, k)`, the metric's parts.
        other: of the same examples; a model that was trained once has one seed.
        metric: what is compared.
    """
    drawn = metric.sign * _bootstrap(_small(one), _small(other), metric, RESAMPLES, _SEED)
    low, high = np.quantile(drawn, [LEVEL / 2, 1 - LEVEL / 2])
    mean = np.mean(metric.of(total(one, axis=1))) - np.mean(metric.of(total(other, axis=1)))
    return Difference(metric=metric.name, mean=float(metric.sign * mean), ci95=(float(low), float(high)))


def interval(parts: NDArray, metric: Metric) -> tuple[float, float]:
    """Return the 95 % interval of one model's metric: a percentile bootstrap over examples, as in `compare`.

    Args:
        parts: `(examples, k)`, the metric's parts; where several examples are one unit, their sums (`by_unit`).
        metric: what is measured.
    """
    drawn = _resampled(_small(parts[None]), metric, RESAMPLES, np.random.default_rng(_SEED))
    low, high = np.quantile(drawn, [LEVEL / 2, 1 - LEVEL / 2])
    return float(low), float(high)


def verdict(gain: Gain | None, *, solved: bool = False) -> Verdict:
    """Judge a gain: `helps` iff ci95's low end > 0, both p-values < 0.05 and every seed gains; `hurts` mirrored.

    Of seeds without any spread there is no p-value, and none is asked for. Anything else is `no_difference`. One seed
    is `one_seed`: it cannot tell a gain from the luck of a training. No gain (no baseline was trained) is
    `no_baseline`. Arms that are solved, not trained, have no spread over seeds: interval and `p_value` decide.

    How often a verdict is given between arms of equal true quality, and how often a true gain is found, is simulated by
    `benchmarks/verdict_errors.py`; the table is in `docs/verdict.md`.
    """
    if gain is None:
        return "no_baseline"
    if len(gain.per_seed) < 2 and not solved:
        return "one_seed"
    low, high = gain.ci95
    if gain.p_value < LEVEL and (gain.p_seeds is None or gain.p_seeds < LEVEL):
        if low > 0 and all(one > 0 for one in gain.per_seed):
            return "helps"
        if high < 0 and all(one < 0 for one in gain.per_seed):
            return "hurts"
    return "no_difference"


def _unit(metric: Metric, values: NDArray) -> float:
    """Return how large values of a metric are, for roundings that are no difference: of shares and nats 1."""
    return 1.0 if metric.quantity != "value" else float(np.abs(values).max()) or 1.0


def _swap_test(student: NDArray, baseline: NDArray, metric: Metric, swaps: int, seed: int, unit: float = 1.0) -> float:
    """Return (count + 1) / (swaps + 1), counting random swaps with a statistic at least as far from 0 as observed."""
    # The sums of both arms together stay what they are. A swap of an example changes the sign of its difference, so
    # that the arms' sums are (total + signed differences) / 2 and (total - signed differences) / 2.
    differences, both = student - baseline, total(student + baseline, axis=1)
    if metric.linear:
        differences, both = differences.sum(axis=0, keepdims=True), both.sum(axis=0, keepdims=True)
    seeds, examples, width = differences.shape

    def statistic(sums: NDArray) -> NDArray:
        """Return `(n,)` of sums of signed differences, `(n, seeds * k)`."""
        sums = sums.reshape(-1, seeds, width)
        return (metric.of((both + sums) / 2) - metric.of((both - sums) / 2)).mean(axis=-1)

    rows = differences.transpose(1, 0, 2).reshape(examples, -1)
    observed = abs(statistic(total(rows, axis=0))[0]) - _ROUNDING * unit
    rows = rows[rows.any(axis=1)]
    leading = rows[np.arange(len(rows)), (rows != 0).argmax(axis=1)]
    patterns, counts = _patterns(rows * np.sign(leading)[:, None])
    # Examples of one pattern are interchangeable: their signs add up to 2 * Binomial(count, 1/2) - count.
    drawn = (counts >= _OFTEN) | (len(counts) <= _FEW)
    rng = np.random.default_rng(seed)
    alone = np.repeat(patterns[~drawn], counts[~drawn], axis=0)
    add = _adder(np.vstack([patterns[drawn], alone]))
    step, count = max(8, _CELLS // (len(patterns) + len(alone) + 2 * seeds * width)), 0
    for start in range(0, swaps, step):
        size = min(step, swaps - start)
        often = [2 * rng.binomial(each, 0.5, size=size) - each for each in counts[drawn]]
        signs = np.vstack([*often, 2 * _bits(len(alone), size, rng) - 1.0]).astype(np.float32)
        count += int(np.count_nonzero(np.abs(statistic(add(signs))) >= observed))
    return (count + 1) / (swaps + 1)


def _bits(rows: int, columns: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return fair coins, `(rows, columns)`."""
    count = rows * columns
    return np.unpackbits(np.frombuffer(rng.bytes(-(-count // 8)), np.uint8), count=count).reshape(rows, columns)


def _welch(student: NDArray, baseline: NDArray, examples: int) -> float | None:
    """Return the p-value of Welch's test over the seeds' values of the metric; None with one seed, or no spread."""
    if len(student) < 2:
        return None
    from scipy.stats import ttest_ind_from_stats  # late: 1 s that one seed need not pay

    # In examples, rounded: accuracies become whole numbers, and equal values have a spread of exactly 0.
    values = [np.round(arm * examples, 6) for arm in (student, baseline)]
    if not any(np.ptp(arm) for arm in values):
        return None
    first, second = ((arm.mean(), arm.std(ddof=1), len(arm)) for arm in values)
    return float(ttest_ind_from_stats(*first, *second, equal_var=False).pvalue)


def _bootstrap(student: NDArray, baseline: NDArray, metric: Metric, resamples: int, seed: int) -> NDArray[np.float64]:
    """Return `(resamples,)` gains, examples and each arm's seeds drawn anew."""
    rng = np.random.default_rng(seed)
    weights = np.hstack([_seed_weights(len(student), resamples, rng), -_seed_weights(len(baseline), resamples, rng)])
    return (_resampled(np.concatenate([student, baseline]), metric, resamples, rng) * weights).sum(axis=1)


def _resampled(parts: NDArray, metric: Metric, resamples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return `(resamples, networks)` values of a metric of parts `(networks, examples, k)`, examples drawn anew."""
    # Examples with the same parts in every network are interchangeable: n draws with replacement are one multinomial
    # draw of how often each pattern occurs.
    networks, examples, width = parts.shape
    patterns, counts = _patterns(parts.transpose(1, 0, 2).reshape(examples, -1))
    add, found = _adder(patterns), np.empty((resamples, networks))
    step = max(1, _CELLS // (len(patterns) + 2 * networks * width))
    for start in range(0, resamples, step):
        rows = slice(start, min(start + step, resamples))
        drawn = rng.multinomial(examples, counts / examples, size=rows.stop - start)
        found[rows] = metric.of(add(drawn.T.astype(np.float32)).reshape(-1, networks, width))
    return found


def _seed_weights(seeds: int, resamples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return `(resamples, seeds)`: each seed's share of seeds - 1 draws."""
    draws = max(seeds - 1, 1)
    return rng.multinomial(draws, np.full(seeds, 1 / seeds), size=resamples) / draws


def _small(parts: NDArray) -> NDArray:
    """Return whole numbers in as few bytes as differences of them need, and others in float64."""
    if not np.issubdtype(parts.dtype, np.integer):
        return parts.astype(np.float64)
    return parts.astype(np.int16 if np.abs(parts).max() < 2**14 else np.int32)


def _patterns(rows: NDArray) -> tuple[NDArray, NDArray[np.int64]]:
    """Return the different rows, in order, and how often each occurs."""
    if not len(rows):
        return rows, np.zeros(0, dtype=np.int64)
    # Whole rows are compared as bytes, which is much faster than column by column; big-endian bytes sort as numbers do.
    # (Those of fractions do not, and 0.0 is another one than -0.0: they are patterns all the same.)
    wide = rows.astype(rows.dtype.newbyteorder(">"))
    packed = np.ascontiguousarray(wide).view(np.dtype((np.void, wide.itemsize * rows.shape[1]))).ravel()
    _, first, counts = np.unique(packed, return_index=True, return_counts=True)
    return rows[first], counts


def _adder(patterns: NDArray) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
    """Return what adds up patterns, each taken so many times: `(patterns, draws)` to sums, `(draws, m)`."""
    from scipy.sparse import csr_array  # late, as scipy.stats is

    # Sparse: where classes are many, few of a pattern's numbers are not 0. Whole numbers below 2**24 are exact.
    whole = np.issubdtype(patterns.dtype, np.integer)
    transposed = csr_array(patterns.T.astype(np.float32 if whole else np.float64))
    return lambda times: (transposed @ times).T.astype(np.float64)

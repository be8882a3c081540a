"""Every sentence and every rounding of page, terminal and card, once.

Functions take `Findings`, which `Evaluation` is too; a metric is called what its record in the evaluation says.
"""

from limbeck.evaluation.schema import Findings
from limbeck.report.words.advice import next_sentence, next_steps
from limbeck.report.words.data import reading
from limbeck.report.words.floors import network_adds
from limbeck.report.words.keys import Fact, key_figures
from limbeck.report.words.names import asked, metric_of, model, typed
from limbeck.report.words.numbers import (
    ABSENT,
    apart,
    capital,
    count,
    difference,
    file_size,
    interval,
    interval_of,
    listed,
    milliseconds,
    nats,
    offset,
    p_text,
    p_value,
    percent,
    plain,
    points,
    score,
    score_range,
    seconds,
    several,
    several_of,
    shorten,
    side,
    squeeze,
    unit,
    unit_of,
)
from limbeck.report.words.steps import NEXT
from limbeck.report.words.training import curve_sentence, curve_sentences, level, outcome, peak
from limbeck.report.words.verdict import parts, retention, sentence, statistics, transfer
from limbeck.report.words.warnings import BEWARE, warnings, weak_classes

__all__ = [
    "ABSENT",
    "BEWARE",
    "NEXT",
    "Fact",
    "apart",
    "asked",
    "capital",
    "count",
    "curve_sentence",
    "curve_sentences",
    "difference",
    "file_size",
    "interval",
    "interval_of",
    "key_figures",
    "level",
    "listed",
    "metric_of",
    "milliseconds",
    "model",
    "nats",
    "network_adds",
    "next_sentence",
    "next_steps",
    "offset",
    "outcome",
    "p_text",
    "p_value",
    "parts",
    "peak",
    "percent",
    "plain",
    "points",
    "reading",
    "retention",
    "said",
    "score",
    "score_range",
    "seconds",
    "sentence",
    "several",
    "several_of",
    "shorten",
    "side",
    "squeeze",
    "statistics",
    "transfer",
    "typed",
    "unit",
    "unit_of",
    "warnings",
    "weak_classes",
]


def said(findings: Findings) -> list[str]:
    """Return what terminal, page and card say after the sentence, in this order.

    Statistics, warnings, what the network adds, transfer, parts of the gain, reading, curves.
    """
    found = [statistics(findings), *(f"{BEWARE} {text}" for text in warnings(findings)), network_adds(findings)]
    found += [transfer(findings), parts(findings), *reading(findings), *curve_sentences(findings)]
    return [text for text in found if text]

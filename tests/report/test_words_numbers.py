"""Numbers as the report and the terminal say them."""

import pytest

from limbeck.evaluation.classification import METRICS
from limbeck.evaluation.records import MetricRecord
from limbeck.report.words import numbers

TABLE = [
    (numbers.percent, 0.8841, "88.4 %"),
    (numbers.percent, 1.0, "100.0 %"),
    (numbers.percent, 0.9999, "> 99.9 %"),
    (numbers.percent, 1.0001, "100.0 %"),
    (numbers.percent, 0.0, "0.0 %"),
    (numbers.percent, 0.0001, "< 0.1 %"),
    (numbers.percent, -0.0001, "> −0.1 %"),
    (numbers.points, 0.0187, "+1.9"),
    (numbers.points, -0.0187, "−1.9"),
    (numbers.points, 0.0004, "+0.04"),
    (numbers.points, -0.0004, "−0.04"),
    (numbers.points, -0.00002, "−0.002"),
    (numbers.points, 1e-17, "0.0"),
    (numbers.size, -0.0187, "1.9"),
    (numbers.interval, (-0.004, 0.031), "−0.4 to +3.1"),
    (numbers.spread, [0.88, 0.879, 0.891], "87.9–89.1"),
    (numbers.p_value, 0.00001, "< 0.001"),
    (numbers.p_value, 0.001, "0.001"),
    (numbers.p_value, 0.42, "0.420"),
    (numbers.nats, 0.4567, "0.457"),
    (numbers.count, 22713986, "22,713,986"),
    (numbers.count, 0, "0"),
    (numbers.file_size, 0, "0 B"),
    (numbers.file_size, 999, "999 B"),
    (numbers.file_size, 1000, "1.0 kB"),
    (numbers.file_size, 999_949, "1.0 MB"),
    (numbers.file_size, 7_684_120, "7.7 MB"),
    (numbers.file_size, 241_400_000, "241 MB"),
    (numbers.file_size, 3_100_000_000_000_000, "3,100 TB"),
    (numbers.milliseconds, 0, "0 ms"),
    (numbers.milliseconds, 0.0312, "0.031 ms"),
    (numbers.milliseconds, 0.213, "0.21 ms"),
    (numbers.milliseconds, 9.999, "10.0 ms"),
    (numbers.milliseconds, 17.24, "17.2 ms"),
    (numbers.milliseconds, 1240.2, "1,240 ms"),
    (numbers.rate, 18_420.4, "18,420"),
    (numbers.rate, 3.14, "3.1"),
    (numbers.magnitude, 22_713_986, "22.7 M"),
    (numbers.magnitude, 999_999, "1.0 M"),
    (numbers.magnitude, 512, "512"),
    (numbers.seconds, 1.94, "1.9 s"),
    (numbers.seconds, 59.96, "1 min 00 s"),
    (numbers.seconds, 74.2, "1 min 14 s"),
    (numbers.seconds, 3599.7, "1 h 00 min"),
    (numbers.times, 1.34, "1.3×"),
    (numbers.times, 41.2, "41×"),
    (numbers.whole_percent, 0.7123, "71 %"),
    (numbers.date, "2026-03-01T09:12:44+00:00", "2026-03-01 09:12 UTC"),
]


@pytest.mark.parametrize(("form", "value", "text"), TABLE, ids=lambda part: getattr(part, "__name__", None))
def test_number_reads(form, value, text):
    assert form(value).replace("\u00a0", " ") == text


def test_number_and_unit_never_part_at_a_line_break():
    assert " " not in numbers.percent(0.5) + numbers.file_size(5e6) + numbers.milliseconds(5) + numbers.p_value(0)


def test_long_texts_are_cut():
    assert numbers.shorten("one  two\nthree", 20) == "one two three"
    assert numbers.shorten("one two three", 8) == "one two…"
    assert numbers.squeeze("card_payment_declined", 13) == "card_p…clined"
    assert numbers.squeeze("short", 13) == "short"


def test_two_shares_are_told_apart():
    def said(*shares):
        return [text.replace("\u00a0", " ") for text in numbers.apart(*shares)]

    assert said(0.88, 0.862) == ["88.0 %", "86.2 %"]
    assert said(0.784575, 0.7845) == ["78.46 %", "78.45 %"]
    assert said(1.0, 0.9999) == ["100.0 %", "> 99.9 %"]
    assert said(0.8, 0.8) == ["80.000000 %", "80.000000 %"]


def test_names_are_listed_as_a_sentence_has_them():
    assert [numbers.listed(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


NATS = MetricRecord(name="surprise", title="surprise", quantity="nats", better="lower")
SHARE = MetricRecord(name="accuracy", title="accuracy", quantity="share", better="higher")


def test_a_metric_is_written_by_its_quantity():
    assert (numbers.score(0.4567, NATS), numbers.score(0.048, SHARE)) == ("0.457", "4.8\u00a0%")
    assert (numbers.difference(-0.0123, NATS), numbers.difference(-0.0123, SHARE)) == ("−0.012", "−1.2")
    assert numbers.difference(0.0002, NATS) == "+0.0002"
    assert numbers.size_of(-0.0123, NATS) == "0.012 nats of surprise"
    assert numbers.score_range([0.3, 0.21], NATS) == "0.210–0.300"
    assert numbers.ahead(0.2, 0.3, NATS)
    assert not numbers.ahead(0.2, 0.3, SHARE)


def test_limbecks_own_metrics_are_written_in_the_same_way():
    assert numbers.score(0.048, METRICS["ece"]) == "4.8\u00a0%"
    assert numbers.score(0.4567, METRICS["nll"]) == "0.457"

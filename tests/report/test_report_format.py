"""Numbers as the report and the terminal say them."""

import pytest

from limbeck.report import format

TABLE = [
    (format.percent, 0.8841, "88.4 %"),
    (format.percent, 1.0, "100.0 %"),
    (format.percent, 0.9999, "> 99.9 %"),
    (format.percent, 1.0001, "100.0 %"),
    (format.percent, 0.0, "0.0 %"),
    (format.percent, 0.0001, "< 0.1 %"),
    (format.percent, -0.0001, "> −0.1 %"),
    (format.points, 0.0187, "+1.9"),
    (format.points, -0.0187, "−1.9"),
    (format.points, 0.0004, "+0.04"),
    (format.points, -0.0004, "−0.04"),
    (format.points, -0.00002, "−0.002"),
    (format.points, 1e-17, "0.0"),
    (format.size, -0.0187, "1.9"),
    (format.interval, (-0.004, 0.031), "−0.4 to +3.1"),
    (format.spread, [0.88, 0.879, 0.891], "87.9–89.1"),
    (format.p_value, 0.00001, "< 0.001"),
    (format.p_value, 0.001, "0.001"),
    (format.p_value, 0.42, "0.420"),
    (format.nats, 0.4567, "0.457"),
    (format.count, 22713986, "22,713,986"),
    (format.count, 0, "0"),
    (format.bytes, 0, "0 B"),
    (format.bytes, 999, "999 B"),
    (format.bytes, 1000, "1.0 kB"),
    (format.bytes, 999_949, "1.0 MB"),
    (format.bytes, 7_684_120, "7.7 MB"),
    (format.bytes, 241_400_000, "241 MB"),
    (format.bytes, 3_100_000_000_000_000, "3,100 TB"),
    (format.milliseconds, 0, "0 ms"),
    (format.milliseconds, 0.0312, "0.031 ms"),
    (format.milliseconds, 0.213, "0.21 ms"),
    (format.milliseconds, 9.999, "10.0 ms"),
    (format.milliseconds, 17.24, "17.2 ms"),
    (format.milliseconds, 1240.2, "1,240 ms"),
    (format.rate, 18_420.4, "18,420"),
    (format.rate, 3.14, "3.1"),
    (format.magnitude, 22_713_986, "22.7 M"),
    (format.magnitude, 999_999, "1.0 M"),
    (format.magnitude, 512, "512"),
    (format.seconds, 1.94, "1.9 s"),
    (format.seconds, 59.96, "1 min 00 s"),
    (format.seconds, 74.2, "1 min 14 s"),
    (format.seconds, 3599.7, "1 h 00 min"),
    (format.times, 1.34, "1.3×"),
    (format.times, 41.2, "41×"),
]


@pytest.mark.parametrize(("form", "value", "text"), TABLE, ids=lambda part: getattr(part, "__name__", None))
def test_number_reads(form, value, text):
    assert form(value).replace("\u00a0", " ") == text


def test_number_and_unit_never_part_at_a_line_break():
    assert " " not in format.percent(0.5) + format.bytes(5e6) + format.milliseconds(5) + format.p_value(0)


def test_long_texts_are_cut():
    assert format.shorten("one  two\nthree", 20) == "one two three"
    assert format.shorten("one two three", 8) == "one two…"
    assert format.squeeze("card_payment_declined", 13) == "card_p…clined"
    assert format.squeeze("short", 13) == "short"


def test_two_shares_are_told_apart():
    def said(*shares):
        return [text.replace("\u00a0", " ") for text in format.apart(*shares)]

    assert said(0.88, 0.862) == ["88.0 %", "86.2 %"]
    assert said(0.784575, 0.7845) == ["78.46 %", "78.45 %"]
    assert said(1.0, 0.9999) == ["100.0 %", "> 99.9 %"]
    assert said(0.8, 0.8) == ["80.000000 %", "80.000000 %"]

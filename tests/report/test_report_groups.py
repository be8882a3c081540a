"""Results by group on the page, and the line that warns of one that loses."""

import example
from pages import Page
from test_words_verdict import plain

from limbeck.evaluation.groups import GroupResults, GroupScores
from limbeck.evaluation.records import Difference
from limbeck.report import words

COMPLETE = example.complete()


def group(name, rows, student, *, ci95=None, values=1):
    scores = {one: student + place / 100 for place, one in enumerate(COMPLETE.models)}
    gain = None if ci95 is None else Difference(metric="accuracy", mean=sum(ci95) / 2, ci95=ci95)
    return GroupScores(name=name, rows=rows, scores=scores, gain=gain, values=values)


def by_speaker(*groups):
    return COMPLETE.model_copy(update={"groups": GroupResults(column="speaker", groups=groups)})


ADA, BOB = group("ada", 900, 0.8, ci95=(-0.09, -0.01)), group("b<b>ob", 800, 0.7, ci95=(-0.09, 0.01))
FEW, OTHERS = group(None, 8, 0.5, values=0), group(None, 292, 0.6, ci95=(0.01, 0.03), values=17)


def test_every_group_is_a_row_with_every_model_and_the_gain(tmp_path):
    page = plain(example.write(by_speaker(ADA, BOB, OTHERS, FEW), tmp_path / "r.html"))
    assert "<h2>Results by speaker</h2>" in page
    table = page.split("<h2>Results by speaker</h2>")[1].split("</section>")[0]
    names = (">ada<", "b&lt;b&gt;ob", ">17 others<", ">no value<")
    for text in (*names, "900", "80.0 %", "81.0 %", "-5.0", "-9.0 to -1.0"):
        assert text in table, text
    assert "A dash: fewer than 10 rows." in table
    assert "one interval in twenty" in table
    assert table.count("<tr>") == 5
    Page(page)


def test_a_run_that_asks_for_none_has_no_such_section(tmp_path):
    assert "Results by" not in example.write(COMPLETE, tmp_path / "r.html")


def lost(*groups):
    return [plain(text) for text in words.warnings(by_speaker(*groups)) if text.startswith("By speaker")]


def test_a_group_that_loses_is_named_where_its_interval_leaves_0_out():
    assert lost(ADA, BOB, OTHERS, FEW) == [
        "By speaker, the student is worse than the baseline for ada (-5.0 points, 95 % interval -9.0 to -1.0, 900 "
        "rows)."
    ]
    assert lost(BOB, OTHERS, FEW) == []
    (text,) = lost(*[ADA] * 6)
    assert text.endswith("and 2 more.")

"""Examples on the page: pictures, copies beside their originals, mistakes in the weakest classes."""

import example
from pages import RUNS, Page

from limbeck.evaluation.figures import CopiesSample, ImageSample, TextSample, WeakClass


def test_an_image_is_shown_with_its_name(tmp_path):
    """A small one is enlarged by a whole number; a row without one says so; a name is no markup."""
    run = RUNS["complete"]
    first = run.samples[0]
    data = "data:image/png;base64,iVBORw0KGgo="
    shown = [
        ImageSample(name='"><b>row 3', data=data, width=8, height=5),
        ImageSample(name="row 4", data=data, width=96, height=30),
        ImageSample(name="row 5", data=None),
    ]
    samples = [first.model_copy(update={"sample": one}) for one in shown]
    page = Page(example.write(run.model_copy(update={"samples": samples}), tmp_path / "report.html"))
    found = [dict(kept) for kept in _images(page)]
    assert [(one["alt"], one["width"], one["height"]) for one in found] == [
        ('"><b>row 3', "96", "60"),
        ("row 4", "96", "30"),
    ]
    assert all(one["src"] == data for one in found)
    assert "row 5" in page.text
    assert "There is no image in this row." in page.text


def _images(page: Page) -> list[list[tuple[str, str]]]:
    """Return the attributes of each image of a page."""
    found: list[list[tuple[str, str]]] = []
    for tag, name, value in page.attributes:
        if tag == "img" and name == "class":
            found.append([])
        if tag == "img":
            found[-1].append((name, value))
    return found


def test_copies_stand_beside_their_original_and_are_enlarged_alike(tmp_path):
    def picture(name, width, height):
        return ImageSample(name=name, data="data:image/png;base64,iVBORw0KGgo=", width=width, height=height)

    run = RUNS["complete"]
    pictures = [picture("a/<7>.png", 8, 8), picture("copy 1", 8, 8), picture("copy 2", 16, 8)]
    copies = [CopiesSample(name="a/<7>.png", original=pictures[0], copies=pictures[1:])]
    long = CopiesSample(name="row 9 of x.csv", original=picture("row 9", 150, 40), copies=[])
    data = run.data.model_copy(update={"augmented": 1_400})
    page = Page(example.write(run.model_copy(update={"copies": [*copies, long], "data": data}), tmp_path / "r.html"))
    found = [dict(kept) for kept in _images(page)]
    assert [(one["alt"], one["width"], one["height"]) for one in found] == [
        ("a/<7>.png, As it is", "96", "96"),
        ("a/<7>.png, Copy 1", "96", "96"),
        ("a/<7>.png, Copy 2", "192", "96"),
        ("Row 9 of x.csv, As it is", "150", "40"),
    ]
    assert "The teacher answers for 1,400 such copies." in page.text
    assert "What data.augment draws" not in example.write(run, tmp_path / "r.html")


def test_the_weakest_classes_are_shown_with_mistakes_that_do_not_stand_above(tmp_path):
    run = RUNS["complete"]
    mistake = run.samples[0].model_copy(
        update={"sample": TextSample(text="a <i>mistake</i>"), "name": "row 7 of x.csv"}
    )
    weak = [
        WeakClass(name="bad<b>", f1=0.428, rows=30, wrong=16, samples=[mistake]),
        WeakClass(name="shown above", f1=0.5, rows=20, wrong=2, samples=[]),
    ]
    html = example.write(run.model_copy(update={"weak_classes": weak}), tmp_path / "r.html")
    part = Page(html.split("weakest classes</h2>")[1].split("</section>")[0]).text
    for text in ("bad<b>: F1 42.8 %, 16 of 30 wrong", "a <i>mistake</i>", "Row 7 of x.csv", "stand above"):
        assert text in part, text
    assert "shown above" not in part
    for none in (weak[1:], []):
        assert "weakest classes" not in example.write(
            run.model_copy(update={"weak_classes": none}), tmp_path / "r.html"
        )

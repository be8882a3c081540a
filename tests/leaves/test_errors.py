"""Of many values that cannot be read, the error names several."""

import pytest

from limbeck.errors import Faults, LimbeckError, nearest


def refuse(*places, fix="mend it"):
    faults = Faults()
    for place in places:
        with faults.noted():
            raise LimbeckError("damaged", where=place, fix=fix)
    faults.refuse()


def test_none_is_none():
    refuse()


@pytest.mark.parametrize(
    ("places", "said"),
    [
        (["b"], "b: damaged; mend it"),
        (["row 10", "row 9"], "row 9: damaged; mend it; 1 more cannot be read: row 10"),
        (list("gfedcba"), "a: damaged; mend it; 6 more cannot be read: b, c, d and 3 more"),
    ],
)
def test_the_first_place_leads_and_a_few_others_follow(places, said):
    with pytest.raises(LimbeckError) as caught:
        refuse(*places)
    assert str(caught.value) == said


def test_an_error_of_no_place_is_one_of_all():
    with pytest.raises(LimbeckError, match=r"^damaged; mend it$"):
        refuse("a", None, "b")


def test_a_valid_name_with_a_comma_is_told_from_its_neighbours():
    assert nearest("zzzz", ["bug", "idea, wish"]) == "valid: bug, `idea, wish`"

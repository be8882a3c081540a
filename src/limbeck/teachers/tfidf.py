"""A teacher that reads what the floor reads: the strongest one of n-grams where labels are few."""

from typing import ClassVar, Literal

from limbeck.teachers.kind import register
from limbeck.teachers.of_ngrams import OfNgrams
from limbeck.teachers.regression import NgramNetwork
from limbeck.teachers.tfidf_regression import TfidfRegression, TfidfSettings


class TfidfTeacher(OfNgrams):
    """Logistic regression on TF-IDF of words and n-grams, fitted here on the labelled rows by a solver."""

    like_floor: ClassVar[bool] = True
    regressor: ClassVar[type[NgramNetwork]] = TfidfRegression

    kind: Literal["tfidf"]
    regression: TfidfSettings = TfidfSettings()


register(TfidfTeacher)

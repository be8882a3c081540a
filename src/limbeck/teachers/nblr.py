"""A teacher of n-grams: strong on long texts with thousands of labels, and fitted in a minute."""

from typing import ClassVar, Literal

from limbeck.teachers.kind import register
from limbeck.teachers.of_ngrams import OfNgrams
from limbeck.teachers.regression import NBLR, NBLRSettings, NgramNetwork


class NBLRTeacher(OfNgrams):
    """Logistic regression on Naive-Bayes-weighted n-grams, fitted here on the labelled rows by a solver."""

    regressor: ClassVar[type[NgramNetwork]] = NBLR

    kind: Literal["nblr"]
    regression: NBLRSettings = NBLRSettings()


register(NBLRTeacher)

"""A teacher that reads what the floor reads: the strongest one of n-grams where labels are few."""

from typing import ClassVar, Literal

from limbeck.teachers.kind import Single, register
from limbeck.teachers.nblr import WholeTexts
from limbeck.teachers.regression import require_ngrams
from limbeck.teachers.tfidf_regression import TfidfRegression, TfidfSettings
from limbeck.teachers.work import Made, Work


class TfidfTeacher(Single):
    """Logistic regression on TF-IDF of words and n-grams, fitted here on the labelled rows by a solver."""

    of_classes: ClassVar[bool] = True
    of_modalities: ClassVar[tuple[str, ...]] = ("text",)
    like_floor: ClassVar[bool] = True

    kind: Literal["tfidf"]
    regression: TfidfSettings = TfidfSettings()
    reads: WholeTexts = WholeTexts()

    @property
    def read_as(self) -> "TfidfTeacher":
        """Settings that say in full what it reads."""
        return self

    def check(self, work: Work) -> None:
        """Refuse rows that no regression can be fitted on, at the fewest labels of the run.

        Raises:
            LimbeckError: see `require_ngrams`.
        """
        rows, labels = work.view(self).labelled, work.labels("labelled")
        require_ngrams(rows.first(work.fewest), labels[: work.fewest], self.regression.min_texts)

    def make(self, work: Work) -> tuple[Made, ...]:
        """Fit it."""
        return (work.train(TfidfRegression(self.regression), self),)


register(TfidfTeacher)

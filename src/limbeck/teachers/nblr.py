"""A teacher of n-grams: strong, and fitted in a minute."""

from typing import ClassVar, Literal

from limbeck.modalities.text import TextReads
from limbeck.modalities.text.reads import Length
from limbeck.modalities.text.tokenizers import TokenizerSettings, WordTokenizerSettings
from limbeck.teachers.kind import Single, register
from limbeck.teachers.regression import NBLR, NBLRSettings, require_ngrams
from limbeck.teachers.work import Made, Work


class WholeTexts(TextReads):
    """Whole texts, and all of their words."""

    tokenizer: TokenizerSettings = WordTokenizerSettings(size=200_000)
    max_length: Length = 1024


class NBLRTeacher(Single):
    """Logistic regression on Naive-Bayes-weighted n-grams, fitted here on the labelled rows by a solver."""

    of_classes: ClassVar[bool] = True
    of_modalities: ClassVar[tuple[str, ...]] = ("text",)

    kind: Literal["nblr"]
    regression: NBLRSettings = NBLRSettings()
    reads: WholeTexts = WholeTexts()

    @property
    def read_as(self) -> "NBLRTeacher":
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
        return (work.train(NBLR(self.regression), self),)


register(NBLRTeacher)

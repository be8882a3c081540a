"""What teachers of n-grams have in common: they read whole texts, and are fitted to labels by a solver."""

from typing import Any, ClassVar

from limbeck.modalities.text import TextReads
from limbeck.modalities.text.reads import Length
from limbeck.modalities.text.tokenizers import TokenizerSettings, WordTokenizerSettings
from limbeck.teachers.kind import Single
from limbeck.teachers.regression import NgramNetwork, require_ngrams
from limbeck.teachers.work import Made, Work


class WholeTexts(TextReads):
    """Whole texts, and all of their words."""

    tokenizer: TokenizerSettings = WordTokenizerSettings(size=200_000)
    max_length: Length = 1024


class OfNgrams(Single):
    """A regression on n-grams.

    Attributes:
        regressor: what is fitted, of the settings `regression`.
    """

    of_classes: ClassVar[bool] = True
    of_modalities: ClassVar[tuple[str, ...]] = ("text",)
    regressor: ClassVar[type[NgramNetwork]]

    regression: Any
    reads: WholeTexts = WholeTexts()

    @property
    def read_as(self) -> "OfNgrams":
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
        return (work.train(self.regressor(self.regression), self),)

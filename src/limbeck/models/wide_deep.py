"""N-grams beside convolutions: what is learnt by heart and what generalises, added up."""

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor, nn

from limbeck.models.catalogue import ModelOptions, register
from limbeck.models.ngrams import Ngrams, NgramsSettings
from limbeck.models.textcnn import TextCNN, TextCNNSettings
from limbeck.runtime import TextForm


class WideDeepSettings(ModelOptions):
    """Options of `wide_deep`."""

    name: Literal["wide_deep"] = "wide_deep"
    wide: Annotated[NgramsSettings, Field(description="the n-grams; with two classes `dim: 1` is enough")] = (
        NgramsSettings(dim=2, orders=3, buckets=2**19, ngram_dropout=0.5)
    )
    deep: Annotated[TextCNNSettings, Field(description="the convolutions")] = TextCNNSettings()


class WideDeep(nn.Module):
    """Add the logits of hashed n-grams, which know exact phrases, and of convolutions, which know similar ones.

    Both are trained together, so that each learns what the other leaves. Words are dropped for each by itself.

    Source: Cheng et al. 2016, "Wide & Deep Learning for Recommender Systems" (arXiv 1606.07792), section 3, whose wide
    part is a linear model of crossed features, as n-grams are; with convolutions in place of dense layers.

    Args:
        settings: see `WideDeepSettings`.
        outputs: number of logits.
        form: of the token ids.

    Raises:
        LimbeckError: `vectors` cannot be read, or is not `dim` wide.
    """

    def __init__(self, settings: WideDeepSettings, *, outputs: int, form: TextForm) -> None:
        super().__init__()
        self.settings = settings
        self.wide = Ngrams(settings.wide, outputs=outputs, form=form)
        self.deep = TextCNN(settings.deep, outputs=outputs, form=form)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return logits (batch, outputs) of ids (batch, tokens); the mask is 0 where a token is padding."""
        return self.wide(input_ids, attention_mask) + self.deep(input_ids, attention_mask)


register(
    "hashed n-grams and convolutions, added: better than either, almost as fast",
    WideDeepSettings,
    WideDeep,
    reads="text",
    per="example",
)

"""The catalogue of transforms: what is done to the logits before a loss of soft targets compares them.

    losses: [{name: kd, temperature: 2, transform: standardize}]         # in a recipe, or {kind: flsw, beta: 2}
    KD(temperature=2).after(Standardize())                               # the same in Python

To add one, write `losses/transforms/<name>.py` and `tests/references/transforms/<name>.py`, and name it here. One that
learns (`ctkd`) has a module in the place of its function.
"""

from typing import TYPE_CHECKING

from limbeck.losses.transforms.ctkd import CTKD, CurriculumTemperature
from limbeck.losses.transforms.cwsm import CWSM, cwsm
from limbeck.losses.transforms.flsw import FLSW, flsw
from limbeck.losses.transforms.label_smoothing import LabelSmoothing, label_smoothing
from limbeck.losses.transforms.probability_shift import ProbabilityShift, probability_shift
from limbeck.losses.transforms.standardize import Standardize, standardize
from limbeck.losses.transforms.transform import Compared, Transform
from limbeck.settings import or_bare, union

TRANSFORMS: dict[str, type[Transform]] = {
    one.card.name: one for one in (Standardize, ProbabilityShift, LabelSmoothing, FLSW, CWSM, CTKD)
}
"""Every transform by its kind."""

if TYPE_CHECKING:
    TransformSettings = Transform
else:
    TransformSettings = or_bare(union(TRANSFORMS, on="kind"), on="kind")
    """Any transform, told apart by `kind`."""

__all__ = [
    "CTKD",
    "CWSM",
    "FLSW",
    "TRANSFORMS",
    "Compared",
    "CurriculumTemperature",
    "LabelSmoothing",
    "ProbabilityShift",
    "Standardize",
    "Transform",
    "TransformSettings",
    "cwsm",
    "flsw",
    "label_smoothing",
    "probability_shift",
    "standardize",
]

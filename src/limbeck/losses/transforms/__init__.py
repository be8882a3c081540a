"""The catalogue of transforms: what is done to the logits before a loss of soft targets compares them.

    losses: [{name: kd, temperature: 2, transform: standardize}]         # in a recipe, or {kind: flsw, beta: 2}
    KD(temperature=2).after(Standardize())                               # the same in Python

To add one, write `losses/transforms/<name>.py` and `tests/references/transforms/<name>.py`, and import it here. One
that learns (`ctkd`) has a module in the place of its function. `X as X` says that a name is for users of the package.
"""

from typing import TYPE_CHECKING

from limbeck.losses.transforms.ctkd import CTKD as CTKD, CurriculumTemperature as CurriculumTemperature
from limbeck.losses.transforms.cwsm import CWSM as CWSM, cwsm as cwsm
from limbeck.losses.transforms.flsw import FLSW as FLSW, flsw as flsw
from limbeck.losses.transforms.label_smoothing import (
    LabelSmoothing as LabelSmoothing,
    label_smoothing as label_smoothing,
)
from limbeck.losses.transforms.probability_shift import (
    ProbabilityShift as ProbabilityShift,
    probability_shift as probability_shift,
)
from limbeck.losses.transforms.standardize import Standardize as Standardize, standardize as standardize
from limbeck.losses.transforms.transform import Compared as Compared, Transform as Transform
from limbeck.settings import or_bare, union

TRANSFORMS: dict[str, type[Transform]] = {
    each.card.name: each
    for each in tuple(globals().values())
    if isinstance(each, type) and issubclass(each, Transform) and each is not Transform
}
"""Every transform that is imported above, by its kind."""

if TYPE_CHECKING:
    TransformSettings = Transform
else:
    TransformSettings = or_bare(union(TRANSFORMS, on="kind"), on="kind")
    """Any transform, told apart by `kind`."""

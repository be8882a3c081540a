"""Hints: regression on a teacher's activation (Romero et al. 2015)."""

from jaxtyping import Bool, Float
from torch import Tensor

from limbeck.cards import Card
from limbeck.losses._checks import check_features, check_mask
from limbeck.losses._mask import counted_logits, counted_values
from limbeck.losses.term import term

CARD = Card(
    name="fitnet",
    kind="loss",
    family="features",
    scope="prediction",
    needs=("taps",),
    tap="vector",
    fits=("distribution", "independent", "values", "vectors"),
    also=("hint",),
    summary="half the squared distance between a projected activation of the student and one of the teacher",
    paper="Romero, Ballas, Ebrahimi Kahou, Chassang, Gatta & Bengio, FitNets: Hints for Thin Deep Nets, ICLR 2015, "
    "arXiv:1412.6550, equation 3",
    citation="""@inproceedings{romero2015fitnets,
  title = {{FitNets}: Hints for Thin Deep Nets},
  author = {Romero, Adriana and Ballas, Nicolas and Ebrahimi Kahou, Samira and Chassang, Antoine and Gatta, Carlo
            and Bengio, Yoshua},
  booktitle = {International Conference on Learning Representations},
  year = {2015}
}""",
    equation="1/2 * sum_i (r(v)_i - u_i)^2, u the teacher's activation, v the student's, r a learned linear map",
    code="github.com/adri-romsor/FitNets (Theano)",
    units="squared activations",
    defaults={
        "weight": "1 in a first stage of its own, before soft targets (section 2.3); a sum of both is common since"
    },
    use_when="the teacher's states say more than its few logits, and student and teacher see the same examples",
    beware="the value grows with the teacher's width and with the scale of its activations, so it needs a small weight "
    "beside a term in nats; the projector is thrown away, so a student may hide all that it has learned in it",
    differs="the paper trains hints first and soft targets after, with a convolution as regressor; here it is one term "
    "of the sum, the regressor is linear, and states of tokens are averaged over the text before they are compared. "
    "Many later codes take the mean over the width (`torch.nn.MSELoss`), which also leaves out the half.",
)


def fitnet(
    student: Float[Tensor, "*batch features"],
    teacher: Float[Tensor, "*batch features"],
    *,
    mask: Bool[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch"]:
    """Half the squared Euclidean distance between two activations, in squared activations, per prediction.

        1/2 * sum_i (r(v)_i - u_i)^2

    No gradient reaches the teacher.

    Args:
        student: (*batch, features) the student's activation r(v), already projected to the teacher's width; computed in
            float32 at least.
        teacher: (*batch, features) finite activation u.
        mask: (*batch) bool, True where an example counts; None means all do.

    Returns:
        (*batch) values >= 0, 0 where the activations are equal and where masked.

    Raises:
        TypeError: activations are not floating point, or the mask is not bool.
        ValueError: shapes differ.

    Source:
        Romero et al. 2015, arXiv:1412.6550, equation 3. Official code: github.com/adri-romsor/FitNets. There the
        regressor is a convolution and the term a training stage of its own.

    Example:
        >>> import torch
        >>> fitnet(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]]))
        tensor([2.5000])
    """
    check_features(student=student, teacher=teacher)
    check_mask(mask, student)
    v, u = counted_logits(student, mask), counted_logits(teacher.detach(), mask)
    return counted_values((v - u).square().sum(dim=-1) / 2, mask)


Fitnet = term(fitnet, card=CARD)

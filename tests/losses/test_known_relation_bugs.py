"""Bugs that other toolkits shipped in losses of relations and of retrievers, each kept out by name."""

from importlib import import_module

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from limbeck.losses import embedding_mse, hidden_cosine, margin_mse, pkt, ranking_kl, rkd_angle, rkd_distance, sp


def rows(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def gradient(loss, student, *others, **keywords):
    student = student.detach().requires_grad_()
    found = loss(student, *others, **keywords)
    (found[0] if isinstance(found, tuple) else found.sum()).backward()
    return student.grad


def test_one_row_is_no_mean_of_nothing():
    """lenscloth/RKD: `d[d > 0].mean()` of one row is NaN, and the last batch of an epoch may have one."""
    student, teacher = rows(1, 3), rows(1, 3, seed=1)
    found, count = rkd_distance(student, teacher)
    assert (found.item(), count) == (0.0, 1)
    assert not gradient(rkd_distance, student, teacher).any()


def test_distances_of_rows_far_from_zero():
    """lenscloth/RKD: |x|^2 + |y|^2 - 2xy in float32, of rows that share an offset, has no digits left."""
    student, teacher = ((rows(8, 6, seed=seed) * 64).round() / 64 for seed in (0, 1))
    near, far = (rkd_distance((student + offset).float(), (teacher + offset).float())[0] for offset in (0, 4096))
    torch.testing.assert_close(far, near, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(near.double(), rkd_distance(student, teacher)[0], rtol=1e-5, atol=1e-7)


def test_angles_do_not_hold_a_cube():
    """lenscloth/RKD, RepDistiller: all rows^3 cosines of both sides stay in memory until the way back."""
    student, teacher = rows(40, 5).requires_grad_(), rows(40, 5, seed=1)
    kept = []
    with saved_tensors_hooks(lambda each: kept.append(each.numel()) or each, lambda each: each):
        found, _ = rkd_angle(student, teacher)
    assert sum(kept) < 40**3 / 10
    found.backward()
    assert torch.isfinite(student.grad).all()


@pytest.mark.parametrize("at_once", [1, 3000, 10**9])
def test_angles_in_chunks_are_those_of_the_whole(at_once, monkeypatch):
    student, teacher = rows(11, 5), rows(11, 4, seed=1)
    expected = rkd_angle(student, teacher)[0], gradient(rkd_angle, student, teacher)
    monkeypatch.setattr(import_module("limbeck.losses.rkd_angle"), "_AT_ONCE", at_once)
    torch.testing.assert_close((rkd_angle(student, teacher)[0], gradient(rkd_angle, student, teacher)), expected)


def test_a_row_is_not_its_own_neighbour():
    """probabilistic_kt, RepDistiller: the diagonal takes a row's largest share, against the paper's i != j."""
    found, _ = pkt(rows(2, 3), rows(2, 3, seed=1))
    assert found.item() == 0.0, "each of two rows has one neighbour, whatever the angle"


def test_neighbours_do_not_fade_with_the_batch():
    """probabilistic_kt, RepDistiller: a mean over rows^2 is `rows` times smaller than the divergence of a row."""
    student, teacher = rows(400, 3), rows(400, 3, seed=1)
    per_row = [total / n for total, n in (pkt(student[:n], teacher[:n]) for n in (50, 400))]
    assert 0.5 < per_row[0] / per_row[1] < 2


def test_a_divergence_of_neighbours_is_not_negative():
    """probabilistic_kt, RepDistiller: `log((p + eps) / (q + eps))` is no divergence; nearly equal rows make it < 0."""
    teacher = rows(6, 4, dtype=torch.float32)
    values = [pkt(teacher + 1e-4 * rows(6, 4, seed=s, dtype=torch.float32), teacher)[0] for s in range(20)]
    assert min(values) >= 0


def test_similarities_are_normalised_by_row():
    """RepDistiller's commented line divides by the whole matrix: a large row is then all that counts."""
    student, teacher = rows(5, 3), rows(5, 3, seed=1)
    student[0] *= 1000
    torch.testing.assert_close(sp(student, teacher)[0], sp(student, teacher * 7)[0])
    assert gradient(sp, student, teacher)[1:].abs().max() > 1e-4


def test_a_cosine_near_one_keeps_its_digits():
    """`CosineEmbeddingLoss` subtracts a cosine from 1: in float32 nothing is left below 1e-7."""
    teacher = rows(4, 300)
    student = teacher + 1e-5 * rows(4, 300, seed=1)
    exact = 1 - torch.cosine_similarity(student, teacher)
    assert exact.max() < 1e-9
    torch.testing.assert_close(hidden_cosine(student.float(), teacher.float()).double(), exact, rtol=2e-2, atol=0)


def test_a_mean_over_the_width_and_no_other():
    """torch.nn.MSELoss takes the mean over the batch too, so that micro-batches of unequal size do not add up."""
    student, teacher = rows(3, 5), rows(3, 5, seed=1)
    torch.testing.assert_close(embedding_mse(student, teacher).mean(), torch.nn.functional.mse_loss(student, teacher))
    assert embedding_mse(student, teacher).shape == (3,)


@pytest.mark.parametrize("loss", [margin_mse, ranking_kl])
@pytest.mark.parametrize("garbage", [0.0, -torch.inf, torch.inf, torch.nan])
def test_queries_with_fewer_candidates(loss, garbage):
    """sentence-transformers stacks scores, so that every query needs as many; a padded 0 would be a candidate."""
    student, teacher = rows(3, 4), rows(3, 4, seed=1)
    padded = torch.cat([student, torch.full((3, 2), garbage, dtype=torch.float64)], 1)
    told = torch.cat([teacher, torch.full((3, 2), -torch.inf, dtype=torch.float64)], 1)
    torch.testing.assert_close(loss(padded, told), loss(student, teacher))
    found = gradient(loss, padded, told)
    torch.testing.assert_close(found[:, :4], gradient(loss, student, teacher))
    assert not found[:, 4:].any()


@pytest.mark.parametrize("loss", [margin_mse, ranking_kl])
@pytest.mark.parametrize("there", [0, 1])
def test_a_query_without_a_choice_teaches_nothing(loss, there):
    student, teacher = rows(2, 3), rows(2, 3, seed=1)
    teacher[0, there:] = -torch.inf
    assert loss(student, teacher)[0] == 0
    found = gradient(loss, student, teacher)
    assert not found[0].any()
    assert torch.isfinite(found).all()
    assert found[1].any()


def test_a_margin_is_against_the_first_candidate():
    """Scores that differ by an offset of the query have the same margins; the mean is over the other candidates."""
    teacher = rows(3, 5)
    assert margin_mse(teacher + rows(3, 1, seed=1), teacher).max() < 1e-20
    raised = teacher.clone()
    raised[:, 0] += 2
    torch.testing.assert_close(margin_mse(raised, teacher), torch.full((3,), 4.0, dtype=torch.float64))

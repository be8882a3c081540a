"""What every network of sounds promises: padding, company, loudness, gradients, an export of samples in, logits out."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from model_cases import OUTPUTS, SETTINGS, SOUNDS, case_id, cases_of, network_for

from limbeck.bundle import export_onnx
from limbeck.bundle.int8 import quantize_int8
from limbeck.errors import LimbeckError
from limbeck.models import build_model
from limbeck.models.audio_cnn import standardised
from limbeck.runtime.readers.audio import AudioForm
from limbeck.types import tensors

CASES = [case for case in cases_of("audio") if case[0] == "audio_cnn"]
LENGTHS = [900, 1, 80, 81, 450]
CLOSE = {"rtol": 1e-4, "atol": 1e-5}

pytestmark = pytest.mark.filterwarnings("ignore:`isinstance\\(treespec, LeafSpec\\)` is deprecated:FutureWarning")


def sounds(lengths, width=900, *, seed=0):
    """Return samples and lengths; what stands behind the end of a sound is noise too, since it must not matter."""
    rng = np.random.default_rng(seed)
    samples = np.stack([0.2 * np.random.default_rng((seed, row)).standard_normal(900) for row in range(len(lengths))])
    padded = rng.standard_normal((len(lengths), width))
    for row, length in enumerate(lengths):
        padded[row, :length] = samples[row, :length]
    return torch.tensor(padded, dtype=torch.float32), torch.tensor(lengths)


@pytest.fixture(params=CASES, ids=case_id)
def network(request):
    return network_for(*request.param, None).eval()


def test_logits_are_float32_and_finite(network):
    logits = network(*sounds(LENGTHS))
    assert logits.shape == (len(LENGTHS), OUTPUTS)
    assert logits.dtype == torch.float32
    assert logits.isfinite().all()


def test_silence_and_the_loudest_are_finite(network):
    samples = torch.stack([torch.zeros(900), torch.ones(900), torch.sign(torch.sin(torch.arange(900.0)))])
    samples.requires_grad_()
    logits = network(samples, torch.tensor([900, 900, 900]))
    assert logits.isfinite().all()
    logits.sum().backward()
    assert samples.grad.isfinite().all()


def test_padding_and_what_stands_in_it_change_nothing(network):
    expected = network(*sounds(LENGTHS))
    for width in (901, 960, 1333):
        torch.testing.assert_close(network(*sounds(LENGTHS, width)), expected, **CLOSE)


def test_other_rows_change_nothing(network):
    samples, lengths = sounds(LENGTHS)
    expected = network(samples, lengths)
    for row, length in enumerate(LENGTHS):  # a batch of one, without padding
        alone = network(samples[row : row + 1, :length], lengths[row : row + 1])
        torch.testing.assert_close(alone, expected[row : row + 1], **CLOSE)
    order = torch.tensor([3, 0, 4, 2, 1])
    torch.testing.assert_close(network(samples[order], lengths[order]), expected[order], **CLOSE)


def test_the_end_of_a_sound_matters(network):
    samples, lengths = sounds([900])
    assert not torch.allclose(network(samples, lengths), network(samples, lengths // 2), **CLOSE)


def test_the_sound_matters(network):
    assert not torch.allclose(network(*sounds([900])), network(*sounds([900], seed=1)), **CLOSE)


@pytest.mark.parametrize("louder", [1 / 4, 1 / 100])
def test_loudness_changes_next_to_nothing(network, louder):
    """A quiet recording is the same sound, down to what is 60 dB below full scale."""
    for seed in range(4):
        samples, lengths = sounds(LENGTHS, seed=seed)
        faint = samples * torch.linspace(0.01, 1, samples.shape[1])  # it ends louder than it begins
        torch.testing.assert_close(network(faint * louder, lengths), network(faint, lengths), atol=1e-3, rtol=0)


def test_training_reaches_every_parameter(network):
    samples, lengths = sounds([900, 800, 500, 900, 90, 1, 300, 700])
    F.cross_entropy(network.train()(samples, lengths), torch.arange(8) % OUTPUTS).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_a_batch_of_one_frame_trains(network):
    logits = network.train()(*sounds([1]))
    F.cross_entropy(logits, torch.tensor([0])).backward()
    assert logits.isfinite().all()


def test_a_row_trains_alike_whatever_its_company(network):
    """Nothing in it has statistics of a batch: several ranks, split batches and padding leave a gradient as it is."""
    network.train().dropout.p = 0.0
    samples, lengths = sounds([900, 450])
    alone = network(samples[1:, :450], lengths[1:])
    torch.testing.assert_close(network(samples, lengths)[1:], alone, **CLOSE)


def test_it_is_as_small_as_is_said():
    network = build_model(SETTINGS.validate_python({"name": "audio_cnn"}), outputs=10, form=AudioForm.of(8000, 8000))
    assert 25_000 < sum(parameter.numel() for parameter in network.parameters()) < 32_000


def test_bands_that_the_rate_does_not_carry_are_refused():
    with pytest.raises(LimbeckError, match="100 bands are too many"):
        network_for("audio_cnn", {"bands": 100}, None)


# --- the exported file -----------------------------------------------------------------------------------------------


def test_means_of_bands_take_away_what_colours_a_voice():
    """A filter that stays as it is adds a number to each band of all frames, and changes nothing then."""
    generator = torch.Generator().manual_seed(0)
    values, colour = torch.randn(3, 5, 9, generator=generator), torch.randn(3, 5, 1, generator=generator)
    real = (torch.arange(9) < torch.tensor([9, 4, 1])[:, None]).unsqueeze(1).float()
    found = standardised(values, real, by_band=True)
    torch.testing.assert_close(standardised(values + colour, real, by_band=True), found)
    assert (standardised(values + colour, real) - standardised(values, real)).abs().max() > 0.5
    for by_band, axes in ((True, (2,)), (False, (1, 2))):
        found = standardised(values, real, by_band=by_band)
        assert found.sum(axes).abs().max() <= 1e-4
        assert not (found * (1 - real)).any()
        power = found[:2].square().sum((1, 2)) / (5 * real[:2].sum((1, 2)))
        torch.testing.assert_close(power, torch.ones(2), atol=0.05, rtol=0)


def test_a_network_subtracts_what_it_is_told_to():
    samples, lengths = sounds([900, 450])
    one, other = (network_for("audio_cnn", {"subtract": name}, None).eval() for name in ("mean", "band_means"))
    assert (one(samples, lengths) - other(samples, lengths)).abs().max() > 1e-3, "of equal weights"


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A network, and its file from samples to logits."""
    network = network_for("audio_cnn", {"width": 8}, None).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2)  # away from the small initial values, where every graph would agree
    path = tmp_path_factory.mktemp("audio") / "model.onnx"
    export_onnx(network, path, tensors(SOUNDS.example), SOUNDS.axes)
    return network, path


def test_the_file_says_what_the_network_says(exported):
    network, path = exported
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [entry.name for entry in session.get_inputs()] == ["samples", "lengths"]
    for lengths in ([900], [1], LENGTHS, [700] * 9):
        samples, counts = sounds(lengths, seed=len(lengths))
        (found,) = session.run(None, {"samples": samples.numpy(), "lengths": counts.numpy()})
        assert np.abs(found - network(samples, counts).detach().numpy()).max() <= 1e-4


def test_the_file_hears_silence_and_next_to_nothing_as_the_network_does(exported):
    """The exporter takes a sum with less than 1e-8 for one with 0; then silence would be divided by 0."""
    network, path = exported
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    tone = torch.sin(torch.arange(900) / 5)
    samples = torch.stack([0 * tone, 1e-7 * tone, 1e-5 * tone, 1e-4 * tone])
    lengths = torch.tensor([900, 900, 500, 1])
    (found,) = session.run(None, {"samples": samples.numpy(), "lengths": lengths.numpy()})
    np.testing.assert_allclose(found, network(samples, lengths).detach().numpy(), atol=1e-4)


def test_a_second_of_speech_ships_in_430_kb(tmp_path):
    """Once it took 518: two tables of all positions, 8 bytes each, and of each node the file and line it came from."""
    form, path = AudioForm.of(8000, 8000), tmp_path / "model.onnx"
    network = build_model(SETTINGS.validate_python("audio_cnn"), outputs=10, form=form).eval()
    export_onnx(network, path, tensors(form.example), form.axes)
    assert path.stat().st_size <= 430_000
    assert not [node.name for node in onnx.load(path).graph.node if node.metadata_props or node.doc_string]


def test_an_int8_twin_can_be_made_and_stays_close(exported, tmp_path):
    """The spectrogram stays in float: 8 bits hold no powers that differ by a factor of a million."""
    network, path = exported
    batches = [sounds([900, 450, 700, 81], seed=seed) for seed in range(8)]
    feeds = [{"samples": samples.numpy(), "lengths": lengths.numpy()} for samples, lengths in batches]
    quantize_int8(path, tmp_path / "int8.onnx", feeds)
    session = onnxruntime.InferenceSession(tmp_path / "int8.onnx", providers=["CPUExecutionProvider"])
    expected = np.concatenate([network(*batch).detach().numpy() for batch in batches])
    found = np.concatenate([session.run(None, feed)[0] for feed in feeds])
    assert np.abs(found - expected).max() < 0.1 * expected.std()
    graph = onnx.load(tmp_path / "int8.onnx").graph
    assert sum(each.data_type == onnx.TensorProto.INT8 for each in graph.initializer) >= 3

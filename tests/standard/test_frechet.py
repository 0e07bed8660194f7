import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from dovetail import Fields, Image, Misfit, Regions, Tokens, Vector, Vocabulary
from dovetail_standard.cells import RnnSpec
from dovetail_standard.conv import ConvSpec
from dovetail_standard.embedding import EmbeddingSpec
from dovetail_standard.flatten import FlattenSpec
from dovetail_standard.frechet import FrechetDistance, FrechetDistanceSpec, Moments, frechet_distance
from dovetail_standard.identity import IdentitySpec
from dovetail_standard.mlp import MlpSpec
from dovetail_standard.sequence import SequenceSpec

SIZE = 5
VECTORS = Fields({"samples": Vector(SIZE), "references": Vector(SIZE)})


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def _metric(encoder=None, outcome=VECTORS):
    return FrechetDistanceSpec(encoder=encoder or IdentitySpec()).build(outcome=outcome)


def _covariance(size: int, rank: int, seed: int) -> torch.Tensor:
    factor = torch.randn(size, rank, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return factor @ factor.T / rank


def _by_scipy(mean1, covariance1, mean2, covariance2) -> float:
    mean1, covariance1, mean2, covariance2 = map(np.asarray, (mean1, covariance1, mean2, covariance2))
    root = scipy.linalg.sqrtm(covariance1 @ covariance2).real
    return float(np.sum((mean1 - mean2) ** 2) + np.trace(covariance1 + covariance2 - 2 * root))


@pytest.mark.parametrize("size", [2, 7, 40])
@pytest.mark.parametrize("seed", range(5))
def test_the_distance_is_that_of_scipys_matrix_root(size, seed):
    mean1, mean2 = torch.randn(2, size, dtype=torch.float64)
    covariance1, covariance2 = _covariance(size, 2 * size, seed), _covariance(size, 3 * size, seed + 100)
    expected = _by_scipy(mean1, covariance1, mean2, covariance2)
    assert float(frechet_distance(mean1, covariance1, mean2, covariance2)) == pytest.approx(expected, rel=1e-8)


def test_equal_gaussians_are_at_distance_zero():
    mean, covariance = torch.randn(9, dtype=torch.float64), _covariance(9, 4, 0)
    assert float(frechet_distance(mean, covariance, mean, covariance)) == pytest.approx(0, abs=1e-12)


def test_diagonal_gaussians_have_the_closed_form():
    mean1, mean2 = torch.tensor([[1.0, 2, 3], [0, 2, 5]]).double()
    deviation1, deviation2 = torch.tensor([[1.0, 0.5, 2], [3, 0, 2]]).double()
    expected = ((mean1 - mean2) ** 2 + (deviation1 - deviation2) ** 2).sum()
    actual = frechet_distance(mean1, torch.diag(deviation1**2), mean2, torch.diag(deviation2**2))
    torch.testing.assert_close(actual, expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize(("size", "ranks"), [(7, (3, 3)), (7, (3, 9)), (7, (1, 4)), (7, (6, 12)), (40, (19, 30))])
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.filterwarnings("ignore:Matrix is:scipy.linalg.LinAlgWarning")
def test_the_distance_is_that_of_scipys_matrix_root_for_singular_covariances(size, ranks, seed):
    mean1, mean2 = torch.randn(2, size, dtype=torch.float64)
    covariance1, covariance2 = (_covariance(size, rank, seed + 100 * rank) for rank in ranks)
    expected = _by_scipy(mean1, covariance1, mean2, covariance2)
    assert float(frechet_distance(mean1, covariance1, mean2, covariance2)) == pytest.approx(expected, rel=1e-6)


def test_numbers_have_the_closed_form():
    mean1, mean2, deviation1, deviation2 = torch.tensor([[1.5], [-2.0], [0.7], [3.0]], dtype=torch.float64)
    actual = frechet_distance(mean1, deviation1[:, None] ** 2, mean2, deviation2[:, None] ** 2)
    assert float(actual) == pytest.approx(3.5**2 + (0.7 - 3.0) ** 2, rel=1e-12)


def test_covariances_that_commute_have_the_closed_form():
    axes, _ = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64))
    deviation1, deviation2 = torch.tensor([[1, 0.5, 2, 1e-3, 4, 3], [3, 1e-2, 2, 1, 0.1, 5]]).double()
    mean = torch.zeros(6, dtype=torch.float64)
    actual = frechet_distance(mean, axes * deviation1**2 @ axes.T, mean, axes * deviation2**2 @ axes.T)
    torch.testing.assert_close(actual, ((deviation1 - deviation2) ** 2).sum(), rtol=1e-10, atol=0)


@pytest.mark.parametrize("cosine", [1.0, 0.8, 1e-3, 0.0])
def test_covariances_of_rank_one_have_the_closed_form(cosine):
    axes, _ = torch.linalg.qr(torch.randn(9, 9, dtype=torch.float64))
    one = 2 * axes[0]
    other = 3 * (cosine * axes[0] + (1 - cosine**2) ** 0.5 * axes[1])
    mean = torch.zeros(9, dtype=torch.float64)
    actual = frechet_distance(mean, torch.outer(one, one), mean, torch.outer(other, other))
    assert float(actual) == pytest.approx(4 + 9 - 2 * 6 * cosine, rel=1e-10)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 8), st.integers(1, 8), st.integers(1, 8), st.integers(0, 10**6), st.floats(-8, 8))
def test_singular_covariances_give_a_real_distance_that_is_symmetric(size, rank1, rank2, seed, magnitude):
    scale = 10**magnitude
    one, two = scale * _covariance(size, rank1, seed), scale * _covariance(size, rank2, seed + 1)
    mean = torch.zeros(size, dtype=torch.float64)
    there, back = frechet_distance(mean, one, mean, two), frechet_distance(mean, two, mean, one)
    assert there.isfinite()
    assert float(there) >= 0
    tolerance = 1e-7 * float(one.trace() + two.trace())
    torch.testing.assert_close(there, back, rtol=1e-9, atol=tolerance)


def test_moments_are_numpys():
    features = torch.randn(11, SIZE) + 1e3
    moments = Moments.of(features[:4]) + Moments.of(features[4:5]) + Moments.of(features[5:])
    reference = features.double().numpy()
    np.testing.assert_allclose(moments.mean.numpy(), reference.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(moments.covariance.numpy(), np.cov(reference, rowvar=False), rtol=1e-9, atol=1e-9)


def test_merging_and_order_do_not_matter():
    batches = [{"samples": torch.randn(n, SIZE), "references": 1 + 2 * torch.randn(n, SIZE)} for n in (4, 1, 7)]
    whole, left, right = _metric(), _metric(), _metric()
    for batch in batches:
        whole.update(batch)
    left.update(batches[2])
    for batch in batches[:2]:
        right.update(batch)
    left.merge(right)
    left.merge(_metric())
    assert left.compute() == pytest.approx(whole.compute(), rel=1e-12)


def test_the_distance_of_samples_is_that_of_their_moments():
    samples, references = torch.randn(30, SIZE), 0.5 + 2 * torch.randn(40, SIZE)
    metric = _metric()
    metric.update({"samples": samples, "references": references})
    both = [(x.mean(axis=0), np.cov(x, rowvar=False)) for x in (samples.double().numpy(), references.double().numpy())]
    assert metric.compute() == pytest.approx(_by_scipy(*both[0], *both[1]), rel=1e-8)


def test_fewer_examples_than_features_still_have_a_distance():
    metric = _metric()
    metric.update({"samples": torch.randn(3, SIZE), "references": torch.randn(2, SIZE)})
    assert metric.compute() > 0


def test_a_metric_that_forgot_everything_says_so():
    metric = _metric()
    metric.update({"samples": torch.randn(3, SIZE), "references": torch.randn(3, SIZE)})
    metric.reset()
    with pytest.raises(ValueError, match="`samples` must be at least 2 for a Fréchet distance, but are 0"):
        metric.compute()


def test_one_example_is_too_few():
    metric = _metric()
    metric.update({"samples": torch.randn(3, SIZE), "references": torch.randn(1, SIZE)})
    with pytest.raises(ValueError, match="`references` must be at least 2 for a Fréchet distance, but are 1"):
        metric.compute()


def test_features_that_are_not_finite_are_named():
    metric = _metric()
    metric.update({"samples": torch.full((3, SIZE), torch.nan), "references": torch.randn(3, SIZE)})
    with pytest.raises(ValueError, match="`samples` must have finite features"):
        metric.compute()


def test_the_encoder_is_in_evaluation_mode_and_is_not_trained():
    image = Image(1, 8, 8)
    outcome = Fields({"samples": image, "references": image})
    metric = _metric(ConvSpec(channels=(3,)), outcome).train()
    before = {name: value.clone() for name, value in metric.state_dict().items()}
    metric.update(outcome.fake(6))
    assert all(torch.equal(value, before[name]) for name, value in metric.state_dict().items())
    assert not any(parameter.requires_grad for parameter in metric.parameters())


def test_raw_pixels_are_features_too():
    image = Image(1, 3, 5)
    outcome = Fields({"samples": image, "references": image})
    metric = _metric(FlattenSpec(), outcome)
    value = image.fake(20)
    metric.update({"samples": value, "references": value.flip(0)})
    assert metric.compute() == pytest.approx(0, abs=1e-12)


def test_misfits_name_what_does_not_fit():
    with pytest.raises(Misfit, match=r"`references` must be of the samples' space, Vector\(size=5\)"):
        _metric(outcome=Fields({"samples": Vector(SIZE), "references": Vector(6)}))
    regions = Fields({"samples": Regions(2, 3), "references": Regions(2, 3)})
    with pytest.raises(Misfit, match="`encoder` must be one that gives a Vector"):
        _metric(outcome=regions)
    assert _metric(MlpSpec(hidden=(4,)), regions).encoder.output == Vector(4)


class _Unsure(nn.Identity):
    output = Vector(SIZE)

    def remark(self):
        return "knew half of it"


def test_too_few_examples_and_what_the_encoder_remarks_are_said():
    metric = FrechetDistance(encoder=_Unsure())
    metric.update({"samples": torch.randn(SIZE + 1, SIZE), "references": torch.randn(SIZE, SIZE)})
    said = "5 references are too few for a covariance of full rank, of 5 features: the distance is too large on average"
    assert metric.remark() == f"{said}; knew half of it"
    enough = _metric()
    enough.update({"samples": torch.randn(SIZE + 1, SIZE), "references": torch.randn(SIZE + 1, SIZE)})
    assert not enough.remark()


def test_texts_that_were_tokenised_differently_are_said_to_be():
    words = Tokens(Vocabulary.of(["dog.", "dog", ".", "a"]))
    spec = SequenceSpec(cell=RnnSpec(hidden=2), embedding=EmbeddingSpec(size=2))
    metric, other = (_metric(spec, Fields({"samples": words, "references": words})) for _ in range(2))
    samples = [torch.tensor(words.vocabulary.encode(text.split())) for text in ("a dog.", "dog a", "a")]
    references = [torch.tensor(words.vocabulary.encode(text.split())) for text in ("a dog .", ". dog. a", "a a")]
    for part, chosen in ((metric, slice(0, 1)), (other, slice(1, 3))):
        part.update({"samples": words.collate(samples[chosen]), "references": words.collate(references[chosen])})
    metric.merge(other)
    said = "punctuation is part of a word in 1 of 1 places of `samples` (`dog.`), 1 of 3 of `references`"
    assert metric.remark() == said
    metric.reset()
    assert not metric.remark()

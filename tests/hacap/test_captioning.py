"""The objectives of captioning: losses and rewards by hand, gradients to whom they belong, outcomes, the errors."""

import math

import pytest
import torch

from dovetail import Fields, Misfit, Mistake, Padded, Regions, Sequence, Tokens, Vocabulary
from dovetail.notes import collect
from dovetail_hacap.adversarial import AdversarialSpec, followed, intrinsic_reward
from dovetail_hacap.attend import AttendSpec
from dovetail_hacap.captioning import CaptioningSpec, filled
from dovetail_hacap.hard import HardSpec
from dovetail_hacap.manager_worker import ManagerWorkerSpec
from dovetail_hacap.soft import SoftSpec
from dovetail_hacap.sru import SruSpec
from dovetail_hacap.sru_discriminator import SruDiscriminatorSpec
from dovetail_standard.captions_space import Captions
from dovetail_standard.embedding import EmbeddingSpec
from dovetail_standard.language_model import negative_log_likelihood
from dovetail_standard.scene_space import Scene
from dovetail_text_gan.convolutional import ConvolutionalSpec
from dovetail_text_gan.mean_baseline import MeanBaselineSpec
from dovetail_text_gan.policy_gradient import PolicyGradientSpec
from dovetail_text_gan.rollout_credit import RolloutCreditSpec
from dovetail_text_gan.sequence_credit import SequenceCreditSpec
from dovetail_text_gan.step_credit import StepCreditSpec

WORDS, REGIONS = Tokens(Vocabulary.of("abcde"), 6), Regions(4, 3, (2, 2))
DATA = Fields({"image": REGIONS, "caption": WORDS, "captions": Captions(2, WORDS), "scene": Scene(2)})
PARTS = {"embedding": EmbeddingSpec(size=3), "attention": SoftSpec(hidden=5)}
GENERATOR = ManagerWorkerSpec(**PARTS, worker=SruSpec(hidden=4), manager=SruSpec(hidden=4), goal=2)
JUDGE = SruDiscriminatorSpec(embedding=EmbeddingSpec(size=3), cell=SruSpec(hidden=4, layers=3), dropout=0.0)


def made(spec, generator=GENERATOR, discriminator=JUDGE):
    torch.manual_seed(0)
    return spec.build(data=DATA, generator=generator, discriminator=discriminator)


def batch(n=5):
    return DATA.fake(n, torch.Generator().manual_seed(1))


def test_the_loss_is_the_mean_over_real_words_and_the_weighted_penalty():
    data, objective = batch(), made(CaptioningSpec(auxiliary={"coverage": 0.3}), discriminator=None)
    with collect() as notes:
        logits, _ = objective.generator(data["caption"], data["image"])
    logs, total = logits.log_softmax(2), 0.0
    for row, length in enumerate(data["caption"].lengths.tolist()):
        total -= sum(logs[row, t, data["caption"].data[row, t]].item() for t in range(length))
    expected = total / data["caption"].lengths.sum().item() + 0.3 * notes.losses["coverage"].item()
    assert objective(data, "likelihood").item() == pytest.approx(expected, rel=1e-5)


def test_counted_padding_is_learnt_up_to_the_longest_caption():
    data, objective = batch(), made(CaptioningSpec(padding="counted", auxiliary={}), discriminator=None)
    whole = filled(data["caption"], WORDS)
    assert whole.data.shape == (5, 6)
    assert whole.lengths.tolist() == [6] * 5
    assert not whole.data[~Padded(whole.data, data["caption"].lengths).mask].any()  # padding is symbol 0
    logits, _ = objective.generator(whole, data["image"])
    expected = negative_log_likelihood(logits, whole).sum() / 30
    torch.testing.assert_close(objective(data, "likelihood"), expected)


def test_the_manager_has_nothing_to_lose_where_the_features_move_along_the_goal():
    """Three words, horizon 2: f = 0, d1, d1 + d2, …; where each goal is the coming move, cos = 1 on real words."""
    torch.manual_seed(0)
    features, lengths = torch.randn(2, 4, 5), torch.tensor([3, 2])
    directions = torch.zeros(2, 3, 5)
    for example, length in enumerate(lengths.tolist()):
        for place in range(length):
            directions[example, place] = 3 * (features[example, min(place + 2, length)] - features[example, place])
    close = followed(features, directions, lengths, horizon=2)
    torch.testing.assert_close(close, torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]]))
    torch.testing.assert_close(followed(features, -directions, lengths, horizon=2), -close)


def test_the_intrinsic_reward_by_hand():
    """In the plane, f = (0,0) → (1,0) → (1,1) → (0,1), all goals point along (1,0), horizon 2.

    Word 0: one move, cos = 1. Word 1: moves (0,1) and (1,1): (0 + √½) / 2. Word 2: (-1,0) and (-1,1): (-1 - √½) / 2.
    """
    features = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]])
    goals = torch.tensor([[[1.0, 0.0]] * 3])
    half = math.sqrt(0.5)
    expected = torch.tensor([[1.0, half / 2, (-1 - half) / 2]])
    torch.testing.assert_close(intrinsic_reward(features, goals, torch.tensor([3]), 2), expected)
    torch.testing.assert_close(
        intrinsic_reward(features, goals, torch.tensor([2]), 2), expected * torch.tensor([1.0, 1.0, 0.0])
    )


@pytest.mark.parametrize("leak", [True, False])
def test_each_phase_trains_its_own_side(leak):
    data = batch()
    objective = made(AdversarialSpec(credit=SequenceCreditSpec(), leak=leak, likelihood_every=1))
    assert [phase.name for phase in objective.phases] == ["discriminator", "generator", "likelihood"]
    objective(data, "generator").backward()
    assert all(parameter.grad is None for parameter in objective.discriminator.parameters())
    assert objective.direction.weight.grad.any()
    assert objective.generator.goal_from_manager.weight.grad.any()
    objective.zero_grad()
    objective(data, "discriminator").backward()
    assert all(parameter.grad is None for parameter in objective.generator.parameters())
    assert objective.discriminator.readout.weight.grad.any()


def test_the_managers_loss_alone_is_weighed_by_credit():
    """Without a worker's reward, the loss is 1/B Σ R_t (1 - cos): the worker's policy gets nothing of its own."""
    data = batch()
    objective = made(AdversarialSpec(credit=SequenceCreditSpec(), extrinsic=0.0, intrinsic=0.0, horizon=2))
    torch.manual_seed(7)
    loss = objective(data, "generator")
    torch.manual_seed(7)
    texts = objective.sides.draw(5, data["image"])
    returns, features = objective.returns(texts, data["image"]), objective.features(texts)
    goals = objective.generator.read(texts, data["image"]).goals
    expected = 0.0
    for row, length in enumerate(texts.lengths.tolist()):
        for t in range(length):
            move = features[row, min(t + 2, length)] - features[row, t]
            cosine = torch.cosine_similarity(move, objective.direction.weight @ goals[row, t], dim=0)
            expected += returns[row, t] * (1 - cosine) / 5
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize("credit", [SequenceCreditSpec(), RolloutCreditSpec(n=2)])
@pytest.mark.parametrize("baseline", [None, MeanBaselineSpec()])
def test_without_a_manager_it_is_the_policy_gradient_of_text_gans(credit, baseline):
    """Whose estimates are compared with exact gradients."""
    generator = ManagerWorkerSpec(**PARTS, worker=SruSpec(hidden=4), manager=None)
    ours = made(AdversarialSpec(credit=credit, baseline=baseline, informed=True), generator)
    theirs = made(PolicyGradientSpec(credit=credit, baseline=baseline, text="caption", given="image"), generator)
    theirs.load_state_dict(ours.state_dict())
    losses = []
    for objective in (ours, theirs):
        torch.manual_seed(3)
        objective(batch(), "generator").backward()
        losses.append([parameter.grad for parameter in objective.generator.parameters()])
    for mine, other in zip(*losses, strict=True):
        torch.testing.assert_close(mine, other)


def test_the_features_are_those_of_each_beginning():
    data, objective = batch(), made(AdversarialSpec(credit=SequenceCreditSpec()))
    features = objective.features(data["caption"])
    for row, length in enumerate(data["caption"].lengths.tolist()):
        one = Padded(data["caption"].data[row : row + 1], torch.tensor([length]))
        torch.testing.assert_close(features[row, length], objective.discriminator.features(one)[0])


@pytest.mark.parametrize(
    ("generator", "names"),
    [
        (GENERATOR, {"weights", "goals", "sample_weights", "sample_goals"}),
        (AttendSpec(**PARTS, hidden=4), {"weights", "sample_weights"}),
        (ManagerWorkerSpec(**PARTS, manager=None), {"weights", "sample_weights"}),
    ],
)
def test_the_outcome_shows_what_was_looked_at_and_aimed_at(generator, names):
    objective = made(CaptioningSpec(), generator, None)
    (outcome,) = objective.evaluate([batch()])
    assert set(outcome) == {"nll", "samples", "references", "scene"} | names
    objective.outcome.check(dict(outcome))
    assert objective.outcome["references"] == Captions(2, WORDS)
    reading = objective.generator.eval().read(outcome["samples"], batch()["image"])
    mask = outcome["samples"].mask[..., None]
    torch.testing.assert_close(outcome["sample_weights"].data, (reading.weights * mask).detach())


def test_the_judged_captions_are_the_most_probable_words():
    objective = made(CaptioningSpec(), discriminator=None)
    outcomes = [next(iter(objective.evaluate([batch()])))["samples"].data for _ in range(2)]
    assert torch.equal(*outcomes)


def test_references_without_captions_are_the_learnt_ones():
    objective = made(CaptioningSpec(captions="caption"), discriminator=None)
    assert objective.outcome["references"] == WORDS
    assert objective.outcome["captions"] == Captions(2, WORDS)


def test_hard_attention_is_learnt_where_it_has_a_weight():
    generator = ManagerWorkerSpec(**PARTS | {"attention": HardSpec(hidden=5, soft=0.0)}, worker=SruSpec(hidden=4))
    with_it = made(CaptioningSpec(auxiliary={"hard-attention": 1.0}), generator, None)
    with_it(batch(), "likelihood").backward()
    assert with_it.generator.attention.scores.energy.weight.grad.any()
    with pytest.raises(Mistake, match=r"`auxiliary\.hard-attention` must be the weight"):
        made(CaptioningSpec(), generator, None)


def test_the_turns_of_likelihood_have_the_loss_of_the_likelihood_stage():
    weights = {"coverage": 0.3}
    stage = made(CaptioningSpec(auxiliary=weights))
    turns = made(AdversarialSpec(credit=SequenceCreditSpec(), likelihood_every=1, auxiliary=weights))
    plain = made(AdversarialSpec(credit=SequenceCreditSpec(), likelihood_every=1))
    assert torch.equal(turns(batch(), "likelihood"), stage(batch(), "likelihood"))
    assert plain(batch(), "likelihood") < turns(batch(), "likelihood")


def test_errors():
    with pytest.raises(Misfit, match="one that can be `informed`"):
        made(CaptioningSpec(informed=True), discriminator=None)
    with pytest.raises(Misfit, match="one score a step"):
        made(AdversarialSpec(credit=StepCreditSpec()))
    with pytest.raises(Misfit, match="in which the manager has goals"):
        made(AdversarialSpec(credit=SequenceCreditSpec()), discriminator=ConvolutionalSpec(widths=(1,), filters=(2,)))
    endless = Fields({**DATA, "caption": Tokens(WORDS.vocabulary)})
    with pytest.raises(Misfit, match="limited length"):
        CaptioningSpec(padding="counted").build(data=endless, generator=GENERATOR)
    with pytest.raises(Misfit, match="`captions` is a Captions"):
        CaptioningSpec().build(data=Fields({"image": REGIONS, "caption": WORDS}), generator=GENERATOR)
    assert Sequence(6, 2) == made(CaptioningSpec(), discriminator=None).outcome["goals"]

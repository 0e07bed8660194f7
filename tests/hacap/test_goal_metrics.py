import math

import numpy as np
import pytest
import torch
from scipy.stats import chisquare, pearsonr, spearmanr

import dovetail
from dovetail import Faults, Fields, Padded, Sequence
from dovetail_hacap.goal_collapse import GoalCollapse, GoalCollapseSpec, likeness
from dovetail_hacap.semantic_alignment import (
    SemanticAlignment,
    SemanticAlignmentSpec,
    attention_moves,
    factor,
    goal_changes,
    null_means,
    p_value,
)

GOAL, PLACES = 3, 4


def padded(captions):
    """Captions of different lengths, with rubbish behind their ends."""
    lengths = [len(caption) for caption in captions]
    data = torch.full((len(captions), max(lengths) + 1, len(captions[0][0])), 7.0, dtype=torch.float64)
    for row, caption in zip(data, captions, strict=True):
        row[: len(caption)] = torch.as_tensor(np.array(caption))
    return Padded(data, torch.tensor(lengths))


def turned(turns):
    """Goals that turn from each step to the next so that 1 - cos is this. Shape: (step, GOAL)."""
    angles = np.concatenate([[0], np.cumsum(np.arccos(1 - np.asarray(turns)))])
    return np.stack([np.cos(angles), np.sin(angles), np.zeros(len(angles))], axis=1)


def moved(moves):
    """Weights that move from each step to the next by this total variation, at most 1 in sum. Shape: (step, PLACES)."""
    away = np.concatenate([[0], np.cumsum(moves)])
    return np.stack([1 - away, away, np.zeros(len(away)), np.zeros(len(away))], axis=1)


def outcome(goals, weights, sample_goals=None, sample_weights=None):
    found = {"goals": goals, "weights": weights, "sample_goals": sample_goals, "sample_weights": sample_weights}
    found["sample_goals"], found["sample_weights"] = sample_goals or goals, sample_weights or weights
    return {name: padded(captions) for name, captions in found.items()}


def aligned(captions, **settings):
    """The metric that has seen captions of these turns and moves, as real and as generated ones."""
    metric = SemanticAlignment(**settings)
    metric.update(outcome([turned(turns) for turns, _ in captions], [moved(moves) for _, moves in captions]))
    return metric


def real(captions, **settings):
    """The values of captions of these turns and moves, beside a generated one of one step."""
    metric = SemanticAlignment(**settings)
    goals, weights = [turned(turns) for turns, _ in captions], [moved(moves) for _, moves in captions]
    metric.update(outcome(goals, weights, [turned([])], [moved([])]))
    return metric.compute()


def independent(seed, count=12, changes=6):
    """Captions whose changes have nothing to do with one another."""
    random = np.random.default_rng(seed)
    return [tuple(random.uniform(0.01, 0.15, (2, changes))) for _ in range(count)]


def evenly(values):
    """Whether values of p of 19 permutations lie evenly among the 20 that there can be, in five bins of four."""
    counts, _ = np.histogram(np.array([*values]) * 20, bins=np.arange(0.5, 21, 4))
    assert counts.sum() == 100
    return chisquare(counts).pvalue > 0.01


# -------------------------------------------------------------------------------------------------------- goal collapse


@pytest.mark.parametrize(
    ("goals", "value"),
    [
        ([[1, 2, 3]] * 4, 1),
        ([[1, 0, 0], [0, 2, 0], [0, 0, 3]], 0),
        ([[1, 2, 0], [-2, -4, 0]], -1),
        ([[1, 0, 0], [3, 0, 0], [0, 5, 0]], 1 / 3),  # of three pairs one is alike
        ([[2, 0, 0], [3, 4, 0]], 3 / 5),
        ([[0, 0, 0], [0, 0, 0]], 0),
    ],
)
def test_goals_that_are_all_alike_have_1_orthogonal_ones_0_and_opposite_ones_minus_1(goals, value):
    assert likeness(np.array(goals, dtype=float)) == pytest.approx(value, abs=1e-15)


def test_collapse_is_the_mean_over_captions_of_each_side():
    alike, apart, opposite = (
        [[1.0, 0.0, 1.0]] * 3,
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
        [[1.0, 2.0, 0.0], [-1.0, -2.0, 0]],
    )
    metric = GoalCollapse()
    metric.update({"goals": padded([alike, apart, alike]), "sample_goals": padded([opposite, apart])})
    assert metric.compute() == pytest.approx({"real": 2 / 3, "generated": -1 / 2})
    assert metric.remark() == ""


def test_captions_of_one_step_are_left_out_and_counted():
    alike, single = [[1.0, 0.0, 1.0]] * 3, [[1.0, 0.0, 0.0]]
    metric = GoalCollapse()
    metric.update({"goals": padded([single, alike, single]), "sample_goals": padded([single, single])})
    assert metric.compute() == pytest.approx({"real": 1})
    assert metric.remark() == (
        "2 of 3 real captions have one step, and are left out;"
        " 2 of 2 generated captions have one step, and are left out"
    )


@pytest.mark.parametrize("metric", [GoalCollapse(), SemanticAlignment()])
def test_without_a_caption_there_is_no_value(metric):
    with pytest.raises(ValueError, match="`goals` must be those of a caption, but none was seen"):
        metric.compute()


@pytest.mark.parametrize("metric", [GoalCollapse(), SemanticAlignment()])
def test_goals_that_are_no_numbers_are_an_error(metric):
    broken = turned([0.1, 0.2, 0.3])
    broken[2, 1] = math.nan
    weights = moved([0.1] * 3)
    with pytest.raises(ValueError, match="`sample_goals` must be finite, but some are infinite or not a number"):
        metric.update(outcome([turned([0.1, 0.2, 0.3])], [weights], [broken], [weights]))


# ---------------------------------------------------------------------------------------------------- changes and moves


def test_a_goals_change_is_1_less_its_cosine_with_the_one_before():
    goals = np.array([[2, 0, 0], [1, 0, 0], [0, 3, 0], [0, -1, 0], [3, -4, 0], [0, 0, 0.0]])
    assert goal_changes(goals).tolist() == pytest.approx([0, 1, 2, 1 - 4 / 5, 1])


def test_attention_moves_by_the_total_variation():
    weights = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 1 / 2, 1 / 2, 0], [1 / 4] * 4])
    assert attention_moves(weights).tolist() == pytest.approx([1, 1 / 2, 1 / 2])


@pytest.mark.parametrize(("correlation", "reference"), [("spearman", spearmanr), ("pearson", pearsonr)])
def test_the_correlation_is_scipys(correlation, reference):
    one, other = np.array([0.3, 0.1, 0.1, 0.9, 0.4, 0.2]), np.array([0.2, 0.2, 0.3, 0.4, 0.2, 0.1])  # with ties
    assert factor(one, correlation) @ factor(other, correlation) == pytest.approx(reference(one, other).statistic)


def test_the_value_is_the_mean_over_captions_and_rubbish_behind_their_ends_is_nothing():
    captions = [*independent(0, 2, 5), *independent(1, 2, 3)]
    found = aligned(captions, correlation="pearson", permutations=9).compute()
    assert (
        found["real"] == found["generated"] == pytest.approx(np.mean([pearsonr(*pair).statistic for pair in captions]))
    )


# ----------------------------------------------------------------------------------------------------- permutation test


@pytest.mark.parametrize("null", ["between", "within"])
@pytest.mark.parametrize("correlation", ["spearman", "pearson"])
def test_alignment_that_is_planted_is_found(null, correlation):
    captions = [(turns, turns) for turns, _ in independent(0)]
    found = aligned(captions, null=null, correlation=correlation, permutations=199).compute()
    assert found["real"] == pytest.approx(1, abs=1e-4)
    assert found["real-p"] == 1 / 200
    assert found["real-null"] == pytest.approx(0, abs=0.1)
    assert 0.05 < found["real-null-95"] < 0.4


@pytest.mark.parametrize("null", ["between", "within"])
def test_attention_that_stays_where_goals_change_is_not_aligned(null):
    captions = [(turns, 0.16 - turns) for turns, _ in independent(0)]
    found = aligned(captions, null=null, permutations=99).compute()
    assert (found["real"], found["real-p"]) == (pytest.approx(-1), 1)


@pytest.mark.parametrize("null", ["between", "within"])
def test_p_is_uniform_where_there_is_nothing_to_find(null):
    found = [aligned(independent(seed), null=null, permutations=39).compute()["real-p"] for seed in range(200)]
    counts, _ = np.histogram(
        np.array(found) * 40, bins=np.arange(0.5, 41, 8)
    )  # 8 of the 40 values that p can have each
    assert counts.sum() == 200
    assert chisquare(counts).pvalue > 0.01


def test_a_course_that_all_captions_share_is_found_within_them_and_not_between_them():
    course = np.array([0.08, 0.04, 0.02, 0.02, 0.02, 0.02])  # of goals and of attention, most at the start

    def shared(seed):
        return [tuple(course + random) for random in np.array(independent(seed)) / 10]

    between = [real(shared(seed), permutations=19) for seed in range(100)]
    within = [real(shared(seed), permutations=19, null="within") for seed in range(10)]
    assert all(found["real"] > 0.3 for found in (*between, *within))
    assert all(found["real-p"] == 1 / 20 for found in within)
    assert np.mean([found["real-null"] for found in within]) == pytest.approx(0, abs=0.05)
    assert evenly(found["real-p"] for found in between)
    own = np.mean([found["real"] - found["real-null"] for found in between])
    assert own == pytest.approx(0, abs=0.05)  # the null distribution's mean is what the course makes of itself


def test_smooth_courses_are_found_within_captions_too_often_and_not_between_them():
    def smooth(seed):
        walks = np.random.default_rng(seed).normal(size=(12, 2, 10)).cumsum(axis=2)
        return [tuple(each) for each in 0.05 + walks / 400]

    captions = [smooth(seed) for seed in range(100)]
    assert evenly(real(each, permutations=19)["real-p"] for each in captions)
    assert not evenly(real(each, permutations=19, null="within")["real-p"] for each in captions)


def test_an_alignment_of_a_captions_own_is_found_between_captions_that_share_a_course():
    course = np.array([0.08, 0.04, 0.02, 0.02, 0.02, 0.02])
    captions = [(course + turns / 10, course + turns / 5) for turns, _ in independent(0)]
    found = aligned(captions, permutations=199).compute()
    assert found["real-p"] == 1 / 200
    assert 0.2 < found["real-null"] < found["real-null-95"] < found["real"]


def test_the_null_distribution_is_that_of_all_permutations():
    pairs = [(factor(np.array([1.0, 2, 4]), "pearson").tolist(), factor(np.array([2.0, 3, 1]), "pearson").tolist())]
    orders = [[2.0, 3, 1], [2, 1, 3], [1, 2, 3], [1, 3, 2], [3, 1, 2], [3, 2, 1]]
    expected = sorted(pearsonr([1.0, 2, 4], order).statistic for order in orders)
    means = null_means(pairs, "within", 3000, np.random.default_rng(0))
    values, counts = np.unique(means.round(9), return_counts=True)
    assert values.tolist() == pytest.approx(expected)
    assert chisquare(counts).pvalue > 0.01
    assert (null_means(pairs, "between", 5, np.random.default_rng(0)) == np.dot(*pairs[0])).all()  # no other to take


def test_p_counts_the_observed_mean_among_the_draws_and_equal_ones_as_large():
    assert p_value(0.5, np.array([0.4, 0.5 - 1e-13, 0.6, 0.1])) == 3 / 5
    assert p_value(0.9, np.zeros(99)) == 1 / 100


@pytest.mark.parametrize("null", ["between", "within"])
def test_neither_order_nor_batches_change_a_draw(null):
    captions = [*independent(0, 3, 5), *independent(1, 4, 7), *independent(2, 1, 4)]
    whole = aligned(captions, null=null, permutations=30)
    metrics = [aligned([captions[place]], null=null, permutations=30) for place in (5, 0, 7, 2, 6, 1, 4, 3)]
    for other in metrics[1:]:
        metrics[0].merge(other)
    assert metrics[0].compute() == whole.compute() == whole.compute()
    assert metrics[0].remark() == whole.remark()


def test_the_seed_draws():
    captions = independent(0)
    first, again, other = (aligned(captions, permutations=50, seed=seed).compute() for seed in (0, 0, 1))
    assert first == again
    assert first["real"] == other["real"]
    assert first["real-null"] != other["real-null"]
    assert first["real-null"] != first["generated-null"]


# ------------------------------------------------------------------------------------------------------------- left out


def test_captions_without_a_correlation_are_left_out_and_counted():
    captions = independent(0, 3, 4)
    short, turns, moves = captions[0][0][:2], *captions[1]
    left_out = [(short, short), (turns, np.full(4, 0.1)), (np.full(4, 0.1), moves), (np.zeros(4), np.zeros(4))]
    some = aligned([*captions, *left_out], permutations=20)
    assert some.compute() == aligned(captions, permutations=20).compute()
    for side in ("real", "generated"):
        assert (
            f"4 of 7 {side} captions are left out: 1 have fewer than 4 steps, 2 have goals that change equally at every"
            " step, 1 have weights that change equally at every step"
        ) in some.remark()


def test_rounding_is_no_change():
    turns, moves = independent(0, 1, 6)[0]
    noise = np.random.default_rng(0).normal(size=(7, GOAL)) * 1e-6
    metric = SemanticAlignment()
    metric.update(outcome([np.ones((7, GOAL)) + noise], [moved(moves)]))
    assert metric.compute() == {}
    assert "1 of 1 real captions are left out: 1 have goals that change equally" in metric.remark()
    assert aligned([(turns, moves)]).remark() != ""


def test_a_side_without_a_caption_that_is_left_has_no_value():
    turns, moves = independent(0, 1, 4)[0]
    metric = SemanticAlignment(permutations=9)
    metric.update(outcome([turned(turns)], [moved(moves)], [turned(turns[:1])], [moved(moves[:1])]))
    assert [*metric.compute()] == ["real", "real-null", "real-null-95", "real-p"]


def test_a_caption_that_is_the_only_one_of_its_length_keeps_its_partner_and_says_so():
    metric = aligned([*independent(0, 2, 5), *independent(1, 1, 4)], permutations=9)
    said = "1 of 3 {} captions are the only ones of their length: they keep their partner"
    assert metric.remark() == "; ".join(said.format(side) for side in ("real", "generated"))
    alone = aligned(independent(1, 1, 4), permutations=9).compute()
    assert (alone["real-p"], alone["real-null"]) == (1, pytest.approx(alone["real"]))
    assert aligned(independent(1, 1, 4), permutations=9, null="within").remark() == ""


def test_weights_are_as_long_as_goals():
    turns, moves = independent(0, 1, 4)[0]
    with pytest.raises(ValueError, match=r"`weights` must be as long as `goals`, \[5\], but are \[4\]"):
        SemanticAlignment().update(outcome([turned(turns)], [moved(moves[:-1])]))


# ---------------------------------------------------------------------------------------------------------------- specs


def test_the_specs_say_what_they_read_and_build_with_their_values():
    spaces = Fields({name: Sequence(None, 3) for name in SemanticAlignmentSpec.needs})
    metric = SemanticAlignmentSpec(null="within", correlation="pearson", permutations=7, seed=3).build(outcome=spaces)
    assert (metric.null, metric.correlation, metric.permutations, metric.seed) == ("within", "pearson", 7, 3)
    assert SemanticAlignmentSpec() == SemanticAlignmentSpec(
        null="between", correlation="spearman", permutations=1000, seed=0
    )
    assert isinstance(GoalCollapseSpec().build(outcome=spaces), GoalCollapse)
    assert (GoalCollapse.direction, SemanticAlignment.direction) == ("lower", "higher")


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"permutations": 0}, r"`permutations` must be in \[1, inf\), but is 0"),
        ({"null": "shuffled"}, "null"),
        ({"correlation": "kendall"}, "correlation"),
    ],
)
def test_values_that_are_none_are_refused(values, error):
    with pytest.raises(Faults, match=error):
        dovetail.registry().spec("metric", "hacap/semantic-alignment", **values)

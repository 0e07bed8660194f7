"""Examples of the plugin's metrics."""

from __future__ import annotations

from typing import Any

import torch

from dovetail import Fields, Padded, Sequence, Tokens, Vocabulary
from dovetail.testing import Example
from dovetail_standard.captions_space import Captions

SHORT = Tokens(Vocabulary.of("abcdefghijklmno"), 6)
LONG = Tokens(Vocabulary.of("abcdefghijklmnopqrst"))


def told(outcome: dict[str, Any]) -> dict[str, Any]:
    """Captions that are their references: of five words, no two images alike."""
    count = len(outcome["samples"].data)
    words = (torch.arange(5) + torch.arange(count)[:, None]) % 15 + len(Vocabulary.SPECIAL)
    captions = Padded(words, torch.full((count,), 5))
    return {**outcome, "samples": captions, "references": tuple(captions for _ in outcome["references"])}


def captioned(tokens: Tokens, count: int, best: float) -> Example:
    """Of a metric that compares captions with `count` references of their images."""
    spaces = {"outcome": Fields({"samples": tokens, "references": Captions(count, tokens)})}
    return Example(spaces=spaces, perfect=told, best=best)


def opposed(outcome: dict[str, Any]) -> dict[str, Any]:
    """Captions of two steps with opposite goals."""
    goals = {}
    for name in ("goals", "sample_goals"):
        first = outcome[name].data[:, :1] + 10
        goals[name] = Padded(torch.cat([first, -2 * first], 1), torch.full((len(first),), 2))
    return {**outcome, **goals}


def aligned(outcome: dict[str, Any]) -> dict[str, Any]:
    """Captions of five steps, whose goals turn as far as their attention moves."""
    made, turns = dict(outcome), torch.tensor([0.0, 0.3, 0.8, 0.2, 0.5])
    for side in ("", "sample_"):
        count, _, places = outcome[f"{side}weights"].data.shape
        angles, moved = (each.cumsum(0).expand(count, 5) for each in (turns, 1 - turns.cos()))
        goals = torch.zeros(count, 5, outcome[f"{side}goals"].data.shape[2])
        goals[..., 0], goals[..., 1] = angles.cos(), angles.sin()
        weights = torch.zeros(count, 5, places)
        weights[..., 0], weights[..., 1] = 1 - moved, moved
        lengths = torch.full((count,), 5)
        made |= {f"{side}goals": Padded(goals, lengths), f"{side}weights": Padded(weights, lengths)}
    return made


def looked(goal: int, places: int, **values: Any) -> Example:
    """Of a metric of goals and attention."""
    sizes = {"goals": goal, "weights": places, "sample_goals": goal, "sample_weights": places}
    spaces = {"outcome": Fields({name: Sequence(None, size) for name, size in sizes.items()})}
    return Example(values, spaces=spaces, perfect=aligned, best=1.0)


def wanted(length: int | None, goal: int) -> Example:
    """Of a metric of goals."""
    spaces = {"outcome": Fields(dict.fromkeys(("goals", "sample_goals"), Sequence(length, goal)))}
    return Example(spaces=spaces, perfect=opposed, best=-1.0)


EXAMPLES: dict[str, tuple[Example, ...]] = {
    "metric/corpus-bleu": (captioned(SHORT, 1, 1.0), captioned(LONG, 3, 1.0)),
    "metric/cider": (captioned(SHORT, 1, 10.0), captioned(LONG, 3, 10.0)),
    "metric/rouge-l": (captioned(SHORT, 1, 1.0), captioned(LONG, 3, 1.0)),
    "metric/goal-collapse": (wanted(None, 3), wanted(6, 2)),
    "metric/semantic-alignment": (
        looked(3, 4, permutations=20),
        looked(2, 5, permutations=9, correlation="pearson", null="within", seed=1),
    ),
}

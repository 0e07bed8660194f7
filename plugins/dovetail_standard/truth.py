"""How much of what captions state holds in their scenes.

A caption's truth is the fraction of its statements that hold. Each word that is part of no statement counts as one that
does not hold, so that words thrown together, some of which will say something true, score low. A caption that states
nothing scores 0, and a statement that is made twice counts once. Beside the truth, `parsed` is the fraction of a
caption's words that are part of a statement. Both are means over captions.

*Not covered:* how much of the scene a caption tells: a short and vague one can be wholly true.
"""

from __future__ import annotations

from collections.abc import Sequence as Items
from fractions import Fraction
from typing import Any, final

from attrs import frozen

from dovetail import Fields, Metric, MetricSpec, Outcome, Tokens
from dovetail_standard.scene_space import Scene, Thing
from dovetail_standard.statements import Parse, parse


@frozen(kw_only=True)
class TruthSpec(MetricSpec):
    """The fraction of a caption's statements that hold in its scene. Samples are words."""

    needs = ("samples", "scene")
    takes = {"samples": (Tokens,), "scene": (Scene,)}

    def build(self, *, outcome: Fields) -> Truth:
        samples, scene = outcome["samples"], outcome["scene"]
        assert isinstance(samples, Tokens)
        assert isinstance(scene, Scene)
        return Truth(samples=samples, scene=scene)


def truth_of(caption: Parse, scene: Items[Thing]) -> Fraction:
    """The fraction of the caption's statements and words left over that are statements which hold; 0 without any."""
    number = len(caption.statements) + len(caption.rest)
    return Fraction(sum(statement.holds(scene) for statement in caption.statements), number or 1)


@final
class Truth(Metric):
    """Parses each sample and checks it against the scene of the same place. Sums are exact."""

    direction = "higher"
    unit = "fraction"

    def __init__(self, *, samples: Tokens, scene: Scene) -> None:
        super().__init__()
        self.samples, self.scene = samples, scene
        self.reset()

    def reset(self) -> None:
        self.truth, self.parsed, self.seen = Fraction(0), Fraction(0), 0

    def update(self, outcome: Outcome) -> None:
        texts, scenes = self.samples.decode(outcome["samples"]), self.scene.decode(outcome["scene"])
        if len(texts) != len(scenes):
            raise ValueError(f"`samples` must be as many as `scene`, {len(scenes)}, but are {len(texts)}")
        for text, scene in zip(texts, scenes, strict=True):
            caption = parse(text.split())
            self.truth += truth_of(caption, scene)
            self.parsed += caption.parsed
        self.seen += len(texts)

    def merge(self, other: Any) -> None:
        self.truth += other.truth
        self.parsed += other.parsed
        self.seen += other.seen

    def compute(self) -> dict[str, float]:
        if not self.seen:
            raise ValueError("`truth` must have seen a caption, but has seen none")
        return {"truth": float(self.truth / self.seen), "parsed": float(self.parsed / self.seen)}

"""Examples of the plugin's metrics."""

from __future__ import annotations

from typing import Any

import torch

from dovetail import Fields, Padded, Tokens, Vocabulary
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


EXAMPLES: dict[str, tuple[Example, ...]] = {
    "metric/corpus-bleu": (captioned(SHORT, 1, 1.0), captioned(LONG, 3, 1.0)),
    "metric/cider": (captioned(SHORT, 1, 10.0), captioned(LONG, 3, 10.0)),
    "metric/rouge-l": (captioned(SHORT, 1, 1.0), captioned(LONG, 3, 1.0)),
}

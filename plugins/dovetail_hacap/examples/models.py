"""Examples of the plugin's models."""

from __future__ import annotations

from typing import Any

from dovetail import Image, Regions, Sequence, Tokens, Vector, Vocabulary
from dovetail.testing import Example

TOKENS, OTHER_TOKENS = Tokens(Vocabulary.of("abcde", joiner=""), 6), Tokens(Vocabulary.of("xyz", joiner=""), 5)
REGIONS, IMAGE = Regions(4, 6, (2, 2)), Image(3, 8, 8)
EMBEDDING = {"use": "standard/embedding", "size": 3}
SRU, LSTM, GRU = ({"use": cell, "hidden": 4} for cell in ("hacap/sru", "standard/lstm", "standard/gru"))
SOFT, GATED, HARD = ({"use": f"hacap/{name}", "hidden": 5} for name in ("soft", "gated", "hard"))
CONV = {"use": "standard/conv", "channels": [4, 6], "output": "regions", "normalisation": "none"}
WORKER = {"embedding": EMBEDDING, "worker": SRU, "manager": SRU, "attention": SOFT, "goal": 2}

EXAMPLES: dict[str, Any] = {
    "cell/sru": (
        Example({"hidden": 3}),
        Example({"hidden": 5, "layers": 2, "activation": "relu", "highway_projection": "where-needed"}),
        Example({"hidden": 4, "activation": "identity", "highway": False, "forget_bias": 1.0, "highway_bias": -2.0}),
        Example({"hidden": 4, "layers": 2, "dropout": 0.3}, random=True),
    ),
    "attention/soft": (
        Example({"hidden": 5}, spaces={"memory": REGIONS, "query": Vector(3)}),
        Example({"hidden": 4, "heads": 2}, spaces={"memory": Sequence(5, 4), "query": Vector(2)}),
    ),
    "attention/gated": (
        Example({"hidden": 5}, spaces={"memory": REGIONS, "query": Vector(3)}),
        Example({"hidden": 4, "heads": 3}, spaces={"memory": Sequence(5, 6), "query": Vector(2)}),
    ),
    "attention/hard": (
        Example({"hidden": 5}, spaces={"memory": REGIONS, "query": Vector(3)}, random=True),
        Example({"hidden": 4, "soft": 0.0}, spaces={"memory": Sequence(5, 4), "query": Vector(2)}, random=True),
    ),
    "encoder/projected": (
        Example({"size": 3}, spaces={"input": REGIONS}),
        Example({"size": 4, "encoder": CONV, "places": True}, spaces={"input": IMAGE}),
    ),
    "generator/manager-worker": (
        Example(WORKER, spaces={"produces": TOKENS, "given": REGIONS, "leaks": Vector(3)}),
        Example(
            {**WORKER, "query": "current", "detach": False, "attention": GATED, "horizon": 3, "encoder": CONV},
            spaces={"produces": OTHER_TOKENS, "given": IMAGE},
        ),
        Example(
            {**WORKER, "manager": "core/none", "attention": "standard/mean-pool", "temperature": 0.5, "worker": LSTM},
            spaces={"produces": TOKENS, "given": REGIONS},
        ),
        Example(
            {**WORKER, "attention": HARD, "normalisation": "none", "worker": GRU},
            spaces={"produces": TOKENS, "given": REGIONS},
            random=True,
        ),
    ),
    "generator/attend": (
        Example(
            {"embedding": EMBEDDING, "attention": GATED, "hidden": 4}, spaces={"produces": TOKENS, "given": REGIONS}
        ),
        Example(
            {
                "embedding": EMBEDDING,
                "attention": HARD,
                "hidden": 3,
                "peepholes": True,
                "dropout": 0.2,
                "encoder": CONV,
            },
            spaces={"produces": OTHER_TOKENS, "given": IMAGE},
            random=True,
        ),
    ),
    "discriminator/sru": (
        Example({"embedding": EMBEDDING, "cell": SRU}, spaces={"input": TOKENS}, random=True),
        Example(
            {"embedding": EMBEDDING, "cell": GRU, "dropout": 0.0}, spaces={"input": OTHER_TOKENS, "given": REGIONS}
        ),
    ),
}

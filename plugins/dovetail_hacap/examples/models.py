"""Examples of the plugin's models."""

from __future__ import annotations

from typing import Any

from dovetail import Fields, Image, Regions, Sequence, Tokens, Vector, Vocabulary
from dovetail.testing import Example
from dovetail_standard.captions_space import Captions

TOKENS, OTHER_TOKENS = Tokens(Vocabulary.of("abcde", joiner=""), 6), Tokens(Vocabulary.of("xyz", joiner=""), 5)
REGIONS, IMAGE = Regions(4, 6, (2, 2)), Image(3, 8, 8)
EMBEDDING = {"use": "standard/embedding", "size": 3}
SRU, LSTM, GRU = ({"use": cell, "hidden": 4} for cell in ("hacap/sru", "standard/lstm", "standard/gru"))
SOFT, GATED, HARD = ({"use": f"hacap/{name}", "hidden": 5} for name in ("soft", "gated", "hard"))
CONV = {"use": "standard/conv", "channels": [4, 6], "output": "regions", "normalisation": "none"}
JUDGE = {"use": "hacap/sru", "embedding": EMBEDDING, "cell": SRU}
DATA = Fields({"image": REGIONS, "caption": TOKENS, "captions": Captions(2, TOKENS)})
WORKER = {"embedding": EMBEDDING, "worker": SRU, "manager": SRU, "attention": SOFT, "goal": 2}
CAPTIONER = {"use": "hacap/manager-worker", **WORKER}

EXAMPLES: dict[str, Any] = {
    "cell/sru": (
        Example({"hidden": 3}),
        Example({"hidden": 5, "layers": 2, "activation": "relu", "highway_projection": "where-needed"}),
        Example({"hidden": 4, "activation": "identity", "highway": False, "forget_bias": 1.0, "highway_bias": -2.0}),
        Example({"hidden": 3, "layers": 2, "fused": False}),
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
    "objective/captioning": (
        Example(parts={"generator": CAPTIONER}, spaces={"data": DATA}),
        Example(
            {"leak": True, "auxiliary": {}, "padding": "counted", "informed": True, "captions": "caption"},
            parts={"generator": CAPTIONER, "discriminator": JUDGE},
            spaces={"data": DATA},
        ),
        Example(
            {"image": "regions", "text": "words", "captions": "words", "decoding": "standard/beam"},
            parts={"generator": {"use": "hacap/attend", "embedding": EMBEDDING, "attention": SOFT, "hidden": 4}},
            spaces={"data": Fields({"regions": REGIONS, "words": OTHER_TOKENS})},
        ),
    ),
    "objective/adversarial": (
        Example(
            {"credit": "text-gan/sequence", "leak": True, "extrinsic": 0.1, "intrinsic": 0.0, "manager": 10.0},
            parts={"generator": CAPTIONER, "discriminator": JUDGE},
            spaces={"data": DATA},
        ),
        Example(
            {
                "credit": {"use": "text-gan/rollout", "n": 2},
                "baseline": "text-gan/mean",
                "rescaling": "true",
                "horizon": 2,
                "likelihood_every": 1,
                "informed": True,
            },
            parts={"generator": CAPTIONER, "discriminator": JUDGE},
            spaces={"data": DATA},
        ),
    ),
}
EXPECTED_FAILURES = {
    "objective/adversarial": {
        "outcome-gets-better": "it raises the reward of samples, and the likelihood of the data is what that costs; the"
        " gradient is compared with that of text-gan/policy-gradient in tests/hacap/test_captioning.py",
    },
}

"""Small configurations of the generators, discriminators, objectives, credits and baselines."""

from __future__ import annotations

from typing import Any

from dovetail import Fields, Sequence, Tokens, Vector, Vocabulary
from dovetail.testing import Example

LETTERS = Vocabulary.of("abcde", joiner="")
TOKENS, OTHER_TOKENS = Tokens(LETTERS, 6), Tokens(Vocabulary.of("xyz", joiner=""), 5)
ROWS, OTHER_ROWS = Sequence(6, 9), Sequence(5, 7)
EMBEDDING = {"use": "standard/embedding", "size": 3}
RNN, LSTM, GRU = ({"use": f"standard/{name}", "hidden": 4} for name in ("rnn", "lstm", "gru"))
LM = {"use": "standard/rnn-lm", "embedding": EMBEDDING, "cell": LSTM}
READER = {"use": "text-gan/recurrent", "embedding": EMBEDDING, "cell": GRU}
STEPS = {**READER, "scores": "step"}
FILTERS = {"use": "text-gan/convolutional", "embedding": EMBEDDING, "widths": [1, 2], "filters": [3, 2]}
MIXED = {"use": "text-gan/leakgan", "embedding": EMBEDDING, "cell": LSTM, "hidden": 4}
BLOCKS = {"channels": 4, "blocks": 1, "width": 3}
DATA = Fields({"text": TOKENS})

EXAMPLES: dict[str, Any] = {
    "generator/leakgan": (
        Example({"embedding": EMBEDDING, "cell": LSTM, "hidden": 4}, spaces={"produces": TOKENS}),
        Example({"embedding": EMBEDDING, "cell": GRU}, spaces={"produces": OTHER_TOKENS, "leaks": Vector(3)}),
        Example({"cell": "core/none", "hidden": 3}, spaces={"produces": TOKENS, "leaks": Vector(4)}),
        Example({"cell": RNN, "activation": "relu"}, spaces={"produces": TOKENS, "given": Vector(2)}),
    ),
    "generator/continuous": (
        Example({"noise": 3, "embedding": 4, "cell": LSTM}, spaces={"produces": ROWS}),
        Example({"noise": 2, "embedding": 2, "cell": GRU}, spaces={"produces": OTHER_ROWS}),
    ),
    "generator/residual": (
        Example({**BLOCKS, "noise": 3}, spaces={"produces": ROWS}),
        Example({**BLOCKS, "noise": 2, "width": 1, "scale": 1.0}, spaces={"produces": OTHER_ROWS}),
    ),
    "generator/oracle": (
        Example({"units": 4}, spaces={"produces": TOKENS}),
        Example({"units": 3, "deviation": 0.5, "seed": 1}, spaces={"produces": OTHER_TOKENS}),
    ),
    "discriminator/recurrent": (
        Example({"embedding": EMBEDDING, "cell": GRU}, spaces={"input": TOKENS}),
        Example(
            {"embedding": EMBEDDING, "cell": LSTM, "scores": "step", "dropout": 0.2},
            spaces={"input": TOKENS},
            random=True,
        ),
        Example({"cell": RNN}, spaces={"input": OTHER_TOKENS, "given": Vector(3)}),
    ),
    "discriminator/convolutional": (
        Example(
            {"embedding": EMBEDDING, "widths": [1, 2, 9], "filters": [3, 2, 2]}, spaces={"input": TOKENS}, random=True
        ),
        Example({"widths": [2], "filters": [3], "dropout": 0.0}, spaces={"input": OTHER_TOKENS, "given": Vector(2)}),
    ),
    "discriminator/residual": (
        Example(BLOCKS, spaces={"input": ROWS}),
        Example({**BLOCKS, "scale": 1.0}, spaces={"input": OTHER_ROWS}),
    ),
    "objective/likelihood": (
        Example(parts={"generator": LM}, spaces={"data": DATA}),
        Example({"leak": True}, parts={"generator": MIXED, "discriminator": STEPS}, spaces={"data": DATA}),
        Example(
            {"text": "words", "given": "code"},
            parts={"generator": LM, "discriminator": FILTERS},
            spaces={"data": Fields({"words": OTHER_TOKENS, "code": Vector(3)})},
        ),
    ),
    "objective/policy-gradient": (
        Example(parts={"generator": LM, "discriminator": READER}, spaces={"data": DATA}),
        Example(
            {"credit": {"use": "text-gan/step", "discount": 0.9}, "baseline": "text-gan/mean", "leak": True},
            parts={"generator": MIXED, "discriminator": STEPS},
            spaces={"data": DATA},
        ),
        Example(
            {
                "credit": {"use": "text-gan/rollout", "n": 2},
                "baseline": {"use": "text-gan/learned", "embedding": EMBEDDING, "cell": RNN},
                "rescaling": "true",
                "likelihood_every": 1,
            },
            parts={"generator": LM, "discriminator": FILTERS},
            spaces={"data": DATA},
        ),
    ),
    "objective/wgan-gp": (
        Example(
            parts={
                "generator": {"use": "text-gan/continuous", "noise": 3, "embedding": 4, "cell": LSTM},
                "discriminator": {"use": "text-gan/residual", **BLOCKS},
            },
            spaces={"data": DATA},
        ),
        Example(
            {"penalty": 1.0, "discriminator_updates": 1},
            parts={
                "generator": {"use": "text-gan/residual", **BLOCKS, "noise": 3},
                "discriminator": {"use": "text-gan/residual", **BLOCKS},
            },
            spaces={"data": DATA},
        ),
    ),
    "credit/sequence": (Example(), Example({})),
    "credit/step": (Example(), Example({"discount": 0.5})),
    "credit/rollout": (Example({"n": 2}), Example({"n": 3, "at_once": 5})),
    "baseline/mean": (Example(), Example({})),
    "baseline/learned": (
        Example({"embedding": EMBEDDING, "cell": GRU}),
        Example({"embedding": EMBEDDING, "cell": LSTM}),
    ),
    "dataset/oracle": (
        Example(
            {
                "oracle": {"use": "text-gan/oracle", "units": 3},
                "words": 50,
                "length": 5,
                "train": 9,
                "valid": 6,
                "test": 7,
            },
            changed={"words": 50, "length": 8, "train": 9, "valid": 6, "test": 7, "seed": 1},
        ),
        Example(
            {"words": 90, "length": 9, "train": 5, "valid": 5, "test": 5},
            changed={"words": 80, "length": 9, "train": 5, "valid": 5, "test": 5},
        ),
    ),
}

EXPECTED_FAILURES = {
    "objective/policy-gradient": {
        "outcome-gets-better": "it raises the reward of samples, and the likelihood of the data is what that costs; the"
        " gradient is compared with the exact one in tests/text_gan/test_policy_gradient.py",
    },
}

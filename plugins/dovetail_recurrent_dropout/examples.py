"""Small configurations of this plugin's components, for the conformance kit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dovetail import Fields, Label, Labels, Sequence, Tokens, Vocabulary
from dovetail.randomness import stream
from dovetail.testing import Example
from dovetail_recurrent_dropout import conformance as _conformance  # noqa: F401 (registers the checks of `dropout`)
from dovetail_recurrent_dropout import conll_stand_in, tweets_stand_in
from dovetail_recurrent_dropout.spans import Scheme

STEP = {"use": "recurrent-dropout/update", "rate": 0.4}
SEQUENCE = {"use": "recurrent-dropout/gal", "rate": 0.4, "sampling": "sequence"}
UNTIED = {"use": "recurrent-dropout/gal", "rate": 0.3, "masks": "untied", "sampling": "step", "scale": "training"}
ZONEOUT = {"use": "recurrent-dropout/zoneout", "hidden": 0.2, "cell": 0.4, "sampling": "sequence"}
FORWARD = {"use": "recurrent-dropout/forward", "input": 0.2, "output": 0.5}
SEVERAL = {"use": "recurrent-dropout/several", "schemes": [STEP, SEQUENCE, FORWARD]}

TOKENS = Tokens(Vocabulary.of("abcde", joiner=""), 6)
ENTITIES = Labels(6, 5, ("O", "B-PER", "I-PER", "B-LOC", "I-LOC"))
BIOES = Labels(None, 5, ("O", "B-PER", "I-PER", "E-PER", "S-PER"))
GROUPS = Label(2, ("old", "new"))


def of_labels(space: Any, predicted: str = "predictions", groups: Label | None = None, **values: Any) -> Example:
    """Of a metric that compares labels of this space."""
    spaces = {predicted: space, "references": space, **({} if groups is None else {"groups": groups})}
    return Example(
        values,
        spaces={"outcome": Fields(spaces)},
        perfect=lambda outcome: {**outcome, predicted: outcome["references"]},
        best=1.0,
    )


def conll(number: int = 0, scheme: Scheme = "iob1", /, **values: Any) -> Callable[[Path], Mapping[str, Any]]:
    """A folder with three files of sentences in the column format."""

    def values_in(folder: Path) -> dict[str, Any]:
        (place := folder / f"conll-{number}").mkdir(exist_ok=True)
        for split, count in {"train": 6, "testa": 4, "testb": 5}.items():
            text = conll_stand_in.corpus(count, scheme, stream(number, split))
            (place / f"eng.{split}").write_text(text, encoding="utf-8")
        return {"path": str(place), "scheme": scheme, "vector_size": 3, **values}

    return values_in


def tweets(number: int = 0, /, **values: Any) -> Callable[[Path], Mapping[str, Any]]:
    """A folder with tweets for training, weakly labelled ones, and two test files."""

    def values_in(folder: Path) -> dict[str, Any]:
        (place := folder / f"tweets-{number}").mkdir(exist_ok=True)
        for split, count in {"train": 6, "weak": 8, "valid": 4, "test-one": 4, "test-two": 3}.items():
            text = tweets_stand_in.lines(count, split == "weak", stream(number, split))
            (place / f"{split}.tsv").write_text(text, encoding="utf-8")
        return {"path": str(place), "vector_size": 3, **values}

    return values_in


CELLS = {
    f"cell/{name}": (
        Example({"hidden": 3}),
        Example({"hidden": 4, "layer_norm": True, "init": 0.2}),
        Example({"hidden": 3, "fused": False, "activation": "relu"}),
        Example({"hidden": 3, "dropout": STEP}, random=True),
        Example({"hidden": 3, "dropout": SEQUENCE}, random=True),
        Example({"hidden": 3, "dropout": UNTIED, "fused": False}, random=True),
        Example({"hidden": 3, "dropout": ZONEOUT}, random=True),
        Example({"hidden": 3, "dropout": SEVERAL}, random=True),
    )
    for name in ("rnn", "lstm", "gru")
}

DROPOUT = {
    **{
        f"dropout/{name}": (
            Example({"rate": 0.25}),
            Example({"rate": 0.4, "sampling": "step"}),
            Example({"rate": 0.4, "sampling": "sequence", "scale": "training"}),
            Example({"rate": 0.0}),
        )
        for name in ("update", "gal", "moon")
    },
    "dropout/zoneout": (
        Example(),
        Example({"hidden": 0.3, "cell": 0.0, "sampling": "sequence"}),
        Example({"hidden": 0.2, "cell": 0.6, "sampling": "sequence"}),
    ),
    "dropout/forward": (
        Example(),
        Example({"input": 0.3, "output": 0.0, "sampling": "sequence"}),
        Example({"input": 0.3, "output": 0.4, "scale": "training"}),
    ),
    "dropout/several": (
        Example(),
        Example({"schemes": [STEP, SEQUENCE, UNTIED]}),
        Example({"schemes": [ZONEOUT, {**ZONEOUT, "sampling": "step"}, FORWARD]}),
        Example(
            {"schemes": [{**STEP, "sampling": "sequence"}, {"use": "recurrent-dropout/several", "schemes": [STEP]}]}
        ),
        Example({"schemes": [{"use": "recurrent-dropout/several", "schemes": [STEP, SEQUENCE]}, UNTIED]}),
    ),
}
DROPOUT["dropout/gal"] += (Example({"masks": "untied"}), Example({"masks": "untied", "sampling": "step"}))

SMALL = {"train": 7, "valid": 5, "test": 6}

DATASETS = {
    "dataset/temporal-order": (
        Example({**SMALL, "length": 12}, changed={**SMALL, "length": 12, "seed": 1}),
        Example({**SMALL, "form": "bits", "length": 30}, changed={**SMALL, "form": "symbols", "length": 30}),
    ),
    "dataset/conll": (
        Example(conll(), changed=conll(1)),
        Example(conll(0, "bioes", crop=99), changed=conll(1, "bioes", crop=99)),
        Example(conll(crop=4), changed=conll(crop=4, vector_size=4)),
    ),
    "dataset/conll-stand-in": (
        Example({**SMALL, "vector_size": 3}, changed={**SMALL, "vector_size": 3, "seed": 1}),
        Example({**SMALL, "vector_size": 2, "scheme": "iob2", "crop": 4}, changed={**SMALL, "vector_size": 2}),
    ),
    "dataset/tweets": (
        Example(tweets(), changed=tweets(1)),
        Example(tweets(train="weak", tests=["two"]), changed=tweets(train="weak", tests=["one"])),
    ),
    "dataset/tweets-stand-in": (
        Example({"size": 6, "held_out": 4, "vector_size": 3}, changed={"size": 6, "held_out": 4, "vector_size": 4}),
        Example(
            {"size": 3, "held_out": 3, "train": "weak"}, changed={"size": 3, "held_out": 3, "train": "weak", "seed": 1}
        ),
    ),
}

READ = {"use": "standard/sequence", "cell": {"use": "recurrent-dropout/lstm", "hidden": 3}, "pooling": "none"}

OTHERS = {
    "encoder/context": (
        Example({"filters": 3}, spaces={"input": Sequence(6, 5)}),
        Example({"filters": 4, "side": 0}, spaces={"input": Sequence(None, 2)}),
        Example(
            {"filters": 2, "side": 1, "embedding": {"use": "standard/embedding", "size": 3}}, spaces={"input": TOKENS}
        ),
    ),
    "objective/tag": (
        Example(parts={"encoder": READ}, spaces={"data": Fields({"input": Sequence(6, 4), "label": ENTITIES})}),
        Example(
            {"input": "words", "target": "tags", "optimizer": {"use": "standard/sgd"}},
            parts={"encoder": {**READ, "bidirectional": True, "embedding": {"use": "standard/embedding", "size": 3}}},
            spaces={"data": Fields({"words": TOKENS, "tags": Labels(6, 3), "source": GROUPS})},
        ),
    ),
    "metric/span-f1": (of_labels(ENTITIES), of_labels(BIOES, mode="strict", scheme="bioes")),
    "metric/by-group": (
        of_labels(Label(3), groups=GROUPS, metric="standard/accuracy"),
        of_labels(Labels(6, 4), groups=Label(3), metric={"use": "standard/f1", "average": "micro"}),
    ),
    "metric/masked": (
        of_labels(Label(3), "masked", metric="standard/accuracy"),
        of_labels(Label(4), "masked", metric={"use": "standard/f1", "average": "micro"}),
    ),
}

EXAMPLES = {**CELLS, **DROPOUT, **DATASETS, **OTHERS}

"""Small configurations of this plugin's components, for the conformance kit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from attrs import frozen
from torch import Generator as Random

from dovetail import Fields, Image, Label, Labels, Padded, Regions, Sequence, Tokens, Vector, Vocabulary
from dovetail.testing import Example
from dovetail_standard import conformance_of_rewards as _conformance  # noqa: F401 (registers the checks of its kinds)
from dovetail_standard.caption_words import LONGEST, vocabulary
from dovetail_standard.example_files import (
    files,
    write_cifar10,
    write_coco_captions,
    write_flickr8k,
    write_flickr30k,
    write_flowers102,
    write_mnist,
    write_split_text,
    write_text,
)
from dovetail_standard.scene_space import Scene

LETTERS = Vocabulary.of("abcde", joiner="")
TOKENS, ANY_TOKENS = Tokens(LETTERS, 6), Tokens(LETTERS)
SEQUENCE, ANY_SEQUENCE = Sequence(6, 5), Sequence(None, 4)
REGIONS, GREY, COLOURED = Regions(4, 3, (2, 2)), Image(1, 8, 8), Image(3, 8, 8, low=0.0)
RNN, LSTM, GRU = ({"use": f"standard/{name}", "hidden": 3} for name in ("rnn", "lstm", "gru"))
EMBEDDING = {"use": "standard/embedding", "size": 4}


@frozen
class Nats(Sequence):
    """(batch, time, 1) of nats a token, which are not negative"""

    length: int | None = 6
    size: int = 1

    def fake(self, batch: int, generator: Random | None = None) -> Padded:
        data, lengths = super().fake(batch, generator)
        return Padded(data.abs(), lengths)


def the_same(one: str, other: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Outcomes whose `one` is their `other`."""
    return lambda outcome: {**outcome, one: outcome[other]}


def no_doubt(outcome: dict[str, Any]) -> dict[str, Any]:
    """Every token has the probability one."""
    nll = outcome["nll"]
    return {"nll": Padded(torch.zeros_like(nll.data), nll.lengths)}


def told(outcome: dict[str, Any]) -> dict[str, Any]:
    """Captions that say what the first object of each scene looks like."""
    scenes, words = Scene().decode(outcome["scene"]), Tokens(vocabulary())
    texts = [f"a {things[0].size} {things[0].colour} {things[0].shape}" for things in scenes]
    numbers = [torch.tensor([*words.vocabulary.encode(text.split()), words.vocabulary.end]) for text in texts]
    return {**outcome, "samples": words.collate(numbers)}


def kept(**values: Any) -> Callable[[Path], Mapping[str, Any]]:
    """The values of an example that keeps features in the folder of the checks."""
    return lambda folder: {"cache": str(folder), "device": "cpu", **values}


def labelled(space: Any, **values: Any) -> Example:
    """Of a metric that compares labels of this space."""
    spaces = {"outcome": Fields({"predictions": space, "references": space})}
    return Example(values, spaces=spaces, perfect=the_same("predictions", "references"), best=1.0)


def generated(space: Any, **values: Any) -> Example:
    """Of a metric that compares samples and references of this space."""
    spaces = {"outcome": Fields({"samples": space, "references": space})}
    return Example(values, spaces=spaces, perfect=the_same("samples", "references"), best=0.0)


def described(most: int, longest: int) -> Example:
    """Of a metric of captions of scenes."""
    spaces = {"outcome": Fields({"samples": Tokens(vocabulary(), longest), "scene": Scene(most)})}
    return Example(spaces=spaces, perfect=told, best=1.0)


def data(**fields: Any) -> Mapping[str, Any]:
    """The dataset of an objective."""
    return {"data": Fields(fields)}


CELLS = {
    "cell/rnn": (Example({"hidden": 3}), Example({"hidden": 4, "layers": 2, "activation": "relu"})),
    "cell/lstm": (Example({"hidden": 3}), Example({"hidden": 4, "layers": 2})),
    "cell/gru": (Example({"hidden": 3}), Example({"hidden": 4, "layers": 2})),
}

ENCODERS = {
    "encoder/sequence": (
        Example({"cell": LSTM}, spaces={"input": SEQUENCE}),
        Example(
            {"cell": GRU, "embedding": EMBEDDING, "pooling": "mean", "bidirectional": True}, spaces={"input": TOKENS}
        ),
        Example(
            {"cell": RNN, "pooling": "none", "input_dropout": 0.3, "output_dropout": 0.4},
            spaces={"input": ANY_SEQUENCE},
            random=True,
        ),
        Example({"cell": LSTM, "pooling": "max", "head": {"use": "standard/mlp", "hidden": [4], "head": 2}}),
        Example(
            {"cell": {"use": "recurrent-dropout/gru", "hidden": 3, "dropout": "recurrent-dropout/update"}}, random=True
        ),
    ),
    "encoder/embedding": (
        Example({"size": 4}, spaces={"input": TOKENS}),
        Example({"size": 3, "init": 0.2}, spaces={"input": ANY_TOKENS}),
        Example({"size": 2, "deviation": 0.5}),
    ),
    "encoder/identity": (
        Example(),
        Example(spaces={"input": TOKENS}),
        Example(spaces={"input": SEQUENCE}),
        Example(spaces={"input": COLOURED}),
    ),
    "encoder/mean-pool": (
        Example(spaces={"input": REGIONS}),
        Example(spaces={"input": SEQUENCE}),
        Example(spaces={"input": COLOURED}),
    ),
    "encoder/flatten": (
        Example(),
        Example(spaces={"input": GREY}),
        Example(spaces={"input": REGIONS}),
    ),
    "encoder/mlp": (
        Example({"hidden": [4]}),
        Example({"hidden": [4, 3], "dropout": 0.4, "activation": "tanh"}, spaces={"input": REGIONS}, random=True),
        Example({"hidden": [3], "head": 2, "activation": "gelu"}, spaces={"input": GREY}),
    ),
    "encoder/conv": (
        Example({"channels": [2, 3]}, spaces={"input": GREY}),
        Example({"channels": [3], "normalisation": "group", "output": "regions"}, spaces={"input": COLOURED}),
        Example({"channels": [2, 2], "normalisation": "none", "kernel": 4, "output": "mean", "activation": "elu"}),
    ),
    "encoder/resnet": (
        Example({"depth": 18, "layer": "layer1"}, spaces={"input": Image(3, 16, 16)}),
        Example({"depth": 50, "layer": "layer1.0"}, spaces={"input": Image(1, 16, 16, low=0.0)}),
        Example({"depth": 18, "layer": "layer1.0", "frozen": True}, spaces={"input": Image(1, 16, 16)}),
    ),
    "encoder/vgg": (
        Example({"depth": 11, "layer": "features.4"}, spaces={"input": Image(3, 16, 16)}),
        Example({"depth": 13, "layer": "features.6", "batch_norm": True}, spaces={"input": GREY}),
        Example({"depth": 11, "layer": "features.2", "frozen": True}, spaces={"input": COLOURED}),
    ),
    "encoder/inception": (
        Example({"layer": "Conv2d_2b_3x3"}, spaces={"input": Image(3, 16, 16)}),
        Example({"layer": "Conv2d_2a_3x3"}, spaces={"input": Image(1, 13, 13, low=0.0)}),
        Example({"layer": "Conv2d_1a_3x3", "frozen": True}, spaces={"input": COLOURED}),
    ),
}

ATTENTION = {
    "attention/mean-pool": (
        Example(spaces={"memory": REGIONS}),
        Example(spaces={"memory": SEQUENCE}),
        Example(spaces={"memory": COLOURED, "query": Vector(2)}),
    ),
}

ADVERSARIES = {
    "generator/rnn-lm": (
        Example({"embedding": EMBEDDING, "cell": LSTM}, spaces={"produces": TOKENS}),
        Example(
            {"embedding": EMBEDDING, "cell": GRU}, spaces={"produces": TOKENS, "given": Vector(3), "leaks": Vector(2)}
        ),
        Example(
            {"embedding": {"use": "standard/embedding", "size": 3}, "cell": RNN, "tied": True, "output_dropout": 0.4},
            random=True,
        ),
        Example({"embedding": EMBEDDING, "cell": {"use": "standard/gru", "hidden": 3, "layers": 2}, "init": 0.5}),
    ),
    "generator/dcgan": (
        Example({"latent": 3, "width": 2, "start": 2}, spaces={"produces": GREY}),
        Example(
            {"latent": 2, "width": 3, "start": 4, "kernel": 5, "noise": "uniform"},
            spaces={"produces": COLOURED, "given": Label(3)},
        ),
        Example({"latent": 0, "width": 2, "start": 4}, spaces={"given": Vector(5)}),
    ),
    "discriminator/dcgan": (
        Example({"width": 2, "end": 2}, spaces={"input": GREY}),
        Example(
            {"width": 3, "end": 4, "kernel": 5, "normalisation": "layer"}, spaces={"input": COLOURED, "given": Label(3)}
        ),
        Example({"width": 2, "end": 2, "normalisation": "spectral"}, spaces={"given": Vector(4)}),
        Example({"width": 2, "end": 2, "normalisation": "none"}),
    ),
}

METRICS = {
    "metric/accuracy": (labelled(Label(3)), labelled(Labels(6, 4))),
    "metric/f1": (
        labelled(Label(3)),
        labelled(Labels(6, 3, ("no", "yes", "maybe")), average="micro", classes=["yes", "maybe"]),
    ),
    "metric/perplexity": (
        Example(spaces={"outcome": Fields({"nll": Nats()})}, perfect=no_doubt, best=1.0),
        Example({"base": "corpus"}, spaces={"outcome": Fields({"nll": Nats(length=None)})}, perfect=no_doubt, best=1.0),
        Example({"base": "batch-mean"}, spaces={"outcome": Fields({"nll": Nats()})}, perfect=no_doubt, best=1.0),
    ),
    "metric/bits-per-character": (
        Example(spaces={"outcome": Fields({"nll": Nats()})}, perfect=no_doubt, best=0.0),
        Example(spaces={"outcome": Fields({"nll": Nats(length=None)})}, perfect=no_doubt, best=0.0),
    ),
    "metric/frechet-distance": (
        generated(Vector(3), encoder="standard/flatten"),
        generated(Image(1, 4, 4), encoder={"use": "standard/mlp", "hidden": [3]}),
    ),
    "metric/truth": (described(3, LONGEST + 1), described(1, 9)),
}

FEW_SCENES = {"use": "standard/scenes", "train": 6, "valid": 5, "test": 4, "size": 8}

DATASETS = {
    "dataset/digits": (
        Example(changed={"split_seed": 1}),
        Example({"form": "rows", "size": 16}, changed={"form": "rows", "size": 32}),
    ),
    "dataset/mnist": (
        Example(files(write_mnist, valid=4), changed=files(write_mnist, 1, valid=4)),
        Example(
            files(write_mnist, form="rows", size=32, valid=5),
            changed=files(write_mnist, 1, form="rows", size=32, valid=5),
        ),
    ),
    "dataset/cifar10": (
        Example(files(write_cifar10, valid=4), changed=files(write_cifar10, 1, valid=4)),
        Example(files(write_cifar10, valid=3), changed=files(write_cifar10, valid=3, split_seed=1)),
    ),
    "dataset/flowers102": (
        Example(files(write_flowers102, size=8), changed=files(write_flowers102, 1, size=8)),
        Example(
            files(write_flowers102, size=8, augment=True, division="shuffled"),
            changed=files(write_flowers102, 1, size=8, augment=True, division="shuffled"),
        ),
    ),
    "dataset/text-words": (
        Example(files(write_text, window=5), changed=files(write_text, 1, window=5)),
        Example(
            files(write_split_text, unit="line", vocabulary_size=7), changed=files(write_split_text, 1, unit="line")
        ),
    ),
    "dataset/text-chars": (
        Example(files(write_text, window=9), changed=files(write_text, 1, window=9)),
        Example(
            files(write_split_text, unit="line", longest=25, too_long="leave-out", vocabulary_from="all"),
            changed=files(write_split_text, 1, unit="line"),
        ),
    ),
    "dataset/flickr8k": (
        Example(files(write_flickr8k, size=8), changed=files(write_flickr8k, 1, size=8)),
        Example(
            files(write_flickr8k, size=8, augment=True, captions="token", longest=4, too_long="cut"),
            changed=files(write_flickr8k, size=8, augment=True, captions="token", longest=3, too_long="cut"),
        ),
    ),
    "dataset/flickr30k": (
        Example(files(write_flickr30k, size=8), changed=files(write_flickr30k, 1, size=8)),
        Example(
            files(write_flickr30k, size=8, min_count=1, vocabulary_from="all"),
            changed=files(write_flickr30k, size=8, min_count=1, vocabulary_from="all", longest=5),
        ),
    ),
    "dataset/coco-captions": (
        Example(files(write_coco_captions, size=8), changed=files(write_coco_captions, 1, size=8)),
        Example(
            files(write_coco_captions, size=8, augment=True, longest=4, too_long="cut"),
            changed=files(write_coco_captions, size=9, augment=True, longest=4, too_long="cut"),
        ),
    ),
    "dataset/features": (
        Example(
            kept(dataset=FEW_SCENES, encoder={"use": "standard/conv", "channels": [3], "output": "regions"}, batch=2),
            changed=kept(dataset=FEW_SCENES, encoder={"use": "standard/conv", "channels": [3], "kernel": 5}),
        ),
        Example(
            kept(dataset=FEW_SCENES, encoder="standard/flatten", into="pixels", keep=True, dtype="float16"),
            changed=kept(
                dataset={**FEW_SCENES, "seed": 1}, encoder="standard/flatten", into="pixels", keep=True, dtype="float16"
            ),
        ),
    ),
    "dataset/scenes": (
        Example({"train": 6, "valid": 5, "test": 4, "size": 8}, changed={"train": 6, "valid": 5, "test": 4, "seed": 1}),
        Example(
            {"train": 4, "valid": 3, "test": 3, "size": 12, "objects": 1, "captions": 2},
            changed={"train": 4, "valid": 3, "test": 3, "size": 12, "objects": 2, "captions": 2},
        ),
    ),
}

MLP = {"use": "standard/mlp", "hidden": [4]}
DRAWING = {"use": "standard/dcgan", "latent": 3, "width": 2, "start": 2}
SCORING = {"use": "standard/dcgan", "width": 2, "end": 2}
CRITIC = {**SCORING, "normalisation": "layer"}
ADAM = {"use": "standard/adam", "lr": 0.01}
WRITING = {"use": "standard/rnn-lm", "embedding": EMBEDDING, "cell": LSTM}

OBJECTIVES = {
    "objective/classify": (
        Example(parts={"encoder": MLP}, spaces=data(input=Vector(5), label=Label(3))),
        Example(
            {"smoothing": 0.1, "group": "source", "masked": True, "optimizer": ADAM, "target": "class"},
            parts={"encoder": {"use": "standard/sequence", "cell": GRU, "output_dropout": 0.3}},
            spaces=data(input=SEQUENCE, **{"class": Label(4)}, source=Label(2)),
        ),
        Example(parts={"encoder": {"use": "standard/conv", "channels": [2]}}, spaces=data(input=GREY, label=Label(3))),
    ),
    "objective/language-model": (
        Example(parts={"generator": WRITING}, spaces=data(text=TOKENS)),
        Example(
            {"stateful": False, "loss": "sum", "text": "caption", "optimizer": ADAM},
            parts={"generator": {**WRITING, "input_dropout": 0.2}},
            spaces=data(caption=ANY_TOKENS, image=GREY),
        ),
        Example({"carry_epochs": True}, parts={"generator": {**WRITING, "cell": RNN}}, spaces=data(text=ANY_TOKENS)),
    ),
    "objective/adversarial": (
        Example(parts={"generator": DRAWING, "discriminator": SCORING}, spaces=data(input=GREY)),
        Example(
            {
                "real": "image",
                "given": "label",
                "smoothing": 0.1,
                "discriminator_updates": 2,
                "generator_optimizer": ADAM,
            },
            parts={"generator": DRAWING, "discriminator": CRITIC},
            spaces=data(image=COLOURED, label=Label(3)),
        ),
    ),
    "objective/wgan-gp": (
        Example(parts={"generator": DRAWING, "discriminator": CRITIC}, spaces=data(input=GREY)),
        Example(
            {"real": "image", "given": "label", "penalty": 1.0, "generator_updates": 2},
            parts={"generator": DRAWING, "discriminator": CRITIC},
            spaces=data(image=GREY, label=Vector(2)),
        ),
    ),
}

FALLING = {"use": "standard/exponential", "start": 0.05, "factor": 0.9}

OPTIMIZERS = {
    "optimizer/sgd": (
        Example(),
        Example({"lr": FALLING, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ),
    "optimizer/adam": (Example(), Example({"lr": FALLING, "beta1": 0.5, "weight_decay": 0.01})),
    "optimizer/adamw": (Example(), Example({"lr": FALLING, "beta2": 0.9, "weight_decay": 0.1})),
    "optimizer/rmsprop": (Example(), Example({"lr": FALLING, "momentum": 0.5, "centered": True})),
}

SCHEDULES = {
    "schedule/constant": (Example({"value": 0.5}), Example({"value": 0.0})),
    "schedule/linear": (
        Example({"finish": 10}),
        Example({"start": 2.0, "end": 1.0, "begin": 1, "finish": 5, "by": "epoch"}),
    ),
    "schedule/cosine": (
        Example({"start": 1.0, "finish": 10}),
        Example({"start": 0.1, "end": 1.0, "finish": 7, "by": "epoch"}),
    ),
    "schedule/exponential": (
        Example({"start": 1.0, "factor": 0.5}),
        Example({"start": 2.0, "factor": 0.99, "begin": 5, "by": "step"}),
    ),
    "schedule/plateau": (
        Example({"start": 1.0}),
        Example({"start": 1.0, "divisor": 2.0, "patience": 3, "smallest": 0.1}),
    ),
    "schedule/piecewise": (
        Example({"values": [1.0, 0.1], "boundaries": [3]}),
        Example({"values": [1.0, 0.5, 2.0], "boundaries": [5, 50], "by": "step"}),
    ),
}

DECODINGS = {
    "decoding/greedy": (Example(), Example({"length": 3, "forbid": ["a"]})),
    "decoding/ancestral": (Example(), Example({"temperature": 1.5, "top_k": 2, "length": 4, "forbid": ["<end>"]})),
    "decoding/beam": (Example(), Example({"width": 3, "alpha": 0.7, "length": 4, "forbid": ["<unknown>", "b"]})),
}

EXAMPLES = {
    **CELLS,
    **ENCODERS,
    **ATTENTION,
    **ADVERSARIES,
    **METRICS,
    **DATASETS,
    **OBJECTIVES,
    **OPTIMIZERS,
    **SCHEDULES,
    **DECODINGS,
}

EXPECTED_FAILURES = {
    "metric/perplexity": {
        "batch-size": "`base = batch-mean` is the mean over batches of their perplexities, as some publish it"
    },
}

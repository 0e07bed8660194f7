"""Two small configurations of each component of the gallery, but for the one that has one too few."""

from __future__ import annotations

import tomllib
from pathlib import Path

from dovetail.testing import Example


def perfect(outcome):
    return outcome | {"predictions": outcome["references"]}


def fit(name):
    return {"encoder": {"use": "gallery/dense", "hidden": name}}


BY_KIND = {
    "encoder": (Example({"hidden": 3}), Example({"hidden": 4})),
    "attention": (Example(), Example({"sharpness": 2.0})),
    "cell": (Example({"hidden": 3}), Example({"hidden": 4})),
    "generator": (Example(), Example({"hidden": 4})),
    "decoding": (Example(), Example({"temperature": 2.0})),
    "discriminator": (Example({"hidden": 3}), Example({"hidden": 4})),
    "metric": (Example(perfect=perfect, best=1.0), Example({"scale": 100.0}, perfect=perfect, best=100.0)),
    "dataset": (Example(changed={"seed": 1}), Example({"count": 12}, changed={"count": 12, "seed": 2})),
    "objective": (Example(parts=fit(3)), Example({"optimizer": {"use": "standard/adam"}}, parts=fit(4))),
    "optimizer": (Example(), Example({"momentum": 0.0, "lr": 0.1})),
    "schedule": (Example(), Example({"start": 2.0})),
}
RANDOM = (Example({"hidden": 3}, random=True), Example({"hidden": 4}, random=True))
IMAGES = (Example({"noise": 4}), Example({"noise": 5}))
SHARES = (Example({"hidden": 3, "kept": 0.4}), Example({"hidden": 4}))
ITS_OWN = {
    **{f"encoder/{name}": RANDOM for name in ("dropout", "dropout-on", "own-dropout", "numpy-dropout")},
    **{f"cell/{name}": RANDOM for name in ("dropout", "dropout-on")},
    "encoder/kept": SHARES,
    "encoder/undocumented": SHARES,
    "encoder/unread": SHARES,
    "encoder/positional": SHARES,
    "encoder/percent": (Example({"hidden": 3, "kept": 40.0}), Example({"hidden": 4})),
    "encoder/groups": (Example({"groups": 3}), Example({"hidden": 4, "groups": 2})),
    "encoder/odd-defaults": (Example({"groups": 3}), Example({"hidden": 4, "groups": 2})),
    "encoder/one-example": (Example(),),
    **{f"generator/{name}": IMAGES for name in ("painter", "unbounded", "same-noise", "too-few")},
}
NAMES = tomllib.loads(Path(__file__).with_name("registry.toml").read_text(encoding="utf-8"))
EXAMPLES = {
    f"{kind}/{name}": ITS_OWN.get(f"{kind}/{name}", examples)
    for kind, examples in BY_KIND.items()
    for name in NAMES[kind]
}

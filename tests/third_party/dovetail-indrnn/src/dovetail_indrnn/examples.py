"""Small configurations of this plugin's components, for the conformance kit; and, by `conformance`, its check."""

from __future__ import annotations

from dovetail import Fields, Label
from dovetail.testing import Example

from dovetail_indrnn import conformance as _conformance  # noqa: F401 (registers the check of `initialiser`)

SMALL = {"train": 8, "valid": 5, "test": 4, "steps": 12}


def of_classes(classes: int) -> Example:
    """Of a metric that compares labels."""
    return Example(
        spaces={"outcome": Fields({"predictions": Label(classes), "references": Label(classes)})},
        perfect=lambda outcome: {**outcome, "predictions": outcome["references"]},
        best=1.0,
    )


EXAMPLES: dict[str, tuple[Example, ...]] = {
    "cell/indrnn": (
        Example({"hidden": 3}),
        Example({"hidden": 4, "activation": "tanh", "start": {"use": "indrnn/constant", "value": -0.5}}),
    ),
    "initialiser/uniform": (
        Example({"steps": 5}),
        Example({"steps": 9, "least": 0.25, "most": 1.0}),
    ),
    "initialiser/constant": (
        Example(),
        Example({"value": 0.5}),
    ),
    "dataset/two-sequences": (
        Example(SMALL, changed={**SMALL, "seed": 1}),
        Example({**SMALL, "informative": 1}, changed={**SMALL, "informative": 2}),
    ),
    "metric/matthews": (of_classes(2), of_classes(3)),
}

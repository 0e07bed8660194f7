"""Examples of the plugin's models."""

from __future__ import annotations

from dovetail.testing import Example

EXAMPLES: dict[str, tuple[Example, ...]] = {
    "cell/sru": (
        Example({"hidden": 3}),
        Example({"hidden": 5, "layers": 2, "activation": "relu", "highway_projection": "where-needed"}),
        Example({"hidden": 4, "activation": "identity", "highway": False, "forget_bias": 1.0, "highway_bias": -2.0}),
        Example({"hidden": 4, "layers": 2, "dropout": 0.3}, random=True),
    ),
}

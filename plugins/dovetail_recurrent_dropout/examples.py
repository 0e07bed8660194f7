"""Small configurations of this plugin's components, for the conformance kit."""

from dovetail.testing import Example

STEP = {"use": "recurrent-dropout/update", "rate": 0.4}
SEQUENCE = {"use": "recurrent-dropout/gal", "rate": 0.4, "sampling": "sequence"}

EXAMPLES = {
    f"cell/{name}": (
        Example({"hidden": 3}),
        Example({"hidden": 4, "layer_norm": True, "init": 0.2}),
        Example({"hidden": 3, "dropout": STEP}, random=True),
        Example({"hidden": 3, "dropout": SEQUENCE}, random=True),
    )
    for name in ("rnn", "lstm", "gru")
}

"""A grid with a search over the quadratic toy, for the tests of searches."""

from dovetail.bench.grids import load_grid
from dovetail.tables import overrides

SYSTEMS = """
[systems.quad]
dataset = "toys/points"
objective = { use = "toys/quadratic" }
metrics = { value = "toys/last", other = { use = "toys/last", negative = true } }
train = { epochs = 1, batch = 7, device = "cpu" }
"""
HEAD = """
[grids.g]
base = "quad"
seeds = 2
"""
SEARCH = """
[[grids.g.designs]]
kind = "search"
trials = 5
optimise = "value.valid"
"""
X = '"objective.x" = { low = 0.01, high = 1.0, scale = "log" }\n'
N = '"objective.n" = { low = 2, high = 7 }\n'


def text(ranges=X, head="", search="", designs=SEARCH):
    """The grid: more keys for it and for its design, and its ranges."""
    return f"{SYSTEMS}{HEAD}{head}{designs}{search}[grids.g.designs.ranges]\n{ranges}"


def load(workplace, *changes):
    return load_grid(workplace.registry, "g", workplace.bench.checker, overrides(changes))

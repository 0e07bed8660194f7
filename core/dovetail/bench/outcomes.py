"""What became of a run: its state in the store and, where it has finished, its metrics."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from dovetail.bench.running import Bench
from dovetail.bench.store import RunFolder
from dovetail.systems import System


@frozen(eq=False)
class Outcome:
    """What became of a system with a seed."""

    seed: int
    state: str
    folder: RunFolder
    metrics: Mapping[str, float] = field(factory=dict)
    device: str = ""
    seconds: float = 0.0
    detail: str = ""


def outcome_of(bench: Bench, system: System, seed: int) -> Outcome:
    """The outcome as the store has it now, with the metrics that the system asks for."""
    identity = bench.identify(system, seed)
    folder = bench.folder(system, seed, identity)
    state, changes = bench.store.status(folder, identity)
    if state == "finished":
        result, asked = folder.result(), system.stages[-1].metrics
        device = str(result["device"]).partition(":")[0]
        metrics = {name: value for name, value in result["metrics"].items() if name.partition(".")[0] in asked}
        return Outcome(seed, state, folder, metrics, device, result["seconds"])
    failure = folder.failure() if state == "failed" else None
    return Outcome(seed, state, folder, detail=failure["message"] if failure else "; ".join(changes))

"""A finished run's model: written beside its results, and read back without data and without pickle."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from dovetail.assembly import Model, assemble
from dovetail.bench.files import FileFailure, write_json, write_tensors
from dovetail.bench.measuring import fill, schedules_in, watches_higher
from dovetail.bench.store import FinishedRun, RunFolder, Store
from dovetail.interfaces import Progress
from dovetail.registries import Registry
from dovetail.registries import registry as make_registry


def write_model(folder: RunFolder, model: Model, registry: Registry) -> None:
    """The tensors as the objective names them and slot by slot, and the spaces of the data and of each slot."""
    from dovetail.conversion import space_converter

    tensors = {f"model/{name}": tensor for name, tensor in model.tensors().items()}
    for path in model.built:
        tensors |= {f"slot/{path}/{name}": tensor for name, tensor in _part_tensors(model, path).items()}
    write_tensors(folder.file("model.safetensors"), tensors, {})
    converter = space_converter(registry)
    built = {
        path: [{k: None if v is None else converter.unstructure(v) for k, v in each.spaces.items()} for each in builds]
        for path, builds in model.built.items()
        if any(isinstance(each.module, nn.Module) for each in builds)
    }
    write_json(folder.file("spaces.json"), {"data": converter.unstructure(model.data), "slots": built})


def _part_tensors(model: Model, path: str) -> dict[str, Tensor]:
    """The tensors of what was built at a path; those of its n-th further build behind `n.`."""
    return {
        f"{turn}.{name}" if turn else name: tensor
        for turn, each in enumerate(model.built[path])
        if isinstance(each.module, nn.Module)
        for name, tensor in each.module.state_dict().items()
    }


def load(run: Path | str, registry: Registry | None = None) -> Model:
    """A finished run's model with its weights, opening no dataset and unpickling nothing: `load("runs/…").encoder`.

    Args:
        run: a run's folder, or its name (or the beginning of it) in the store.
        registry: names the components; the installed plugins' by default.

    Raises:
        Mistake: there is no such run, or it has not finished.
        FileFailure: one of its files is damaged.
    """
    store = Store(Path(run).parent) if (Path(run) / "run.json").is_file() else Store.at()
    finished = FinishedRun(store.find(str(run)), registry or make_registry(), store)
    system, last = finished.system, len(finished.system.stages) - 1
    runs = store.earlier(finished.registry)
    model = assemble(system, stage=last, runs=runs, data=finished.spaces["data"])
    load_weights(model, finished)
    for path in model.built:
        if path.startswith("metrics."):
            _restore_slot(model, path, finished.tensors)
    model.train(False)
    fill(schedules_in(model), final_progress(model, finished))
    return model


def load_weights(model: Model, finished: FinishedRun) -> None:
    """Put a finished run's weights into a model of its system; raises `FileFailure` where they do not fit."""
    try:
        model.objective.load_state_dict(finished.weights)
    except RuntimeError as error:
        file = finished.folder.file("model.safetensors")
        raise FileFailure(f"{file}: does not fit the run's model: {error}") from error


def final_progress(model: Model, finished: FinishedRun) -> Progress:
    """Where the run's training ended."""
    result = finished.folder.result()
    train = finished.system.stages[-1].train
    return Progress(result["steps"], result["epochs"], tuple(result["validation"]), watches_higher(model, train))


def _restore_slot(model: Model, path: str, tensors: dict[str, Tensor]) -> None:
    for turn, each in enumerate(model.built[path]):
        if isinstance(each.module, nn.Module):
            prefix = f"slot/{path}/{turn}." if turn else f"slot/{path}/"
            each.module.load_state_dict({name: tensors[f"{prefix}{name}"] for name in each.module.state_dict()})

"""Dovetail: assemble neural networks for research out of named parts. Public names are resolved when first used."""

from importlib import import_module
from typing import Any

_PUBLIC = {
    "dovetail.interfaces": """
        Attention AttentionSpec Augment Batch Cell CellSpec Dataset DatasetSpec DecodingSpec Discriminator
        DiscriminatorSpec Encoder EncoderSpec Generator GeneratorSpec Leak Metric MetricSpec Objective ObjectiveSpec
        OptimizerSpec Outcome Phase Progress Schedule ScheduleSpec Spec Split State Stepwise Strategy value_at""",
    "dovetail.spaces": """
        Fields Frames Gaussian Image Label Labels Normal Padded Regions Sequence Space Tokens Varying
        Vector Vocabulary""",
    "dovetail.errors": "DovetailError Failure Fault Faults Misfit Mistake",
    "dovetail.frozendict": "FrozenDict",
    "dovetail.ranges": "within",
    "dovetail.hooks": "hook",
    "dovetail.registries": "Registry registry",
    "dovetail.assembly": "Model assemble built_for",
    "dovetail.bench": "load train",
}
_HOME = {name: module for module, names in _PUBLIC.items() for name in names.split()}
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'dovetail' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOME]

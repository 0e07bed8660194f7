"""Features of a dataset's images, or of another field, computed once by an encoder and kept on disk.

A dataset around a dataset: `field` becomes what the encoder gives for it, under the name `into`; the other fields stay.
The encoder is frozen and in evaluation mode. Where its weights are drawn, they are drawn from the slot's path, and are
the same in every run.

Features are in a folder of their own in `cache`, named by all that decides them: the encoder's hyperparameters, its
components' versions and its weights (not where they came from), the dataset with its fingerprint, and `dtype`. Each
split is computed when something is first taken from it, and goes on where it stood if it was interrupted; any later
epoch, run or process only reads. Old folders may be deleted.

What features are computed from is never augmented; the fields beside them, a caption drawn anew in each epoch say, are
augmented as ever.

*Not covered:* features that vary in length.

Axes: those of the encoder's `output`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Items
from pathlib import Path
from typing import Any, Literal, Protocol, final, runtime_checkable

import attrs
import torch
from attrs import frozen
from lightning_fabric.utilities import move_data_to_device
from torch import Tensor
from torch.utils.data import get_worker_info

from dovetail import (
    Augment,
    Batch,
    Dataset,
    DatasetSpec,
    Encoder,
    EncoderSpec,
    Fields,
    FrozenDict,
    Mistake,
    Registry,
    Spec,
    Split,
    registry,
    within,
)
from dovetail.assembly import Handle, freeze
from dovetail.bench.identity import digest
from dovetail.config import FromRun, inside
from dovetail.conversion import spec_converter
from dovetail.errors import close, listed
from dovetail.randomness import on_stream
from dovetail_standard.arrays import ArrayDataset, fingerprint_of
from dovetail_standard.feature_files import FeatureFiles

SPLITS = ("train", "valid", "test")


def cache_folder() -> Path:
    """Where features are kept unless `cache` says: what `DOVETAIL_FEATURES` names, or `~/.cache/dovetail/features`."""
    return Path(os.environ.get("DOVETAIL_FEATURES") or "~/.cache/dovetail/features").expanduser()


@frozen(kw_only=True)
class FeaturesSpec(DatasetSpec):
    """A dataset of which one field is features, computed once by an encoder."""

    dataset: DatasetSpec
    """The data."""
    encoder: EncoderSpec
    """Reads the field; never trained here."""
    field: str = "image"
    """The field that it reads."""
    into: str = "regions"
    """Name of the field with the features."""
    keep: bool = False
    """Keep the field that was read, too."""
    dtype: Literal["float32", "float16"] = "float32"
    """Numbers on disk; float16 takes half the space. Features are given as float32."""
    batch: int = attrs.field(default=32, validator=within("[1, inf)"), metadata={"identity": False})
    """Examples that the encoder reads at once."""
    device: Literal["auto", "cpu", "cuda"] = attrs.field(default="auto", metadata={"identity": False})
    """Where the encoder computes; `auto` is a GPU where there is one."""
    cache: str = attrs.field(default="", metadata={"identity": False})
    """Folder of all kept features, made where it is missing; else that of `DOVETAIL_FEATURES`, or one in `~/.cache`."""

    def build(self) -> ArrayDataset:
        data = self.dataset.build()
        self._check_names(data.fields)
        with on_stream(0, "features"):
            encoder = self.encoder.build(input=data.fields[self.field])
        like = encoder.output.fake(1, torch.Generator())
        if not isinstance(like, Tensor) or not like.is_floating_point():
            raise Mistake(f"`encoder` must give numbers of one shape, as in Regions, but gives {encoder.output}")
        freeze(encoder)
        made_of = self._made_of(data, encoder)
        folder = (Path(self.cache).expanduser() if self.cache else cache_folder()) / digest(made_of)
        extraction = Extraction(encoder=encoder, field=self.field, batch=self.batch, device=self.device, about=made_of)
        splits = {}
        for name in SPLITS:
            whole = data.split(name)
            splits[name] = FeaturesSplit(
                whole=whole,
                rest=whole.without(self.field) if not self.keep and isinstance(whole, Selective) else whole,
                files=FeatureFiles(
                    folder=folder, name=name, count=len(whole), shape=tuple(like.shape[1:]), dtype=self.dtype
                ),
                extraction=extraction,
                into=self.into,
                keep=self.keep,
            )
        spaces = {name: space for name, space in data.fields.items() if self.keep or name != self.field}
        fields = Fields({**spaces, self.into: encoder.output})
        return ArrayDataset(fields=fields, splits=splits, fingerprint=fingerprint_of(fields, made_of))

    def _check_names(self, fields: Fields) -> None:
        if self.field not in fields:
            hint = close(self.field, fields)
            raise Mistake(f"`field` must be one of {listed(fields)}, but is '{self.field}' {hint}")
        if self.into in fields and (self.keep or self.into != self.field):
            raise Mistake(f"`into` must be the name of no other field, but is '{self.into}'")

    def _made_of(self, data: Dataset, encoder: Encoder) -> dict[str, Any]:
        """All that decides the features, as plain data."""
        names = self.encoder.assembly.registry if isinstance(self.encoder, Handle) else registry()
        return {
            "encoder": identity(self.encoder, names),
            "weights": fingerprint_of({**dict(encoder.named_parameters()), **dict(encoder.named_buffers())}),
            "dataset": identity(self.dataset, names),
            "data": data.fingerprint,
            "field": self.field,
            "dtype": self.dtype,
        }


@runtime_checkable
class Selective(Protocol):
    """A split that can leave a field out without reading it."""

    def without(self, name: str) -> Split:
        """The same examples, of which the field `name` is not read where that saves work."""


@final
@frozen(eq=False, kw_only=True)
class Extraction:
    """How features are computed: `encoder`, frozen, reads the field `field`, `batch` examples at once."""

    encoder: Encoder
    field: str
    batch: int
    device: str
    about: Mapping[str, Any]

    def fill(self, files: FeatureFiles, split: Split) -> None:
        """Make those of a split's files that are missing."""
        if not files.missing():
            return
        on_gpu = self.device == "cuda" or (
            self.device == "auto" and torch.cuda.is_available() and get_worker_info() is None
        )
        device = torch.device("cuda" if on_gpu else "cpu")
        self.encoder.to(device)
        files.make(lambda examples: self.rows(split, examples, device), self.about)
        self.encoder.to("cpu")

    @torch.no_grad()
    def rows(self, split: Split, examples: range, device: torch.device) -> Tensor:
        """The features of some examples. Shape: (examples, …) as the encoder's `output` says.

        Raises:
            Mistake: where one is not finite, also as a number on disk.
        """
        rows = []
        for start in examples[:: self.batch]:
            chosen = range(start, min(start + self.batch, examples.stop))
            with on_stream(0, "features", start):
                value = move_data_to_device(split.take(chosen)[self.field], device)
                rows.append(self.encoder(value).cpu())
        return torch.cat(rows)


@final
@frozen(eq=False, kw_only=True)
class FeaturesSplit(Split):
    """The examples of `whole`, with features from files, which are made when something is first taken.

    `rest` has the same examples without the field that was read, where that need not be read again.
    """

    whole: Split
    rest: Split
    files: FeatureFiles
    extraction: Extraction
    into: str
    keep: bool

    def __len__(self) -> int:
        return len(self.whole)

    def take(self, indices: Items[int], augment: Augment | None = None) -> Batch:
        if not self.files.made:
            self.extraction.fill(self.files, self.whole)
        batch = self.rest.take(indices, augment)
        if not self.keep:
            batch.pop(self.extraction.field, None)
        return {**batch, self.into: self.files.rows(indices)}

    def remark(self) -> str:
        return self.whole.remark()


def identity(part: Any, names: Registry) -> dict[str, Any]:
    """What of a part in a slot decides results, as plain data: its values, and the versions of its components.

    A part of an earlier run is what it was there; its weights are to be told beside.
    """
    spec = _plain(part)
    versions = {str(component): component.version for component in map(names.component_of, _specs(spec))}
    return {"spec": spec_converter(names, identity=True).unstructure(spec), "versions": versions}


def _plain(value: Any) -> Any:
    """A slot's spec, without the handles of an assembly."""
    if isinstance(value, Handle):
        from_run = isinstance(value.spec, FromRun)
        return _plain(value.assembly.earlier(value.path, value.spec)[0] if from_run else value.spec)
    inner = {name: _plain(item) for name, item in inside(value)}
    if isinstance(value, Spec):
        return attrs.evolve(value, **inner)
    if isinstance(value, tuple):
        return tuple(inner.values())
    return FrozenDict(inner) if isinstance(value, Mapping) else value


def _specs(value: Any) -> Iterator[Spec]:
    """A spec, and all that fill its slots."""
    if isinstance(value, Spec):
        yield value
    for _, item in inside(value):
        yield from _specs(item)

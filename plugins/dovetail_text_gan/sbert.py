"""Sentence vectors of a pretrained model of the library sentence-transformers, an optional extra.

Paper: reimers2019sbert. Texts are decoded and given to the model, which has words of its own; it is loaded when it
first reads, and never trained. Its weights are no tensors of a run: the model is needed where a run's part is taken.

Axes: batch time; batch feature.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

import torch
from attrs import field, frozen
from torch import Tensor

from dovetail import Encoder, EncoderSpec, Mistake, Padded, Tokens, Vector, within
from dovetail.conversion import content


def _known_by(spec: SentenceTransformersSpec) -> str:
    """A folder counts by its files, and a published model by its name."""
    folder = Path(spec.model).expanduser()
    return content(folder) if folder.is_dir() else spec.model


@frozen(kw_only=True)
class SentenceTransformersSpec(EncoderSpec):
    """A pretrained model of sentence-transformers: Tokens to its vector."""

    takes = {"input": (Tokens,)}
    model: str = field(default="sentence-transformers/all-MiniLM-L6-v2", metadata={"identity": _known_by})
    """A folder, or the name of a published model, which the library fetches where it does not have it."""
    size: int = field(default=384, validator=within("[1, inf)"))
    """Size of the model's vectors."""

    def build(self, *, input: Tokens) -> SentenceTransformers:
        return SentenceTransformers(tokens=input, model=self.model, size=self.size)


@final
class SentenceTransformers(Encoder):
    """Gives the text of each example to the model.

    Raises:
        Mistake: when it first reads, where the library is not installed, there is no such model, or its vectors are of
            another size.

    Shape: x `Padded` (batch, time), result (batch, size).
    """

    output: Vector
    like: Tensor

    def __init__(self, *, tokens: Tokens, model: str, size: int) -> None:
        super().__init__()
        self.tokens, self.model = tokens, model
        self.output = Vector(size)
        self.register_buffer("like", torch.empty(0), persistent=False)
        self.loaded: list[Any] = []  # a module in an attribute would be a part of this one

    @torch.no_grad()
    def forward(self, x: Padded) -> Tensor:
        texts = self.tokens.decode(x)
        if not self.loaded:
            self.loaded.append(load(self.model, self.output.size))
        (model,) = self.loaded
        vectors = model.to(self.like.device).encode(texts, convert_to_tensor=True, show_progress_bar=False)
        return vectors.to(self.like)


@contextmanager
def quiet() -> Iterator[None]:
    """Without the library's announcements of each model that it loads or saves; its warnings are left."""
    logger = logging.getLogger("sentence_transformers")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def load(name: str, size: int) -> Any:
    """The library's model, in evaluation mode."""
    try:
        from sentence_transformers import SentenceTransformer  # an extra
    except ImportError as error:
        raise Mistake(
            "text-gan/sentence-transformers needs the library, which is not installed:"
            ' pip install "dovetail[sentence-transformers]"'
        ) from error
    folder = Path(name).expanduser()
    try:
        with quiet():
            model = SentenceTransformer(str(folder) if folder.is_dir() else name, device="cpu").eval()
    except (OSError, ValueError) as error:
        raise Mistake(
            f"`model` must be a folder or the name of a published model, but {name} cannot be loaded: {error}"
        ) from error
    found = model.get_embedding_dimension()
    if found != size:
        raise Mistake(f"`size` must be that of the vectors of {name}, which is {found}, but is {size}")
    return model

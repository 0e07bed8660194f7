"""Small configurations of the datasets, tokenizers and sentence encoders."""

from __future__ import annotations

from typing import Any

from dovetail.testing import Example
from dovetail_standard.example_files import files, write_split_text, write_text
from dovetail_text_gan import conformance as _conformance  # noqa: F401 (registers the checks of `tokenizer`)

TOKENIZERS = {
    "tokenizer/words": (Example(), Example({"vocabulary_size": 12, "min_count": 2})),
    "tokenizer/characters": (Example(), Example({})),
    "tokenizer/pieces": (Example(), Example({"size": 30, "coverage": 1.0})),
}

PIECES = {"use": "text-gan/pieces", "size": 40, "coverage": 1.0}

DATASETS = {
    "dataset/sentences": (
        Example(files(write_text), changed=files(write_text, 1)),
        Example(
            files(write_split_text, tokenizer="text-gan/characters", part=2, of=2),
            changed=files(write_split_text, tokenizer="text-gan/characters", part=1, of=2),
        ),
        Example(
            files(write_text, tokenizer=PIECES, empty="leave-out"),
            changed=files(write_text, 1, tokenizer=PIECES, longest=40),
        ),
    ),
}

EXAMPLES: dict[str, Any] = {**TOKENIZERS, **DATASETS}

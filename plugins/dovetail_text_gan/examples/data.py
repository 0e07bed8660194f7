"""Small configurations of the datasets, tokenizers and sentence encoders."""

from __future__ import annotations

from typing import Any

from dovetail.testing import Example
from dovetail_text_gan import conformance as _conformance  # noqa: F401 (registers the checks of `tokenizer`)

TOKENIZERS = {
    "tokenizer/words": (Example(), Example({"vocabulary_size": 12, "min_count": 2})),
    "tokenizer/characters": (Example(), Example({})),
    "tokenizer/pieces": (Example(), Example({"size": 30, "coverage": 1.0})),
}

EXAMPLES: dict[str, Any] = {**TOKENIZERS}

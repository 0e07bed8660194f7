"""Examples of the plugin's metrics."""

from __future__ import annotations

from dovetail.testing import Example

EXAMPLES: dict[str, tuple[Example, ...]] = {}

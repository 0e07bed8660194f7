"""The plugin's hooks."""

from __future__ import annotations

from pathlib import Path

import dovetail


@dovetail.hook
def dovetail_registry() -> Path:
    return Path(__file__).with_name("registry.toml")

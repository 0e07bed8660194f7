from pathlib import Path

import dovetail


@dovetail.hook
def dovetail_registry():
    return Path(__file__).with_name("registry.toml")

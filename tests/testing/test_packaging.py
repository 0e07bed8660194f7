"""The kit looks at a plugin as a whole: what it costs to list, what it names, and what its wheel and its sdist have."""

import importlib
import json
import os
import re
import sys

import pytest

import dovetail
from dovetail.errors import Mistake
from dovetail.testing import Nonconformance, check_package
from dovetail.testing.packaging import examine_package

SOUND = {
    "pyproject.toml": """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "dovetail-parcel"
version = "1.0"

[project.entry-points.dovetail]
parcel = "dovetail_parcel.plugin"

[tool.hatch.build.targets.wheel]
packages = ["src/dovetail_parcel"]
""",
    "src/dovetail_parcel/__init__.py": "",
    "src/dovetail_parcel/plugin.py": """
from pathlib import Path

import dovetail


@dovetail.hook
def dovetail_registry():
    return Path(__file__).with_name("registry.toml")
""",
    "src/dovetail_parcel/registry.toml": """
[plugin]
name = "parcel"
api = 1

[encoder.plain]
spec = "dovetail_parcel.plain:PlainSpec"

[systems.digits]
dataset = "standard/digits"
encoder = { use = "parcel/plain" }

[grids.encoders]
base = "parcel/digits"
[grids.encoders.axes.encoder]
path = "encoder"
options.plain = "parcel/plain"
options.mlp = "standard/mlp"
""",
    "src/dovetail_parcel/plain.py": """
from attrs import frozen

from dovetail import EncoderSpec


@frozen(kw_only=True)
class PlainSpec(EncoderSpec):
    def build(self, *, input):
        raise NotImplementedError
""",
}
PLUGIN, REGISTRY = "src/dovetail_parcel/plugin.py", "src/dovetail_parcel/registry.toml"
# what is changed in the sound one: the file, the text and what stands there instead; the check that finds it; its words
FAULTS = {
    "another interface": (REGISTRY, "api = 1", "api = 2", "interface", "is incompatible: is for plugin interface 2"),
    "no interface": (REGISTRY, "api = 1\n", "", "interface", "is for plugin interface None"),
    "needs a variable": (
        PLUGIN,
        "import dovetail\n",
        "import os\n\nimport dovetail\n\nos.environ['OF_THIS_PROCESS']\n",
        "interface",
        "is broken in a clean process: KeyError: 'OF_THIS_PROCESS'",
    ),
    "heavy": (
        PLUGIN,
        "import dovetail\n",
        "import torch\n\nimport dovetail\n",
        "light-listing",
        "imports numpy, torch: import it where it is used, not in dovetail_parcel.plugin",
    ),
    "slow": (
        PLUGIN,
        "import dovetail\n",
        "import dovetail\n\nsum(range(60_000_000))\n",
        "light-listing",
        r"listing it takes \d+\.\d\d s, where importing torch takes",
    ),
    "a class of another name": (
        REGISTRY,
        "plain:PlainSpec",
        "plain:Plain",
        "names-resolve",
        r"registry.toml:\d+: encoder parcel/plain: its spec `dovetail_parcel.plain:Plain` cannot be loaded",
    ),
    "a part of another name": (
        REGISTRY,
        'use = "parcel/plain"',
        'use = "parcel/plane"',
        "names-resolve",
        r"registry.toml:\d+: systems.digits.encoder.use: nothing is named `parcel/plane`; did you mean `parcel/plain`",
    ),
    "an arm of another name": (
        REGISTRY,
        '"standard/mlp"',
        '"standard/mpl"',
        "names-resolve",
        r"registry.toml:\d+: grids.encoders.axes.encoder.options.mlp: nothing is named `standard/mpl`",
    ),
    "no registry in the sdist": (
        "pyproject.toml",
        "[tool.hatch.build.targets.wheel]",
        '[tool.hatch.build.targets.sdist]\nexclude = ["registry.toml"]\n\n[tool.hatch.build.targets.wheel]',
        "sdist",
        "the sdist has no dovetail_parcel/registry.toml",
    ),
    "no registry in the wheel": (
        "pyproject.toml",
        "[tool.hatch.build.targets.wheel]",
        '[tool.hatch.build.targets.wheel]\nexclude = ["registry.toml"]',
        "wheel",
        "the wheel has no dovetail_parcel/registry.toml",
    ),
    "no module in the wheel": (
        "pyproject.toml",
        "[tool.hatch.build.targets.wheel]",
        '[tool.hatch.build.targets.wheel]\nexclude = ["plain.py"]',
        "wheel",
        "the wheel does not have dovetail_parcel.plain, which the plugin names",
    ),
}


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs the plugin from its source folder, to be edited there, with a text changed."""

    def installed(file="", text="", instead="", editable=True):
        for name, content in SOUND.items():
            if name == file:
                assert content.count(text) == 1
                content = content.replace(text, instead)  # noqa: PLW2901 (the one that is changed)
            place = tmp_path / "source" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(content, encoding="utf-8")
        about = tmp_path / "installed" / "dovetail_parcel-1.0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: dovetail-parcel\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text("[dovetail]\nparcel = dovetail_parcel.plugin\n")
        direct = {"url": (tmp_path / "source").as_uri(), "dir_info": {"editable": editable}}
        (about / "direct_url.json").write_text(json.dumps(direct))
        for folder in (tmp_path / "source" / "src", tmp_path / "installed"):
            monkeypatch.syspath_prepend(str(folder))
        importlib.invalidate_caches()
        (plugin,) = (plugin for plugin in dovetail.registry().plugins if plugin.distribution == "dovetail-parcel")
        return plugin

    monkeypatch.setitem(os.environ, "OF_THIS_PROCESS", "yes")
    yield installed
    for name in [name for name in sys.modules if name.partition(".")[0] == "dovetail_parcel"]:
        del sys.modules[name]


def test_a_sound_plugin_passes(install):
    install()
    results = check_package("parcel")
    assert {result.check.name: result.status for result in results} == dict.fromkeys(
        ("interface", "light-listing", "names-resolve", "sdist", "wheel"), "passed"
    )


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_by_the_check_that_is_meant_for_it_and_by_no_other(install, fault):
    *change, meant, words = FAULTS[fault]
    results = examine_package(install(*change))
    failed = {result.check.name: result.detail for result in results if result.status == "failed"}
    assert [*failed] == [meant], failed
    assert re.search(words, failed[meant]), failed[meant]


def test_what_is_not_installed_to_be_edited_is_not_built(install):
    results = {result.check.name: result for result in examine_package(install(editable=False))}
    assert {name for name, result in results.items() if result.status == "absent"} == {"sdist", "wheel"}
    assert "a source folder that is installed to be edited" in results["wheel"].detail


def test_a_fault_is_told_with_its_reason(install):
    install(REGISTRY, "api = 1", "api = 2")
    source = 'Dovetail\'s documentation, "Writing a plugin", section "The registry"'
    with pytest.raises(Nonconformance, match=rf"plugin parcel: interface failed: (.|\n)*why: .* \({source}\)"):
        check_package("parcel")


def test_a_plugin_that_is_not_there_is_a_mistake():
    with pytest.raises(Mistake, match=r"there is no plugin `standart`; did you mean `standard`\?"):
        check_package("standart")

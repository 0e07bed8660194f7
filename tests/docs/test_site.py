"""The site: built once from a copy, every warning an error, and looked at as text."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dovetail
from dovetail import hooks
from dovetail.bench.grids import check_grid, load_grid
from dovetail.fitting import Checker
from dovetail.testing.kit import CHECKS, checks_of, documentation

DOCS = Path(__file__).parents[2] / "docs"
RESOURCE = re.compile(r"<(?:script|img|iframe|source|embed)\b[^>]*\bsrc=\"([^\"]+)\"|<link\b[^>]*\bhref=\"([^\"]+)\"")
STYLE = re.compile(r"@import\s+[^;]+|url\(\s*['\"]?(?!data:)([^)'\"]+)")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    source = shutil.copytree(DOCS, folder / "docs", ignore=shutil.ignore_patterns("_build", "catalogue"))
    for beside in ("registry.toml", "core"):
        (folder / beside).symlink_to(DOCS.parent / beside)
    command = [sys.executable, "-m", "sphinx", "-E", "-a", "-n", "-W", "-q", "-b", "html", source, folder / "html"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "html"


def test_every_component_is_in_the_catalogue_with_its_fields(site):
    for component in dovetail.registry().components.values():
        page = (site / "catalogue" / f"{component.kind}.html").read_text(encoding="utf-8")
        assert f'id="{component.kind}-{component.name.replace("/", "-")}"' in page, component
        for attribute in component.load().__attrs_attrs__:
            assert f'<span class="pre">{attribute.name}</span>' in page, (component, attribute.name)


def test_every_component_has_its_scorecard(site):
    for kind in dovetail.registry().kinds:
        page = (site / "catalogue" / f"{kind}.html").read_text(encoding="utf-8")
        cards = re.findall(r"Conformance: (\d+) of (\d+) checks passed", page)
        assert len(cards) == len(dovetail.registry().of_kind(kind))
        assert "not passed" not in page
        expected = page.count("is expected to fail: ")
        assert sum(int(asked) - int(passed) for passed, asked in cards) == expected
    metrics = (site / "catalogue" / "metric.html").read_text(encoding="utf-8")
    assert "is expected to fail: " in metrics
    assert "is the mean over batches of their perplexities" in metrics


@pytest.mark.parametrize("page", [*dovetail.registry().kinds, "spaces", "hooks", "checks"])
def test_no_kind_space_hook_or_check_is_undocumented(site, page):
    text = (site / "catalogue" / f"{page}.html").read_text(encoding="utf-8")
    rows = re.findall(r"<tr.*?</tr>", text.split("</table>")[0].partition("<tbody>")[2], flags=re.DOTALL)
    assert rows
    for row in rows:
        cells = [re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r"<td>(.*?)</td>", row, flags=re.DOTALL)]
        assert all(cells), cells


def test_every_hook_and_check_has_its_place(site):
    hooks_page = (site / "catalogue" / "hooks.html").read_text(encoding="utf-8")
    names = [name for name in vars(hooks) if name.startswith("dovetail_")]
    assert len(names) > 5
    assert all(f'<span class="pre">{name}(' in hooks_page for name in names)
    checks_page = (site / "catalogue" / "checks.html").read_text(encoding="utf-8")
    assert all(f'<span class="pre">{check.name}</span>' in checks_page for check in checks_of("cell"))


def test_every_kind_and_space_has_its_place(site):
    registry = dovetail.registry()
    index = (site / "catalogue" / "index.html").read_text(encoding="utf-8")
    spaces = (site / "catalogue" / "spaces.html").read_text(encoding="utf-8")
    assert all(f'href="{kind}.html"' in index for kind in registry.kinds)
    assert all(f'<span class="pre">{space}</span>' in spaces for space in registry.spaces)


def test_pages_load_nothing_from_elsewhere(site):
    for page in site.rglob("*.html"):
        for found in RESOURCE.findall(page.read_text(encoding="utf-8")):
            assert not re.match(r"(https?:)?//", "".join(found)), (page.name, found)
    for sheet in site.rglob("*.css"):
        for found in STYLE.finditer(sheet.read_text(encoding="utf-8")):
            assert "//" not in found[0], (sheet.name, found[0])


def test_formulas_are_drawn_by_the_browser(site):
    page = (site / "papers" / "recurrent-dropout.html").read_text(encoding="utf-8")
    assert page.count("<math ") > 5
    assert "mathjax" not in page.lower()


def test_the_grid_of_the_start_page_fits(tmp_path):
    text = (DOCS / "start.md").read_text(encoding="utf-8")
    block = re.search(r":caption: registry\.toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    workspace = tmp_path / "registry.toml"
    workspace.write_text(block[1], encoding="utf-8")
    registry = dovetail.registry(workspace)
    checker = Checker(registry)
    grid = load_grid(registry, "pooling", checker)
    check_grid(grid, checker)
    assert [arm.labels["pooling"] for arm in grid.arms] == ["last", "mean", "max", "last", "mean"]
    assert grid.notes == ("excluded: cell=lstm pooling=max: not asked",)


def test_every_paper_that_a_component_names_is_among_the_references():
    keys = set(re.findall(r"^@\w+\{(\w+),", (DOCS / "references.bib").read_text(encoding="utf-8"), re.MULTILINE))
    registry = dovetail.registry()
    papers = {component.paper for component in registry.components.values() if component.paper}
    papers |= {plugin.about("paper") for plugin in registry.plugins if plugin.about("paper")}
    assert papers <= keys


def test_every_section_that_a_check_names_is_there():
    """What an author reads under a check that failed can be looked up."""
    checks_of("cell")
    pages = [file.read_text(encoding="utf-8") for file in DOCS.glob("*.md")]
    headings = {
        documentation(text.partition("\n")[0].removeprefix("# "), heading)
        for text in pages
        for heading in re.findall(r"^##+ (.+)$", text, re.MULTILINE)
    }
    ours = [check for check in CHECKS.values() if check.run.__module__.startswith("dovetail.")]
    named = {check.source for check in ours if check.source.startswith("Dovetail's documentation")}
    assert len(named) >= 8
    assert named <= headings
    assert not [check.name for check in ours if ".md" in check.source]

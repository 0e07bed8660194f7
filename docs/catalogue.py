"""The catalogue: a page for each kind, written from the registry when the site is built: no component is forgotten."""

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_type_hints

from scorecards import scorecards
from sphinx.application import Sphinx

import dovetail
from dovetail import hooks
from dovetail.config import spell
from dovetail.registries import Component, Registry
from dovetail.report.describe import FieldDoc, describe, describe_fields
from dovetail.systems import Train
from dovetail.testing.kit import CHECKS, checks_of, documentation

FOLDER = "catalogue"
SECTION = re.compile(re.escape(documentation("PAGE", "SECTION")).replace("PAGE", "(.+)").replace("SECTION", "(.+)"))
"""What a check's source is where it is a section of these pages."""
NO_BREAK = "\N{NO-BREAK SPACE}"


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write(app: Sphinx) -> None:
    """Write the pages beside the others; those that are as they were are left alone."""
    folder = Path(app.srcdir) / FOLDER
    folder.mkdir(exist_ok=True)
    registry = dovetail.registry(Path(__file__).parent.parent / "registry.toml")
    found = pages(registry, scorecards(registry, folder / "scorecards.json"))
    for stale in set(folder.glob("*.md")) - {folder / f"{name}.md" for name in found}:
        stale.unlink()
    for name, text in found.items():
        file = folder / f"{name}.md"
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")


def pages(registry: Registry, cards: Mapping[str, str]) -> dict[str, str]:
    """The text of each page by name; `cards` has each component's scorecard."""
    kinds = {kind: kind_page(registry, kind, cards) for kind in registry.kinds}
    others = {"spaces": spaces(registry), "train": train(registry), "hooks": hooks_page(), "checks": checks_page()}
    return {"index": index(registry), **kinds, **others}


def index(registry: Registry) -> str:
    rows = [
        (f"[`{kind}`]({kind}.md)", escape(meaning(registry, kind)), str(len(registry.of_kind(kind))))
        for kind in registry.kinds
    ]
    return f"""# Catalogue

Every component of this installation, by kind. The pages are written from the registry and from the specs themselves;
`dovetail list` and `dovetail show NAME` tell the same. *Conformance* is what `dovetail test-plugin` finds of a
component: the checks of its kind, each with its reason.

{table(("kind", "what it is", "components"), rows)}

Beside the kinds there are the [spaces](spaces.md) that flow between them, a system's [training settings](train.md), the
[hooks](hooks.md) that a plugin may implement, and the [checks](checks.md) of the conformance kit.

```{{toctree}}
:hidden:
{chr(10).join([*registry.kinds, "spaces", "train", "hooks", "checks"])}
```
"""


def kind_page(registry: Registry, kind: str, cards: Mapping[str, str]) -> str:
    components = registry.of_kind(kind)
    sections = [component_section(registry, component, cards[str(component)]) for component in components]
    none = "No plugin that is installed brings one yet.\n"
    interface = table(("its", "what it is"), members(registry, kind))
    return "\n".join([f"# {kind}\n", f"{escape(meaning(registry, kind))}\n", interface, "", *(sections or [none])])


def members(registry: Registry, kind: str) -> list[tuple[str, str]]:
    """What a component of the kind has: `build` of its spec, and the methods of what that builds."""
    base, built = registry.base(kind), built_by(registry, kind)
    owners = (
        [(base, "build"), *((built, name) for name in methods(built))]
        if built
        else [(base, name) for name in methods(base)]
    )
    return [(f"`{name}{signature(owner, name)}`", escape(paragraph(getattr(owner, name)))) for owner, name in owners]


def methods(cls: type) -> list[str]:
    """The public methods that a class or its bases here define, in the order of writing."""
    ours = [owner for owner in reversed(cls.__mro__) if not owner.__module__.startswith(("torch", "builtins", "abc"))]
    named = {name: None for owner in ours for name, value in vars(owner).items() if inspect.isfunction(value)}
    return [name for name in named if not name.startswith("_")]


def signature(owner: Any, name: str) -> str:
    """The arguments of a method, without their types."""
    arguments = list(inspect.signature(getattr(owner, name)).parameters.values())
    bare = [argument.replace(annotation=argument.empty) for argument in arguments if argument.name != "self"]
    return str(inspect.Signature(bare))


def component_section(registry: Registry, component: Component, card: str) -> str:
    spec = component.load()
    about = [f"{escape(component.summary)}."]
    about += [f"Paper: {{cite:t}}`{component.paper}`."] if component.paper else []
    about += [f"Deprecated: use `{component.deprecated}`."] if component.deprecated else []
    lines = [f"({component.kind}-{component.name.replace('/', '-')})=", f"## {component.name}", "", " ".join(about), ""]
    made = f"Spec: `{component.spec}`; version {component.version}"
    lines += [f"- {line}" for line in (*fits(spec), made, f"Conformance: {escape(card)}")]
    return "\n".join([*lines, "", fields(describe(component, registry)), ""])


def fits(spec: Any) -> list[str]:
    """What a spec's module is built for."""
    lines = []
    if needs := getattr(spec, "needs", ()):
        lines.append(f"Needs {', '.join(taken(name, spec) for name in needs)}")
    elif spec.takes:
        lines.append(f"Takes {'; '.join(taken(name, spec) for name in spec.takes)}")
    if parts := getattr(spec, "parts", {}):
        lines.append(f"Asks for {', '.join(f'`{name}` ({escape(spell(hint))})' for name, hint in parts.items())}")
    return lines


def taken(name: str, spec: Any) -> str:
    spaces = " or ".join(space.__name__ for space in spec.takes.get(name, ()))
    return f"`{name}` ({spaces})" if spaces else f"`{name}`"


def built_by(registry: Registry, kind: str) -> Any:
    """The class of what a kind's specs build, where it is one of ours or of a plugin's; else None."""
    module = get_type_hints(registry.base(kind).build).get("return")
    return module if inspect.isclass(module) and not module.__module__.startswith("torch") else None


def meaning(registry: Registry, kind: str) -> str:
    """A kind in words: the beginning of the docstring of what its specs build, or of the spec base."""
    return paragraph(built_by(registry, kind) or registry.base(kind))


def paragraph(item: Any) -> str:
    return " ".join((inspect.getdoc(item) or "").split("\n\n")[0].split())


def spaces(registry: Registry) -> str:
    rows = [(f"`{name}`", escape(paragraph(registry.space(name)))) for name in registry.spaces]
    return f"""# Spaces

The types of what flows between parts, and what a batch of each is. `Padded` is a batch of varying lengths: the values,
padded, and the lengths.

{table(("space", "a batch"), rows)}
"""


def hooks_page() -> str:
    rows = [
        (f"`{name}{signature(hooks, name)}`", escape(" ".join((inspect.getdoc(hook) or "").split())))
        for name, hook in inspect.getmembers(hooks, inspect.isfunction)
        if name.startswith("dovetail_")
    ]
    return f"""# Hooks

What a plugin's `plugin.py` may implement, each marked with `@dovetail.hook`. `dovetail_registry` is required. An
implementation takes those of the arguments that it wants, by name.

{table(("hook", "when it is called"), rows)}
"""


def checks_page() -> str:
    checks_of("cell")  # loads them all
    rows = [
        (
            f"`{check.name}`",
            ", ".join(sorted(check.kinds)) or "every kind",
            escape(paragraph(check.run)),
            f"{escape(check.reason)} ({source(check.source)})",
        )
        for check in CHECKS.values()
    ]
    return f"""# Checks

What the conformance kit asks of a component, by its kind. `dovetail test-plugin NAME` runs them all.

{table(("check", "of", "what is asked", "why"), rows)}
"""


def source(text: str) -> str:
    """A check's source, with a link where it is a section of these pages; raises `KeyError` for a page that is none."""
    found = SECTION.fullmatch(text)
    if found is None:
        return escape(text)
    files = {file.read_text(encoding="utf-8").partition("\n")[0]: file for file in Path(__file__).parent.glob("*.md")}
    page, section = found.groups()
    anchor = re.sub(r"[^\w -]", "", section.lower()).replace(" ", "-")
    return f"[{page}: {section}](../{files[f'# {page}'].name}#{anchor})"


def train(registry: Registry) -> str:
    return f"""# Training settings

The table `train` of a system, and of its stages by `set`.

{fields(describe_fields(Train, registry))}
"""


def fields(docs: list[FieldDoc]) -> str:
    """A table of fields."""
    if not docs:
        return "It has no hyperparameters."
    rows = []
    for doc in docs:
        kind = escape(doc.type) + (f" in {escape(doc.range.replace(' ', NO_BREAK))}" if doc.range else "")
        rows.append((f"`{doc.name}`", kind, f"`{doc.default}`" if doc.default else "**required**", escape(doc.doc)))
    return table(("field", "takes", "default", "meaning"), rows)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    escaped = [[cell.replace("|", r"\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in escaped)


def escape(text: str) -> str:
    """Plain text with code in backticks, as Markdown."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([<\[\]*_])", r"\\\1", part) for part in parts)

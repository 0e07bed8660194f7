"""Formulas as MathML, which browsers draw by themselves: no script, no font and no picture is loaded for them."""

from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(mathml(node, "inline"))
    raise nodes.SkipNode


def block(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(translator.starttag(node, "div", CLASS="math"))
    translator.body.append(mathml(node, "block"))
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def mathml(node: Any, display: str) -> str:
    """A formula's MathML; a command that the converter does not know is a warning."""
    text: str = convert(node.astext(), display=display)
    if "\\" in text or "&#x0005C;" in text:
        logger.warning("a command of this formula is not known: %s", node.astext(), location=node)
    return text

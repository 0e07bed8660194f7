"""The site: `sphinx-build -E -a -n -W -b html docs docs/_build/html`. Neither the build nor a page needs a network."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "Dovetail"
author = "the authors of Dovetail"
copyright = author  # noqa: A001

extensions = ["myst_parser", "sphinxcontrib.bibtex", "catalogue", "mathml"]
exclude_patterns = ["_build"]
smartquotes = False  # a name in quotes is to be copied

myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 3

bibtex_bibfiles = ["references.bib"]
bibtex_reference_style = "author_year"

html_theme = "furo"
html_title = "Dovetail"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sphinx = False

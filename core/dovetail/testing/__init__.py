"""The conformance kit: what a component of each kind must do, as checks that anybody's plugin can run.

A plugin declares small configurations of its components (`Example`) in the module that `examples` of its registry.toml
names. `check_component("cell", "my-plugin/mgu")` runs the checks of a component, `@every_component("my-plugin")` makes
a test of each, `check_package("my-plugin")` runs those of the plugin as a whole, and `dovetail test-plugin my-plugin`
prints the scorecard.
"""

from dovetail.testing.kit import (
    Broken,
    Check,
    Example,
    Nonconformance,
    Result,
    Subject,
    check,
    check_component,
    checks_of,
    documentation,
    examine,
    subject_of,
)
from dovetail.testing.packaging import check_package, examine_package
from dovetail.testing.pytest_cases import every_component

__all__ = [
    "Broken",
    "Check",
    "Example",
    "Nonconformance",
    "Result",
    "Subject",
    "check",
    "check_component",
    "check_package",
    "checks_of",
    "documentation",
    "every_component",
    "examine",
    "examine_package",
    "subject_of",
]

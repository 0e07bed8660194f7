"""How objectives find the dataset's fields that they read."""

from __future__ import annotations

from dovetail import Fields, Misfit, Space


def field_of(data: Fields, name: str, kind: type[Space]) -> Space:
    """The space of the field `name`; raises Misfit where there is none of that kind."""
    space = data.get(name)
    if not isinstance(space, kind):
        held = ", ".join(f"{field} = {type(held).__name__}" for field, held in data.items())
        raise Misfit("data", f"fields of which `{name}` is a {kind.__name__}", held)
    return space

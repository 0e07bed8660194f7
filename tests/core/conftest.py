import pytest
from toy_systems import Bench, make_toys

from dovetail.registries import Registry


@pytest.fixture
def toys() -> Registry:
    return make_toys()


@pytest.fixture
def bench(toys, tmp_path) -> Bench:
    return Bench(toys, tmp_path)

import pytest
import torch
from bench_toys import Points

from dovetail.bench.data import batches_of
from dovetail.randomness import reseed

CPU = torch.device("cpu")


class Augmented(Points):
    def take(self, indices, augment=None):
        batch = super().take(indices)
        if augment is not None:
            batch["noise"] = torch.stack([torch.rand(3, generator=augment(index)) for index in indices])
        return batch


def augment(index):
    return torch.Generator().manual_seed(index)


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_batches_come_in_their_order_whoever_takes_them(workers):
    order = [[3, 1], [0, 4, 2], [5]]
    found = list(batches_of(Augmented(6, 0), order, augment, workers, CPU))
    expected = [Augmented(6, 0).take(indices, augment) for indices in order]
    assert len(found) == 3
    for batch, wanted in zip(found, expected, strict=True):
        assert batch.keys() == wanted.keys() == {"input", "label", "noise"}
        assert all(batch[name].equal(wanted[name]) for name in batch)


@pytest.mark.parametrize("workers", [0, 1])
def test_taking_batches_draws_nothing_from_the_global_generator(workers):
    reseed(0, "here")
    before = torch.get_rng_state()
    list(batches_of(Augmented(6, 0), [[0], [1]], augment, workers, CPU))
    assert torch.get_rng_state().equal(before)

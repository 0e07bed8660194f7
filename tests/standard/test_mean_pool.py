"""The neutral components: a mean over all places, and nothing at all."""

import pytest
import torch

from dovetail.spaces import Image, Padded, Regions, Sequence, Vector
from dovetail_standard.identity import IdentitySpec
from dovetail_standard.mean_pool import MeanAttentionSpec, MeanPoolSpec

MEMORIES = [Regions(6, 5), Sequence(4, 5), Image(5, 2, 3)]


def by_hand(memory) -> torch.Tensor:
    if isinstance(memory, Padded):
        return torch.stack([row[:length].mean(0) for row, length in zip(memory.data, memory.lengths, strict=True)])
    return memory.mean((2, 3)) if memory.dim() == 4 else memory.mean(1)


@pytest.mark.parametrize("space", MEMORIES)
def test_the_encoder_and_the_attention_give_the_mean_of_the_real_places(space):
    memory = space.fake(3)
    built = MeanPoolSpec().build(input=space)
    assert built.output == Vector(5)
    torch.testing.assert_close(built(memory), by_hand(memory))
    attention = MeanAttentionSpec().build(memory=space, query=Vector(2))
    read, weights, state = attention(memory, torch.randn(3, 2), attention.initial_state(memory))
    torch.testing.assert_close(read, by_hand(memory))
    torch.testing.assert_close(weights.sum(1), torch.ones(3))
    assert state == ()
    if isinstance(memory, Padded):
        assert weights[~memory.mask].abs().sum() == 0


def test_a_memory_without_places_is_read_as_zeros():
    empty = Padded(torch.zeros(2, 3, 5), torch.tensor([0, 3]))
    assert MeanPoolSpec().build(input=Sequence(3, 5))(empty)[0].abs().sum() == 0


@pytest.mark.parametrize("space", MEMORIES)
def test_weights_are_of_the_memorys_type(space):
    memory = space.fake(3)
    memory = memory._replace(data=memory.data.double()) if isinstance(memory, Padded) else memory.double()
    attention = MeanAttentionSpec().build(memory=space, query=Vector(2))
    read, weights, _ = attention(memory, torch.randn(3, 2), ())
    assert read.dtype == weights.dtype == torch.float64


def test_identity_passes_anything_on():
    built = IdentitySpec().build(input=Image(1, 2, 3))
    x = torch.randn(4, 1, 2, 3)
    assert built(x) is x
    assert built.output == Image(1, 2, 3)

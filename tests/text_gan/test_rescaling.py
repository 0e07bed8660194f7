"""LeakGAN's rewards by rank, as Eq. 11 has them and as the published code makes them."""

import torch

from dovetail_standard.rescaling import rescaled

MASK = torch.tensor([[True, True], [True, True], [True, False]])
RETURNS = torch.tensor([[0.2, 0.9], [0.8, 0.1], [0.5, 0.0]])


def test_true_ranks_by_hand():
    """Three texts: ranks 3, 1, 2 at the first place; two texts: ranks 1, 2 at the second."""
    expected = torch.sigmoid(
        16 * torch.tensor([[0.5 - 3 / 3, 0.5 - 1 / 2], [0.5 - 1 / 3, 0.5 - 2 / 2], [0.5 - 2 / 3, 0]])
    )
    torch.testing.assert_close(rescaled(RETURNS, MASK, "true"), expected * MASK)


def test_true_keeps_the_order_of_rewards_and_published_does_not():
    rewards = torch.rand(20, 1, generator=torch.Generator().manual_seed(0))
    mask = torch.ones(20, 1, dtype=torch.bool)
    assert torch.equal(rescaled(rewards, mask, "true")[:, 0].argsort(), rewards[:, 0].argsort())
    assert torch.equal(rescaled(rewards, mask, "published")[:, 0].argsort(), torch.arange(20))


def test_published_numbers_different_rewards_as_they_come():
    """`redistribution` of LeakGAN's code: exp(16 i/B - 8) / (1 + exp(16 i/B - 8)), where i counts different rewards."""
    rewards = torch.tensor([[0.7], [0.1], [0.7], [0.3]])
    found = rescaled(rewards, torch.ones(4, 1, dtype=torch.bool), "published")[:, 0]
    x = torch.tensor([1, 2, 1, 3]) / 4 * 16 - 8
    torch.testing.assert_close(found, x.exp() / (1 + x.exp()))


def test_equal_rewards_share_a_rank():
    found = rescaled(torch.tensor([[0.5], [0.5], [0.1]]), torch.ones(3, 1, dtype=torch.bool), "true")[:, 0]
    torch.testing.assert_close(found, torch.sigmoid(16 * torch.tensor([0.5 - 1.5 / 3, 0.5 - 1.5 / 3, 0.5 - 1.0])))


def test_none_leaves_rewards_as_they_are():
    assert rescaled(RETURNS, MASK, "none") is RETURNS

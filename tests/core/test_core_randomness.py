import hashlib

import pytest
import torch

from dovetail.randomness import on_stream, reseed, stream, stream_seed


def test_a_streams_seed_is_the_sha_256_of_its_names():
    digest = hashlib.sha256(b"3\x1fencoder.cell\x1f0").digest()
    assert stream_seed(3, "encoder.cell", 0) == int.from_bytes(digest[:8], "big") >> 1
    assert 0 <= stream_seed(3, "a") < 2**63


def test_names_are_kept_apart():
    seeds = [
        stream_seed(0, "a", "b"),
        stream_seed(0, "ab"),
        stream_seed(0, "a"),
        stream_seed(1, "a", "b"),
        stream_seed(0, "b", "a"),
    ]
    assert len(set(seeds)) == 5


def test_a_block_on_a_stream_leaves_the_generator_as_it_was():
    before = torch.get_rng_state()
    with on_stream(0, "x"):
        one = torch.rand(3)
        with on_stream(0, "y"):
            other = torch.rand(3)
        after = torch.rand(3)
    assert torch.equal(torch.get_rng_state(), before)
    with on_stream(0, "x"):
        assert torch.equal(torch.rand(3), one)
        assert torch.equal(torch.rand(3), after)
    assert not torch.equal(one, other)


def test_a_block_that_fails_leaves_the_generator_as_it_was():
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError), on_stream(0, "x"):
        torch.rand(-1)
    assert torch.equal(torch.get_rng_state(), before)


def test_reseeding_and_a_generator_of_its_own_give_the_same_numbers():
    with on_stream(9, "outer"):
        reseed(0, "x")
        assert torch.equal(torch.rand(3), torch.rand(3, generator=stream(0, "x")))

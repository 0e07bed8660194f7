"""The encoder of sequences by any cell, and the embedding that tokens need before it."""

import pytest
import torch
from torch import nn

from dovetail.errors import Misfit
from dovetail.spaces import Image, Padded, Sequence, Tokens, Vector, Vocabulary
from dovetail_standard.cells import GruSpec, LstmSpec
from dovetail_standard.embedding import EmbeddingSpec
from dovetail_standard.identity import IdentitySpec
from dovetail_standard.sequence import SequenceSpec, flip

POOLINGS = ("last", "mean", "max", "none")


def batch(lengths: list[int], time: int = 4, size: int = 5) -> Padded:
    x = Padded(torch.randn(len(lengths), time, size), torch.tensor(lengths))
    return Padded(x.data * x.mask[..., None], x.lengths)


def encoder(pooling: str, bidirectional: bool):
    spec = SequenceSpec(cell=GruSpec(hidden=7), pooling=pooling, bidirectional=bidirectional)
    return spec.build(input=Sequence(4, 5))


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_padding_changes_nothing(pooling, bidirectional):
    built, x = encoder(pooling, bidirectional), batch([2, 4])
    alone = built(Padded(x.data[:1, :2], x.lengths[:1]))
    noisy = Padded(x.data.masked_fill(~x.mask[..., None], 99.0), x.lengths)
    together = built(noisy)
    built.output.check(together)
    if pooling == "none":
        torch.testing.assert_close(together.data[:1, :2], alone.data)
        assert together.data[0, 2:].abs().max() == 0
    else:
        torch.testing.assert_close(together[:1], alone)


def test_two_directions_equal_pytorchs_bidirectional_lstm_over_packed_sequences():
    built = SequenceSpec(cell=LstmSpec(hidden=7), bidirectional=True, pooling="none").build(input=Sequence(None, 5))
    reference = nn.LSTM(5, 7, batch_first=True, bidirectional=True)
    names = [name for name, _ in built.cell.recurrence.named_parameters()]
    both = {name: built.cell.recurrence.state_dict()[name] for name in names}
    both |= {f"{name}_reverse": built.backward_cell.recurrence.state_dict()[name] for name in names}
    reference.load_state_dict(both)
    x = batch([4, 2])
    packed = nn.utils.rnn.pack_padded_sequence(x.data, x.lengths, batch_first=True)
    expected, _ = nn.utils.rnn.pad_packed_sequence(reference(packed)[0], batch_first=True)
    torch.testing.assert_close(built(x).data, expected)


def test_flipping_reverses_the_real_steps_only():
    x = torch.arange(8.0).view(2, 4, 1)
    assert flip(x, torch.tensor([3, 4])).squeeze(-1).tolist() == [[2, 1, 0, 3], [7, 6, 5, 4]]


def test_pooling_by_hand():
    states = SequenceSpec(cell=GruSpec(hidden=7), pooling="none").build(input=Sequence(4, 5))
    x = batch([3, 4])
    ys = states(x).data
    expected = {"last": ys[0, 2], "mean": ys[0, :3].mean(0), "max": ys[0, :3].amax(0)}
    for pooling, value in expected.items():
        pooled = SequenceSpec(cell=GruSpec(hidden=7), pooling=pooling).build(input=Sequence(4, 5))
        pooled.load_state_dict(states.state_dict())
        torch.testing.assert_close(pooled(x)[0], value)


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_an_example_without_steps_gives_zeros(pooling):
    assert encoder(pooling, bidirectional=False)(batch([0, 3]))[0].abs().max() == 0


def test_tokens_are_read_through_an_embedding():
    tokens = Tokens(Vocabulary.of("abc"), 6)
    spec = SequenceSpec(cell=GruSpec(hidden=7), embedding=EmbeddingSpec(size=5, deviation=0.1), head=IdentitySpec())
    built = spec.build(input=tokens)
    assert built.output == Vector(7)
    assert built(tokens.fake(3)).shape == (3, 7)


def test_tokens_without_an_embedding_are_a_misfit():
    with pytest.raises(
        Misfit, match="`input` must be a Sequence \\(tokens become one by an `embedding`\\), but is Tokens"
    ):
        SequenceSpec().build(input=Tokens(Vocabulary.of("abc"), 6))


def test_an_embedding_whose_output_is_no_sequence_is_a_misfit():
    with pytest.raises(Misfit, match="`embedding` must be a Sequence"):
        SequenceSpec(embedding=IdentitySpec()).build(input=Tokens(Vocabulary.of("abc"), 6))


def test_a_head_reads_what_was_pooled():
    class Head(IdentitySpec):
        def build(self, *, input):
            assert input == Vector(14)
            return super().build(input=input)

    SequenceSpec(cell=GruSpec(hidden=7), bidirectional=True, head=Head()).build(input=Sequence(4, 5))


def test_a_cell_of_images_is_a_misfit():
    class Convolutional(GruSpec):
        def build(self, *, input):
            cell = super().build(input=input)
            cell.output = Image(1, 2, 3)
            return cell

    with pytest.raises(Misfit, match="`cell` must be a cell whose output is a Vector, but is Image"):
        SequenceSpec(cell=Convolutional()).build(input=Sequence(4, 5))


def test_the_embeddings_deviation_is_as_asked():
    table = EmbeddingSpec(size=50, deviation=0.2).build(input=Tokens(Vocabulary.of(map(str, range(200))), 6)).table
    assert table.weight.std().item() == pytest.approx(0.2, rel=0.05)


def test_the_embeddings_vectors_start_uniformly_within_init():
    table = EmbeddingSpec(size=50, init=0.3).build(input=Tokens(Vocabulary.of(map(str, range(200))), 6)).table
    assert 0.29 < table.weight.max() <= 0.3
    assert -0.3 <= table.weight.min() < -0.29


@pytest.mark.parametrize("pooling", ["last", "none"])
@pytest.mark.parametrize("end", ["input_dropout", "output_dropout"])
def test_forward_dropout_acts_at_its_end_in_training_only(pooling, end):
    torch.manual_seed(0)
    encoder = SequenceSpec(cell=GruSpec(hidden=40), pooling=pooling, **{end: 0.5}).build(input=Sequence(4, 5))
    x = Padded(torch.randn(3, 4, 5), torch.tensor([4, 4, 4]))

    def output():
        result = encoder(x)
        return result if pooling == "last" else result.data

    trained = output()
    zeros = (trained == 0).float().mean().item()
    assert (0.35 < zeros < 0.65) is (end == "output_dropout")
    assert not torch.equal(trained, output())
    encoder.eval()
    torch.testing.assert_close(output(), output())

"""The recurrent language model: teacher forcing, steps, conditions and leaks."""

import pytest
import torch
from torch import nn

from dovetail.errors import Misfit
from dovetail.interfaces import Leak, Stepwise
from dovetail.spaces import Image, Padded, Tokens, Vector, Vocabulary
from dovetail_standard.cells import GruSpec, LstmSpec, RnnSpec
from dovetail_standard.embedding import EmbeddingSpec
from dovetail_standard.identity import IdentitySpec
from dovetail_standard.rnn_lm import RnnLmSpec
from dovetail_standard.strategy import Ancestral

WORDS = Vocabulary.of("abcde")
SPACE = Tokens(WORDS, 6)


def spec(cell=None, **fields) -> RnnLmSpec:
    return RnnLmSpec(embedding=EmbeddingSpec(size=5), cell=cell or LstmSpec(hidden=7), **fields)


def text(batch: int, time: int) -> Padded:
    return Padded(torch.randint(4, 9, (batch, time)), torch.full((batch,), time))


class Features(nn.Module):
    """A leak: how often each symbol was read so far."""

    leaks = Vector(len(WORDS))

    def initial_state(self, batch):
        return (torch.zeros(batch, len(WORDS)),)

    def leak(self, tokens, state):
        counts = state[0] + nn.functional.one_hot(tokens, len(WORDS))
        return counts, (counts,)


@pytest.mark.parametrize("cell", [RnnSpec(hidden=7), LstmSpec(hidden=7, layers=2), GruSpec(hidden=7)])
def test_teacher_forcing_equals_one_step_after_another(cell):
    model = spec(cell).build(produces=SPACE, given=Vector(3), leaks=Features.leaks)
    tokens, given, features = text(2, 4), torch.randn(2, 3), Features()
    state, leaked = model.initial_state(2, given), features.initial_state(2)
    read, logits, leaks = state[0], [], []
    assert read.tolist() == [WORDS.start] * 2
    for token in tokens.data.unbind(1):
        leak, leaked = features.leak(read, leaked)
        scores, state = model.step(read, state, leak)
        logits.append(scores)
        leaks.append(leak)
        read = token
    forced, after = model(tokens, given, leak=torch.stack(leaks, dim=1))
    torch.testing.assert_close(forced, torch.stack(logits, dim=1))
    torch.testing.assert_close(after[1:], state[1:])
    assert after[0].tolist() == tokens.data[:, -1].tolist()


def test_a_state_carried_over_two_windows_equals_one_long_window():
    model = spec().build(produces=SPACE)
    tokens = text(2, 6)
    whole, last = model(tokens)
    first, state = model(Padded(tokens.data[:, :2], torch.tensor([2, 2])))
    second, after = model(Padded(tokens.data[:, 2:], torch.tensor([4, 4])), state=model.renew(state))
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)
    torch.testing.assert_close(after, last)


def test_steps_go_on_from_where_teacher_forcing_ended():
    model = spec().build(produces=SPACE)
    tokens = text(2, 6)
    whole, _ = model(tokens)
    _, state = model(Padded(tokens.data[:, :5], torch.tensor([5, 5])))
    torch.testing.assert_close(model.step(state[0], state)[0], whole[:, 5])


def test_a_token_is_scored_before_it_is_read():
    model = spec().build(produces=SPACE)
    tokens = text(1, 4)
    changed = Padded(tokens.data.clone(), tokens.lengths)
    changed.data[0, 2] = WORDS.unknown
    before, after = model(tokens)[0], model(changed)[0]
    torch.testing.assert_close(before[:, :3], after[:, :3])
    assert not torch.allclose(before[:, 3], after[:, 3])


def test_a_leak_that_is_absent_reads_as_zeros():
    model = spec().build(produces=SPACE, leaks=Vector(3))
    tokens = text(2, 4)
    torch.testing.assert_close(model(tokens)[0], model(tokens, leak=torch.zeros(2, 4, 3))[0])


def test_a_tied_readout_is_the_embedding():
    model = spec(LstmSpec(hidden=5), tied=True).build(produces=SPACE)
    assert model.readout.weight is model.embedding.table.weight


def test_dropout_acts_in_training_only():
    model = spec(input_dropout=0.5, output_dropout=0.5).build(produces=SPACE)
    tokens = text(2, 4)
    assert not torch.equal(model(tokens)[0], model(tokens)[0])
    model.eval()
    assert torch.equal(model(tokens)[0], model(tokens)[0])


def test_it_is_stepwise_and_samples_from_its_own_space():
    model = spec().build(produces=SPACE)
    assert isinstance(model, Stepwise)
    assert isinstance(Features(), Leak)
    SPACE.check(model.sample(3))


def test_sampling_reads_the_leak_of_every_token_from_the_start_on():
    model = spec().build(produces=SPACE, given=Vector(3), leaks=Features.leaks)
    seen = []
    model.step = lambda tokens, state, leak, step=model.step: seen.append((tokens, leak)) or step(tokens, state, leak)
    samples = model.sample(2, torch.randn(2, 3), Ancestral(forbid=("<end>",)), Features())
    read = torch.cat([torch.full((2, 1), WORDS.start), samples.data[:, :-1]], dim=1)
    assert torch.equal(torch.stack([tokens for tokens, _ in seen], dim=1), read)
    counts = nn.functional.one_hot(read, len(WORDS)).cumsum(1).float()
    assert torch.equal(torch.stack([leak for _, leak in seen], dim=1), counts)


def test_a_condition_that_is_missing_or_not_asked_for_is_refused():
    with pytest.raises(ValueError, match=r"`given` must be a batch of Vector\(size=3\), but is absent"):
        spec().build(produces=SPACE, given=Vector(3)).initial_state(2)
    with pytest.raises(ValueError, match=r"`given` must be absent, but is \(2, 3\)"):
        spec().build(produces=SPACE).initial_state(2, torch.randn(2, 3))


def test_a_leak_that_was_not_asked_for_is_refused():
    with pytest.raises(ValueError, match="`leak` must be absent where the generator was built without `leaks`"):
        spec().build(produces=SPACE)(text(2, 4), leak=torch.zeros(2, 4, 3))


def test_parts_that_do_not_fit_are_misfits():
    class Convolutional(GruSpec):
        def build(self, *, input):
            cell = super().build(input=input)
            cell.output = Image(1, 2, 3)
            return cell

    class Other(EmbeddingSpec):
        def build(self, *, input):
            return IdentitySpec().build(input=super().build(input=input).output)

    with pytest.raises(Misfit, match="`cell` must be a cell whose output is a Vector, but is Image"):
        spec(Convolutional()).build(produces=SPACE)
    with pytest.raises(
        Misfit, match="`embedding` must be an encoder of tokens whose output is a Sequence, but is Tokens"
    ):
        RnnLmSpec(embedding=IdentitySpec()).build(produces=SPACE)
    with pytest.raises(Misfit, match="`cell` must be a cell of 5 units where the readout is tied"):
        spec(tied=True).build(produces=SPACE)
    with pytest.raises(
        Misfit, match="`embedding` must be a standard/embedding where the readout is tied to it, but is Identity"
    ):
        RnnLmSpec(embedding=Other(size=5), tied=True).build(produces=SPACE)


def test_the_readout_starts_uniformly_within_init():
    model = RnnLmSpec(cell=GruSpec(hidden=40), init=0.05).build(produces=Tokens(Vocabulary.of("abcdefgh"), 4))
    assert 0.045 < model.readout.weight.abs().max() <= 0.05
    assert 0 < model.readout.bias.abs().max() <= 0.05

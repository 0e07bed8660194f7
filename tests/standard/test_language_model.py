"""Maximum likelihood of texts with carried state."""

import pytest
import torch
from attrs import frozen

from dovetail.errors import Misfit
from dovetail.interfaces import GeneratorSpec
from dovetail.spaces import Fields, Padded, Tokens, Vector, Vocabulary
from dovetail_standard.arrays import ArraySplit
from dovetail_standard.cells import LstmSpec
from dovetail_standard.embedding import EmbeddingSpec
from dovetail_standard.identity import Identity
from dovetail_standard.language_model import LanguageModelSpec, streams
from dovetail_standard.optimizers import AdamSpec
from dovetail_standard.rnn_lm import RnnLmSpec

WORDS = Vocabulary.of("abcde")
WINDOW = 3
DATA = Fields({"text": Tokens(WORDS, WINDOW)})
MODEL = RnnLmSpec(embedding=EmbeddingSpec(size=5), cell=LstmSpec(hidden=7, layers=2))


def objective(model=MODEL, **fields):
    torch.manual_seed(0)
    return LanguageModelSpec(**fields).build(data=DATA, generator=model)


def windows(tokens: torch.Tensor) -> ArraySplit:
    count = -(-len(tokens) // WINDOW)
    data = torch.zeros(count * WINDOW, dtype=torch.long)
    data[: len(tokens)] = tokens
    lengths = torch.tensor([min(WINDOW, len(tokens) - WINDOW * number) for number in range(count)])
    return ArraySplit(fields={"text": Padded(data.view(count, WINDOW), lengths)})


def text(length: int) -> torch.Tensor:
    return torch.randint(4, 9, (length,), generator=torch.Generator().manual_seed(7))


def long_nll(built, tokens: torch.Tensor) -> torch.Tensor:
    """The likelihood of one text read in a single window."""
    logits, _ = built.generator(Padded(tokens[None], torch.tensor([len(tokens)])))
    return -logits[0].log_softmax(-1)[torch.arange(len(tokens)), tokens]


@pytest.mark.parametrize(("count", "rows"), [(7, 3), (6, 3), (2, 2), (5, 1), (11, 4)])
def test_streams_hold_every_window_once_in_order_and_longer_ones_come_first(count, rows):
    laid = streams(count, rows)
    assert [window for stream in laid for window in stream] == list(range(count))
    lengths = [len(stream) for stream in laid]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] - lengths[-1] <= 1


def test_evaluation_scores_every_token_as_one_long_read_of_each_stream_does():
    built, tokens = objective(), text(20)
    split = windows(tokens)
    batches = built.batches(split, 3, None)
    assert batches == [[0, 3, 5], [1, 4, 6], [2]]
    outcomes = list(built.evaluate(split.take(batch) for batch in batches))
    for batch, outcome in zip(batches, outcomes, strict=True):
        built.outcome.check(outcome)
        assert len(outcome["nll"].data) == len(batch)
    rows = [
        torch.cat([o["nll"].data[row, : o["nll"].lengths[row], 0] for o in outcomes if row < len(o["nll"].data)])
        for row in range(3)
    ]
    for row, (start, stop) in zip(rows, [(0, 9), (9, 15), (15, 20)], strict=True):
        torch.testing.assert_close(row, long_nll(built, tokens[start:stop]))
    assert outcomes[1]["nll"].data[2, 2].item() == 0


def test_training_carries_the_state_over_windows_and_forgets_it_with_the_epoch():
    built, tokens = objective(), text(18)
    split = windows(tokens)
    batches = built.batches(split, 2, torch.Generator())
    assert batches == [[0, 3], [1, 4], [2, 5]]
    expected = torch.stack([long_nll(built, tokens[:9]), long_nll(built, tokens[9:])]).view(2, 3, WINDOW)
    for epoch in range(2):
        built.begin_epoch(epoch)
        for number, batch in enumerate(batches):
            loss = built(split.take(batch), "likelihood")
            torch.testing.assert_close(loss, expected[:, number].mean())
    assert all(not part.requires_grad and part.is_contiguous() and len(part) == 2 for part in built.carried.values())


def test_training_leaves_out_the_last_windows_of_longer_streams():
    assert objective().batches(windows(text(20)), 3, torch.Generator()) == [[0, 3, 5], [1, 4, 6]]
    assert objective().batches(windows(text(6)), 9, torch.Generator()) == [[0, 1]]


def test_gradients_stop_at_the_window():
    built, split = objective(), windows(text(18))
    built(split.take([0, 3]), "likelihood").backward()
    built(split.take([1, 4]), "likelihood").backward()  # raises where it reaches into the window before
    assert all(parameter.grad is not None for parameter in built.parameters())


def test_the_state_outlasts_an_epoch_where_asked():
    built, split = objective(carry_epochs=True), windows(text(18))
    first = built(split.take([0, 3]), "likelihood")
    built.begin_epoch(1)
    assert not torch.allclose(built(split.take([0, 3]), "likelihood"), first)


def test_evaluation_leaves_the_carried_state_alone():
    built, split = objective(), windows(text(18))
    built(split.take([0, 3]), "likelihood")
    before = dict(built.carried)
    list(built.evaluate([split.take([0, 1]), split.take([2, 3])]))
    assert built.carried == before
    assert built.training


def test_a_carried_state_that_is_restored_in_another_order_is_the_same():
    built, split = objective(RnnLmSpec(cell=LstmSpec(hidden=7))), windows(text(18))
    built(split.take([0, 3]), "likelihood")
    loss = built(split.take([1, 4]), "likelihood")
    built.carried = {}
    built(split.take([0, 3]), "likelihood")
    built.carried = dict(reversed(built.carried.items()))
    torch.testing.assert_close(built(split.take([1, 4]), "likelihood"), loss)


def test_examples_apart_are_shuffled_and_each_begins_anew():
    built, split = objective(stateful=False), windows(text(18))
    batches = built.batches(split, 2, torch.Generator().manual_seed(1))
    assert sorted(index for batch in batches for index in batch) == list(range(6))
    assert batches != built.batches(split, 2, torch.Generator().manual_seed(2))
    losses = [built(split.take([0, 3]), "likelihood") for _ in range(2)]
    torch.testing.assert_close(*losses)
    assert built.carried == {}
    first, second = built.evaluate([split.take([0, 3])] * 2)
    torch.testing.assert_close(first["nll"].data, second["nll"].data)


def test_padding_does_not_count_in_either_loss():
    batch = {"text": Padded(torch.tensor([[4, 5, 6], [7, 0, 0]]), torch.tensor([3, 1]))}
    mean, total = objective(stateful=False), objective(stateful=False, loss="sum")
    nats = long_nll(mean, torch.tensor([4, 5, 6])).sum() + long_nll(mean, torch.tensor([7])).sum()
    torch.testing.assert_close(mean(batch, "likelihood"), nats / 4)
    torch.testing.assert_close(total(batch, "likelihood"), nats / 2)


def test_it_learns_a_text_that_repeats():
    torch.manual_seed(0)
    built = objective(optimizer=AdamSpec(lr=0.02))
    split = windows(torch.tensor([4, 5, 4, 6]).repeat(30))
    optimizer = built.phases[0].optimizer.build(parameters=built.parameters())
    for epoch in range(15):
        built.begin_epoch(epoch)
        for batch in built.batches(split, 4, torch.Generator()):
            optimizer.zero_grad()
            built(split.take(batch), "likelihood").backward()
            optimizer.step()
    outcomes = list(built.evaluate(split.take(batch) for batch in built.batches(split, 4, None)))
    assert outcomes[-1]["nll"].data.mean() < 0.1


def test_a_generator_that_cannot_step_is_a_misfit():
    @frozen(kw_only=True)
    class Whole(GeneratorSpec):
        def build(self, *, produces, given=None, leaks=None):
            return Identity(space=produces)

    with pytest.raises(Misfit, match="`generator` must be a generator of tokens, which has `step`, but is Identity"):
        objective(Whole())


def test_a_field_that_is_no_text_is_a_misfit():
    with pytest.raises(Misfit, match="fields of which `text` is a Tokens, but is text = Vector"):
        LanguageModelSpec().build(data=Fields({"text": Vector(3)}), generator=MODEL)

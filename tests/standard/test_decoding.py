"""Decodings of generators of tokens: the texts of greedy decoding and beam search by hand and by enumeration."""

import itertools

import pytest
import torch
from torch import nn

import dovetail
from dovetail import Mistake, Padded, Tokens, Vector, Vocabulary
from dovetail_standard.beam import Beam
from dovetail_standard.cells import GruSpec
from dovetail_standard.embedding import EmbeddingSpec
from dovetail_standard.rnn_lm import RnnLmSpec
from dovetail_standard.strategy import Ancestral, Greedy

WORDS = Vocabulary.of("abc")
A, B, C, END, PAD = 4, 5, 6, WORDS.end, WORDS.pad
LENGTH = 3
WIDE = len(WORDS) ** LENGTH


class Table:
    """Tokens by the odds of a table: of those after the text so far, which its condition begins; else the end.

    The state is (last token, the number of the text so far) for each example.
    """

    def __init__(self, odds, length=LENGTH):
        self.odds, self.produces = odds, Tokens(WORDS, length)
        self.known = {}

    def initial_state(self, batch, given=None):
        texts = [[]] * batch if given is None else [[int(number)] for number in given]
        return torch.full((batch,), self.produces.vocabulary.start), torch.tensor(
            [self.number(tuple(text)) for text in texts]
        )

    def renew(self, state):
        return state

    def number(self, text):
        return self.known.setdefault(text, len(self.known))

    def step(self, tokens, state, leak=None):
        names = list(self.known)
        before = [names[number] for number in state[1].tolist()]
        texts = [
            text if token == self.produces.vocabulary.start else (*text, token)
            for text, token in zip(before, tokens.tolist(), strict=True)
        ]
        logits = torch.full((len(texts), len(self.produces.vocabulary)), -torch.inf)
        for row, text in enumerate(texts):
            for token, odds in self.odds.get(text, {END: 1.0}).items():
                logits[row, token] = torch.tensor(float(odds)).log()
        return logits, (tokens, torch.tensor([self.number(text) for text in texts]))


# `a` looks best at first, but what follows it is spread out: "b b" is the most probable text (0.4 * 0.9 = 0.36)
GARDEN_PATH = {
    (): {A: 0.6, B: 0.4},
    (A,): {A: 0.35, B: 0.33, C: 0.32},
    (B,): {B: 0.9, END: 0.1},
    (A, A): {END: 1.0},
    (A, B): {END: 1.0},
    (A, C): {END: 1.0},
    (B, B): {END: 1.0},
}


def texts_of(padded):
    return [row[:length] for row, length in zip(padded.data.tolist(), padded.lengths.tolist(), strict=True)]


def test_greedy_takes_the_best_first_step_and_a_beam_the_best_text():
    table = Table(GARDEN_PATH)
    assert texts_of(Greedy()(table, 2)) == [[A, A, END]] * 2
    assert texts_of(Beam(width=1)(table, 2)) == [[A, A, END]] * 2
    assert texts_of(Beam(width=2)(table, 2)) == [[B, B, END]] * 2


def test_normalisation_by_length_chooses_among_short_and_long():
    odds = {(): {END: 0.3, A: 0.7}, (A,): {B: 0.6, C: 0.4}, (A, B): {END: 0.7, C: 0.3}, (A, C): {END: 1.0}}
    table = Table(odds)  # log p: end -1.204; a b end -1.224; a c end -1.273
    assert texts_of(Beam(width=4)(table, 1)) == [[END]]
    assert texts_of(Beam(width=4, alpha=0.05)(table, 1)) == [[A, B, END]]
    greedy = Greedy()(table, 1)
    assert (greedy.data.tolist(), greedy.lengths.tolist()) == ([[A, B, END]], [3])


def test_a_text_that_is_cut_off_counts_and_an_end_among_the_rest_does_not():
    odds = {(): {A: 0.5, B: 0.3, END: 0.2}, (A,): {A: 1.0}, (B,): {B: 1.0}}
    table = Table(odds, length=2)
    assert texts_of(Beam(width=2)(table, 1)) == [[A, A]]
    assert texts_of(Beam(width=1, alpha=9.0)(Table({(): {A: 0.6, END: 0.4}, (A,): {A: 1.0}}), 1, None)) != [[END]]


def test_a_vocabulary_without_an_end_has_texts_of_one_length():
    endless = Vocabulary(("s", "x", "y"), pad=0, start=0, end=-1, unknown=0)
    table = Table({(): {1: 0.6, 2: 0.4}, (1,): {2: 1.0}, (2,): {2: 1.0}, (1, 2): {1: 1.0}, (2, 2): {2: 1.0}})
    table.produces = Tokens(endless, 3)
    assert texts_of(Beam(width=2)(table, 1)) == texts_of(Greedy()(table, 1)) == [[1, 2, 1]]


def test_examples_end_on_their_own_and_are_padded_behind():
    odds = {(A,): {END: 1.0}, (B,): {B: 1.0}, (B, B): {END: 1.0}, (C,): {A: 1.0}, (C, A): {A: 1.0}, (C, A, A): {C: 1}}
    for decoding in (Greedy(), Beam(width=3), Ancestral()):
        texts = decoding(Table(odds), 3, given=[B, A, C])
        assert texts.data.tolist() == [[B, END, PAD], [END, PAD, PAD], [A, A, C]]
        assert texts.lengths.tolist() == [2, 1, 3]


# ------------------------------------------------------------------------------------------------------ by enumeration


def writer(seed, given=None, leaks=None, length=LENGTH):
    """A small language model whose distributions are far from even."""
    torch.manual_seed(seed)
    spec = RnnLmSpec(embedding=EmbeddingSpec(size=4), cell=GruSpec(hidden=5))
    model = spec.build(produces=Tokens(WORDS, length), given=given, leaks=leaks).eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    return model


def every_text(length=LENGTH):
    """Every text that sampling can give: with its end, or cut off."""
    others = [number for number in range(len(WORDS)) if number != END]
    for size in range(1, length + 1):
        for text in itertools.product(others, repeat=size - 1):
            yield [*text, END]
    yield from ([*text] for text in itertools.product(others, repeat=length))


def log_probabilities(model, texts, given=None):
    """Of each text, by teacher forcing."""
    padded = Tokens(WORDS).collate([torch.tensor(text) for text in texts])
    with torch.no_grad():
        logits, _ = model(padded, None if given is None else given.expand(len(texts), -1))
    chosen = logits.log_softmax(-1).gather(-1, padded.data[..., None])[..., 0]
    return chosen.where(padded.mask, 0.0).sum(1)


@pytest.mark.parametrize("alpha", [0.0, 0.7, 1.0, 3.0])
@pytest.mark.parametrize("seed", range(4))
def test_a_beam_that_no_step_fills_finds_the_best_of_all_texts(seed, alpha):
    model, given = writer(seed, given=Vector(3)), torch.randn(2, 3)
    texts = list(every_text())
    found = Beam(width=WIDE, alpha=alpha)(model, 2, given)
    for row, text in enumerate(texts_of(found)):
        scores = (
            log_probabilities(model, texts, given[row]) / torch.tensor([float(len(text)) for text in texts]) ** alpha
        )
        assert text == texts[int(scores.argmax())]


@pytest.mark.parametrize("seed", range(4))
def test_what_is_forbidden_is_left_out_of_the_search_and_changes_no_probability(seed):
    model = writer(seed)
    texts = [text for text in every_text() if not {*text} & {A, WORDS.unknown}]
    (text,) = texts_of(Beam(width=WIDE, forbid=("a", "<unknown>"))(model, 1))
    assert text == texts[int(log_probabilities(model, texts).argmax())]


class Counting(nn.Module):
    """Leaks the sum of the tokens read so far, wrapped."""

    def __init__(self):
        super().__init__()
        self.leaks = Vector(2)

    def initial_state(self, batch):
        return (torch.zeros(batch),)

    def leak(self, tokens, state):
        total = state[0] + tokens + 1
        return torch.stack([total.sin(), total.cos()], 1), (total,)


@pytest.mark.parametrize("seed", range(6))
def test_a_width_of_one_is_greedy_decoding(seed):
    model, given, leak = writer(seed, Vector(3), Vector(2), length=8), torch.randn(7, 3), Counting()
    greedy = Greedy()(model, 7, given, leak)
    for other in (Beam(width=1), Ancestral(top_k=1), Ancestral(temperature=1e-6)):
        assert texts_of(other(model, 7, given, leak)) == texts_of(greedy)
    assert len({tuple(text) for text in texts_of(greedy)}) > 1


@pytest.mark.parametrize("seed", range(6))
def test_a_wide_beam_is_never_less_probable_than_greedy_decoding(seed):
    model = writer(seed)
    greedy, wide = (log_probabilities(model, texts_of(each(model, 1))) for each in (Greedy(), Beam(width=WIDE)))
    assert wide >= greedy


@pytest.mark.parametrize("decoding", [Greedy(), Beam(width=3), Beam(width=4, alpha=1.0)])
def test_an_example_is_written_as_if_it_were_alone(decoding):
    model, given, leak = writer(1, Vector(3), Vector(2), length=8), torch.randn(5, 3), Counting()
    alone = [texts_of(decoding(model, 1, given[row : row + 1], leak))[0] for row in range(5)]
    assert texts_of(decoding(model, 5, given, leak)) == alone
    assert len({tuple(text) for text in alone}) > 1


def test_a_beam_follows_its_leak():
    """With the leak, the best text is that of teacher forcing with the features of its own beginnings."""
    model, leak, texts = writer(2, leaks=Vector(2)), Counting(), list(every_text())
    (found,) = texts_of(Beam(width=WIDE)(model, 1, leak=leak))
    padded = Tokens(WORDS).collate([torch.tensor(text) for text in texts])
    read = torch.cat([torch.full((len(texts), 1), WORDS.start), padded.data[:, :-1]], 1)
    totals = (read + 1.0).cumsum(1)
    with torch.no_grad():
        logits, _ = model(padded, leak=torch.stack([totals.sin(), totals.cos()], 2))
    chosen = logits.log_softmax(-1).gather(-1, padded.data[..., None])[..., 0].where(padded.mask, 0.0).sum(1)
    assert found == texts[int(chosen.argmax())]
    assert found != texts_of(Beam(width=WIDE)(model, 1))[0]


def test_a_search_draws_nothing():
    model = writer(0)
    before = torch.random.get_rng_state()
    Beam()(model, 2)
    Greedy()(model, 2)
    assert torch.equal(torch.random.get_rng_state(), before)


# -------------------------------------------------------------------------------------------------------------- errors


def test_a_search_that_cannot_be_is_refused():
    for values, says in (({"width": 0}, r"`width` must be in \[1, inf\), but is 0"), ({"alpha": -1.0}, "`alpha`")):
        with pytest.raises(ValueError, match=says):
            Beam(**values)
    with pytest.raises(ValueError, match=r"`length` must be in \[1, inf\), but is 0"):
        Greedy(length=0)


@pytest.mark.parametrize("decoding", [Greedy, Ancestral, Beam])
def test_a_generator_that_cannot_be_decoded_is_refused(decoding):
    with pytest.raises(Mistake, match="`generator` must be one of tokens, which has `step`, but is Linear"):
        decoding()(nn.Linear(2, 2), 1)
    with pytest.raises(Mistake, match="`length` must be given where the generator's space has none"):
        decoding()(writer(0, length=None), 1)
    assert decoding(length=2)(writer(0, length=None), 3).data.shape[1] <= 2
    with pytest.raises(
        Mistake, match=r"of the generator's 7 symbols, but `unknown` is none .* did you mean `<unknown>`"
    ):
        decoding(forbid=("unknown",))(writer(0), 1)


def test_the_registry_has_them_as_specs_that_build_themselves():
    registry = dovetail.registry()
    assert [each.name for each in registry.of_kind("decoding")][-3:] == [
        "standard/ancestral",
        "standard/beam",
        "standard/greedy",
    ]
    spec = registry.spec("decoding", "standard/beam", width=3, forbid=["<unknown>"])
    assert spec == Beam(width=3, forbid=("<unknown>",)) == spec.build()
    assert isinstance(spec.build()(writer(0), 2), Padded)

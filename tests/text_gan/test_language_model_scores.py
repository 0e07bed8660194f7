import math

import pytest
import torch
from attrs import frozen
from torch import nn

import dovetail
from dovetail import Fields, GeneratorSpec, Misfit, Tokens, Vocabulary
from dovetail.assembly import Assembly
from dovetail.config import FromRun
from dovetail.randomness import on_stream
from dovetail_standard.cells import LstmSpec
from dovetail_standard.embedding import EmbeddingSpec
from dovetail_standard.optimizers import AdamSpec
from dovetail_standard.rnn_lm import RnnLmSpec
from dovetail_standard.schedules import PiecewiseSpec
from dovetail_text_gan.language_model_score import LanguageModelScoreSpec
from dovetail_text_gan.reverse_language_model_score import ReverseLanguageModelScoreSpec

WORDS = Tokens(Vocabulary.of(["a", "cat", "sees", "dogs", "run"]), 8)
OTHERS = Tokens(Vocabulary.of(["dogs", "a", "cat"]), 5)
LM = RnnLmSpec(embedding=EmbeddingSpec(size=4), cell=LstmSpec(hidden=8))
BOTH = Fields({"samples": WORDS, "references": WORDS})


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def batch(*texts, space=WORDS):
    vocabulary = space.vocabulary
    return space.collate([torch.tensor([*vocabulary.encode(text.split()), vocabulary.end]) for text in texts])


def nats(generator, text, space):
    """Of a text's tokens and its end, step by step; and how many they are."""
    state, total = generator.initial_state(1), 0.0
    read, tokens = state[0], batch(text, space=space).data[0]
    for token in tokens:
        logits, state = generator.step(read, state)
        total -= logits.log_softmax(-1)[0, token].item()
        read = token[None]
    return total, len(tokens)


TEXTS = ["a cat sees dogs", "dogs run", "a"]


@pytest.mark.parametrize("unit", ["perplexity", "nats"])
def test_the_score_is_over_all_tokens_of_all_samples(unit):
    metric = LanguageModelScoreSpec(generator=LM, unit=unit).build(outcome=Fields({"samples": WORDS}))
    metric.update({"samples": batch(*TEXTS[:2])})
    metric.update({"samples": batch(*TEXTS[2:])})
    totals, counts = zip(*(nats(metric.generator, text, WORDS) for text in TEXTS), strict=True)
    mean = sum(totals) / sum(counts)
    assert metric.compute() == pytest.approx(math.exp(mean) if unit == "perplexity" else mean, rel=1e-5)
    assert metric.unit == ("perplexity" if unit == "perplexity" else "nats a token")
    assert not metric.remark()


@frozen
class Earlier:
    """A store of one run."""

    module: nn.Module
    identity: str = "abc"

    def __call__(self, name):
        return self

    def part(self, path):
        return LM, [{"produces": OTHERS, "given": None, "leaks": None}], self.module.state_dict()


def from_run(spec, own, outcome, frozen=True):
    """The metric whose slot holds a language model of an earlier run."""
    assembly = Assembly(dovetail.registry(), runs=Earlier(own))
    return assembly.handle(spec(FromRun("r", "generator", frozen)), "metrics.lm").build(outcome=outcome)


def test_samples_are_read_in_the_vocabulary_of_the_run_that_trained_the_judge():
    own = LM.build(produces=OTHERS)
    metric = from_run(lambda part: LanguageModelScoreSpec(generator=part), own, Fields({"samples": WORDS}))
    metric.update({"samples": batch("a cat", "run dogs")})
    found = [nats(own, text, OTHERS) for text in ("a cat", "? dogs")]
    assert metric.compute() == pytest.approx(math.exp(sum(n for n, _ in found) / 6), rel=1e-5)
    assert metric.remark() == "16.67% of the tokens are unknown to the vocabulary of what read them"


def test_a_judge_that_is_also_trained_stays_in_training():
    metric = LanguageModelScoreSpec(generator=LM).build(outcome=Fields({"samples": WORDS}))
    metric.generator.train()
    metric.update({"samples": batch("a")})
    assert metric.generator.training
    assert all(parameter.requires_grad for parameter in metric.generator.parameters())


@frozen(kw_only=True)
class AtOnceSpec(GeneratorSpec):
    """What has no steps."""

    def build(self, *, produces, given=None, leaks=None):
        return nn.Linear(1, 1)


def test_what_is_no_language_model_is_a_misfit():
    for spec in (LanguageModelScoreSpec, ReverseLanguageModelScoreSpec):
        with pytest.raises(Misfit, match="a generator of tokens, which has `step`"):
            spec(generator=AtOnceSpec()).build(outcome=BOTH)


# -------------------------------------------------------------------------------------------------------------- reverse

QUICK = {"generator": LM, "optimizer": AdamSpec(lr=1e-2), "epochs": 40, "batch": 3}
REAL = ["a cat sees dogs", "dogs run", "a cat run", "dogs sees a cat", "cat run", "a cat sees a cat"]


def reverse(samples, references=REAL, **values):
    metric = ReverseLanguageModelScoreSpec(**{**QUICK, **values})
    with on_stream(3):
        metric = metric.build(outcome=BOTH)
    metric.update({"samples": batch(*samples), "references": batch(*references)})
    return metric


def test_who_never_says_what_there_is_to_say_scores_badly():
    everything, one_thing = reverse(REAL).compute(), reverse(["dogs run"] * 6).compute()
    nonsense = reverse(
        ["run a a sees", "sees sees", "dogs dogs a run", "cat dogs a", "run cat", "sees a run"]
    ).compute()
    assert everything < 4
    assert one_thing > 3 * everything
    assert nonsense > 3 * everything


def test_it_is_the_perplexity_under_what_plain_training_on_the_samples_gives():
    metric = reverse(["dogs run", "a cat"], ["a cat", "dogs"], epochs=25, batch=2, clip=None)
    with on_stream(3):
        model = LM.build(produces=WORDS)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    samples = batch("a cat", "dogs run")
    for _ in range(25):
        logits, _ = model(samples)
        loss = nn.functional.cross_entropy(logits[samples.mask], samples.data[samples.mask])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = [nats(model, text, WORDS) for text in ("a cat", "dogs")]
    assert metric.compute() == pytest.approx(math.exp(sum(n for n, _ in found) / 5), rel=1e-3)


def test_it_leaves_the_language_model_and_all_random_numbers_as_they_were():
    metric = reverse(
        REAL, generator=RnnLmSpec(embedding=EmbeddingSpec(size=4), cell=LstmSpec(hidden=8), input_dropout=0.5)
    )
    before = {name: value.clone() for name, value in metric.state_dict().items()}
    state, seed = torch.get_rng_state(), torch.initial_seed()
    with torch.no_grad():
        one = metric.compute()
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.initial_seed() == seed
    torch.manual_seed(5)
    assert metric.compute() == one, "what it draws does not depend on what was drawn before"
    assert all(torch.equal(value, before[name]) for name, value in metric.state_dict().items())
    assert all(parameter.grad is None for parameter in metric.parameters())
    metric.seed = 1
    assert metric.compute() != one


def test_the_rate_follows_its_schedule():
    frozen_after = PiecewiseSpec(values=(1e-2, 0.0), boundaries=(5,), by="epoch")
    scores = [reverse(REAL, optimizer=AdamSpec(lr=frozen_after), epochs=epochs).compute() for epochs in (5, 9)]
    assert scores[0] == pytest.approx(scores[1], rel=1e-6)
    assert reverse(REAL, epochs=9).compute() < scores[1]


def test_what_cannot_be_trained_or_compared_is_refused():
    own = LM.build(produces=OTHERS)
    same = Fields({"samples": OTHERS, "references": OTHERS})
    spec = lambda part: ReverseLanguageModelScoreSpec(generator=part)  # noqa: E731
    with pytest.raises(dovetail.Mistake, match="one that can be trained: of an earlier run, `frozen = false`"):
        from_run(spec, own, same)
    assert from_run(spec, own, same, frozen=False).generator.produces == OTHERS
    with pytest.raises(Misfit, match="of the samples' space"):
        ReverseLanguageModelScoreSpec(generator=LM).build(outcome=Fields({"samples": WORDS, "references": OTHERS}))
    metric = ReverseLanguageModelScoreSpec(generator=LM).build(outcome=BOTH)
    metric.texts["samples"] = [[4, 2]]
    with pytest.raises(ValueError, match="`references` must have a text, but none was seen"):
        metric.compute()

"""The language model score: how likely samples are to a language model that was trained on real texts.

Paper: semeniuta2019, section 5.6.1. It is the perplexity of the samples,

    exp(-Σ log p(token | the tokens before it) / the number of tokens),

over all tokens of all samples, their ends among them: the exponential of the mean of nats a token. Tokens are those of
the language model's own vocabulary, so scores under two language models compare only where their tokens are the same.

A model that always says the same likely sentence scores well: this judges single samples, and not whether all there is
to say is said (`text-gan/reverse-language-model-score`).

*Differs from the paper:* which speaks of likelihood, and whose numbers are like perplexities.

Axes: batch time vocabulary.
"""

from __future__ import annotations

from typing import Any, Literal, final

import torch
from attrs import frozen

from dovetail import Fields, Generator, GeneratorSpec, Metric, MetricSpec, Misfit, Outcome, Stepwise, Tokens
from dovetail_standard.evaluation import evaluating
from dovetail_standard.language_model import negative_log_likelihood
from dovetail_standard.perplexity import exponential, mean_nll
from dovetail_text_gan.retokenized import Retokenizer, own_tokens
from dovetail_text_gan.splitting import Splitting


@frozen(kw_only=True)
class LanguageModelScoreSpec(MetricSpec):
    """The perplexity of samples under a language model."""

    needs = ("samples",)
    takes = {"samples": (Tokens,)}

    generator: GeneratorSpec
    """The language model, `{ from_run = "…", part = "generator" }`; samples are read in the vocabulary that it was
    trained with."""
    tokenizer: Splitting = "none"
    """How words are found in samples of another vocabulary: between white space, or the Penn Treebank's."""
    unit: Literal["perplexity", "nats"] = "perplexity"
    """The exponential of the mean of nats a token, or that mean itself, as yu2017seqgan's NLL under an oracle."""

    def build(self, *, outcome: Fields) -> LanguageModelScore:
        samples: Any = outcome["samples"]
        own = own_tokens(self.generator, "produces", samples)
        generator = self.generator.build(produces=own)
        if not isinstance(generator, Stepwise):
            raise Misfit("generator", "a generator of tokens, which has `step`", type(generator).__name__)
        retokenizer = Retokenizer(given=samples, own=own, tokenizer=self.tokenizer)
        return LanguageModelScore(generator=generator, retokenizer=retokenizer, unit=self.unit)


@final
class LanguageModelScore(Metric):
    """Keeps each batch's nats and tokens."""

    direction = "lower"
    unit = "perplexity"

    def __init__(
        self,
        *,
        generator: Generator,
        retokenizer: Retokenizer,
        unit: Literal["perplexity", "nats"] = "perplexity",
    ) -> None:
        super().__init__()
        self.generator, self.retokenizer = generator, retokenizer
        self.unit = "nats a token" if unit == "nats" else unit
        self.is_exponential = unit == "perplexity"
        self.reset()

    def reset(self) -> None:
        self.sums: list[tuple[float, int]] = []

    @torch.no_grad()
    def update(self, outcome: Outcome) -> None:
        tokens = self.retokenizer(outcome["samples"])
        with evaluating(self.generator):
            logits, _ = self.generator(tokens)
        self.sums.append((float(negative_log_likelihood(logits, tokens).double().sum()), int(tokens.lengths.sum())))

    def merge(self, other: Any) -> None:
        self.sums += other.sums

    def compute(self) -> float:
        nats = mean_nll(self.sums)
        return exponential(nats) if self.is_exponential else nats

    def remark(self) -> str:
        return self.retokenizer.remark()

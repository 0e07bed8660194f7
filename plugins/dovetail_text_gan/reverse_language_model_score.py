"""The reverse language model score: how likely real texts are to a language model that is trained on samples.

Paper: semeniuta2019, section 5.6.1, after zhao2018arae. It is the perplexity of the references, the exponential of the
mean of nats a token, ends among them; what the samples never say, the language model cannot expect. It is trained anew
whenever the score is computed, always from the same initial weights.

It holds all samples and references, and takes as long as training takes: for finished models, not for tuning.

*Differs from the paper:* which does not say how its language model is trained; here for a fixed number of epochs.

Axes: batch time vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, final

import torch
from attrs import Factory, field, frozen
from torch import nn

from dovetail import (
    Fields,
    Generator,
    GeneratorSpec,
    Metric,
    MetricSpec,
    Misfit,
    OptimizerSpec,
    Outcome,
    Padded,
    Progress,
    Stepwise,
    Tokens,
    value_at,
    within,
)
from dovetail.randomness import reseed, stream
from dovetail_standard.language_model import negative_log_likelihood
from dovetail_standard.optimizers import AdamSpec
from dovetail_standard.perplexity import exponential, mean_nll
from dovetail_standard.rnn_lm import RnnLmSpec

Texts = list[list[int]]
"""The numbers of each text's tokens."""


@frozen(kw_only=True)
class ReverseLanguageModelScoreSpec(MetricSpec):
    """The perplexity of references under a language model that is trained on samples."""

    needs = ("samples", "references")
    takes = {"samples": (Tokens,)}

    generator: GeneratorSpec = Factory(RnnLmSpec)
    """The language model; its initial weights are drawn as any part's are."""
    optimizer: OptimizerSpec = Factory(AdamSpec)
    """Trains it."""
    epochs: int = field(default=10, validator=within("[1, inf)"))
    """How often it sees each sample."""
    batch: int = field(default=64, validator=within("[1, inf)"))
    """Samples of a step."""
    clip: float | None = field(default=5.0, validator=within("(0, inf)"))
    """The largest norm of a step's gradient."""
    seed: int = field(default=0, validator=within("[0, inf)"))
    """Of the order of the samples and of what its training draws."""

    def build(self, *, outcome: Fields) -> ReverseLanguageModelScore:
        samples: Any = outcome["samples"]
        if outcome["references"] != samples:
            raise Misfit("references", f"of the samples' space, {samples}", outcome["references"])
        generator = self.generator.build(produces=samples)
        if not isinstance(generator, Stepwise):
            raise Misfit("generator", "a generator of tokens, which has `step`", type(generator).__name__)
        if not any(parameter.requires_grad for parameter in generator.parameters()):
            raise Misfit("generator", "one that can be trained: of an earlier run, `frozen = false`", "frozen")
        return ReverseLanguageModelScore(
            generator=generator,
            tokens=samples,
            optimizer=self.optimizer,
            epochs=self.epochs,
            batch=self.batch,
            clip=self.clip,
            seed=self.seed,
        )


@final
class ReverseLanguageModelScore(Metric):
    """Collects texts; trains a copy of `generator` when it computes, and leaves random generators as they were.

    Args:
        generator: the language model before training.
        tokens: the space of samples and references.
        optimizer: trains the copy.
        epochs: of its training.
        batch: samples of a step.
        clip: the largest norm of a step's gradient.
        seed: of its training.
    """

    direction = "lower"
    unit = "perplexity"

    def __init__(
        self,
        *,
        generator: Generator,
        tokens: Tokens,
        optimizer: OptimizerSpec,
        epochs: int,
        batch: int,
        clip: float | None,
        seed: int,
    ) -> None:
        super().__init__()
        self.generator, self.tokens, self.optimizer = generator, tokens, optimizer
        self.epochs, self.batch, self.clip, self.seed = epochs, batch, clip, seed
        self.reset()

    def reset(self) -> None:
        self.texts: dict[str, Texts] = {name: [] for name in ReverseLanguageModelScoreSpec.needs}

    def update(self, outcome: Outcome) -> None:
        for name, texts in self.texts.items():
            data, lengths = outcome[name]
            texts += [row[:length] for row, length in zip(data.tolist(), lengths.tolist(), strict=True)]

    def merge(self, other: Any) -> None:
        for name, texts in other.texts.items():
            self.texts[name] += texts

    def compute(self) -> float:
        """Train on the samples, and score the references.

        Raises:
            ValueError: where there are no samples or no references.
        """
        for name, texts in self.texts.items():
            if not texts:
                raise ValueError(f"`{name}` must have a text, but none was seen")
        samples, references = (sorted(self.texts[name]) for name in ReverseLanguageModelScoreSpec.needs)
        with _own_randomness(self.generator, self.seed):
            model = deepcopy(self.generator)
            self._train(model, samples)
            return exponential(mean_nll(self._sums(model, references)))

    @torch.enable_grad()
    def _train(self, model: Generator, samples: Texts) -> None:
        model.train()
        parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        optimizer, step = self.optimizer.build(parameters=parameters), 0
        for epoch in range(self.epochs):
            order = torch.randperm(len(samples), generator=stream(self.seed, "order", epoch)).tolist()
            for start in range(0, len(order), self.batch):
                tokens = self._batch([samples[place] for place in order[start : start + self.batch]])
                logits, _ = model(tokens)
                loss = negative_log_likelihood(logits, tokens).sum() / tokens.lengths.sum()
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                if self.clip is not None:
                    nn.utils.clip_grad_norm_(parameters, self.clip)
                for group in optimizer.param_groups:
                    group["lr"] = value_at(self.optimizer.lr, Progress(step=step, epoch=epoch))
                optimizer.step()
                step += 1

    @torch.no_grad()
    def _sums(self, model: Generator, texts: Texts) -> list[tuple[float, int]]:
        """The nats and the tokens of the texts, batch by batch."""
        model.eval()
        sums = []
        for start in range(0, len(texts), self.batch):
            tokens = self._batch(texts[start : start + self.batch])
            logits, _ = model(tokens)
            sums.append((float(negative_log_likelihood(logits, tokens).double().sum()), int(tokens.lengths.sum())))
        return sums

    def _batch(self, texts: Texts) -> Padded:
        """Texts as a batch on the generator's device. Shape: `Padded` (batch, time)."""
        device = next(self.generator.parameters()).device
        data, lengths = self.tokens.collate([torch.tensor(text, dtype=torch.long) for text in texts])
        return Padded(data.to(device), lengths.to(device))


@contextmanager
def _own_randomness(module: nn.Module, seed: int) -> Iterator[None]:
    """Torch's global generators on a stream of their own inside, and as they were afterwards."""
    devices = {p.device.index for p in module.parameters() if p.device.type == "cuda"}
    with torch.random.fork_rng(devices=sorted(devices)):
        reseed(seed, "reverse language model")
        yield

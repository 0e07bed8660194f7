"""Hard attention: one place of a memory, drawn by its probability; what it learns comes by REINFORCE.

Paper: xu2015show, section 4.1, the stochastic version of AttendCap. With the places s of a caption drawn as α has it,
its likelihood L = log p(y | s), the running mean b of L and the entropy H of α, a caption's likelihood is joined by

    λ_r (L - b) Σ_t log α_t,s_t + λ_e Σ_t H(α_t)        b ← 0.9 b + 0.1 mean L

over its real words, which whoever decodes notes as the loss `hard-attention` (`Hard.surrogate`). For half of the
captions the mean Σ α_i a_i is read instead of a drawn place, as the paper does to vary less. Evaluation reads the most
probable place.

*Differs from the paper:* α is this plugin's perceptron's (hacap2018, section 3.5); b starts at the first mean L. λ_r
and λ_e are not in the paper.

Axes: batch place feature; batch time.
"""

from __future__ import annotations

from typing import final

import torch
from attrs import field, frozen
from torch import Tensor

from dovetail import Attention, AttentionSpec, Padded, Regions, Sequence, State, Vector, within
from dovetail_hacap.scoring import Scores
from dovetail_standard.strategy import draw

MOMENTUM = 0.9
"""Of the running mean that likelihoods are compared with (section 4.1)."""


@frozen(kw_only=True)
class HardSpec(AttentionSpec):
    """One place at a time, drawn in training and the most probable one in evaluation."""

    takes = {"memory": (Regions, Sequence), "query": (Vector,)}
    hidden: int = field(default=256, validator=within("[1, inf)"))
    """Units of the perceptron."""
    soft: float = field(default=0.5, validator=within("[0, 1]"))
    """Share of the captions for which training reads the mean over places instead (section 4.1)."""
    reinforce: float = field(default=1.0, validator=within("[0, inf)"))
    """λ_r, the weight of REINFORCE."""
    entropy: float = field(default=0.01, validator=within("[0, inf)"))
    """λ_e, the weight of the entropy."""

    def build(self, *, memory: Regions | Sequence, query: Vector) -> Hard:
        return Hard(
            memory=memory.size,
            query=query.size,
            hidden=self.hidden,
            soft=self.soft,
            reinforce=self.reinforce,
            entropy=self.entropy,
        )


@final
class Hard(Attention):
    """Reads one place. The state is the keys, which captions read the mean, and log α of the place read last.

    Args:
        memory: features of a place.
        query: size of the query.
        hidden: units of the perceptron.
        soft: share of the captions for which training reads the mean over places.
        reinforce: λ_r.
        entropy: λ_e.
    """

    output: Vector
    baseline: Tensor

    def __init__(
        self,
        *,
        memory: int,
        query: int,
        hidden: int = 256,
        soft: float = 0.5,
        reinforce: float = 1.0,
        entropy: float = 0.01,
    ) -> None:
        super().__init__()
        self.output = Vector(memory)
        self.soft, self.reinforce, self.entropy = soft, reinforce, entropy
        self.scores = Scores(memory=memory, query=query, hidden=hidden)
        self.register_buffer("baseline", torch.tensor(torch.nan))

    def initial_state(self, memory: Tensor | Padded) -> State:
        """Shape: keys (batch, place, hidden), which captions read the mean and log α (batch) each."""
        keys = self.scores.keys(memory)
        mean = torch.zeros(len(keys), dtype=torch.bool, device=keys.device)
        if self.training:
            mean = torch.rand(len(keys), device=keys.device) < self.soft
        return keys, mean, keys.new_zeros(len(keys))

    def forward(self, memory: Tensor | Padded, query: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """One read, and the probabilities that its place was drawn by.

        Shape: query (batch, size), read (batch, feature), weights (batch, place).
        """
        keys, mean, _ = state
        weights = self.scores(memory, query, keys)[..., 0].softmax(1)
        data = memory.data if isinstance(memory, Padded) else memory
        place = draw(weights.detach()) if self.training else weights.argmax(1)
        read = data[torch.arange(len(data), device=data.device), place]
        read = torch.where(mean[:, None], (weights[:, None] @ data)[:, 0], read)
        chosen = weights.gather(1, place[:, None])[:, 0].log()
        return read, weights, (keys, mean, chosen.masked_fill(mean, 0.0))

    def chosen(self, state: State) -> Tensor:
        """Log α of the place read last, 0 where the mean was read. Shape: (batch)."""
        return state[2]

    def surrogate(self, weights: Tensor, chosen: Tensor, likelihood: Tensor, mask: Tensor) -> Tensor:
        """What is minimised so that the gradient is the paper's, divided by the number of words; training moves b.

        Shape: weights (batch, time, place), chosen, log α of each place read, and mask (batch, time), likelihood, of
        each caption in nats, (batch); result ().
        """
        mean = likelihood.detach().mean()
        baseline = mean if self.baseline.isnan() else self.baseline.clone()
        if self.training:
            self.baseline.copy_(MOMENTUM * baseline + (1 - MOMENTUM) * mean)
        entropy = torch.special.entr(weights.clamp(min=torch.finfo(weights.dtype).tiny)).sum(2)
        gain = self.reinforce * (likelihood.detach() - baseline)[:, None] * chosen + self.entropy * entropy
        return -(gain * mask).sum() / mask.sum()

"""How well each place of a memory matches a query: the perceptron that the attentions share.

Paper: hacap2018, section 3.5, after bahdanau2015attention:

    e_i = W_e ReLU(L_img a_i + L_lang f + b_a)          for each head
    α   = softmax(e)                                    over the real places

L_img a_i + b_a is the same in every read: the keys are computed once. Weights start by Xavier's scheme (section 4.4).

Axes: batch place feature; batch place head.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dovetail import Padded


class Scores(nn.Module):
    """Scores the places of a memory.

    Args:
        memory: features of a place.
        query: size of the query.
        hidden: units of the perceptron.
        heads: scores of each place.
    """

    def __init__(self, *, memory: int, query: int, hidden: int, heads: int = 1) -> None:
        super().__init__()
        self.image = nn.Linear(memory, hidden)
        self.language = nn.Linear(query, hidden, bias=False)
        self.energy = nn.Linear(hidden, heads, bias=False)
        for part in (self.image, self.language, self.energy):
            nn.init.xavier_uniform_(part.weight)
        nn.init.zeros_(self.image.bias)

    def keys(self, memory: Tensor | Padded) -> Tensor:
        """What every read needs. Shape: (batch, place, hidden)."""
        keys: Tensor = self.image(memory.data if isinstance(memory, Padded) else memory)
        return keys

    def forward(self, memory: Tensor | Padded, query: Tensor, keys: Tensor) -> Tensor:
        """E of each place and head, -∞ on padding. Shape: query (batch, size), result (batch, place, head)."""
        scores: Tensor = self.energy(torch.relu(keys + self.language(query)[:, None]))
        return scores.masked_fill(~memory.mask[..., None], -torch.inf) if isinstance(memory, Padded) else scores

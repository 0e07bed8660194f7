"""The finding of Table 3.1, on short sequences and in seconds: Adam and 64 units stand for SGD and 256."""

import pytest
import torch
from torch.nn import functional as F

from dovetail_recurrent_dropout.gal import GalDropout
from dovetail_recurrent_dropout.lstm import LstmCell
from dovetail_recurrent_dropout.moon import MoonDropout
from dovetail_recurrent_dropout.temporal_order import TemporalOrderSpec
from dovetail_recurrent_dropout.update import UpdateDropout


def accuracies(dropout):
    """The test accuracy with masks as in training and as in evaluation, after 500 steps."""
    torch.manual_seed(0)
    data = TemporalOrderSpec(length=15, test=1000).build()
    train, test = data.split("train"), data.split("test").take(range(1000))
    cell, head = LstmCell(input=4, hidden=64, dropout=dropout), torch.nn.Linear(64, 4)
    optimizer = torch.optim.Adam([*cell.parameters(), *head.parameters()], lr=5e-3)

    def logits(batch):
        return head(cell(batch["input"].data)[0][:, -1])

    for _ in range(500):
        batch = train.take(torch.randint(6400, (32,)).tolist())
        loss = F.cross_entropy(logits(batch), batch["label"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        masked = logits(test).argmax(1) == test["label"]
        cell.eval()
        plain = logits(test).argmax(1) == test["label"]
    return masked.float().mean().item(), plain.float().mean().item()


@pytest.mark.parametrize(
    "dropout",
    [
        UpdateDropout(rate=0.5, sampling="step", scale="test"),
        GalDropout(rate=0.5, masks="tied", sampling="sequence", scale="test"),
    ],
)
def test_update_and_gal_solve_short_sequences(dropout):
    _, plain = accuracies(dropout)
    assert plain > 0.97


def test_moons_mask_a_sequence_solves_them_in_training_and_fails_at_test():
    masked, plain = accuracies(MoonDropout(rate=0.5, sampling="sequence", scale="test"))
    assert masked > 0.9
    assert plain < 0.6

"""Splits of words that are seen by static features, and the crops of training."""

import torch

from dovetail.randomness import stream
from dovetail.spaces import Fields, Label, Labels, Tokens, Vocabulary
from dovetail_recurrent_dropout.word_split import WordSplit, with_input

SPACES = Fields({"words": Tokens(Vocabulary.of("abc"), 9), "label": Labels(9, 20), "sort": Label(2)})
TABLE = torch.arange(14.0).view(7, 2)


def split(crop):
    lengths = (9, 2, 4)
    return WordSplit(
        SPACES,
        {
            "words": [torch.randint(4, 7, (length,)) for length in lengths],
            "label": [torch.arange(length) for length in lengths],
            "sort": [torch.tensor(1), torch.tensor(0), torch.tensor(1)],
        },
        TABLE,
        crop,
    )


def test_a_batch_lies_in_the_fields_and_looks_the_words_up():
    batch = split(None).take([2, 0])
    with_input(SPACES, TABLE).check(batch)
    assert batch["input"].lengths.tolist() == [4, 9]
    torch.testing.assert_close(batch["input"].data[1, 3], TABLE[batch["words"].data[1, 3]])


def test_training_sees_a_run_of_words_with_their_labels_and_an_evaluation_all():
    cut = split(4)
    seen = set()
    for epoch in range(40):
        batch = cut.take([0, 1, 2], lambda index, epoch=epoch: stream(0, epoch, index))
        assert batch["label"].lengths.tolist() == [4, 2, 4]
        labels = batch["label"].data[0].tolist()
        assert labels == list(range(labels[0], labels[0] + 4))
        words = cut.examples["words"][0][labels]
        torch.testing.assert_close(batch["words"].data[0], words)
        seen.add(labels[0])
    assert seen == {0, 1, 2, 3, 4, 5}
    assert cut.take([0])["words"].lengths.tolist() == [9]


def test_the_examples_that_training_does_not_see_whole_are_counted():
    assert (split(4).cropped, split(3).cropped, split(None).cropped) == (1, 2, 0)
    assert split(3).remark().startswith("2 of 3 examples have more than 3 words: an epoch sees 3 of them in a row")
    assert split(9).remark() == split(None).remark() == ""

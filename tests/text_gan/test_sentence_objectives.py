import pytest
import torch
from torch.nn import functional as F

from dovetail import Fields, Label, Misfit, Tokens, Vector, Vocabulary
from dovetail_standard.cells import LstmSpec
from dovetail_standard.embedding import EmbeddingSpec
from dovetail_standard.rnn_lm import RnnLmSpec
from dovetail_standard.sequence import SequenceSpec
from dovetail_text_gan.entailment import EntailmentSpec, compared
from dovetail_text_gan.nli_stand_in import NliStandInSpec
from dovetail_text_gan.sequence_autoencoder import SequenceAutoencoderSpec
from dovetail_text_gan.unisent import UnisentSpec

VOCABULARY = Vocabulary.of("abcde", joiner="")
TOKENS = Tokens(VOCABULARY, 6)
PAIRS = Fields({"premise": TOKENS, "hypothesis": TOKENS, "label": Label(3)})
ENCODER = UnisentSpec(size=4, pairs=9, hidden=(5,))
GENERATOR = RnnLmSpec(embedding=EmbeddingSpec(size=4), cell=LstmSpec(hidden=8))


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def descend(objective, batches, phase, lr):
    optimizer = torch.optim.Adam(objective.parameters(), lr=lr)
    for batch in batches:
        optimizer.zero_grad()
        objective(batch, phase).backward()
        optimizer.step()


def test_vectors_are_compared_by_both_their_distance_and_their_product():
    u, v = torch.tensor([[1.0, -2.0]]), torch.tensor([[3.0, 4.0]])
    assert compared(u, v).tolist() == [[1, -2, 3, 4, 2, 6, 3, -8]]


def test_the_loss_is_the_cross_entropy_of_the_relation():
    objective = EntailmentSpec(hidden=7).build(data=PAIRS, encoder=ENCODER)
    batch = PAIRS.fake(5)
    u, v = objective.encoder(batch["premise"]), objective.encoder(batch["hypothesis"])
    first, _, second = objective.classes
    logits = second(first(torch.cat([u, v, (u - v).abs(), u * v], 1)).tanh())
    assert torch.allclose(objective(batch, "entailment"), F.cross_entropy(logits, batch["label"]))
    (outcome,) = objective.evaluate([batch])
    assert torch.equal(outcome["predictions"], logits.argmax(1))
    assert torch.equal(outcome["references"], batch["label"])


def test_it_learns_relations_that_no_sentence_alone_tells():
    dataset = NliStandInSpec(train=1500, valid=300, test=1).build()
    objective = EntailmentSpec(hidden=64).build(
        data=dataset.fields, encoder=UnisentSpec(size=32, pairs=500, hidden=(64,))
    )
    split = dataset.split("train")
    order = [torch.randperm(1500)[:64].tolist() for _ in range(350)]
    descend(objective, (split.take(some) for some in order), "entailment", 3e-3)
    (outcome,) = objective.evaluate([dataset.split("valid").take(range(300))])
    right = (outcome["predictions"] == outcome["references"]).float().mean()
    assert right > 0.6, "a third is right by chance, and by the hypothesis alone"


def test_sentences_of_two_spaces_are_a_misfit():
    other = Fields({**PAIRS, "hypothesis": Tokens(Vocabulary.of("ab"), 6)})
    with pytest.raises(Misfit, match="`hypothesis` is as `premise`"):
        EntailmentSpec().build(data=other, encoder=ENCODER)
    with pytest.raises(Misfit, match="an encoder whose output is a Vector"):
        EntailmentSpec().build(data=PAIRS, encoder=EmbeddingSpec(size=2))
    with pytest.raises(Misfit, match="fields of which `premise` is a Tokens"):
        EntailmentSpec().build(data=Fields({"text": TOKENS}), encoder=ENCODER)


TEXTS = Fields({"text": TOKENS})


def test_the_autoencoders_loss_is_nats_a_token_of_the_sentence_itself():
    objective = SequenceAutoencoderSpec().build(data=TEXTS, encoder=ENCODER, generator=GENERATOR)
    batch = TEXTS.fake(4)
    tokens, total = batch["text"], 0.0
    for row, length in zip(tokens.data, tokens.lengths.tolist(), strict=True):
        alone = TOKENS.collate([row[:length]])
        vector = objective.encoder(alone)
        state = objective.generator.initial_state(1, vector)
        read = state[0]
        for token in row[:length]:
            logits, state = objective.generator.step(read, state)
            total -= logits.log_softmax(-1)[0, token]
            read = token[None]
    assert torch.allclose(objective(batch, "autoencoder"), total / tokens.lengths.sum())
    (outcome,) = objective.evaluate([batch])
    assert torch.allclose(outcome["nll"].data.sum(), total)


def test_the_vector_tells_which_sentence_it_is():
    objective = SequenceAutoencoderSpec().build(
        data=TEXTS, encoder=SequenceSpec(embedding=EmbeddingSpec(size=6), cell=LstmSpec(hidden=8)), generator=GENERATOR
    )
    batch = TEXTS.fake(16, torch.Generator().manual_seed(1))
    descend(objective, [batch] * 300, "autoencoder", 1e-2)
    tokens = batch["text"]
    own = objective.encoder(tokens)
    losses = []
    for vectors in (own, own.roll(1, 0)):
        logits, _ = objective.generator(tokens, given=vectors)
        losses.append(F.cross_entropy(logits[tokens.mask], tokens.data[tokens.mask]).item())
    assert losses[0] < 0.5
    assert losses[1] > 2


def test_parts_that_cannot_be_an_autoencoder_are_a_misfit():
    with pytest.raises(Misfit, match="an encoder whose output is a Vector"):
        SequenceAutoencoderSpec().build(data=TEXTS, encoder=EmbeddingSpec(size=2), generator=GENERATOR)
    with pytest.raises(Misfit, match="fields of which `text` is a Tokens"):
        SequenceAutoencoderSpec().build(data=Fields({"text": Vector(3)}), encoder=ENCODER, generator=GENERATOR)

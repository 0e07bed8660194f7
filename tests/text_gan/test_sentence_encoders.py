import math
from itertools import pairwise

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import dovetail
from dovetail import Mistake, Padded, Tokens, Vector, Vocabulary
from dovetail_standard.weights import convert
from dovetail_text_gan.infersent import InfersentSpec
from dovetail_text_gan.unisent import PRIME, UnisentSpec
from dovetail_text_gan.unisent_t import UnisentTSpec, positions
from dovetail_text_gan.word_vectors import read_vectors, size_of

VOCABULARY = Vocabulary.of(["a", "cat", "sees", "dogs"])
TOKENS = Tokens(VOCABULARY, 7)
END = VOCABULARY.end


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def batch(*texts):
    return TOKENS.collate([torch.tensor([*VOCABULARY.encode(text.split()), END]) for text in texts])


SENTENCES = batch("a cat sees dogs", "dogs", "a cat")


# ------------------------------------------------------------------------------------------------------------ infersent


def published(size, hidden):
    """A network of the published layout, and its weights under their published names."""
    lstm = nn.LSTM(size, hidden, bidirectional=True)
    return lstm, {f"enc_lstm.{name}": value for name, value in lstm.state_dict().items()}


@pytest.fixture
def vectors(tmp_path):
    lines = ["<s> 1 0 -1", "</s> 0 2 0", "cat 0.5 -0.5 1", ". . . 9 9 9", "dogs 1e-1 3 2", "a 0 0 1", "zebra 7 7 7"]
    (tmp_path / "glove.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path / "glove.txt"


TABLE = {"<s>": [1, 0, -1], "</s>": [0, 2, 0], "cat": [0.5, -0.5, 1], "dogs": [0.1, 3, 2], "a": [0, 0, 1]}


def test_converted_weights_give_what_the_published_network_gives(tmp_path, vectors):
    lstm, weights = published(3, 5)
    torch.save(weights, tmp_path / "infersent2.pkl")
    convert(tmp_path / "infersent2.pkl", tmp_path / "infersent2.safetensors")
    spec = InfersentSpec(hidden=5, vectors=vectors, weights=tmp_path / "infersent2.safetensors")
    encoder = spec.build(input=TOKENS)
    made = encoder(SENTENCES)
    for row, text in zip(made, ["a cat sees dogs", "dogs", "a cat"], strict=True):
        words = torch.tensor([TABLE.get(word, [0, 0, 0]) for word in ["<s>", *text.split(), "</s>"]])
        assert torch.allclose(row, lstm(words.float()[:, None])[0].amax(0)[0], atol=1e-6)
    assert encoder.output == Vector(10)
    assert not encoder.words.weight.requires_grad
    assert encoder.remark() == "1 of the 4 words of the vocabulary have no vector in glove.txt"


def test_without_files_words_are_trained():
    encoder = InfersentSpec(hidden=5, size=4).build(input=TOKENS)
    assert encoder.words.weight.requires_grad
    assert encoder(SENTENCES).shape == (3, 10)
    assert encoder.remark() == ""


def test_by_default_it_has_the_published_sizes():
    with torch.device("meta"):
        encoder = InfersentSpec().build(input=TOKENS)
    assert encoder.output == Vector(4096)
    assert encoder.words.embedding_dim == 300


def test_weights_that_do_not_fit_are_refused(tmp_path, vectors):
    weights = tmp_path / "w.safetensors"
    save_file(published(3, 4)[1], weights)
    with pytest.raises(Mistake, match=r"does not fit: `enc_lstm.weight_ih_l0` must have the shape \(20, 3\)"):
        InfersentSpec(hidden=5, vectors=vectors, weights=weights).build(input=TOKENS)
    with pytest.raises(Mistake, match="`weights` need the word vectors that they were trained with: set `vectors`"):
        InfersentSpec(hidden=4, weights=weights).build(input=TOKENS)


def test_other_files_are_another_identity(vectors):
    identity = (
        dovetail.registry().find("encoder", "text-gan/infersent").load().__attrs_attrs__.vectors.metadata["identity"]
    )
    before = identity(InfersentSpec(vectors=vectors))
    vectors.write_text("a 1 2\n")
    assert identity(InfersentSpec(vectors=vectors)) != before
    assert identity(InfersentSpec()) is None


# --------------------------------------------------------------------------------------------------------- word vectors


def test_vectors_are_read_with_or_without_a_first_line_of_sizes(tmp_path):
    (tmp_path / "word2vec.txt").write_text("3 2\na 1 2\nx 3 4\n</s> 5 6 \n")
    table, found = read_vectors(tmp_path / "word2vec.txt", VOCABULARY)
    assert table[VOCABULARY.numbers["a"]].tolist() == [1, 2]
    assert table[END].tolist() == [5, 6]
    assert (found, table.abs().sum().item()) == (1, 14)
    assert size_of(tmp_path / "word2vec.txt") == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a 1 2 3\ncat 1 x 3\n",
            r"a word a line with its 3 numbers, but .*v\.txt, line 2: could not convert string to float: 'x'",
        ),
        ("a 1 2 3\ncat 1 2\n", r"with its 3 numbers, but .*v\.txt, line 2: there are 2"),
        ("", "the first line is not"),
        ("a\n", "the first line is not"),
    ],
)
def test_a_file_that_is_none_of_vectors_is_refused(tmp_path, text, message):
    (tmp_path / "v.txt").write_text(text)
    with pytest.raises(Mistake, match=message):
        read_vectors(tmp_path / "v.txt", VOCABULARY)


def test_vectors_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9 1 2\n")
    with pytest.raises(Mistake, match=r"must be UTF-8 text, but is not: .*latin\.txt"):
        size_of(tmp_path / "latin.txt")
    with pytest.raises(Mistake, match=r"cannot be read: .*none\.txt: No such file"):
        size_of(tmp_path / "none.txt")


# -------------------------------------------------------------------------------------------------------------- unisent


def test_a_sentence_is_the_mean_of_its_words_and_pairs_through_the_layers():
    encoder = UnisentSpec(size=3, pairs=11, hidden=(4, 2)).build(input=TOKENS)
    one, _, other, _ = encoder.layers
    for row, text in zip(encoder(SENTENCES), ["a cat sees dogs", "dogs", "a cat"], strict=True):
        numbers = [VOCABULARY.start, *VOCABULARY.encode(text.split()), END]
        words = [encoder.words.weight[number] for number in numbers[1:]]
        pairs = [encoder.pairs.weight[(a * PRIME + b) % 11] for a, b in pairwise(numbers)]
        mean = torch.stack(words + pairs).mean(0)
        assert torch.allclose(row, other(one(mean).tanh()).tanh(), atol=1e-6)


def test_without_pairs_the_order_of_the_words_does_not_matter():
    encoder = UnisentSpec(size=6, pairs=5, hidden=(3,)).build(input=TOKENS)
    ordered, swapped = encoder(batch("a cat sees dogs", "dogs sees cat a"))
    assert not torch.allclose(ordered, swapped, atol=1e-3)
    nn.init.zeros_(encoder.pairs.weight)
    ordered, swapped = encoder(batch("a cat sees dogs", "dogs sees cat a"))
    assert torch.allclose(ordered, swapped, atol=1e-6)


def test_layers_must_have_units():
    with pytest.raises(Mistake, match=r"`hidden` must have a layer, each of a unit at least, but is \[\]"):
        dovetail.registry().spec("encoder", "text-gan/unisent", hidden=[])


# ------------------------------------------------------------------------------------------------------------ unisent-t


def test_a_padded_sentence_is_read_as_it_is_alone_by_torchs_transformer():
    encoder = UnisentTSpec(size=6, heads=3, layers=2, feedforward=5, dropout=0.2).build(input=TOKENS).eval()
    whole = nn.TransformerEncoder(encoder.layers[0], 2, enable_nested_tensor=False).eval()
    whole.layers = encoder.layers
    made = encoder(SENTENCES)
    for row, text in zip(made, ["a cat sees dogs", "dogs", "a cat"], strict=True):
        alone = batch(text)
        words = encoder.words(alone.data) * math.sqrt(6)
        steps = positions(torch.arange(float(words.shape[1])), 6)
        assert torch.allclose(row, whole(words + steps)[0].mean(0), atol=1e-5)


def test_positions_are_sines_and_cosines():
    made = positions(torch.arange(4.0), 6)
    for step in range(4):
        for pair in range(3):
            angle = step / 10_000 ** (2 * pair / 6)
            assert made[step, 2 * pair].item() == pytest.approx(math.sin(angle), abs=1e-5)
            assert made[step, 2 * pair + 1].item() == pytest.approx(math.cos(angle), abs=1e-5)


def test_the_order_of_the_words_matters_to_it():
    encoder = UnisentTSpec(size=6, heads=1, layers=1, feedforward=5).build(input=TOKENS).eval()
    ordered, swapped = encoder(batch("a cat sees dogs", "dogs sees cat a"))
    assert not torch.allclose(ordered, swapped, atol=1e-3)


def test_an_empty_sentence_is_a_vector_of_numbers():
    encoder = UnisentTSpec(size=4, heads=1, layers=1, feedforward=5).build(input=TOKENS)
    made = encoder(Padded(torch.zeros(2, 3, dtype=torch.long), torch.tensor([0, 2])))
    assert made.isfinite().all()
    assert made[0].abs().sum() == 0


def test_heads_must_divide_the_size():
    with pytest.raises(Mistake, match="`size` must be even and a multiple of `heads`, 4, but is 6"):
        dovetail.registry().spec("encoder", "text-gan/unisent-t", size=6, heads=4)

"""SeqGAN's oracle: the data are its own, and nobody writes what it likes better than it does."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from dovetail import Mistake, Tokens, Vocabulary
from dovetail_standard.language_model import negative_log_likelihood
from dovetail_text_gan.oracle import OracleSpec, OracleTextsSpec

WORDS = Tokens(Vocabulary(map(str, range(200)), pad=0, start=0, end=-1, unknown=0), 20)
SMALL = OracleTextsSpec(words=200, train=300, valid=20, test=20)


def cost(oracle, texts):
    with torch.no_grad():
        return float(negative_log_likelihood(oracle(texts)[0], texts).sum(1).mean() / 20)


def test_the_texts_are_long_and_whole():
    data = SMALL.build()
    texts = data.split("train").take(range(300))["text"]
    assert texts.lengths.tolist() == [20] * 300
    assert len(texts.data.unique()) > 50
    data.fields["text"].check(texts)


def test_its_own_texts_cost_it_less_than_random_ones_and_what_it_expects():
    """The mean cost of its own texts is its entropy: the mean over places of -Σ p log p."""
    oracle = OracleSpec().build(produces=WORDS)
    texts = OracleTextsSpec(words=200, train=2000, valid=5, test=5).build().split("train").take(range(2000))["text"]
    with torch.no_grad():
        log_p = oracle(texts)[0].log_softmax(-1)
        entropy = float(-(log_p.exp() * log_p).sum(-1).mean())
    own = cost(oracle, texts)
    assert own == pytest.approx(entropy, rel=0.02)
    assert cost(oracle, texts._replace(data=torch.randint(200, (2000, 20)))) > own + 1
    assert cost(OracleSpec(seed=1).build(produces=WORDS), texts) > own + 1


def test_all_weights_are_standard_normal():
    oracle = OracleSpec(units=64).build(produces=WORDS)
    weights = torch.cat([p.flatten() for name, p in oracle.named_parameters() if name != "recurrence.bias_hh_l0"])
    assert float(weights.mean()) == pytest.approx(0, abs=0.02)
    assert float(weights.std()) == pytest.approx(1, abs=0.02)
    assert not any(p.requires_grad for p in oracle.parameters())
    assert not oracle.recurrence.bias_hh_l0.any()


def test_weights_come_from_a_file(tmp_path):
    recurrence, readout = nn.LSTM(3, 3, batch_first=True), nn.Linear(3, 200)
    tensors = {f"recurrence.{name}": p.detach() for name, p in recurrence.named_parameters()}
    tensors |= {"readout.weight": readout.weight.detach(), "readout.bias": readout.bias.detach()}
    tensors["embedding.weight"] = torch.randn(200, 3)
    save_file(tensors, tmp_path / "oracle.safetensors")
    oracle = OracleSpec(units=3, weights=tmp_path / "oracle.safetensors").build(produces=WORDS)
    texts = WORDS.fake(2)
    read = torch.cat([torch.zeros(2, 1, dtype=torch.long), texts.data[:, :-1]], dim=1)
    expected = readout(recurrence(tensors["embedding.weight"][read])[0])
    torch.testing.assert_close(oracle(texts)[0], expected)


def test_a_file_of_other_weights_is_refused(tmp_path):
    file = tmp_path / "oracle.safetensors"
    save_file({"readout.bias": torch.zeros(7)}, file)
    with pytest.raises(Mistake, match=r"embedding.weight of shape \(200, 3\), but has none"):
        OracleSpec(units=3, weights=file).build(produces=WORDS)
    file.write_bytes(b"no tensors")
    with pytest.raises(Mistake, match="safetensors file, but cannot be read"):
        OracleSpec(units=3, weights=file).build(produces=WORDS)


def test_seeds_of_data_and_of_weights_are_apart():
    fingerprint = SMALL.build().fingerprint
    assert OracleTextsSpec(words=200, train=300, valid=20, test=20, seed=1).build().fingerprint != fingerprint
    other = OracleTextsSpec(words=200, train=300, valid=20, test=20, oracle=OracleSpec(seed=1)).build()
    assert other.fingerprint != fingerprint

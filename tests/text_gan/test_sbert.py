import sys

import pytest
import torch

import dovetail
from dovetail import Mistake, Tokens, Vector, Vocabulary
from dovetail_text_gan.example_files import sentence_transformer
from dovetail_text_gan.sbert import SentenceTransformersSpec

TOKENS = Tokens(Vocabulary.of(["the", "cat", "sees", "Ω"]), 5)


def batch(*texts):
    vocabulary = TOKENS.vocabulary
    return TOKENS.collate([torch.tensor([*vocabulary.encode(text.split()), vocabulary.end]) for text in texts])


def test_without_the_library_the_first_use_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    encoder = SentenceTransformersSpec().build(input=TOKENS)
    assert encoder.output == Vector(384)
    with pytest.raises(Mistake, match=r'not installed: pip install "dovetail\[sentence-transformers\]"'):
        encoder(batch("the cat"))


@pytest.mark.slow
def test_a_models_vectors_are_those_of_the_texts(tmp_path, caplog):
    caplog.set_level("INFO")
    library = pytest.importorskip("sentence_transformers")
    values = sentence_transformer(4)(tmp_path)
    encoder = SentenceTransformersSpec(**values).build(input=TOKENS)
    texts = ["the cat sees", "cat"]
    vectors = encoder(batch(*texts))
    assert not [record for record in caplog.records if record.levelname == "INFO"]
    model = library.SentenceTransformer(values["model"], device="cpu")
    assert torch.allclose(vectors, torch.tensor(model.encode(texts)))
    assert caplog.records, "the library's own announcements are left to whoever else loads a model"
    assert encoder.state_dict() == {}
    with pytest.raises(Mistake, match=r"`size` must be that of the vectors of .*model, which is 4, but is 3"):
        SentenceTransformersSpec(**{**values, "size": 3}).build(input=TOKENS)(batch("cat"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(Mistake, match=r"`model` must be a folder or the name of a published model, but .*empty cannot"):
        SentenceTransformersSpec(model=str(tmp_path / "empty")).build(input=TOKENS)(batch("cat"))


def test_a_folder_counts_by_its_files_and_a_published_model_by_its_name(tmp_path):
    spec = dovetail.registry().find("encoder", "text-gan/sentence-transformers").load()
    identity = spec.__attrs_attrs__.model.metadata["identity"]
    (tmp_path / "config.json").write_text("{}")
    before = identity(spec(model=str(tmp_path)))
    (tmp_path / "config.json").write_text("{ }")
    assert identity(spec(model=str(tmp_path))) != before
    assert identity(spec(model="some/model")) == "some/model"

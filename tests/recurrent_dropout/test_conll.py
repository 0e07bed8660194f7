"""Named entities in the CoNLL column format."""

import pytest

from dovetail.errors import Mistake
from dovetail.randomness import stream
from dovetail_recurrent_dropout.conll import ConllSpec
from dovetail_recurrent_dropout.conll_stand_in import ConllStandInSpec, corpus

GOOD = """-DOCSTART- -X- -X- O

U.N. NNP I-NP I-ORG
official NN I-NP O
Ekeus NNP I-NP I-PER

Ali NNP I-NP I-PER
Baba NNP I-NP B-PER
"""


def folder(path, **texts):
    names = {"train": "eng.train", "valid": "eng.testa", "test": "eng.testb"}
    for split, name in names.items():
        (path / name).write_text(texts.get(split, GOOD))
    return path


def test_sentences_words_and_labels_are_read(tmp_path):
    data = ConllSpec(path=folder(tmp_path), vector_size=3).build()
    batch = data.split("test").take([0, 1])
    data.fields.check(batch)
    names, symbols = data.fields["label"].names, data.fields["words"].vocabulary.symbols
    assert len(data.split("test")) == 2
    assert [symbols[number] for number in batch["words"].data[0]] == ["U.N.", "official", "Ekeus"]
    assert [names[number] for number in batch["label"].data[1][:2]] == ["I-PER", "B-PER"]
    assert batch["input"].data.shape == (2, 3, 3 + 5)
    assert names[0] == "O"


def test_columns_are_chosen_by_name(tmp_path):
    text = "I-PER 17 Ali\nO 18 says\n"
    spec = ConllSpec(path=folder(tmp_path, train=text, valid=text, test=text), columns=("entity", "id", "word"))
    data = spec.build()
    assert data.fields["label"].names == ("O", "I-PER")
    assert {"Ali", "says"} <= set(data.fields["words"].vocabulary.symbols)


def test_only_training_is_cropped(tmp_path):
    data = ConllSpec(path=folder(tmp_path), crop=2).build()
    batch = data.split("train").take([0], lambda index: stream(0, index))
    assert batch["words"].lengths.tolist() == [2]
    assert data.split("train").cropped == 1
    assert data.split("valid").take([0], lambda index: stream(0, index))["words"].lengths.tolist() == [3]


def test_the_fingerprint_changes_with_a_label(tmp_path):
    before = ConllSpec(path=folder(tmp_path)).build().fingerprint
    assert before == ConllSpec(path=folder(tmp_path)).build().fingerprint
    assert before != ConllSpec(path=folder(tmp_path, test=GOOD.replace("I-ORG", "I-LOC"))).build().fingerprint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("NN I-NP O", "NN O"), r"must have 4 columns, but has 3: .*eng.testa, line 4: 'official NN O'"),
        (GOOD.replace("I-NP B-PER", "I-NP B-LOC"), r"scheme iob1.*`B-LOC` stands behind I-PER: .*eng.testa, line 8"),
        ("-DOCSTART- -X- -X- O\n\n", r"`valid` must have sentences, but has none: .*eng.testa"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(tmp_path, text, message):
    with pytest.raises(Mistake, match=message):
        ConllSpec(path=folder(tmp_path, valid=text)).build()


def test_labels_in_another_scheme_are_refused_unless_it_is_stated(tmp_path):
    text = GOOD.replace("I-NP I-", "I-NP B-")
    texts = dict.fromkeys(("train", "valid", "test"), text)
    with pytest.raises(
        Mistake, match=r"`B-ORG` stands behind the sentence's begin: .*eng.train, line 3; `scheme` says"
    ):
        ConllSpec(path=folder(tmp_path, **texts)).build()
    assert ConllSpec(path=folder(tmp_path, **texts), scheme="iob2").build().fields["label"].classes == 3


def test_a_folder_without_the_files_is_refused(tmp_path):
    with pytest.raises(Mistake, match=r"`path` must be a folder .*, but is none: .*conll-stand-in"):
        ConllSpec(path=tmp_path / "nothing").build()
    folder(tmp_path)
    (tmp_path / "dev.txt").write_text(GOOD)
    with pytest.raises(Mistake, match=r"one file for `valid`, .*, but holds dev.txt, eng.testa"):
        ConllSpec(path=tmp_path).build()
    with pytest.raises(Mistake, match="`columns` must name the column `ner`, but are word, pos, chunk, entity"):
        ConllSpec(path=tmp_path, label="ner").build()


@pytest.mark.parametrize("scheme", ["iob1", "iob2", "bioes"])
def test_the_stand_in_is_a_corpus_of_the_same_format(tmp_path, scheme):
    text = corpus(30, scheme, stream(0, "test"))
    data = ConllSpec(path=folder(tmp_path, train=text, valid=text, test=text), scheme=scheme).build()
    assert {name[2:] for name in data.fields["label"].names if name != "O"} == {"PER", "LOC", "ORG", "MISC"}


def test_the_stand_in_is_the_same_each_time_and_has_long_sentences():
    spec = ConllStandInSpec(train=60, valid=5, test=5)
    data = spec.build()
    assert data.fingerprint == spec.build().fingerprint
    assert data.split("train").cropped > 0
    data.fields.check(data.split("valid").take(range(5)))


def test_few_sentences_of_the_stand_in_are_in_two_splits():
    data = ConllStandInSpec(train=400, valid=100, test=100).build()

    def sentences(name: str) -> set[tuple[int, ...]]:
        split = data.split(name)
        return {tuple(split.take([index])["words"].data[0].tolist()) for index in range(len(split))}

    assert len(sentences("test") & sentences("train")) < 5

import tomllib

from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.positions import key_lines

BARE = st.text("abcXYZ019_-", min_size=1, max_size=4)
QUOTED = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=4)
TEXT = st.text(st.sampled_from("ab \"'#[]{}=,.\\\n\té"), max_size=8)


def escaped(text, newlines=False):
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
    return text if newlines else text.replace("\n", "\\n")


KEYS = st.one_of(
    BARE.map(lambda key: (key, key)),
    QUOTED.map(lambda key: (key, f'"{escaped(key)}"')),
    QUOTED.filter(lambda key: "'" not in key).map(lambda key: (key, f"'{key}'")),
)
SCALARS = st.one_of(
    st.sampled_from(["1", "-7.5e3", "true", "1979-05-27 07:32:00Z", "inf", "0xF_F", "1979-05-27"]),
    TEXT.map(lambda text: f'"{escaped(text)}"'),
    TEXT.filter(lambda text: "'" not in text and "\n" not in text).map(lambda text: f"'{text}'"),
    TEXT.map(lambda text: f'"""{escaped(text, newlines=True)}"""'),
    TEXT.filter(lambda text: "'" not in text).map(lambda text: f"'''{text}'''"),
    st.just('"""a\\"""""'),
)
BLANKS = st.sampled_from(["", " ", "\n", ' # note ] } = "\n', "\n\n\t"])


class Writer:
    """Writes a random TOML text and notes on which line each key and element stands."""

    def __init__(self, draw):
        self.draw, self.text, self.lines = draw, "", {}

    def put(self, text):
        self.text += text

    def mark(self, path):
        self.lines.setdefault(path, self.text.count("\n") + 1)

    def space(self):
        self.put(self.draw(st.sampled_from(["", " ", "\t"])))

    def key(self, path, taken):
        names = self.draw(st.lists(KEYS, min_size=1, max_size=2, unique_by=lambda key: key[0]))
        if names[0][0] in taken:
            return None
        taken.add(names[0][0])
        for count in range(len(names)):
            self.mark((*path, *(name for name, _ in names[: count + 1])))
        dot = self.draw(st.sampled_from([".", " . "]))
        self.put(dot.join(spelled for _, spelled in names))
        return (*path, *(name for name, _ in names))

    def pair(self, path, taken, depth):
        inner = self.key(path, taken)
        if inner is not None:
            self.space()
            self.put("=")
            self.space()
            self.value(inner, depth)
        return inner is not None

    def value(self, path, depth):
        shape = self.draw(st.sampled_from(["scalar", "scalar", "array", "table"])) if depth else "scalar"
        if shape == "scalar":
            self.put(self.draw(SCALARS))
        elif shape == "array":
            self.put("[")
            count = self.draw(st.integers(0, 3))
            for index in range(count):
                self.put(self.draw(BLANKS))
                self.mark((*path, index))
                self.value((*path, index), depth - 1)
                self.put(self.draw(BLANKS))
                if index < count - 1 or self.draw(st.booleans()):
                    self.put(",")
            self.put(self.draw(BLANKS))
            self.put("]")
        else:
            self.put("{")
            taken: set[str] = set()
            for index in range(self.draw(st.integers(0, 3))):
                mark = len(self.text)
                if index and taken:
                    self.put(", ")
                if not self.pair(path, taken, depth - 1):
                    self.text = self.text[:mark]
            self.put("}")

    def body(self, path):
        taken: set[str] = set()
        for _ in range(self.draw(st.integers(0, 3))):
            self.put(self.draw(st.sampled_from(["", "  ", "\n# note\n"])))
            if self.pair(path, taken, 2):
                self.put(self.draw(st.sampled_from(["\n", " # note\n", "\r\n"])))
            else:
                self.put("\n")


@st.composite
def documents(draw):
    writer = Writer(draw)
    writer.body(())
    tables = [name for name, _ in draw(st.lists(KEYS, max_size=4, unique_by=lambda key: key[0]))]
    tables = [name for name in tables if (name,) not in writer.lines]
    for name in tables:
        spelled, many = f'"{escaped(name)}"', draw(st.integers(0, 3))
        for index in range(many or 1):
            writer.mark((name,))
            path = (name, index) if many else (name,)
            writer.mark(path)
            writer.put(f"[[{spelled}]]\n" if many else f"[ {spelled} ]\n")
            writer.body(path)
            if draw(st.booleans()) and (*path, "sub/") not in writer.lines:
                writer.mark((*path, "sub/"))
                writer.put(f'[{spelled}."sub/"]  # inside\n')
                writer.body((*path, "sub/"))
    return writer.text, writer.lines


def paths_of(value, path=()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from paths_of(item, (*path, key))


@given(documents())
@settings(max_examples=150, deadline=None)
def test_every_key_that_the_parser_finds_has_its_line(document):
    text, lines = document
    data = tomllib.loads(text)
    found = key_lines(text.replace("\r\n", "\n"))
    assert set(found) == set(paths_of(data))
    assert found == lines


def test_a_hand_written_text():
    text = '\n'.join([
        'a.b = 1',  # 1
        '[x]',
        'list = [ # note',  # 3
        '  { use = "p/q", deep = { k = 2 } },',
        '  "s]#",',  # 5
        ']',
        '[[x.y]]',  # 7
        'z = """',
        'w = 3"""',
        '[[x.y]]',  # 10
        '[x.y.t]',
        "'q r' = 1979-05-27",  # 12
    ])  # fmt: skip
    assert key_lines(text) == {
        ("a",): 1, ("a", "b"): 1, ("x",): 2, ("x", "list"): 3, ("x", "list", 0): 4, ("x", "list", 0, "use"): 4,
        ("x", "list", 0, "deep"): 4, ("x", "list", 0, "deep", "k"): 4, ("x", "list", 1): 5, ("x", "y"): 7,
        ("x", "y", 0): 7, ("x", "y", 0, "z"): 8, ("x", "y", 1): 10, ("x", "y", 1, "t"): 11,
        ("x", "y", 1, "t", "q r"): 12,
    }  # fmt: skip


def test_an_empty_text_has_no_keys():
    assert key_lines("# nothing\n\n") == {}

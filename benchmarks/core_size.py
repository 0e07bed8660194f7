"""The size of the core: lines of code in core/dovetail/*.py, without blank lines, comments and docstrings."""

import ast
import io
import json
import sys
import tokenize
from pathlib import Path

TARGET = 1500


def code_lines(file: Path) -> int:
    text = file.read_text(encoding="utf-8")
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            docstrings.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    skipped = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in skipped:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - docstrings)


def main() -> int:
    folder = Path(__file__).parent.parent / "core" / "dovetail"
    counts = {file.name: code_lines(file) for file in sorted(folder.glob("*.py"))}
    for name, count in counts.items():
        print(f"{count:6}  {name}")
    total = sum(counts.values())
    print(f"{total:6}  in all")
    print(json.dumps({"core-lines": {"ratio": round(total / TARGET, 3), "target": 1.0}}))
    return int("--check" in sys.argv and total > TARGET)


if __name__ == "__main__":
    sys.exit(main())

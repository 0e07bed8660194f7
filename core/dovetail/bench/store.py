"""The store: a folder for each run, which is the truth.

A claim on a run is a lock on a file, so a process that dies gives its claim up.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

from attrs import define, field, frozen

from dovetail.assembly import Runs
from dovetail.bench.files import FileFailure, append_line, read_json, read_tensors, write_json
from dovetail.bench.identity import Identity
from dovetail.bench.index import Index
from dovetail.config import inside
from dovetail.errors import Mistake, Where, close, listed
from dovetail.registries import Registry

State = Literal["missing", "interrupted", "running", "failed", "finished"]
DEFAULT = "runs"
CHECKPOINTS = ("checkpoint.safetensors", "best.safetensors")
"""What a run needs no longer when it has finished."""
NEEDED = {
    "run.json": ("name", "identity", "made_of", "system"),
    "result.json": ("metrics", "measured", "seconds", "epochs", "steps", "validation", "device"),
}
"""What the files that every look at a run opens must say."""
RESULT = ("run.json", "spaces.json", "model.safetensors")
"""What a finished run has beside its result.json, which is written last."""
ANEW = "delete the run's folder to train it anew"


@frozen
class RunFolder:
    """One run's folder.

    run.json: name, seed, key, identity, the filled-in spec, versions, the environment.
    metrics.jsonl: a line an evaluation.
    checkpoint.safetensors: where training stands. best.safetensors: the best model so far.
    model.safetensors, spaces.json, result.json: what it came to. failure.json: why it failed.
    log.txt: what happened when. lock: held by the process that trains it.
    """

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    def file(self, name: str) -> Path:
        return self.path / name

    def state(self) -> State:
        """Where it stands; a run with a damaged file has failed."""
        if self.damage():
            return "failed"
        if self.file("result.json").exists():
            return "finished"
        if self.claimed():
            return "running"
        if self.file("failure.json").exists():
            return "failed"
        return "interrupted" if self.file("checkpoint.safetensors").exists() else "missing"

    def damage(self) -> str:
        """What is wrong with a run's files, and what to do; nothing where they are whole, or not there yet."""
        lost = [name for name in RESULT if self.file("result.json").exists() and not self.file(name).exists()]
        if lost:
            return f"run {self.name}: {', '.join(str(self.file(name)) for name in lost)}: is not there; {ANEW}"
        for name, keys in NEEDED.items():
            file = self.file(name)
            if not file.exists():
                continue
            try:
                said = read_json(file)
                missing = [key for key in keys if key not in said]
                reason = f"{file}: does not say {', '.join(missing)}" if missing else ""
            except (FileFailure, TypeError) as error:
                reason = str(error)
            if reason:
                return f"run {self.name}: {reason}; {ANEW}"
        return ""

    def about(self) -> dict[str, Any]:
        """What run.json says."""
        about: dict[str, Any] = read_json(self.file("run.json"))
        return about

    def versions(self) -> dict[str, int]:
        """The versions of its components when it was made, by kind and name."""
        about, word = self.about(), "version of "
        counted = {name.removeprefix(word): n for name, n in about["made_of"].items() if name.startswith(word)}
        versions: dict[str, int] = about.get("versions", counted)
        return versions

    def result(self) -> dict[str, Any]:
        """What result.json says: `metrics`, `seconds` …"""
        result: dict[str, Any] = read_json(self.file("result.json"))
        return result

    def records(self) -> list[dict[str, Any]]:
        """The evaluations so far; a last line that was cut off is left out."""
        try:
            return [json.loads(line) for line in self.lines()[:-1]]
        except ValueError as error:
            raise FileFailure(f"{self.file('metrics.jsonl')}: has a line that is no JSON: {error}; {ANEW}") from error

    def lines(self) -> list[str]:
        """The lines of metrics.jsonl; the last one is empty, or was cut off."""
        file = self.file("metrics.jsonl")
        try:
            return file.read_text(encoding="utf-8").split("\n") if file.exists() else [""]
        except ValueError as error:
            raise FileFailure(f"{file}: is not UTF-8: {error}; {ANEW}") from error

    def log(self, text: str) -> None:
        """Add a line to log.txt."""
        from datetime import UTC, datetime

        append_line(self.file("log.txt"), f"{datetime.now(UTC).isoformat(timespec='seconds')} {text}")

    def claimed(self) -> bool:
        """Whether some process trains it now."""
        if not self.file("lock").exists():
            return False
        with self.file("lock").open(encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    @contextmanager
    def claim(self) -> Iterator[bool]:
        """Hold the run: True inside where nobody else does. The claim ends with the block or with the process."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            file = self.file("lock").open("a", encoding="utf-8")
        except OSError as error:
            raise FileFailure(f"{self.path}: cannot be written: {error.strerror}") from error
        with file as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def fail(self, kind: str, message: str, traceback: str = "") -> None:
        """Record why the run failed.

        Args:
            kind: `error` (it would fail again), `file` (one could not be written or read), `died` (its process ended).
            message: for people.
            traceback: for its author.
        """
        write_json(self.file("failure.json"), {"kind": kind, "message": message, "traceback": traceback})

    def failure(self) -> dict[str, str] | None:
        """Why it failed: `kind`, `message` and `traceback`; None where it has not."""
        if damage := self.damage():
            return {"kind": "file", "message": damage, "traceback": ""}
        file = self.file("failure.json")
        failure: dict[str, str] | None = read_json(file) if file.exists() else None
        return failure

    def failed_since(self, moment: float) -> str | None:
        """The message of a failure that would come again and was recorded after a moment (of `time.time`)."""
        file = self.file("failure.json")
        if not file.exists() or file.stat().st_mtime < moment or self.state() != "failed":
            return None
        failure = self.failure()
        return failure["message"] if failure and failure["kind"] == "error" else None


@define
class Store:
    """A folder of runs."""

    path: Path = field(converter=Path)

    @classmethod
    def at(cls, path: Path | str | None = None) -> Store:
        """The store at `path`, or at DOVETAIL_STORE, or ./runs."""
        return cls(Path(path or os.environ.get("DOVETAIL_STORE") or DEFAULT))

    @cached_property
    def index(self) -> Index:
        return Index(self.path)

    def folder(self, system: str, seed: int, key: str) -> RunFolder:
        """The folder of the run with this key, wherever it is, or where it will be."""
        suffix = f"-s{seed}-{key[:12]}"
        expected = self.path / f"{system.replace('/', '.')}{suffix}"
        found = [expected] if expected.exists() else sorted(self.path.glob(f"*{suffix}"))
        return RunFolder(found[0] if found else expected)

    def status(self, folder: RunFolder, identity: Identity) -> tuple[str, list[str]]:
        """A run's state, or `stale` with what changed where it was made of other things."""
        state = folder.state()
        changes = [] if state in ("missing", "running") else self.changes(folder, identity)
        return ("stale", changes) if changes else (state, [])

    def changes(self, folder: RunFolder, identity: Identity) -> list[str]:
        """What a run was made of that is different now."""
        if folder.damage() or not folder.file("run.json").exists():
            return []
        return identity.changes(folder.about()["made_of"])

    def set_aside(self, folder: RunFolder) -> None:
        """Move a stale run out of the way; it is kept."""
        aside = self.path / "stale"
        aside.mkdir(exist_ok=True)
        name = f"{folder.name}-{folder.about()['identity'][:8]}"
        taken = len(list(aside.glob(f"{name}*")))
        folder.path.rename(aside / (f"{name}.{taken}" if taken else name))

    def runs(self) -> list[RunFolder]:
        """Every run, by name."""
        return [RunFolder(self.path / name) for name in self.index.names()]

    def find(self, name: str, how: str = "") -> RunFolder:
        """A run by its folder, its name or the beginning of its name; raises `Mistake`, which says `how` to make it."""
        path = Path(name)
        if (path / "run.json").is_file():
            return RunFolder(path)
        names = self.index.names()
        matches = [known for known in names if known == name] or [known for known in names if known.startswith(name)]
        if len(matches) == 1:
            return RunFolder(self.path / matches[0])
        if matches:
            raise Mistake(f"`{name}` is the beginning of several runs in {self.path}: {', '.join(matches[:6])}")
        count = f"{len(names)} run{'s' * (len(names) != 1)}"
        possible = close(name, names) or how or f"it holds {count}: see `dovetail status`"
        raise Mistake(f"there is no run `{name}` in {self.path}; {possible}")

    def earlier(self, registry: Registry) -> Runs:
        """Finds finished runs whose parts an assembly can take."""
        return lambda name: FinishedRun(self.find(name, _making(name, registry)), registry, self)


@define
class FinishedRun:
    """A finished run, as assembly and `load` need it."""

    folder: RunFolder
    registry: Registry
    store: Store
    identity: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        if damage := self.folder.damage():
            raise FileFailure(damage)
        if (state := self.folder.state()) != "finished":
            raise Mistake(f"the run {self.folder.name} is {state}; only a finished run has parts to take")
        self.identity = self.folder.about()["identity"]

    @cached_property
    def system(self) -> Any:
        from dovetail.systems import load_saved

        about = self.folder.about()
        file = self.folder.file("run.json")
        runs = self.store.earlier(self.registry)
        versions = self.folder.versions()
        return load_saved(self.registry, about["name"], about["system"], Where(str(file)), runs, versions=versions)

    @cached_property
    def spaces(self) -> dict[str, Any]:
        """What spaces.json says: `data`, and `slots`: those that each slot was built with."""
        from dovetail.conversion import space_converter
        from dovetail.spaces import Space

        converter, base = space_converter(self.registry), cast("type[Any]", Space)
        file = self.folder.file("spaces.json")
        try:
            stored = read_json(file)
            slots = {
                path: [
                    {k: None if v is None else converter.structure(v, base) for k, v in build.items()}
                    for build in builds
                ]
                for path, builds in stored["slots"].items()
            }
            return {"data": converter.structure(stored["data"], base), "slots": slots}
        except (FileFailure, KeyError, TypeError, AttributeError) as error:
            raise FileFailure(f"{file}: does not say the spaces of a run: {error}; {ANEW}") from error

    @cached_property
    def tensors(self) -> dict[str, Any]:
        try:
            return read_tensors(self.folder.file("model.safetensors"))[0]
        except FileFailure as error:
            raise FileFailure(f"{error}; {ANEW}") from error

    @property
    def weights(self) -> dict[str, Any]:
        """The objective's tensors, by the objective's names."""
        return {name.removeprefix("model/"): t for name, t in self.tensors.items() if name.startswith("model/")}

    def part(self, path: str) -> tuple[Any, list[Any], dict[str, Any]]:
        """A part's spec, the spaces of each of its builds, and its tensors."""
        slots = self.spaces["slots"]
        if path not in slots:
            guess = close(path, slots)
            possible = guess or f"its parts are {listed(slots, 40)}"
            raise Mistake(f"the run {self.folder.name} has no part `{path}`; {possible}")
        spec: Any = self.system.stages[-1]
        first, *rest = path.split(".")
        spec = spec.slots()[first] if first in spec.slots() else spec.metrics[rest.pop(0)]
        for name in rest:
            held = dict(inside(spec))
            if name not in held:
                moved = f"its spec, migrated, has no `{path}` any more"
                raise Mistake(f"the part `{path}` of the run {self.folder.name} cannot be taken: {moved}")
            spec = held[name]
        prefix = f"slot/{path}/"
        return spec, slots[path], {k.removeprefix(prefix): v for k, v in self.tensors.items() if k.startswith(prefix)}


def _making(run: str, registry: Registry) -> str:
    """The command that makes a run, where its name is that of a system with a seed."""
    file_name, _, seed = run.rpartition("-s")
    named = [name for name in registry.systems if name.replace("/", ".") == file_name]
    return f"`dovetail run {named[0]} --seed {seed}` makes it" if named and seed.isdecimal() else ""


def check_folder(path: Path, what: str = "store", option: str = "--store") -> None:
    """Make a folder, the store's by default; raises `FileFailure` where nothing can be written there."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileFailure(f"the {what} {path} cannot be made: {error.strerror}; `{option}` takes a folder") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise FileFailure(f"the {what} {path} cannot be written; `{option}` takes a folder that can")

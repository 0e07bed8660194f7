"""Trains systems in processes that are killed at points drawn from a seed, and says whether all came to the same bits.

A process kills itself, so that it hits: after a step, with half a file written, with a file written and not yet in its
place, just after that, and with half a line written.
"""

import json
import os
import random
import signal
import sys
import traceback
from pathlib import Path

import torch  # noqa: F401 (once, for all the processes)

from dovetail.bench import Bench, Store, files, loop
from dovetail.bench.devices import warm_up
from dovetail.registries import registry

KINDS = ("step", "half", "written", "placed", "line")


class Killer:
    """Counts what happens, and kills this process at the n-th event of a kind."""

    def __init__(self, kind="", turn=0):
        self.kind, self.turn, self.counts = kind, turn, dict.fromkeys(KINDS, 0)

    def due(self, kind):
        self.counts[kind] += 1
        return kind == self.kind and self.counts[kind] == self.turn

    def at(self, kind):
        if self.due(kind):
            os.kill(os.getpid(), signal.SIGKILL)

    def arm(self):
        write, replace, append = Path.write_bytes, Path.replace, files.append_line

        def write_bytes(file, data):
            if self.due("half"):
                write(file, data[: len(data) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return write(file, data)

        def replace_file(source, target):
            self.at("written")
            replace(source, target)
            self.at("placed")

        def append_line(file, line):
            if self.due("line"):
                with file.open("a") as lines:
                    lines.write(line[: len(line) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            append(file, line)

        Path.write_bytes, Path.replace, loop.append_line = write_bytes, replace_file, append_line

    def report(self, event):
        if "batches" in event:
            self.at("step")


def sitting(workspace, name, store, killer):
    """One process that trains; whether it was killed, and what it counted."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            killer.arm()
            names = registry(workspace)
            Bench(names, Store(store)).train(names.system(name), 3, killer.report)
            os.write(theirs, json.dumps(killer.counts).encode())
            status = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        counts = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (0, -9):
        sys.exit(f"{name}: a sitting ended with {code}")
    return code == -9, json.loads(counts) if counts else None


def outcome(store):
    """What must be equal: the final metrics, the evaluations without their seconds, and the model's bytes."""
    (folder,) = Store(store).runs()
    records = [{k: v for k, v in record.items() if k != "seconds"} for record in folder.records()]
    left = sorted(path.name for path in folder.path.iterdir())
    return folder.result()["metrics"], records, folder.file("model.safetensors").read_bytes(), left


def main(workspace, folder, names, kills):
    warm_up()
    draw, report = random.Random(7), {}
    for name in names:
        Bench(registry(workspace), Store(folder)).checker.assemble(
            registry(workspace).system(name)
        )  # imports all it needs
        _, counts = sitting(workspace, name, folder / f"{name}-whole", Killer())
        hit = []
        for kill in range(kills):
            kind = KINDS[kill % len(KINDS)]
            turn = draw.randint(1, max(1, counts[kind] // 5))
            killed, _ = sitting(workspace, name, folder / f"{name}-killed", Killer(kind, turn))
            hit += [f"{kind} {turn}"] * killed
        sitting(workspace, name, folder / f"{name}-killed", Killer())
        whole, killed = outcome(folder / f"{name}-whole"), outcome(folder / f"{name}-killed")
        parts = ("metrics", "evaluations", "model", "files")
        different = [part for part, one, other in zip(parts, whole, killed, strict=True) if one != other]
        report[name] = {"hit": hit, "different": different, "steps": counts["step"]}
    print(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[4:], int(sys.argv[3]))

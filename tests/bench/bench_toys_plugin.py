from pathlib import Path

import dovetail

HEARD = []


@dovetail.hook
def dovetail_registry():
    return Path(__file__).with_name("bench_toys.toml")


@dovetail.hook
def dovetail_evaluated(run, record):
    import torch  # noqa: PLC0415 (listing imports this file, and never torch)

    torch.rand(7)  # a hook that draws must not disturb training
    HEARD.append(("evaluated", record["epoch"], run))


@dovetail.hook
def dovetail_run_started(run):
    HEARD.append(("started", run["seed"], run))


@dovetail.hook
def dovetail_run_finished(run, result):
    HEARD.append(("finished", sorted(result), run))

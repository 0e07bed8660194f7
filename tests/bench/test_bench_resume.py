import json
import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).with_name("bench_resume_driver.py")
SYSTEMS = """
[systems.rows]
dataset = { use = "standard/digits", form = "rows" }
objective = "standard/classify"
metrics = { accuracy = "standard/accuracy" }
train = { epochs = 3, batch = 16, limit = 5, watch = "accuracy", checkpoint = 0.0, device = "cpu" }
[systems.rows.encoder]
use = "standard/sequence"
cell = { use = "recurrent-dropout/lstm", hidden = 3, dropout = { use = "recurrent-dropout/update", rate = 0.25 } }

[systems.stages]
extends = "rows"
stages = [
  { name = "small", epochs = 2 },
  { name = "large", epochs = 2, set = { "encoder.cell.hidden" = 5, "train.batch" = 8 }, reset = ["encoder"] },
]

[systems.text]
dataset = { use = "standard/text-chars", path = "text.txt", window = 7 }
metrics = { bpc = "standard/bits-per-character" }
train = { epochs = 3, batch = 4, clip = 1.0, watch = "bpc", checkpoint = 0.0, device = "cpu" }
[systems.text.generator]
use = "standard/rnn-lm"
embedding = { use = "standard/embedding", size = 3 }
cell = { use = "standard/lstm", hidden = 5 }
output_dropout = 0.3
[systems.text.objective]
use = "standard/language-model"
carry_epochs = true
optimizer = { use = "standard/sgd", momentum = 0.9, lr = { use = "standard/plateau", start = 0.5, divisor = 2.0 } }

[systems.gan]
dataset = "standard/digits"
generator = { use = "standard/dcgan", start = 2, width = 3, latent = 4 }
discriminator = { use = "standard/dcgan", end = 2, width = 3 }
objective = { use = "standard/adversarial", discriminator_updates = 2 }
metrics = { fd = { use = "standard/frechet-distance", encoder = "standard/flatten" } }
train = { epochs = 2, batch = 16, limit = 6, checkpoint = 0.0, device = "cpu" }
"""
KILLS = 5


@pytest.mark.parametrize("names", [("rows", "text"), ("stages", "gan")])
def test_runs_killed_at_points_drawn_from_a_seed_come_to_the_same_bits(tmp_path, monkeypatch, names):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (tmp_path / "registry.toml").write_text(SYSTEMS, encoding="utf-8")
    (tmp_path / "text.txt").write_text("the quick brown fox jumps over the lazy dog\n" * 12, encoding="utf-8")
    command = [sys.executable, str(DRIVER), str(tmp_path / "registry.toml"), str(tmp_path), str(KILLS), *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    for name in names:
        assert report[name]["different"] == [], report[name]
        assert len(report[name]["hit"]) >= 4, report[name]

import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """The plugin `gallery`, installed for this process and those that it starts."""
    folder = tmp_path_factory.mktemp("installed")
    about = folder / "dovetail_gallery-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: dovetail-gallery\nVersion: 1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text("[dovetail]\ngallery = gallery.plugin\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        for path in (folder, HERE):
            patch.syspath_prepend(str(path))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(HERE)]))
        yield

"""Fetches published archives through torchvision, checks them against their published MD5, and unpacks them."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

from torchvision.datasets.utils import download_url

from dovetail import Mistake

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def fetch(addresses: Iterable[str], folder: Path, md5: str) -> Path:
    """The file of the first address that answers, in `folder`; one that is there already and whole is kept.

    Raises:
        Mistake: where no address gives the file whole.
    """
    failures = []
    for address in addresses:
        try:
            download_url(address, folder, md5=md5)
        except (OSError, RuntimeError) as error:
            failures.append(f"{address}: {error}")
        else:
            return folder / address.rpartition("/")[2]
    raise Mistake("\n    ".join([f"the data could not be downloaded to {folder}:", *failures]))


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar file into `folder`; nothing is written outside it.

    Raises:
        Mistake: where the archive is damaged.
    """
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise Mistake(f"{archive} cannot be unpacked ({error}): delete it and get it anew") from error

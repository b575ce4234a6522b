"""Homes that older commits of this repository wrote, packed; `make.py` made them. Tests unpack a copy."""

import tarfile
from pathlib import Path

from clv_pipeline.core.home import Home

#: The commits whose homes are kept here: the first release, the first with runs that lock, and the last of contract v1.
COMMITS = ("a724494", "67b7690", "303414b")
#: How each home was made, and how its next night has to run.
SETTINGS = {"CLV_DEMO_CUSTOMERS": "120", "CLV_MAX_PARAMETER_SETS": "1", "CLV_BOOTSTRAP_SAMPLES": "20"}
NIGHT, NEXT_NIGHT = "2024-06-01", "2024-06-02"


def packed(commit: str) -> Path:
    return Path(__file__).with_name(f"{commit}.tar.xz")


def unpack(commit: str, folder: Path) -> Home:
    """Return the home that a commit wrote, unpacked into a folder."""
    with tarfile.open(packed(commit)) as archive:
        archive.extractall(folder, filter="data")
    return Home(folder)

"""Names of runs and model versions, derived from every input that can change their results, and nothing else.

The same inputs give the same name, on any machine and at any time; a different input gives a different name. `settings.py`
declares what each setting changes.
"""

import json
from datetime import date
from hashlib import sha256
from importlib.metadata import version as installed_version
from pathlib import Path

from clv_pipeline.core.project_files import CARRIED, PACKAGE, SQL_FOLDER
from clv_pipeline.core.settings import Settings

#: The libraries whose results reach a bundle: another release may round, sample or split differently.
_COMPUTING_LIBRARIES = ("duckdb", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "skops", "xgboost-cpu")
_SHARED_LAYERS = "[1-9]_*"


def code_fingerprint(settings: Settings) -> str:
    """Return one hash over the package, the shared SQL, this company's own SELECTs and the libraries that compute.

    The folders of other companies are not part of it: adding one renames no runs. A checkout and a wheel of the same
    contents have the same: names are below each folder, and the SQL shipped in a wheel is not part of the package.
    """
    return _hash([*_release(), _files_of(settings.source_folder)])


def release_fingerprint() -> str:
    """Return the same without the company's own SELECTs."""
    return _hash(_release())


def _release() -> list[dict[str, str]]:
    libraries = {name: installed_version(name) for name in _COMPUTING_LIBRARIES}
    carried = f"{CARRIED.name}/"
    package = {name: digest for name, digest in _files_of(PACKAGE).items() if not name.startswith(carried)}
    return [libraries, package, *map(_files_of, sorted(SQL_FOLDER.glob(_SHARED_LAYERS)))]


def model_version(
    as_of: date, settings: Settings, data_fingerprint: str, code: str, reigning_version: str | None
) -> str:
    """Return the name of the version that a training creates; `reigning_version` is the champion that competed in it.

    >>> version = model_version(date(2024, 6, 1), Settings(), "rows of tonight", "code", reigning_version=None)
    >>> version[:9], version == model_version(date(2024, 6, 1), Settings(seed=8), "rows of tonight", "code", None)
    ('20240601-', False)
    """
    shaping = settings.that_change("data", "model")
    return _named(as_of, data_fingerprint, code, shaping, reigning_version)


def run_id(
    as_of: date,
    settings: Settings,
    data_fingerprint: str,
    code: str,
    *,
    champion: str,
    trained_version: str | None,
    dispositions: list[tuple[object, ...]],
    earlier_runs: list[tuple[str, str]],
    acknowledged: list[str],
    known_on: str | None = None,
) -> str:
    """Return the name of a run.

    champion: the version that scores. trained_version: the version whose training measured the published model quality.
    dispositions: of the source rows; included because they depend on the clock in one way: a row dated later
    than as_of counts as dated in the future until that day. earlier_runs: (as_of, run_id) of the nights whose
    history the bundle carries. acknowledged: the checks acknowledged for this run. known_on: the night whose rows are
    known, so that score changes can be split.
    """
    shaping = settings.that_change("data", "model", "scores")
    return _named(
        as_of,
        data_fingerprint,
        code,
        shaping,
        champion,
        trained_version,
        dispositions,
        earlier_runs,
        sorted(acknowledged),
        known_on,
    )


def _named(as_of: date, *inputs: object) -> str:
    return f"{as_of:%Y%m%d}-{_hash(list(inputs))[:10]}"


def _hash(value: object) -> str:
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _files_of(folder: Path) -> dict[str, str]:
    """Return path below the folder -> hash of each Python file, SQL file and template of a page."""
    files = sorted([*folder.rglob("*.py"), *folder.rglob("*.sql"), *folder.rglob("*.html")])
    return {path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files}

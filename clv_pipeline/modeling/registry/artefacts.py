"""Save and load fitted pipelines without pickle: XGBoost as UBJ, all else by skops with a fixed list of types.

The choice of the champion is in `registry.py`.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from sklearn.pipeline import Pipeline
from xgboost import XGBClassifier, XGBRegressor

from clv_pipeline.core.errors import ArtefactError
from clv_pipeline.core.home import write_durably
from clv_pipeline.modeling.candidates.anchored import AnchoredClassifier, AnchoredRegressor
from clv_pipeline.modeling.candidates.ensembles import Fitted, MeanOf, ProductOf
from clv_pipeline.modeling.candidates.neural import ChanceNet, LognormalNet
from clv_pipeline.modeling.candidates.rules import ColumnProbability, ColumnRule, Constant, RateProbability
from clv_pipeline.modeling.data.encoding import Anchor, FillUnknown, FrequentCategories, Winsoriser

#: Our own types in a pipeline, by the name that a file has for them: a module that moves makes no stored version unloadable.
OUR_TYPES = {
    kind.__name__: kind
    for kind in (
        Anchor, ColumnProbability, ColumnRule, Constant, RateProbability, FillUnknown, FrequentCategories, Winsoriser,
        ChanceNet, LognormalNet,
    )
}  # fmt: skip
#: Placeholder in a file for the module of one of our types.
_OURS, _PACKAGE = "clv", "clv_pipeline."
#: Types beyond skops' own list that our pipelines consist of; a file with any other type is refused.
TRUSTED = [
    *(f"{kind.__module__}.{name}" for name, kind in OUR_TYPES.items()),
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
]
_BOOSTERS = {model.__name__: model for model in (XGBRegressor, XGBClassifier, AnchoredRegressor, AnchoredClassifier)}


def save_pipeline(pipeline: Pipeline, folder: Path, name: str) -> dict[str, str]:
    """Write the pipeline as one or two files in `folder`; return file name -> sha256."""
    model = pipeline.named_steps["model"]
    if type(model).__name__ not in _BOOSTERS:
        return {f"{name}.skops": _write(folder / f"{name}.skops", _dumps(pipeline))}
    encoder = Pipeline(pipeline.steps[:-1])
    booster_file = f"{name}.{type(model).__name__}.ubj"
    return {
        f"{name}.encoder.skops": _write(folder / f"{name}.encoder.skops", _dumps(encoder)),
        booster_file: _write(folder / booster_file, bytes(model.get_booster().save_raw("ubj"))),
    }


def load_pipeline(folder: Path, name: str, hashes: dict[str, str]) -> Pipeline:
    """Return the pipeline saved under `name`.

    Raises:
        ArtefactError: a file is missing, its hash is not the manifest's, or it contains a type that is not trusted.
    """
    files = {
        file: read_checked(folder / file, expected) for file, expected in hashes.items() if file.startswith(f"{name}.")
    }
    if f"{name}.skops" in files:
        return _loads(files[f"{name}.skops"], folder / f"{name}.skops")
    (booster_file,) = [file for file in files if file.endswith(".ubj")]
    model = _BOOSTERS[booster_file.split(".")[-2]]()
    model.load_model(bytearray(files[booster_file]))
    encoder = _loads(files[f"{name}.encoder.skops"], folder / f"{name}.encoder.skops")
    return Pipeline([*encoder.steps, ("model", model)])


def save_model(model: Fitted, folder: Path, name: str) -> dict[str, str]:
    """Write a model, a composite one as `<name>.json` next to its members `<name>-0`, `<name>-1` ...; return file -> sha256."""
    if isinstance(model, Pipeline):
        return save_pipeline(model, folder, name)
    kind = {"mean": model.weights} if isinstance(model, MeanOf) else {"product": [1.0] * len(model.members)}
    files = {f"{name}.json": _write(folder / f"{name}.json", json.dumps(kind).encode())}
    for position, member in enumerate(model.members):
        files |= save_model(member, folder, f"{name}-{position}")
    return files


def load_model(folder: Path, name: str, hashes: dict[str, str]) -> Fitted:
    """Return the model saved under `name`; see `load_pipeline` for what is refused."""
    if f"{name}.json" not in hashes:
        return load_pipeline(folder, name, hashes)
    kind = json.loads(read_checked(folder / f"{name}.json", hashes[f"{name}.json"]))
    (weights,) = kind.values()
    members = tuple(load_model(folder, f"{name}-{position}", hashes) for position in range(len(weights)))
    return MeanOf(members, tuple(weights)) if "mean" in kind else ProductOf(members)


def _dumps(pipeline: Pipeline) -> bytes:
    """Return skops' bytes made repeatable (it names parts after memory addresses and stamps them with the clock), with our
    types under names that do not change.
    """
    ids: dict[int, int] = {}
    names: dict[str, str] = {}

    def renumbered(node: Any) -> Any:
        if isinstance(node, list):
            return [renumbered(value) for value in node]
        if not isinstance(node, dict):
            return node
        found = {key: renumbered(value) for key, value in node.items() if key not in ("__id__", "file")}
        if "__id__" in node:
            found["__id__"] = ids.setdefault(node["__id__"], len(ids))
        if "file" in node:
            ending = node["file"].rsplit(".", 1)[1]
            found["file"] = names.setdefault(node["file"], f"{len(names)}.{ending}")
        if str(found.get("__module__")).startswith(_PACKAGE):
            assert found["__class__"] in OUR_TYPES, f"{found['__class__']} is not in OUR_TYPES"
            found["__module__"] = _OURS
        return found

    import skops.io  # takes seconds to import, and most processes neither save nor load a model

    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(pipeline))) as old, zipfile.ZipFile(made, "w") as new:
        schema = renumbered(json.loads(old.read("schema.json")))
        for was, now in names.items():
            new.writestr(zipfile.ZipInfo(now), old.read(was))
        new.writestr(zipfile.ZipInfo("schema.json"), json.dumps(schema))
    return made.getvalue()


def save_files(files: Mapping[str, bytes], folder: Path) -> dict[str, str]:
    """Write files of a version that are no pipelines; return file name -> sha256."""
    return {name: _write(folder / name, content) for name, content in files.items()}


def _write(path: Path, content: bytes) -> str:
    write_durably(path, content)
    return sha256(content).hexdigest()


def read_checked(path: Path, expected: str) -> bytes:
    """Return the bytes of a model file whose sha256 is `expected`.

    Raises:
        ArtefactError: the file is missing or differs.
    """
    if not path.exists():
        raise ArtefactError(f"The model file {path} is missing", next_step="train again: `clv run --retrain`.")
    content = path.read_bytes()
    if sha256(content).hexdigest() != expected:
        raise ArtefactError(
            f"The model file {path} was changed: its sha256 differs from the manifest's",
            next_step="find out who changed it; then train again: `clv run --retrain`.",
        )
    return content


def _with_modules_of_today(content: bytes) -> bytes:
    """Return the file with our types where they are now, whatever module they were in when it was written."""

    def found_again(node: Any) -> Any:
        if isinstance(node, list):
            return [found_again(value) for value in node]
        if not isinstance(node, dict):
            return node
        found = {key: found_again(value) for key, value in node.items()}
        module, kind = str(found.get("__module__")), OUR_TYPES.get(str(found.get("__class__")))
        if kind and (module == _OURS or module.startswith(_PACKAGE)):
            found["__module__"] = kind.__module__
        return found

    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            if name == "schema.json":
                part = json.dumps(found_again(json.loads(part))).encode()
            new.writestr(zipfile.ZipInfo(name), part)
    return made.getvalue()


def _loads(content: bytes, path: Path) -> Pipeline:
    import skops.io

    content = _with_modules_of_today(content)
    unknown = sorted(set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED))
    if unknown:
        raise ArtefactError(
            f"The model file {path} contains types that are not trusted: {', '.join(unknown)}",
            next_step="train again: `clv run --retrain`.",
        )
    return skops.io.loads(content, trusted=TRUSTED)

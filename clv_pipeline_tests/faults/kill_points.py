"""The points of a run at which fault 37 kills it, and a `clv run` that dies at one of them. No test is here.

Dying is SIGKILL from the process itself right before a call, so it is always the very point and never a little later.
"""

import random
import subprocess
from dataclasses import dataclass

from clv_pipeline_tests.forked import python_process

GIVE_UP_SECONDS = 240
#: Runs the command line given, and dies before the n-th call of a function, or after some seconds.
_RUN_AND_DIE = """
import importlib, os, signal, sys, threading
function, calls, seconds, *arguments = sys.argv[1:]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

if function:
    module, _, path = function.partition(":")
    *owners, name = path.split(".")
    owner = importlib.import_module(module)
    for attribute in owners:
        owner = getattr(owner, attribute)
    original, left = getattr(owner, name), [int(calls)]

    def dying(*positional, **named):
        left[0] -= 1
        if not left[0]:
            die()
        return original(*positional, **named)

    setattr(owner, name, dying)
else:
    threading.Timer(float(seconds), die).start()
from clv_pipeline.cli import main
sys.argv = ["clv", *arguments]
main()
"""


@dataclass(frozen=True)
class KillPoint:
    """Where a run dies: before the `calls`-th call of `function` (module:name), or after `seconds`.

    `served` is what is served then: 'yesterday', 'tonight', or 'either' where chance decides.
    """

    name: str
    function: str
    calls: int = 1
    served: str = "yesterday"
    retrain: bool = False
    first_run: bool = False
    seconds: float = 0


def _training(name: str, function: str, calls: int = 1) -> KillPoint:
    return KillPoint(f"training.training: {name}", f"clv_pipeline.modeling.{function}", calls, retrain=True)


def _publishing(name: str, function: str, calls: int = 1, served: str = "yesterday") -> KillPoint:
    return KillPoint(f"publishing: {name}", f"clv_pipeline.{function}", calls, served)


#: The one that `make test` kills at comes first.
KILL_POINTS = [
    KillPoint("features: between two tables", "clv_pipeline.features.build:build_feature_table", 4),
    _publishing("the served file is new, the pointer old", "publishing.serving:write_durably", served="tonight"),
    KillPoint("the very first run, half of its features built", "clv_pipeline.features.build:build_feature_table", 4,
              first_run=True),
    KillPoint("extraction: nothing is loaded yet", "clv_pipeline.sources.extraction:load_batch"),
    KillPoint("extraction: half of the tables are loaded", "clv_pipeline.sources.extraction:load_batch", 3),
    KillPoint("extraction: the tables are loaded, the run is not noted",
              "clv_pipeline.sources.extraction:Night.note_run"),
    KillPoint("cleaning: rows are judged, not yet split", "clv_pipeline.quality.cleaning:_split", 2),
    KillPoint("cleaning: a table is replaced, not yet validated",
              "clv_pipeline.quality.expectations:Validator.validate", 3),
    KillPoint("cleaning: a table is validated, its dispositions are not noted",
              "clv_pipeline.quality.cleaning:_note", 4),
    KillPoint("features: the cutoffs are written, the plan is not", "clv_pipeline.features.plan:write_horizons"),
    KillPoint("features: the last table is not built", "clv_pipeline.orchestration.assets.features:build_btyd_features"),
    _training("nothing is tuned", "training.training:tune_candidates"),
    _training("tuned, not judged", "training.training:evaluate_candidates"),
    _training("half of the model files are written", "training.training:save_model", 2),
    _training("the files are there, the manifest is not", "registry.registry:Registry.write_manifest"),
    _training("the version is whole, not yet champion", "registry.registry:Registry.promote"),
    KillPoint("scoring: predicted, not written", "clv_pipeline.scoring.scoring:_write_scores"),
    KillPoint("scoring: written, the run is not noted", "clv_pipeline.scoring.scoring:_write_run"),
    _publishing("tonight's rows of the history are not yet replaced", "publishing.publishing:remember"),
    _publishing("the tables are built, the dictionary is not", "publishing.publishing:_build_dictionary"),
    _publishing("the files of the bundle are half written", "publishing.bundle:row_count", 6),
    _publishing("the bundle is not audited", "publishing.publishing:audit"),
    _publishing("the report is not written", "publishing.publishing:write_report"),
    _publishing("the manifest is not written", "publishing.publishing:write_manifest"),
    _publishing("the bundle has not its final name", "publishing.publishing:seal"),
    _publishing("the bundle is whole, not yet served", "publishing.publishing:serve"),
    _publishing("old bundles are not removed", "publishing.publishing:remove_old_bundles", served="tonight"),
    _publishing("old models are not removed", "modeling.registry.registry:Registry.remove_old", served="tonight"),
]  # fmt: skip


def kill_point(seed: int) -> KillPoint:
    """Return the named point of a seed, and for seeds beyond them a moment drawn by chance."""
    if seed < len(KILL_POINTS):
        return KILL_POINTS[seed]
    seconds = random.Random(seed).uniform(1, 25)
    return KillPoint(f"a moment drawn by chance, after {seconds:.1f} s", "", served="either", seconds=seconds)


def run_and_die(point: KillPoint, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `clv` with these arguments until it dies at the point (or ends before a moment drawn by chance)."""
    retrain = ["--retrain"] if point.retrain else []
    where = (point.function, str(point.calls), str(point.seconds))
    return python_process(_RUN_AND_DIE, *where, *arguments, *retrain, timeout=GIVE_UP_SECONDS, **environment)

"""`asset` and `multi_asset`: Dagster's decorators, with a net around the step that no error passes as it was raised.

Dagster stores message, causes and traceback of what a step raises, and shows them in its UI. Every asset is made with these
two. What is masked, and where the text goes, is in `core/foreign_errors.py`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import isgeneratorfunction
from typing import Any

import dagster as dg

from clv_pipeline.core.commands import pasteable
from clv_pipeline.core.errors import DamageError, PipelineError, ResourceError, SourceInterrupted
from clv_pipeline.core.foreign_errors import net
from clv_pipeline.core.home import Home
from clv_pipeline.core.home_state import place_of
from clv_pipeline.orchestration.failure_fields import metadata_of
from clv_pipeline.orchestration.resources import Pipeline, current_settings

Step = Callable[[dg.AssetExecutionContext, Pipeline], Any]
MakeAsset = Callable[[Step], dg.AssetsDefinition]


def asset(**options: Any) -> MakeAsset:
    """Return `dg.asset(**options)` for a step in the net."""
    return lambda step: dg.asset(**options)(in_net(step))


def multi_asset(**options: Any) -> MakeAsset:
    """Return `dg.multi_asset(**options)` for a step in the net."""
    return lambda step: dg.multi_asset(**options)(in_net(step))


def in_net(step: Step) -> Step:
    """Return the step, which fails as `red_on_error` says; Dagster asks whether it is a generator."""

    @wraps(step)
    def returning(context: dg.AssetExecutionContext, pipeline: Pipeline) -> Any:
        with red_on_error(context):
            return step(context, pipeline)

    @wraps(step)
    def yielding(context: dg.AssetExecutionContext, pipeline: Pipeline) -> Iterator[Any]:
        with red_on_error(context):
            yield from step(context, pipeline)

    return yielding if isgeneratorfunction(step) else returning


@contextmanager
def red_on_error(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Turn an error into a failed step that shows our message; only `SourceInterrupted` is retried.

    Messages about memory or disk do not contain the current step, so the step is put first.
    """
    step = context.op_execution_context.op_def.name.replace("__", ".")
    try:
        with net(Home(current_settings().home), context.run.run_id, step):
            yield
    except PipelineError as error:
        where = f"{step}: " if isinstance(error, ResourceError | DamageError) else ""
        # from None: the causes of our own errors are other people's
        raise dg.Failure(
            description=pasteable(f"{where}{error}", place_of(current_settings())),
            metadata=metadata_of(error, where),
            allow_retries=isinstance(error, SourceInterrupted),
        ) from None

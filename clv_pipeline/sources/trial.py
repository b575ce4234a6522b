"""A trial of the extraction: every SELECT is read once through the door of a night, and a refused one hides no other.

A night keeps all tables or none (`extraction.py`). Here each is loaded for itself, into a warehouse that nobody serves from.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.contracts.warehouse import LOADS, SOURCE_COUNTS
from clv_pipeline.core.engines import Engine
from clv_pipeline.core.errors import ConfigurationError, PipelineError
from clv_pipeline.core.foreign_errors import net
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import ExcludeRule, Settings
from clv_pipeline.sources.door import door_rules
from clv_pipeline.sources.extraction import ExtractedTable, Night, Progress, with_new_remarks
from clv_pipeline.sources.failed_rules import check_rules
from clv_pipeline.sources.folder import SourceSelect, exclusion_condition, read_selects
from clv_pipeline.sources.loading import LoadRules
from clv_pipeline.sources.readers import open_source
from clv_pipeline.sources.reading import Gap, SourceReader
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, Warehouse

#: Hashes e-mail addresses where there is no CLV_HASH_KEY; it lives as long as the process.
_THROWN_AWAY = secrets.token_hex()


@dataclass
class Trial:
    """What came of reading: the tables that were read, and for the others the error that a night would end with.

    rules: the error of each exclude rule that cannot be used, by its reason; its rows were read as if it were not there.
    """

    as_of: date
    engine: Engine | None = None
    gaps: list[Gap] = field(default_factory=list)
    read: dict[str, ExtractedTable] = field(default_factory=dict)
    refused: dict[str, PipelineError] = field(default_factory=dict)
    rules: dict[str, PipelineError] = field(default_factory=dict)


def try_extraction(
    settings: Settings, warehouse: Warehouse, *, as_of: date, started_at: datetime, progress: Progress
) -> Trial:
    """Load each contract table into `raw` of a warehouse that is empty; one that is refused or not provided has no row.

    Without CLV_HASH_KEY, a key that is thrown away hashes e-mail addresses: who is one person is seen all the same.

    Raises:
        ConfigurationError, SourceError, PrivacyError: nothing can be read at all.
    """
    trial, selects = Trial(as_of), read_selects(settings)
    with warehouse.transaction() as connection:
        tables.create_if_missing(connection, LOADS)
        tables.create_if_missing(connection, SOURCE_COUNTS)
        settings = settings.model_copy(update={"exclude": _usable_rules(connection, settings, trial)})
    attempt = _Attempt(warehouse, settings, selects, trial, started_at, progress, _rules(settings))
    waiting = [name for name in CONTRACT if name in selects]
    while waiting:
        try:
            with (
                net(Home(settings.home), "clv_doctor", "source"),
                open_source(settings.source_url, tries=1, timeout_seconds=settings.statement_timeout_seconds) as source,
            ):
                if trial.engine is None:
                    trial.engine = source.engine
                    trial.gaps = source.gaps(" ".join(select.sql for select in selects.values()))
                    attempt.begin(source)
                # a failed statement may abort the transaction: what comes after it is read over another connection
                while waiting and attempt.load(source, waiting.pop(0)):
                    pass
        except PipelineError as error:
            if trial.engine is None:
                raise
            trial.refused |= dict.fromkeys(waiting, error)
            break
    if trial.read:
        with warehouse.transaction() as connection:
            trial.read = {table.name: table for table in with_new_remarks(connection, list(trial.read.values()))}
    return trial


def _usable_rules(connection: Connection, settings: Settings, trial: Trial) -> list[ExcludeRule]:
    usable = []
    for rule in settings.exclude:
        try:
            check_rules(connection, CONTRACT, {rule.table: [(exclusion_condition(rule), rule.reason)]})
        except PipelineError as error:
            trial.rules[rule.reason] = error
        else:
            usable.append(rule)
    return usable


@dataclass
class _Attempt:
    """What the loading of each table needs."""

    warehouse: Warehouse
    settings: Settings
    selects: Mapping[str, SourceSelect]
    trial: Trial
    started_at: datetime
    progress: Progress
    rules: LoadRules

    def begin(self, source: SourceReader) -> None:
        """Make every table, empty, as if the source provided none."""
        with self.warehouse.transaction() as connection:
            night = self._night(connection, source, self.settings)
            for table in CONTRACT.values():
                night.load(table, None)
            night.note_run()

    def load(self, source: SourceReader, name: str) -> bool:
        """Load a table; return whether the source can be asked for the next one."""
        try:
            try:
                self._load(source, name, self.settings)
            except ConfigurationError as error:
                own = [rule.reason for rule in self.settings.exclude if rule.table == name]
                if not own:
                    raise
                # a rule over a column that is not returned: it is refused, and the rows are looked at without it
                self.trial.rules["; ".join(own)] = error
                others = [rule for rule in self.settings.exclude if rule.table != name]
                self._load(source, name, self.settings.model_copy(update={"exclude": others}))
        except PipelineError as error:
            self.trial.refused[name] = error
            return False
        return True

    def _load(self, source: SourceReader, name: str, settings: Settings) -> None:
        with net(Home(settings.home), "clv_doctor", f"{name}.sql"), self.warehouse.transaction() as connection:
            night = self._night(connection, source, settings)
            self.trial.read[name] = night.load(CONTRACT[name], self.selects[name])
        # payments, which are loaded after the subscriptions, name no customer
        self.rules = replace(self.rules, tombstones=night.rules.tombstones)

    def _night(self, connection: Connection, source: SourceReader, settings: Settings) -> Night:
        rules = replace(self.rules, exclusions=door_rules(settings).exclusions)
        return Night(connection, source, settings, rules, self.trial.as_of, "doctor", self.started_at, self.progress)


def _rules(settings: Settings) -> LoadRules:
    """Return the rules of a night, which write nothing: a list of erased customers that grows is kept nowhere."""
    rules = door_rules(settings)
    tombstones = replace(rules.tombstones, paths=()) if rules.tombstones else None
    return replace(rules, hash_key=rules.hash_key or _THROWN_AWAY, tombstones=tombstones)

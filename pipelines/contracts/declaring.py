"""The kinds of tables that the register declares: privacy, history, and whether people read them outside.

`reported` tables are copied to the target warehouse; `nightly` ones hold the new
rows of one night, the others the whole state.
"""

from functools import partial

import dataframely as dy

from pipelines.contracts.columns import History, Privacy, Table


def _declare(
    stage: str,
    name: str,
    schema: type[dy.Schema],
    grain: str,
    *,
    privacy: Privacy,
    history: History = History.SNAPSHOT,
    is_written_back: bool = False,
) -> Table:
    return Table(
        stage=stage,
        name=name,
        schema=schema,
        grain=grain,
        privacy=privacy,
        history=history,
        is_written_back=is_written_back,
    )


personal = partial(_declare, privacy=Privacy.PERSONAL)
people = partial(_declare, privacy=Privacy.PSEUDONYMOUS)
people_reported = partial(people, is_written_back=True)
people_nightly = partial(people, history=History.INCREMENT)
people_nightly_reported = partial(people_nightly, is_written_back=True)
numbers = partial(_declare, privacy=Privacy.AGGREGATE)
numbers_reported = partial(numbers, is_written_back=True)
numbers_nightly = partial(numbers, history=History.INCREMENT)
numbers_nightly_reported = partial(numbers_nightly, is_written_back=True)

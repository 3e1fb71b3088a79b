"""Kill switches: set by one person, effective before the next dispatch batch."""

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from pipelines.contracts.settings.switches import KillSwitch
from resources.control.activities import Activity, lock_chain, record_activity
from resources.control.columns import Clock, utc_now
from resources.control.database import reading, writing
from resources.control.tables import KILL_SWITCHES

_IS_ON = KILL_SWITCHES.c.cleared_at.is_(None)


class SwitchesUnreadableError(Exception):
    """Nobody can tell what is switched off, so nothing may be sent."""


class SwitchNotSetError(Exception):
    """There is no such switch to clear."""


class KillSwitches:
    """The kill switches of one workspace."""

    def __init__(self, engine: sa.Engine, workspace_id: str, *, now: Clock = utc_now) -> None:
        self._engine = engine
        self._workspace_id = workspace_id
        self._now = now

    def set(self, switch: KillSwitch, *, author: str) -> None:
        """Switch something off; nothing happens when it already is."""
        now = self._now()
        with writing(self._engine) as connection:
            lock_chain(connection, self._workspace_id)
            is_set = sa.select(KILL_SWITCHES.c.id).where(self._is_on(switch.scope, switch.value))
            if connection.execute(is_set).first() is not None:
                return
            connection.execute(
                sa.insert(KILL_SWITCHES).values(
                    workspace_id=self._workspace_id,
                    scope=switch.scope,
                    value=switch.value,
                    author=author,
                    reason=switch.reason,
                    set_at=now,
                )
            )
            activity = Activity("kill_switch.set", author, details=switch.model_dump(mode="json"))
            record_activity(connection, self._workspace_id, activity, at=now)

    def clear(self, scope: str, value: str | None = None, *, author: str, reason: str) -> None:
        """Let something run again.

        Raises:
            SwitchNotSetError: It is not switched off.
        """
        now = self._now()
        with writing(self._engine) as connection:
            lock_chain(connection, self._workspace_id)
            cleared = connection.execute(
                sa.update(KILL_SWITCHES)
                .where(self._is_on(scope, value))
                .values(cleared_by=author, cleared_reason=reason, cleared_at=now)
            )
            if cleared.rowcount == 0:
                what = scope if value is None else f"{scope} {value}"
                raise SwitchNotSetError(f"no kill switch is set on {what}, so none was cleared")
            details = {"scope": scope, "value": value, "reason": reason}
            activity = Activity("kill_switch.cleared", author, details=details)
            record_activity(connection, self._workspace_id, activity, at=now)

    def active(self) -> list[KillSwitch]:
        """What is switched off now.

        Raises:
            SwitchesUnreadableError: The switches cannot be read; that never means that none is set.
        """
        wanted = (
            sa.select(KILL_SWITCHES.c.scope, KILL_SWITCHES.c.value, KILL_SWITCHES.c.reason)
            .where(KILL_SWITCHES.c.workspace_id == self._workspace_id, _IS_ON)
            .order_by(KILL_SWITCHES.c.scope, KILL_SWITCHES.c.value)
        )
        try:
            with reading(self._engine) as connection:
                rows = connection.execute(wanted).mappings().all()
            return [KillSwitch.model_validate(dict(row)) for row in rows]
        except (SQLAlchemyError, ValidationError) as error:
            raise SwitchesUnreadableError(
                f"the kill switches of {self._workspace_id} cannot be read, so nothing is planned or sent. "
                "Make the control database available again"
            ) from error

    def _is_on(self, scope: str, value: str | None) -> sa.ColumnElement[bool]:
        is_same = (KILL_SWITCHES.c.scope == scope) & KILL_SWITCHES.c.value.is_not_distinct_from(value)
        return (KILL_SWITCHES.c.workspace_id == self._workspace_id) & is_same & _IS_ON

"""Delivery: the plan leaves through the outbox, once; what people read goes back to the warehouse."""

from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl

from assets.approval import Permission, ask, permission_now, require_unchanged
from assets.overrides import overrides_in_force
from assets.steps import CheckOutcome, Expectation, Night, Step, StepOutput
from pipelines.contracts.codes import DispatchStatus
from pipelines.contracts.tables import (
    CONTACT_POINTS,
    CONTACTABILITY,
    DISPATCH_LOG,
    IDENTITY_EVENTS,
    PLAN,
    PROOF,
    RECEIPTS,
    TABLES,
    WRITTEN_TABLES,
)
from pipelines.delivery.automation import split_by_automation, with_levels
from pipelines.delivery.claiming import WINDOW_PASSED, recheck_messages
from pipelines.delivery.dispatch_log import record_dispatches, record_receipts
from pipelines.delivery.reconciliation import describe_imbalance, reconcile_dispatches
from resources.control.holding import HeldMessages
from resources.control.leases import Lease, Leases
from resources.control.outbox import Outbox
from resources.control.pointers import Pointers
from resources.destinations.dispatching import NO_DESTINATION, Dispatcher, open_destinations, routes
from resources.write_back.writing import PublishedTable, write_back

EVERY_MESSAGE_IS_ACCOUNTED_FOR = Expectation(
    name="every_message_is_accounted_for",
    table=DISPATCH_LOG,
    description="Planned = sent + rejected + cancelled + expired + dead + unknown + held, on every channel.",
)
ROW_COUNTS_MATCH = Expectation(
    name="row_counts_match",
    table=WRITTEN_TABLES,
    description="The warehouse holds as many rows of the night as the lake.",
)

#: Reason of a message of a past night that was not handed over before a later one was.
LATER_NIGHT_DISPATCHED = "later_night_dispatched"

WRITTEN_BACK = tuple(table for table in TABLES if table.is_written_back)


def hand_over_plan(night: Night) -> StepOutput:
    plan = night.read(PLAN).collect()
    dispatcher = _open_dispatcher(night)
    dispatcher.enqueue(plan)
    dispatcher.settle()
    is_past = _has_later_dispatch(night)
    if is_past:
        dispatcher.withhold(
            dispatcher.waiting().with_columns(
                status=pl.lit(DispatchStatus.CANCELLED.value), reason=pl.lit(LATER_NIGHT_DISPATCHED)
            )
        )
    _expire_earlier(night)
    permission = permission_now(night)
    verdicts = recheck_messages(
        dispatcher.waiting().lazy(),
        plan.lazy(),
        night.read(CONTACTABILITY),
        kill_switches=permission.kill_switches,
        dispatched_at=night.as_of,
    )
    dispatcher.withhold(verdicts.withheld.collect())
    _hand_over(night, dispatcher, verdicts.claimable, permission)
    log = dispatcher.log()
    if is_past:
        log = pl.concat([log, _taken_by_later_nights(plan, log, routes(night.config.destinations))])
    dispatch_log = record_dispatches(log.lazy(), workspace=night.workspace).collect()
    return StepOutput(
        frames={
            DISPATCH_LOG: dispatch_log,
            RECEIPTS: record_receipts(dispatch_log.lazy(), as_of=night.as_of),
        },
        verdicts={EVERY_MESSAGE_IS_ACCOUNTED_FOR.name: _balance(plan, dispatch_log)},
    )


def _hand_over(night: Night, dispatcher: Dispatcher, allowed: pl.LazyFrame, permission: Permission) -> None:
    """Hands over what people allow, and keeps the rest."""
    messages = with_levels(allowed, night.config.automation).collect()
    answer, permission = ask(night, messages, permission)
    overrides = overrides_in_force(night, permission.read_at)
    split = split_by_automation(messages.lazy(), answer, overrides=overrides.lazy())
    withheld, held, claimable = pl.collect_all(
        [split.withheld, split.held, _addressed(night, split.claimable)]
    )
    dispatcher.withhold(withheld)
    waiting = HeldMessages(night.home.control, night.workspace.workspace)
    for reason, send_ids in held.sort("send_id").group_by("reason", maintain_order=True):
        waiting.hold(send_ids["send_id"], str(reason[0]), lease=_lease(night))
    dispatcher.hand_over(claimable, permit=lambda: require_unchanged(night, permission))


def _expire_earlier(night: Night) -> None:
    """What nobody decided about on earlier nights is over: their windows ended before this night did."""
    HeldMessages(night.home.control, night.workspace.workspace).expire(
        before=night.on, at=night.as_of, reason=WINDOW_PASSED, lease=_lease(night)
    )
    night.home.approvals(night.workspace.workspace).expire(night.on, by=night.run_id)


def _lease(night: Night) -> Lease:
    if night.lease is None:
        raise ValueError("messages leave only under a lease")
    return night.lease


def _open_dispatcher(night: Night) -> Dispatcher:
    leases, lease = Leases(night.home.control), _lease(night)
    return Dispatcher(
        Outbox(night.home.control, night.workspace.workspace),
        destinations=open_destinations(night.config.destinations, root=night.home.root),
        channels=routes(night.config.destinations),
        night=night.on,
        lease=lease,
        confirm=lambda: leases.renew(lease),
    )


def _has_later_dispatch(night: Night) -> bool:
    """Whether a later plan went out already: it did not count tonight's messages against the caps."""
    pointers = Pointers(night.home.control, night.workspace.workspace)
    return bool(pointers.history(DISPATCH_LOG.identifier, since=night.on + timedelta(days=1), until=date.max))


def _taken_by_later_nights(
    plan: pl.DataFrame, log: pl.DataFrame, channels: Mapping[str, str]
) -> pl.DataFrame:
    """Messages of a past plan that the outbox holds under a later night: the same step of a sequence, say."""
    return (
        plan.join(log, on="send_id", how="anti")
        .with_columns(
            destination=pl.col("channel").replace_strict(
                channels, default=NO_DESTINATION, return_dtype=pl.String
            ),
            status=pl.lit(DispatchStatus.CANCELLED.value),
            reason=pl.lit(LATER_NIGHT_DISPATCHED),
            batch=pl.lit(None, pl.String),
            attempt_count=pl.lit(0, pl.Int64),
        )
        .select(log.columns)
    )


def _addressed(night: Night, messages: pl.LazyFrame) -> pl.LazyFrame:
    """Adds addresses only when a destination asks for them."""
    if not any(target.with_addresses for target in night.config.destinations.destinations.values()):
        return messages
    addresses = night.read(CONTACT_POINTS).select("customer_id", "channel", "address")
    return messages.join(addresses, on=["customer_id", "channel"], how="left", validate="m:1")


def _balance(plan: pl.DataFrame, dispatch_log: pl.DataFrame) -> CheckOutcome:
    balance = reconcile_dispatches(plan.lazy(), dispatch_log.lazy()).collect()
    problems = describe_imbalance(balance)
    return CheckOutcome(
        is_held=not problems,
        facts={
            "planned": plan.height,
            "waiting_for_a_person": int(balance["held_count"].sum()),
            "problems": "; ".join(problems) or "none",
        },
    )


def copy_to_warehouse(night: Night) -> StepOutput:
    published = [
        PublishedTable(table, night.read(table), night.lake.require(table, night.on).content_hash)
        for table in WRITTEN_BACK
    ]
    connections = night.connections
    with connections.open_target() as warehouse:
        written = write_back(
            published,
            warehouse=warehouse,
            target_name=connections.target_name,
            workspace_id=night.workspace.workspace,
            night=night.on,
        )
    mismatched = written.filter(pl.col("row_count") != pl.col("written_count")).height
    return StepOutput(
        frames={WRITTEN_TABLES: written},
        verdicts={
            ROW_COUNTS_MATCH.name: CheckOutcome(
                is_held=mismatched == 0, facts={"tables": written.height, "mismatched": mismatched}
            )
        },
    )


STEPS = (
    Step(
        name="dispatch",
        compute=hand_over_plan,
        reads=(PLAN, PROOF, CONTACTABILITY, CONTACT_POINTS, IDENTITY_EVENTS),
        publishes=(DISPATCH_LOG, RECEIPTS),
        expectations=(EVERY_MESSAGE_IS_ACCOUNTED_FOR,),
        retries=0,
    ),
)
#: After measurement, whose tables are copied too.
WRITE_BACK_STEPS = (
    Step(
        name="write_back",
        compute=copy_to_warehouse,
        reads=WRITTEN_BACK,
        publishes=(WRITTEN_TABLES,),
        expectations=(ROW_COUNTS_MATCH,),
    ),
)

-- Arrivals, people present and messages of a node, as rows that the mart adds up.
select
    workspace_id,
    night_on,
    journey,
    to_node_id as node_id,
    1 as arrived_count,
    0 as deferred_count,
    0 as present_count,
    0 as ghost_count,
    0 as message_count
from {{ ref('stg_journeys__transitions') }}
where from_node_id is null or from_node_id <> to_node_id

union all

select
    workspace_id,
    night_on,
    journey,
    to_node_id as node_id,
    0 as arrived_count,
    1 as deferred_count,
    0 as present_count,
    0 as ghost_count,
    0 as message_count
from {{ ref('stg_journeys__transitions') }}
where reason = 'deferred'

union all

select
    workspace_id,
    night_on,
    journey,
    node_id,
    0 as arrived_count,
    0 as deferred_count,
    1 as present_count,
    case when is_ghost then 1 else 0 end as ghost_count,
    0 as message_count
from {{ ref('stg_journeys__enrolments') }}
where status = 'active'

union all

select
    workspace_id,
    night_on,
    programme as journey,
    node_id,
    0 as arrived_count,
    0 as deferred_count,
    0 as present_count,
    0 as ghost_count,
    1 as message_count
from {{ ref('stg_planning__plan') }}
where product = '033-omnichannel-journey-orchestrator'

select
    workspace_id,
    night_on,
    journey,
    node_id,
    {{ tally('sum(arrived_count)') }} as arrived_count,
    {{ tally('sum(present_count)') }} as present_count,
    {{ tally('sum(ghost_count)') }} as ghost_count,
    {{ tally('sum(deferred_count)') }} as deferred_count,
    {{ tally('sum(message_count)') }} as message_count
from {{ ref('int_journey_nodes__counted') }}
group by workspace_id, night_on, journey, node_id

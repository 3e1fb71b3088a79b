with messages as (
    select
        workspace_id,
        night_on,
        programme as sequence,
        count(*) as message_count
    from {{ ref('stg_planning__plan') }}
    where product = '035-sequential-messaging-engine'
    group by workspace_id, night_on, programme
),

stays as (
    select
        workspace_id,
        night_on,
        sequence,
        {{ count_if("status = 'active'") }} as active_count,
        {{ count_if("status = 'completed'") }} as completed_count,
        {{ count_if("status = 'exited'") }} as exited_count,
        {{ count_if('entered_on = night_on') }} as entered_count,
        {{ count_if('ended_on = night_on') }} as ended_count,
        {{ count_if('pending_decision_id is not null') }} as due_count,
        {{ count_if("is_ghost and status = 'active'") }} as ghost_count
    from {{ ref('stg_sequencing__sequence_state') }}
    group by workspace_id, night_on, sequence
)

select
    stays.workspace_id,
    stays.night_on,
    stays.sequence,
    stays.active_count,
    stays.completed_count,
    stays.exited_count,
    stays.entered_count,
    stays.ended_count,
    stays.due_count,
    stays.ghost_count,
    {{ tally('coalesce(messages.message_count, 0)') }} as message_count
from stays
left join messages
    on
        stays.workspace_id = messages.workspace_id
        and stays.night_on = messages.night_on
        and stays.sequence = messages.sequence

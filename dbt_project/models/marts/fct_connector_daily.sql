with ingested as (
    select
        workspace_id,
        night_on,
        measure as source_table,
        line_value as ingested_count
    from {{ ref('stg_measurement__funnel') }}
    -- Rejections have their own table here, by source table.
    where stage = 'ingestion' and measure <> 'rejected rows'
),

rejected as (
    select
        workspace_id,
        night_on,
        source_table,
        count(distinct row_key) as rejected_count,
        count(*) as broken_rule_count
    from {{ ref('stg_ingestion__rejected_rows') }}
    group by workspace_id, night_on, source_table
)

select
    coalesce(ingested.workspace_id, rejected.workspace_id) as workspace_id,
    coalesce(ingested.night_on, rejected.night_on) as night_on,
    coalesce(ingested.source_table, rejected.source_table) as source_table,
    {{ tally('coalesce(ingested.ingested_count, 0)') }} as ingested_count,
    {{ tally('coalesce(rejected.rejected_count, 0)') }} as rejected_count,
    {{ tally('coalesce(rejected.broken_rule_count, 0)') }} as broken_rule_count
from ingested
full outer join rejected
    on
        ingested.workspace_id = rejected.workspace_id
        and ingested.night_on = rejected.night_on
        and ingested.source_table = rejected.source_table

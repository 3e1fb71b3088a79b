select
    workspace_id,
    as_of as night_on,
    {{ reserved('table') }} as source_table,
    row_key,
    rule,
    sample_value
from {{ source('ingestion', 'rejected_rows') }}

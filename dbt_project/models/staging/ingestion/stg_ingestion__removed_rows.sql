select
    workspace_id,
    as_of as night_on,
    {{ reserved('table') }} as source_table,
    row_key,
    reason
from {{ source('ingestion', 'removed_rows') }}

select
    workspace_id,
    as_of as night_on,
    customer_id,
    trait,
    value as trait_value,
    confidence,
    method,
    source,
    evidence,
    model_version
from {{ source('enrichment', 'traits') }}

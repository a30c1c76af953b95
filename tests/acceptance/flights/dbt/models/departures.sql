{{ config(materialized='table') }}

select time_hour, carrier, flight, origin, dest, dep_delay, dep_delay > 15 as is_late
from {{ source('raw', 'flights') }}
